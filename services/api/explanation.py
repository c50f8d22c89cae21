"""Why a job is not running yet, in words and numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.broker.outlook import PACE_MS
from shared.jobs.states import JobState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.broker.operator import Limits
    from shared.broker.outlook import View
    from shared.broker.presence import WorkerInfo
    from shared.jobs.job import Job


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """What decides when a job starts.

    Attributes:
        job: The job.
        is_paused: Whether its queue is paused.
        view: Its place.
        limits: The queue's limits.
        group_limits: Its group's limits, None without.
        workers: All workers.
        memory_is_full: Whether Redis takes nothing more.
    """

    job: Job
    is_paused: bool
    view: View
    limits: Limits
    group_limits: Limits | None
    workers: Sequence[WorkerInfo]
    memory_is_full: bool = False


def explain(found: Circumstances) -> dict[str, Any]:
    """Return the reasons, the hardest first, and an estimate where there is one."""
    job = found.job
    reasons: list[dict[str, Any]] = []
    if job.state is JobState.DELAYED and job.due is not None:
        reasons.append(_delayed(found, job.due))
    if job.state in {JobState.WAITING, JobState.DELAYED}:
        reasons += _obstacles(found)
    return {
        "id": job.id,
        "queue": job.queue,
        "state": job.state.value,
        "reasons": reasons or [_state_alone(job)],
        "estimatedStartInMs": _estimate(found, reasons),
    }


def _obstacles(found: Circumstances) -> list[dict[str, Any]]:
    job, view = found.job, found.view
    reasons: list[dict[str, Any]] = []
    if found.is_paused:
        reasons.append(_reason("paused", f"The queue {job.queue} is paused."))
    able = [w for w in found.workers if job.queue in w.queues and job.name in w.tasks]
    if not able:
        detail = f"No worker is there that can do {job.name}."
        reasons.append(_reason("no-worker", detail))
    if found.memory_is_full:
        reasons.append(_reason("redis-full", "Redis is nearly full."))
    reasons += _limits(found)
    if view.ahead or view.ahead_in_group:
        ahead = view.ahead or view.ahead_in_group or 0
        jobs = "1 job waits" if ahead == 1 else f"{ahead} jobs wait"
        reasons.append(_reason("behind", f"{jobs} before this one.", ahead=ahead))
    threads = sum(w.threads for w in able)
    if able and sum(len(w.running) for w in able) >= threads:
        detail = f"All {threads} threads that can do {job.name} are busy."
        reasons.append(_reason("busy", detail, threads=threads))
    return reasons


def _limits(found: Circumstances) -> list[dict[str, Any]]:
    view, limits, group = found.view, found.limits, found.group_limits
    reasons = []
    if limits.concurrency is not None and view.active >= limits.concurrency:
        detail = f"The queue runs {view.active} jobs and may run {limits.concurrency}."
        reasons.append(_reason("concurrency", detail, limit=limits.concurrency))
    if view.rate_opens_in_ms:
        detail = f"The queue's rate lets it go on in {view.rate_opens_in_ms} ms."
        until = view.now_ms + view.rate_opens_in_ms
        reasons.append(_reason("rate", detail, until=until))
    most = group.concurrency if group else None
    if most is not None and view.group_active >= most:
        name = found.job.options.group
        detail = f"The group {name} runs {view.group_active} jobs, its limit."
        reasons.append(_reason("group-concurrency", detail, limit=most))
    if view.group_opens_at and view.group_opens_at > view.now_ms:
        left_ms = view.group_opens_at - view.now_ms
        detail = f"The group's rate lets it go on in {left_ms} ms."
        reasons.append(_reason("group-rate", detail, until=view.group_opens_at))
    return reasons


def _delayed(found: Circumstances, due: int) -> dict[str, Any]:
    left_ms = max(due - found.view.now_ms, 0)
    kind = "backoff" if found.job.is_retrying else "delayed"
    return _reason(kind, f"It is due in {left_ms} ms.", until=due)


def _state_alone(job: Job) -> dict[str, Any]:
    if job.state is JobState.WAITING:
        return _reason("next", "Nothing holds it back; a worker takes it at once.")
    if job.state is JobState.ACTIVE:
        return _reason("running", f"It runs on {job.processed_by}.")
    return _reason("ended", f"It has ended: {job.state.value}.")


def _estimate(found: Circumstances, reasons: list[dict[str, Any]]) -> int | None:
    """Return the time until it starts, in milliseconds; None when nobody can tell."""
    if found.job.state not in {JobState.WAITING, JobState.DELAYED}:
        return None
    codes = {reason["code"] for reason in reasons}
    if codes & {"paused", "no-worker", "redis-full"}:
        return None
    view = found.view
    due_ms = max((r["until"] - view.now_ms for r in reasons if "until" in r), default=0)
    ahead = view.ahead or view.ahead_in_group or 0
    if not ahead:
        return due_ms
    if not view.ended:
        return None
    return max(due_ms, round(ahead * PACE_MS / view.ended))


def _reason(code: str, detail: str, **numbers: int) -> dict[str, Any]:
    return {"code": code, "detail": detail, **numbers}
