"""states.TRANSITIONS tells all ways of a job, and every one of them is possible."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.broker.orders import ReleaseOrder, StopOrder
from shared.jobs.events import JobEvent
from shared.jobs.states import TRANSITIONS, JobState
from tests.support.queue_probe import (
    KEEP_ALL,
    QueueProbe,
    another_try,
    completion,
    failure,
    opening,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.broker.scripts import Claimed

W, D, A = JobState.WAITING, JobState.DELAYED, JobState.ACTIVE
C, F, X = JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED


def promote(queue: QueueProbe) -> None:
    queue.client.zadd(queue.keys.one("delayed"), {"a": 1})
    queue.scripts.promote_due(limit=1)


def recover(queue: QueueProbe, *, max_stalled: int) -> None:
    queue.client.zadd(queue.keys.one("active"), {"a": 1})
    for _ in range(2):
        queue.scripts.recover(
            gate_ms=0,
            suspect_before_expiry_ms=0,
            suspect_for_ms=0,
            max_stalled=max_stalled,
            keep=KEEP_ALL,
        )


def run(queue: QueueProbe) -> Claimed:
    """Return the lease of the job that is active."""
    return queue.scripts.claim(
        worker="worker-1", operation="c1", count=1, lease_ms=60_000
    ).jobs[0]


def unwanted(queue: QueueProbe) -> Claimed:
    """Return the lease of the job that is active, and to be cancelled."""
    cancel(queue)
    return run(queue)


def cancel(queue: QueueProbe) -> None:
    queue.scripts.cancel(["a"], keep=KEEP_ALL)


def recover_unwanted(queue: QueueProbe) -> None:
    cancel(queue)
    recover(queue, max_stalled=9)


def end(queue: QueueProbe, how: str) -> None:
    queue.put("a")
    job = run(queue)
    if how == "completed":
        queue.scripts.complete([completion(job)])
    elif how == "failed":
        queue.scripts.fail([failure(job)])
    else:
        queue.scripts.stop([StopOrder("a", job.token, opening("cancelled"))])


def tidy(queue: QueueProbe) -> None:
    queue.client.zadd(queue.keys.one("expiring"), {"a": 1})
    queue.scripts.tidy(limit=9)


def rerun(queue: QueueProbe) -> None:
    queue.scripts.rerun(["a"])


ARROWS: dict[tuple[str, JobState | None, JobState], Callable[[QueueProbe], object]] = {
    ("enqueue", None, W): lambda q: q.put("a"),
    ("enqueue", None, D): lambda q: q.put("a", delay_ms=60_000),
    ("promote_due", D, W): promote,
    ("claim", W, A): run,
    ("complete", A, C): lambda q: q.scripts.complete([completion(run(q))]),
    ("retry", A, D): lambda q: q.scripts.retry([another_try(run(q), delay_ms=60_000)]),
    ("retry", A, W): lambda q: q.scripts.retry([another_try(run(q))]),
    ("fail", A, F): lambda q: q.scripts.fail([failure(run(q))]),
    ("release", A, W): lambda q: q.scripts.release([ReleaseOrder("a", run(q).token)]),
    ("release", A, D): lambda q: q.scripts.release(
        [ReleaseOrder("a", run(q).token, 60_000)]
    ),
    ("recover", A, W): lambda q: recover(q, max_stalled=9),
    ("recover", A, F): lambda q: recover(q, max_stalled=0),
    ("recover", A, X): recover_unwanted,
    ("retry", A, X): lambda q: q.scripts.retry([another_try(unwanted(q))]),
    ("release", A, X): lambda q: q.scripts.release(
        [ReleaseOrder("a", unwanted(q).token)]
    ),
    ("stop", A, X): lambda q: q.scripts.stop(
        [StopOrder("a", run(q).token, opening("cancelled"))]
    ),
    ("cancel", W, X): cancel,
    ("cancel", D, X): cancel,
    ("promote_now", D, W): lambda q: q.scripts.promote_now(["a"]),
    ("rerun", C, W): rerun,
    ("rerun", F, W): rerun,
    ("rerun", X, W): rerun,
    ("tidy", W, F): tidy,
    ("tidy", D, F): tidy,
}
BEGINNINGS: dict[JobState | None, Callable[[QueueProbe], object]] = {
    None: lambda _: None,
    W: lambda q: q.put("a"),
    D: lambda q: q.put("a", delay_ms=60_000),
    A: lambda q: (q.put("a"), run(q)),
    C: lambda q: end(q, "completed"),
    F: lambda q: end(q, "failed"),
    X: lambda q: end(q, "cancelled"),
}


@pytest.mark.parametrize(("name", "source", "target"), sorted(ARROWS, key=str))
def test_a_script_leads_from_one_state_to_another_and_tells(
    name: str, source: JobState | None, target: JobState, queue: QueueProbe
) -> None:
    BEGINNINGS[source](queue)
    assert queue.state("a") == source

    ARROWS[name, source, target](queue)

    assert queue.state("a") == target
    assert queue.last_event()["event"] == JobEvent(target.value)
    assert sum(queue.counts().values()) == 1


def test_the_table_tells_the_ways_that_scripts_lead() -> None:
    table = {(t.name, t.source, target) for t in TRANSITIONS for target in t.targets}
    assert table == set(ARROWS)
