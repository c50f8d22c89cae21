"""Ids in addresses: anything but the words that have a meaning there."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from werkzeug.routing import BaseConverter

if TYPE_CHECKING:
    from flask import Flask

#: Words of addresses that stand where an id could.
RESERVED_IDS = frozenset({"bulk", "events", "self", "stats"})


class IdConverter(BaseConverter):
    """Matches an id; so `Allow` of `…/bulk` does not list what only jobs can do."""

    regex = rf"(?!(?:{'|'.join(sorted(RESERVED_IDS))})(?:/|$))[^/]+"
    part_isolating = False


def register(app: Flask) -> None:
    """Let routes of `app` write `<id:…>`."""
    app.url_map.converters["id"] = IdConverter


@cache
def plain(rule: str) -> str:
    """Return a rule as people write it, without the names of converters."""
    return re.sub(r"<\w+:", "<", rule)
