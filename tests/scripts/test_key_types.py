"""Keys of a wrong type.

A key of the queue stops a script before its first write; a key of one job harms nobody
but that job.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from shared.broker import script_loader
from shared.broker.orders import ReleaseOrder, StopOrder
from shared.broker.scripts import DONE, LOST, Claimed
from shared.errors import RecordTypeError
from tests.support.queue_probe import (
    KEEP_ALL,
    KEEP_NONE,
    LONG_MS,
    STATES,
    WORKER,
    QueueProbe,
    another_try,
    completion,
    failure,
    new_job,
    opening,
)
from tests.support.snapshot import snapshot

if TYPE_CHECKING:
    import redis

    from shared.broker.keys import QueueKeys

pytestmark = pytest.mark.usefixtures("damaged")

Call = Callable[[QueueProbe, list[Claimed]], Any]


def recover(queue: QueueProbe, *, gate_ms: int = 0, max_stalled: int = 9) -> Any:
    return queue.scripts.recover(
        gate_ms=gate_ms,
        suspect_before_expiry_ms=0,
        suspect_for_ms=0,
        max_stalled=max_stalled,
        keep=KEEP_ALL,
    )


def release(queue: QueueProbe, jobs: list[Claimed], *, delay_ms: int = 0) -> Any:
    return queue.scripts.release(
        [ReleaseOrder(j.job_id, j.token, delay_ms, opening("released")) for j in jobs]
    )


def mend_a_lost_job(queue: QueueProbe) -> Any:
    return queue.scripts.audit(["adrift"], mend=True)


CALLS: dict[str, Call] = {
    "enqueue": lambda q, _: q.scripts.enqueue([new_job("new")])[0],
    "enqueue delayed": lambda q, _: q.scripts.enqueue([new_job("new", delay_ms=9)])[0],
    "enqueue special": lambda q, _: q.scripts.enqueue(
        [new_job("new", group="g", deduplication="d", expires_in_ms=9)]
    )[0],
    "claim": lambda q, _: q.scripts.claim(
        worker=WORKER, operation="c2", count=9, lease_ms=LONG_MS
    ),
    "complete": lambda q, jobs: q.scripts.complete([completion(j) for j in jobs]),
    "complete unkept": lambda q, jobs: q.scripts.complete(
        [completion(j, keep=KEEP_NONE) for j in jobs]
    ),
    "retry": lambda q, jobs: q.scripts.retry([another_try(j) for j in jobs]),
    "retry later": lambda q, jobs: q.scripts.retry(
        [another_try(j, delay_ms=9) for j in jobs]
    ),
    "fail": lambda q, jobs: q.scripts.fail([failure(j) for j in jobs]),
    "release": release,
    "release later": lambda q, jobs: release(q, jobs, delay_ms=9),
    "renew": lambda q, jobs: q.scripts.renew(
        [(j.job_id, j.token) for j in jobs], lease_ms=LONG_MS
    ),
    "progress": lambda q, jobs: q.scripts.progress(
        "held-2", jobs[1].token, lease_ms=LONG_MS, progress=b"1"
    ),
    "add_log": lambda q, jobs: q.scripts.add_log(
        "held-2", jobs[1].token, operation="l9", lines=["x"]
    ),
    "promote_due": lambda q, _: q.scripts.promote_due(limit=9),
    "recover": lambda q, _: recover(q, gate_ms=60_000),
    "recover poison": lambda q, _: recover(q, max_stalled=0),
    "stop": lambda q, jobs: q.scripts.stop(
        [StopOrder(j.job_id, j.token, opening("cancelled")) for j in jobs]
    ),
    "cancel": lambda q, _: q.scripts.cancel(["waiting-1", "due"], keep=KEEP_ALL),
    "cancel active": lambda q, _: q.scripts.cancel(["held-1"], keep=KEEP_ALL),
    "remove": lambda q, _: q.scripts.remove(["waiting-1", "due"]),
    "promote_now": lambda q, _: q.scripts.promote_now(["due", "far"]),
    "rerun": lambda q, _: q.scripts.rerun(["ended"]),
    "configure": lambda q, _: q.scripts.configure({"paused": "1", "group:g": "c=1"}),
    "tidy": lambda q, _: q.scripts.tidy(limit=9),
    "audit": lambda q, _: mend_a_lost_job(q),
}
#: What scripts check.
COMMON = (
    *("waiting", "delayed", "active", "meta", "events", "wake", "leaving"),
    *("grouped", "lanes", "parked", "groupActive", "groupLimits"),
)
TELLING = ("callbacks", "outbox")
ALSO = {
    "claim": (f"claim:{WORKER}", "expiring", "failed", "gone:now", *TELLING),
    "complete": ("completed", "gone:now", *TELLING),
    "complete unkept": ("completed", "gone:now", *TELLING),
    "fail": ("failed", "gone:now", *TELLING),
    "recover": ("failed", "gone:now", "sweep", *TELLING),
    "recover poison": ("failed", "gone:now", "sweep", *TELLING),
    "enqueue delayed": ("expiring", "callbacks", "gone:now"),
    "enqueue special": ("expiring", "callbacks", "gone:now"),
    "release": ("expiring",),
    "stop": ("cancelled", "gone:now", *TELLING),
    "cancel": ("cancelled", "gone:now", "cancelling", "expiring", *TELLING),
    "cancel active": ("cancelled", "gone:now", "cancelling", "expiring", *TELLING),
    "remove": ("gone:now", "expiring", "callbacks"),
    "tidy": ("completed", "failed", "cancelled", "gone:now", "expiring", *TELLING),
}
#: What these check instead: all that they write to.
ONLY = {
    "add_log": ("logs:held-2",),
    "enqueue": ("waiting", "meta", "events", "wake"),
}
#: Keys of one job, the job beside it, and where that one is afterwards.
NEIGHBOURS = [
    ("claim", "run:waiting-2", "waiting-1", "active"),
    ("claim", "job:waiting-2", "waiting-1", "active"),
    ("claim", "run:due", "waiting-2", "active"),
    ("claim", "job:due", "waiting-2", "active"),
    ("complete", "run:held-2", "held-1", "completed"),
    ("complete", "run:held-1", "held-2", "completed"),
    ("complete unkept", "run:held-2", "held-1", None),
    ("complete unkept", "attempts:held-2", "held-1", None),
    ("retry", "run:held-2", "held-1", "waiting"),
    ("retry", "job:held-2", "held-1", "waiting"),
    ("retry", "attempts:held-1", "held-2", "waiting"),
    ("retry later", "run:held-1", "held-2", "delayed"),
    ("retry later", "attempts:held-2", "held-1", "delayed"),
    ("fail", "run:held-2", "held-1", "failed"),
    ("fail", "attempts:held-1", "held-2", "failed"),
    ("release", "run:held-2", "held-1", "waiting"),
    ("release", "attempts:held-1", "held-2", "waiting"),
    ("release later", "run:held-1", "held-2", "delayed"),
    ("release later", "attempts:held-2", "held-1", "delayed"),
    ("renew", "run:held-2", "held-1", "active"),
    ("promote_due", "run:due", "due-2", "waiting"),
    ("promote_due", "job:due", "due-2", "waiting"),
    ("recover", "run:held-1", "held-2", "waiting"),
    ("recover", "job:held-1", "held-2", "waiting"),
    ("recover", "attempts:held-2", "held-1", "waiting"),
    ("recover poison", "run:held-1", "held-2", "failed"),
    ("recover poison", "attempts:held-2", "held-1", "failed"),
]


def prepare(queue: QueueProbe) -> list[Claimed]:
    """Fill a queue so that every script has something to do."""
    [ended, old] = queue.active("ended", "old")
    queue.scripts.complete([completion(ended), completion(old)])
    queue.client.zadd(queue.keys.one("leaving"), {"old": 1})
    jobs = queue.active("held-1", "held-2", lease_ms=1)
    queue.wait_until_expired("held-2")
    recover(queue)
    queue.put("waiting-1", "waiting-2")
    queue.put("due", "due-2", delay_ms=1)
    queue.put("far", delay_ms=LONG_MS)
    queue.wait_until_due("due-2")
    queue.client.set(queue.keys.of("job", "adrift"), queue.record("far"))
    return jobs


def spoil(queue: QueueProbe, name: str) -> None:
    """Put something into a key that does not belong there."""
    minute = queue.now_ms() // 60_000
    names = [f"gone:{minute}", f"gone:{minute + 1}"] if name == "gone:now" else [name]
    for each in names:
        key = f"{queue.keys.prefix}{each}"
        queue.client.delete(key)
        put_wrong = queue.client.rpush if name == "cancelling" else queue.client.sadd
        put_wrong(key, "x")


@pytest.mark.parametrize(
    ("name", "key"),
    [
        (name, key)
        for name in CALLS
        for key in ONLY.get(name, COMMON) + ALSO.get(name, ())
    ],
)
def test_a_key_of_the_queue_stops_a_script_before_its_first_write(
    name: str, key: str, queue: QueueProbe
) -> None:
    jobs = prepare(queue)
    spoil(queue, key)
    before = snapshot(queue.client, queue.keys.prefix)
    with pytest.raises(RecordTypeError, match="WRONGTYPE"):
        CALLS[name](queue, jobs)
    assert snapshot(queue.client, queue.keys.prefix) == before


@pytest.mark.parametrize(("name", "key", "neighbour", "state"), NEIGHBOURS)
def test_a_key_of_one_job_does_not_hold_up_the_job_beside_it(
    name: str, key: str, neighbour: str, state: str | None, queue: QueueProbe
) -> None:
    jobs = prepare(queue)
    spoil(queue, key)

    CALLS[name](queue, jobs)

    assert queue.state(neighbour) == state
    lines = [each for each in STATES if neighbour in queue.line(each)]
    assert lines == ([state] if state else [])
    everywhere = [job_id for each in STATES for job_id in queue.line(each)]
    assert len(everywhere) == len(set(everywhere)), "no job is in two states"


@pytest.mark.parametrize(
    ("name", "key"),
    [("enqueue", "job:new"), ("progress", "run:held-2"), ("add_log", "run:held-2")],
)
def test_a_script_about_one_damaged_job_leaves_it_alone(
    name: str, key: str, queue: QueueProbe
) -> None:
    jobs = prepare(queue)
    spoil(queue, key)
    before = snapshot(queue.client, queue.keys.prefix)
    answer = CALLS[name](queue, jobs)
    assert answer == LOST or not answer.created
    assert snapshot(queue.client, queue.keys.prefix) == before


@pytest.mark.parametrize("end", ["complete", "retry", "fail", "release"])
def test_a_lease_whose_run_is_damaged_is_lost_and_its_job_runs_again(
    end: str, queue: QueueProbe
) -> None:
    jobs = prepare(queue)
    spoil(queue, "run:held-2")

    assert CALLS[end](queue, jobs) == [DONE, LOST]
    for _ in range(2):
        recover(queue)

    again = {job.job_id: job for job in queue.claim(9, worker="worker-2")}
    assert queue.scripts.complete([completion(again["held-2"])]) == [DONE]
    assert queue.run("held-2")["state"] == "completed"


@pytest.mark.parametrize("key", ["run:waiting-2", "run:due"])
def test_a_job_whose_run_was_damaged_while_it_waited_runs_with_a_new_one(
    key: str, queue: QueueProbe
) -> None:
    prepare(queue)
    spoil(queue, key)
    job_id = key.partition(":")[2]

    jobs = {job.job_id: job for job in queue.claim(9)}

    assert jobs[job_id].attempts_started == 1
    assert queue.scripts.complete([completion(jobs[job_id])]) == [DONE]


@pytest.mark.parametrize("name", sorted(CALLS))
def test_a_queue_in_order_is_worked_on(
    name: str, queue: QueueProbe, client: redis.Redis, keys: QueueKeys
) -> None:
    jobs = prepare(queue)
    before = snapshot(client, keys.prefix)
    CALLS[name](queue, jobs)
    assert snapshot(client, keys.prefix) != before


def test_every_script_that_writes_is_looked_at() -> None:
    writers = {
        name
        for name in script_loader.names()
        if "no-writes" not in script_loader.load(name).source.split("\n", 1)[0]
    }
    assert {name.partition(" ")[0] for name in CALLS} == writers
