"""What the overview calls wrong, and what it keeps quiet about."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.api.ui.pace import Pace
from services.api.ui.troubles import Situation, is_unusual, troubles
from shared.broker.inspector import QueueStats
from shared.broker.presence import WorkerInfo
from shared.jobs.states import JobState
from shared.schedules.definition import ScheduleDefinition
from shared.schedules.record import Origin, Progress, StoredSchedule

NOW = 1_800_000_000_000
WORKER = WorkerInfo(
    name="w",
    host="h",
    pid=1,
    queues=("demo", "email"),
    tasks=("echo",),
    threads=4,
    running=(),
    started=NOW,
    version="1",
)


def stats(oldest_ms: int = 0, *, is_paused: bool = False, **counts: int) -> QueueStats:
    found = {state: counts.get(state.value, 0) for state in JobState}
    return QueueStats(found, oldest_ms, is_paused)


def pace(before: tuple[int, int], lately: tuple[int, int]) -> Pace:
    """Return an hour with one pair of numbers per minute before, and one lately."""
    return Pace(
        (before[0],) * 50 + (lately[0],) * 10, (before[1],) * 50 + (lately[1],) * 10
    )


def schedule(due_ms: int, *, paused: str = "", trouble: str = "") -> StoredSchedule:
    document = b'{"every": 60000, "template": {"name": "echo", "data": {"msg": "x"}}}'
    return StoredSchedule(
        id="hourly",
        definition=ScheduleDefinition.parse(document),
        progress=Progress(cursor_ms=0, due_ms=due_ms, paused=paused, trouble=trouble),
        origin=Origin.USER,
        declared="",
        created_ms=0,
        updated_ms=0,
    )


CALM = Situation(
    stats={"demo": stats(waiting=3, failed=2)},
    workers=[WORKER],
    paces={"demo": pace((20, 0), (20, 0))},
    memory_share=0.4,
    watermark=0.9,
    schedules=[schedule(NOW + 1000)],
    now_ms=NOW,
)


def test_nothing_is_wrong_on_a_quiet_day() -> None:
    assert troubles(CALM) == []


@pytest.mark.parametrize(
    ("change", "help_", "kind"),
    [
        ({"workers": []}, "no-workers", "wrong"),
        ({"stats": {"image": stats(waiting=1)}}, "no-workers", "wrong"),
        ({"memory_share": 0.95}, "redis-full", "wrong"),
        ({"memory_share": 0.85}, "redis-full", "warn"),
        ({"schedules": [schedule(NOW - 61_000)]}, "schedules-late", "wrong"),
        (
            {"schedules": [schedule(NOW + 1, trouble="its task is gone")]},
            "schedules-late",
            "warn",
        ),
        ({"paces": {"demo": pace((20, 0), (20, 3))}}, "failures", "wrong"),
        ({"stats": {"demo": stats(300_001, waiting=1)}}, "backlog", "warn"),
        ({"stats": {"demo": stats(waiting=1, is_paused=True)}}, "paused", "info"),
    ],
)
def test_each_trouble_is_named_with_its_help(
    change: dict[str, object], help_: str, kind: str
) -> None:
    [found] = troubles(replace(CALM, **change))  # type: ignore[arg-type]

    assert (found.help, found.kind) == (help_, kind)


@pytest.mark.parametrize(
    "change",
    [
        {"schedules": [schedule(NOW - 59_000)]},
        {"schedules": [schedule(NOW - 600_000, paused="by hand")]},
        {"stats": {"image": stats(delayed=5)}},
        {"memory_share": 0.0},
        {"stats": {"demo": stats(0, is_paused=True)}},
    ],
)
def test_what_is_no_trouble_is_not_told(change: dict[str, object]) -> None:
    assert troubles(replace(CALM, **change)) == []  # type: ignore[arg-type]


def test_the_worst_comes_first() -> None:
    found = troubles(
        replace(
            CALM,
            stats={"demo": stats(waiting=1, is_paused=True)},
            memory_share=0.85,
            schedules=[schedule(NOW - 90_000)],
        )
    )

    assert [one.kind for one in found] == ["wrong", "warn", "info"]


@pytest.mark.parametrize(
    ("before", "lately", "expected"),
    [
        ((20, 0), (20, 0), False),
        ((0, 0), (0, 0), False),
        ((20, 0), (20, 3), True),
        ((20, 5), (20, 5), False),
        ((20, 1), (20, 1), False),
        ((0, 1), (0, 1), False),
        ((10, 1), (1, 9), True),
    ],
)
def test_failures_count_against_what_is_usual(
    before: tuple[int, int], lately: tuple[int, int], *, expected: bool
) -> None:
    assert is_unusual(pace(before, lately)) is expected
