"""Adds events to their counts."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from services.worker.reports import event_totals
from shared.broker.connection import connect
from shared.contracts.tasks.aggregate_analytics import (
    AggregateAnalytics,
    AnalyticsAggregated,
    Event,
    Series,
)
from shared.errors import (
    InvalidDataError,
    StoredFileNotFoundError,
    TaskError,
    UnrecoverableError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.worker.context import JobContext

_LONGEST_LINE = 64 * 1024
_SHOWN = 200


def run(data: AggregateAnalytics, context: JobContext) -> AnalyticsAggregated:
    """Count the events of this job, once."""
    settings = context.settings
    events = iter(data.events) if data.events is not None else _read(data, context)
    tallies, number = event_totals.tallied(
        events, granularity=data.granularity, now_ms=context.created_ms
    )
    shown = sorted(tallies)[:_SHOWN]
    with contextlib.closing(connect(settings.redis_url, max_connections=1)) as client:
        totals = event_totals.EventTotals(
            client,
            namespace=settings.nightshift_namespace,
            granularity=data.granularity,
        )
        job = f"{context.queue}/{context.job_id}"
        counted = totals.add(job, tallies, keep_days=data.keep_days)
        found = totals.read(shown)
    return AnalyticsAggregated(
        events=number,
        counted=counted,
        series=[
            Series(
                time=time,
                name=name,
                count=tally.count,
                sum=tally.sum,
                min=tally.min,
                max=tally.max,
            )
            for (time, name), tally in zip(shown, found, strict=True)
        ],
        series_total=len(tallies),
    )


def _read(data: AggregateAnalytics, context: JobContext) -> Iterator[Event]:
    for number, line in enumerate(_lines(str(data.source), context), start=1):
        if context.cancelled:
            message = "The job was told to stop."
            raise TaskError(message)
        if not line.strip():
            continue
        try:
            yield Event.parse(line, pointer=f"/line {number}")
        except InvalidDataError as error:
            message = f"Line {number:,} is no event: {error}"
            raise UnrecoverableError(message) from None


def _lines(file_id: str, context: JobContext) -> Iterator[bytes]:
    try:
        chunks = context.storage.stream(file_id)
    except StoredFileNotFoundError:
        message = f"There is no file {file_id}; upload the events first."
        raise UnrecoverableError(message) from None
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > _LONGEST_LINE:
            message = f"A line has more than {_LONGEST_LINE:,} bytes."
            raise UnrecoverableError(message)
        yield from lines
    yield rest
