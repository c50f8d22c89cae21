"""Which hosts `call-http` may call: `api.example.com, *.example.org`, or `*`."""

from __future__ import annotations

import re

from services.worker import comma_list

_HOST = re.compile(r"(\*\.)?[a-z0-9]([a-z0-9.:-]*[a-z0-9])?|\*", re.ASCII)


def parse(text: str) -> frozenset[str]:
    """Read names of hosts, separated by commas.

    Raises:
        ValueError: When one is none.
    """
    hosts = {part.lower() for part in comma_list.parts(text)}
    if not all(_HOST.fullmatch(host) for host in hosts):
        message = "must look like 'api.example.com, *.example.org'"
        raise ValueError(message)
    return frozenset(hosts)


def is_allowed(host: str, allowed: frozenset[str]) -> bool:
    """Whether `host` is one of `allowed`; `*.a.b` allows what ends in `.a.b`."""
    name = host.lower().rstrip(".")
    parts = name.split(".")
    wild = {f"*.{'.'.join(parts[place:])}" for place in range(1, len(parts))}
    return bool(allowed & ({name, "*"} | wild))
