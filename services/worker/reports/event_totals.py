"""Counts of events in Redis, each job's added once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from shared.broker.connection import translated_errors
from shared.broker.keys import event_totals_prefix, script_keys
from shared.errors import UnrecoverableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import redis

    from shared.contracts.tasks.aggregate_analytics import Event, Granularity

_ADD = Path(__file__).parent / "lua" / "add_events.lua"
#: How long a job that was counted is known: longer than its attempts take.
_DONE_MS = 8 * 24 * 3600 * 1000
#: Most series that one job may touch.
MAX_SERIES = 2_000
_DAY_MS = 86_400_000
_FORMATS = {"hour": "%Y-%m-%dT%H", "day": "%Y-%m-%d", "month": "%Y-%m"}
_FIGURES = ("count", "sum", "min", "max")

#: The time and the name of a series.
Place = tuple[str, str]


@dataclass
class Tally:
    """What some events came to."""

    count: int = 0
    sum: float = 0.0
    min: float = float("inf")
    max: float = float("-inf")

    def add(self, value: float) -> None:
        """Count one more."""
        self.count += 1
        self.sum += value
        self.min = min(self.min, value)
        self.max = max(self.max, value)


def tallied(
    events: Iterable[Event], *, granularity: Granularity, now_ms: int
) -> tuple[dict[Place, Tally], int]:
    """Return what events came to by series, and how many there were.

    Raises:
        UnrecoverableError: When they belong to too many series.
    """
    tallies: dict[Place, Tally] = {}
    number = 0
    for event in events:
        number += 1
        at_ms = now_ms if event.at is None else event.at
        time = datetime.fromtimestamp(at_ms / 1000, UTC).strftime(_FORMATS[granularity])
        tallies.setdefault((time, event.name), Tally()).add(event.value)
        for name, word in event.properties.items():
            series = f"{event.name}?{name}={word}"
            tallies.setdefault((time, series), Tally()).add(event.value)
        if len(tallies) > MAX_SERIES:
            message = (
                f"The events belong to more than {MAX_SERIES:,} series: "
                "give properties few different values."
            )
            raise UnrecoverableError(message)
    return tallies, number


class EventTotals:
    """Adds to the counts and reads them."""

    def __init__(
        self, client: redis.Redis, *, namespace: str, granularity: Granularity
    ) -> None:
        """Keep counts of one granularity under `namespace`."""
        self._client = client
        self._prefix = event_totals_prefix(namespace)
        self._granularity = granularity

    def add(self, job: str, tallies: Mapping[Place, Tally], *, keep_days: int) -> bool:
        """Add a job's events; False when the job had been counted before.

        Raises:
            BrokerError: When Redis can't take them.
        """
        arguments: list[str | int] = [job, _DONE_MS, keep_days * _DAY_MS]
        for (time, name), tally in tallies.items():
            arguments += [f"{self._granularity}:{time}", name, tally.count]
            arguments += [repr(tally.sum), repr(tally.min), repr(tally.max)]
        script = self._client.register_script(_ADD.read_text(encoding="utf-8"))
        with translated_errors():
            return bool(script(keys=script_keys(self._prefix), args=arguments))

    def read(self, places: Sequence[Place]) -> list[Tally]:
        """Return some counts, in the order that was asked for.

        Raises:
            BrokerError: When Redis can't say.
        """
        pipeline = self._client.pipeline(transaction=False)
        for time, name in places:
            key = f"{self._prefix}{self._granularity}:{time}"
            pipeline.hmget(key, [f"{name}|{figure}" for figure in _FIGURES])
        with translated_errors():
            answers = pipeline.execute()
        return [
            Tally(int(count or 0), float(total or 0), float(low or 0), float(high or 0))
            for count, total, low, high in answers
        ]
