"""What a week of the service was like, in the words of its report."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from shared.broker.job_totals import TaskTotals
from shared.errors import UnrecoverableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from shared.broker.job_totals import DayTotals

#: Weeks of the trend, the report's own included.
TREND_WEEKS = 8
_DAYS = 7
_SLOWEST_SHOWN = 10


@dataclass(frozen=True)
class Queue:
    """A queue as it is now.

    Attributes:
        name: Its name.
        counts: Jobs per state.
        oldest_s: Age of the job that has waited longest, in seconds.
    """

    name: str
    counts: Mapping[str, int]
    oldest_s: float


def monday_of(day: str | None, *, now_ms: int) -> date:
    """Return the Monday of a day's week, or of the last whole week.

    >>> monday_of("2026-11-22", now_ms=0).isoformat()
    '2026-11-16'

    Raises:
        UnrecoverableError: When it is no day of the calendar.
    """
    if day is None:
        today = datetime.fromtimestamp(now_ms / 1000, UTC).date()
        chosen = today - timedelta(days=_DAYS)
    else:
        try:
            chosen = date.fromisoformat(day)
        except ValueError:
            message = f"The calendar has no day {day}."
            raise UnrecoverableError(message) from None
    return chosen - timedelta(days=chosen.weekday())


def days_of_trend(monday: date) -> list[str]:
    """Return all days that the report needs, the oldest first."""
    first = monday - timedelta(days=_DAYS * (TREND_WEEKS - 1))
    return [
        (first + timedelta(days=number)).isoformat()
        for number in range(_DAYS * TREND_WEEKS)
    ]


def sum_of(days: Iterable[DayTotals]) -> TaskTotals:
    """Return what all jobs of some days came to."""
    total = TaskTotals()
    for day in days:
        for task in day.tasks.values():
            total.add(task)
    return total


def period(monday: date) -> str:
    """Return a week as people write it.

    >>> period(date(2026, 11, 16)), period(date(2026, 11, 30))
    ('16 to 22 November 2026', '30 November to 6 December 2026')
    """
    sunday = monday + timedelta(days=6)
    start = f"{monday.day}"
    if monday.month != sunday.month:
        start = f"{monday.day} {monday:%B}"
        if monday.year != sunday.year:
            start = f"{start} {monday.year}"
    return f"{start} to {sunday.day} {sunday:%B} {sunday.year}"


def document(
    monday: date, days: Sequence[DayTotals], queues: Sequence[Queue]
) -> dict[str, Any]:
    """Return the variables of the template `week`.

    Args:
        monday: The week's first day.
        days: The days of `days_of_trend`.
        queues: The queues as they are now.
    """
    own, before = days[-_DAYS:], days[-2 * _DAYS : -_DAYS]
    names = [f"{monday + timedelta(days=number):%a %d}" for number in range(_DAYS)]
    weeks = [sum_of(days[at : at + _DAYS]) for at in range(0, len(days), _DAYS)]
    mondays = [monday - timedelta(days=_DAYS * back) for back in range(TREND_WEEKS)]
    return {
        "title": f"Week {monday.isocalendar().week}",
        "period": period(monday),
        "tiles": figures(sum_of(own), sum_of(before)),
        "days": {
            "groups": names,
            "series": [
                _series("Completed", [sum_of([day]).completed for day in own]),
                _series("Failed", [sum_of([day]).failed for day in own]),
            ],
        },
        "weeks": {
            "groups": [f"{day:%d %b}" for day in reversed(mondays)],
            "series": [_series("Jobs", [one.completed + one.failed for one in weeks])],
        },
        "failures": {
            "groups": [f"{day:%d %b}" for day in reversed(mondays)],
            "series": [
                _series("Failed, %", [round(100 * _share(one), 2) for one in weeks])
            ],
        },
        "tasks": _tasks(own),
        "slowest": _slowest(own),
        "queues": [_queue(queue) for queue in queues],
    }


def figures(now: TaskTotals, before: TaskTotals) -> list[dict[str, Any]]:
    """Return the four numbers of a week, beside those of the week before."""
    mean_now, mean_before = _mean_ms(now), _mean_ms(before)
    return [
        _figure("Completed", f"{now.completed:,}", now.completed, before.completed),
        _figure(
            "Failed",
            f"{now.failed:,}",
            now.failed,
            before.failed,
            is_more_good=False,
        ),
        _figure(
            "Retries",
            f"{now.retried:,}",
            now.retried,
            before.retried,
            is_more_good=False,
        ),
        _figure(
            "Mean run time",
            duration(mean_now),
            mean_now,
            mean_before,
            is_more_good=False,
        ),
    ]


def _figure(
    label: str, value: str, now: float, before: float, *, is_more_good: bool = True
) -> dict[str, Any]:
    if not before:
        return {"label": label, "value": value, "change": "none the week before"}
    change = 100 * (now - before) / before
    return {
        "label": label,
        "value": value,
        "change": f"{change:+.0f} % on the week before",
        "good": (change >= 0) == is_more_good or round(change) == 0,
    }


def _tasks(days: Iterable[DayTotals]) -> list[list[str]]:
    tasks: dict[str, TaskTotals] = {}
    for day in days:
        for name, totals in day.tasks.items():
            tasks.setdefault(name, TaskTotals()).add(totals)
    ordered = sorted(tasks.items(), key=lambda one: (-one[1].completed, one[0]))
    return [
        [
            name.rpartition("/")[2],
            name.rpartition("/")[0],
            f"{one.completed:,}",
            f"{one.failed:,}",
            f"{100 * _share(one):.1f} %",
            f"{one.retried:,}",
            duration(_mean_ms(one)),
            duration(one.run_ms),
        ]
        for name, one in ordered
    ]


def _slowest(days: Iterable[DayTotals]) -> list[list[str]]:
    jobs: dict[str, float] = {}
    for day in days:
        for job, run_ms in day.slowest.items():
            jobs[job] = max(run_ms, jobs.get(job, 0))
    slow = sorted(jobs.items(), key=lambda one: -one[1])[:_SLOWEST_SHOWN]
    rows = []
    for job, run_ms in slow:
        queue, task, job_id = job.split("/", 2)
        rows.append([task, queue, job_id, duration(run_ms)])
    return rows


def _queue(queue: Queue) -> list[str]:
    states = ("waiting", "delayed", "active", "failed")
    counts = [f"{queue.counts.get(state, 0):,}" for state in states]
    return [queue.name, *counts, duration(queue.oldest_s * 1000)]


def _series(name: str, values: Sequence[float]) -> dict[str, Any]:
    return {"name": name, "values": list(values)}


def _share(totals: TaskTotals) -> float:
    ended = totals.completed + totals.failed
    return totals.failed / ended if ended else 0.0


def _mean_ms(totals: TaskTotals) -> float:
    return totals.run_ms / totals.attempts if totals.attempts else 0.0


def duration(value_ms: float) -> str:
    """Return a duration as people read it.

    >>> duration(4.2), duration(1_500), duration(125_000), duration(7_300_000)
    ('4 ms', '1.5 s', '2 min 5 s', '2 h 1 min')
    """
    seconds = value_ms / 1000
    if seconds < 1:
        return f"{value_ms:.0f} ms"
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:  # noqa: PLR2004 - an hour
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
