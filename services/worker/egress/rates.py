"""How often a host may be called: `api.example.com=10/s, *=100/m`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.worker import comma_list

if TYPE_CHECKING:
    from collections.abc import Mapping

_RATE = re.compile(r"([1-9][0-9]{0,5})/([smh])")
_UNITS_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000}


@dataclass(frozen=True)
class Rate:
    """Calls per time.

    Attributes:
        calls: How many.
        per_ms: In how many milliseconds.
    """

    calls: int
    per_ms: int

    @property
    def interval_ms(self) -> float:
        """Time between two calls, in milliseconds."""
        return self.per_ms / self.calls

    @property
    def burst(self) -> int:
        """Calls that may follow each other at once: a tenth of a second's, or one."""
        return max(1, round(self.calls * 100 / self.per_ms))


def parse(text: str) -> dict[str, Rate]:
    """Read rates, by host; `*` is the rate of all other hosts.

    Raises:
        ValueError: When a part is no rate.
    """
    rates = {}
    for part in comma_list.parts(text):
        host, _, rate = part.partition("=")
        found = _RATE.fullmatch(rate.strip())
        if not host.strip() or not found:
            message = "must look like 'api.example.com=10/s, *=100/m'"
            raise ValueError(message)
        rates[host.strip().lower()] = Rate(int(found[1]), _UNITS_MS[found[2]])
    return rates


def rate_of(host: str, rates: Mapping[str, Rate]) -> Rate | None:
    """Return the rate that holds for `host`; None for no limit."""
    return rates.get(host.lower(), rates.get("*"))
