"""What is wrong right now, in sentences, each with what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from services.api.ui import formats
from shared.jobs.states import JobState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from services.api.ui.pace import Pace
    from shared.broker.inspector import QueueStats
    from shared.broker.presence import WorkerInfo
    from shared.schedules.record import StoredSchedule

#: A waiting job is old after this long, in milliseconds.
OLD_MS = 5 * 60_000
#: A schedule is late after this long, in milliseconds.
LATE_MS = 60_000
#: Failures are looked at over this many minutes, against those before.
RECENT = 10
#: Fewer failures than this are no news.
FEW = 5
#: A share of failures that is no news, and by how much it has to grow.
USUAL_SHARE, GROWTH = 0.05, 3.0
#: Share of the memory limit from which people should hear of it.
MEMORY_WARNING = 0.8


@dataclass(frozen=True)
class Trouble:
    """One thing that is wrong.

    Attributes:
        kind: `wrong` needs somebody now, `warn` soon, `info` is by intention.
        text: A sentence.
        help: Anchor of the help page that says what to do.
        queue: The queue to look at, empty for none.
        state: Which of its jobs.
    """

    kind: Literal["wrong", "warn", "info"]
    text: str
    help: str
    queue: str = ""
    state: str = ""


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What is known.

    Attributes:
        stats: The queues that the reader sees.
        workers: All workers.
        paces: What ended lately, by queue.
        memory_share: Used share of Redis's memory limit, 0 without one.
        watermark: The share from which jobs are refused, 0 for never.
        schedules: Schedules that the reader sees.
        now_ms: The server's clock.
    """

    stats: Mapping[str, QueueStats]
    workers: Sequence[WorkerInfo]
    paces: Mapping[str, Pace]
    memory_share: float
    watermark: float
    schedules: Sequence[StoredSchedule]
    now_ms: int


def troubles(found: Situation) -> list[Trouble]:
    """Return what is wrong, the worst first."""
    order = {"wrong": 0, "warn": 1, "info": 2}
    everything = [
        *_memory(found),
        *_workers(found),
        *_schedules(found),
        *_failures(found),
        *_waiting(found),
    ]
    return sorted(everything, key=lambda trouble: order[trouble.kind])


def is_unusual(pace: Pace) -> bool:
    """Whether more jobs fail lately than before."""
    done, failed = pace.total(RECENT)
    done_before, failed_before = pace.before(RECENT)
    if failed < FEW:
        return False
    share = failed / (done + failed)
    before = failed_before / max(done_before + failed_before, 1)
    return share > max(USUAL_SHARE, GROWTH * before)


def _memory(found: Situation) -> Iterator[Trouble]:
    percent = f"{found.memory_share:.0%}"
    if found.watermark and found.memory_share >= found.watermark:
        text = f"Redis is {percent} full; new jobs are refused, running ones go on."
        yield Trouble("wrong", text, "redis-full")
    elif found.memory_share >= MEMORY_WARNING:
        yield Trouble("warn", f"Redis is {percent} full.", "redis-full")


def _workers(found: Situation) -> Iterator[Trouble]:
    if not found.workers:
        text = "No worker is running: jobs are accepted, but none is done."
        yield Trouble("wrong", text, "no-workers")
        return
    for queue, stats in found.stats.items():
        waiting = stats.counts[JobState.WAITING]
        if waiting and not any(queue in worker.queues for worker in found.workers):
            jobs = _jobs(waiting)
            text = f"No worker serves {queue}, where {jobs} {_waits(waiting)}."
            yield Trouble("wrong", text, "no-workers", queue, "waiting")


def _schedules(found: Situation) -> Iterator[Trouble]:
    late = [
        one
        for one in found.schedules
        if one.progress.due_ms is not None
        and one.status == "active"
        and found.now_ms - one.progress.due_ms > LATE_MS
    ]
    if late:
        worst = max(found.now_ms - (one.progress.due_ms or 0) for one in late)
        names = ", ".join(one.id for one in late[:3])
        more = f" and {len(late) - 3} more" if len(late) > 3 else ""  # noqa: PLR2004
        text = f"Schedules are {formats.duration(worst)} late: {names}{more}."
        yield Trouble("wrong", text, "schedules-late")
    for one in found.schedules:
        if one.progress.trouble:
            text = f"Schedule {one.id} can't fire: {one.progress.trouble}"
            yield Trouble("warn", text, "schedules-late")


def _failures(found: Situation) -> Iterator[Trouble]:
    for queue, pace in found.paces.items():
        if is_unusual(pace):
            done, failed = pace.total(RECENT)
            text = (
                f"{queue}: {_jobs(failed)} failed in the last {RECENT} minutes, "
                f"{failed / (done + failed):.0%} of all that ended."
            )
            yield Trouble("wrong", text, "failures", queue, "failed")


def _waiting(found: Situation) -> Iterator[Trouble]:
    for queue, stats in found.stats.items():
        waiting = stats.counts[JobState.WAITING]
        if stats.is_paused and waiting:
            text = f"{queue} is paused; {_jobs(waiting)} {_waits(waiting)}."
            yield Trouble("info", text, "paused", queue, "waiting")
        elif stats.oldest_waiting_ms > OLD_MS:
            age = formats.duration(stats.oldest_waiting_ms)
            text = f"{queue}: the oldest job has waited {age}."
            yield Trouble("warn", text, "backlog", queue, "waiting")


def _jobs(count: int) -> str:
    return "1 job" if count == 1 else f"{formats.number(count)} jobs"


def _waits(count: int) -> str:
    return "waits" if count == 1 else "wait"
