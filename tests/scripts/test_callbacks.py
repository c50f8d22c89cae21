"""Jobs whose callers want to be told of their end: what scripts note in the outbox."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from shared.broker.orders import StopOrder
from shared.contracts.retention import Retention
from tests.support.queue_probe import (
    KEEP_ALL,
    KEEP_NONE,
    LONG_MS,
    QueueProbe,
    another_try,
    completion,
    failure,
    opening,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.broker.scripts import Claimed

URL = "https://receiver.example/hook"
EVERY = f"completed failed cancelled\n{URL}"


def outbox(queue: QueueProbe) -> list[dict[str, str]]:
    found: Any = queue.client.xrange(queue.keys.one("outbox"))
    return [{k.decode(): v.decode() for k, v in told.items()} for _, told in found]


def wishes(queue: QueueProbe) -> set[str]:
    found: Any = queue.client.hkeys(queue.keys.one("callbacks"))
    return {job_id.decode() for job_id in found}


def told(queue: QueueProbe) -> list[tuple[str, str]]:
    return [(entry["jobId"], entry["state"]) for entry in outbox(queue)]


def claimed(queue: QueueProbe, job_id: str, **changes: Any) -> Claimed:
    queue.put(job_id, callback=EVERY, **changes)
    [job] = queue.claim()
    return job


def test_a_good_end_is_noted_with_all_that_a_webhook_shows(queue: QueueProbe) -> None:
    before_ms = queue.now_ms()
    queue.scripts.complete([completion(claimed(queue, "a"))])

    [entry] = outbox(queue)
    finished_on = int(entry.pop("finishedOn"))
    assert before_ms <= finished_on <= queue.now_ms()
    assert entry == {
        "jobId": "a",
        "task": "echo",
        "state": "completed",
        "url": URL,
        "attemptsMade": "1",
        "returnvalue": '{"ok":true}',
    }


def test_a_bad_end_is_noted_with_its_reason(queue: QueueProbe) -> None:
    queue.scripts.fail([failure(claimed(queue, "a"))])

    [entry] = outbox(queue)
    assert (entry["state"], entry["failedReason"]) == ("failed", "It broke.")
    assert "returnvalue" not in entry


def stop(queue: QueueProbe) -> None:
    job = claimed(queue, "a")
    queue.scripts.stop([StopOrder(job.job_id, job.token, opening("cancelled"))])


def cancel(queue: QueueProbe) -> None:
    queue.put("a", callback=EVERY)
    queue.scripts.cancel(["a"], keep=KEEP_ALL)


def expire(queue: QueueProbe) -> None:
    queue.put("a", callback=EVERY, expires_in_ms=1)
    ends_at = time.monotonic() + 10
    while not tidy(queue) and time.monotonic() < ends_at:
        pass


def tidy(queue: QueueProbe) -> int:
    done = queue.scripts.tidy(limit=9)
    return done.expired


def lose(queue: QueueProbe) -> None:
    queue.put("a", callback=EVERY)
    queue.claim(lease_ms=1)
    queue.wait_until_expired("a")
    for _ in range(2):
        queue.scripts.recover(
            gate_ms=0,
            suspect_before_expiry_ms=0,
            suspect_for_ms=0,
            max_stalled=0,
            keep=KEEP_NONE,
        )


@pytest.mark.parametrize(
    ("end", "state"),
    [
        (stop, "cancelled"),
        (cancel, "cancelled"),
        (expire, "failed"),
        (lose, "failed"),
    ],
)
def test_every_way_to_end_is_noted(
    queue: QueueProbe, end: Callable[[QueueProbe], None], state: str
) -> None:
    end(queue)

    assert told(queue) == [("a", state)]


def test_a_job_that_is_not_kept_is_noted_all_the_same(queue: QueueProbe) -> None:
    queue.scripts.complete([completion(claimed(queue, "a"), keep=KEEP_NONE)])

    assert told(queue) == [("a", "completed")]
    assert wishes(queue) == set()


def test_only_the_ends_that_were_asked_for_are_noted(queue: QueueProbe) -> None:
    queue.put("a", "b", callback=f"failed\n{URL}")
    first, second = queue.claim(2)
    queue.scripts.complete([completion(first)])
    queue.scripts.fail([failure(second)])

    assert told(queue) == [("b", "failed")]


def test_of_a_batch_those_are_noted_that_asked_for_it(queue: QueueProbe) -> None:
    queue.put("a")
    queue.put("b", callback=EVERY)
    queue.put("c")
    queue.scripts.complete([completion(job) for job in queue.claim(3)])

    assert told(queue) == [("b", "completed")]


def test_a_repeated_message_is_not_noted_again(queue: QueueProbe) -> None:
    order = completion(claimed(queue, "a"))
    queue.scripts.complete([order])
    queue.scripts.complete([order])

    assert told(queue) == [("a", "completed")]


def test_an_attempt_that_another_follows_is_no_end(queue: QueueProbe) -> None:
    queue.scripts.retry([another_try(claimed(queue, "a"))])

    assert told(queue) == []
    assert wishes(queue) == {"a"}


def test_a_job_that_runs_again_is_noted_again(queue: QueueProbe) -> None:
    queue.scripts.fail([failure(claimed(queue, "a"))])
    queue.scripts.rerun(["a"])
    queue.scripts.complete([completion(job) for job in queue.claim()])

    assert told(queue) == [("a", "failed"), ("a", "completed")]


def test_a_job_that_deduplication_kept_has_its_own_wish(queue: QueueProbe) -> None:
    mode = {"deduplication": "d", "deduplication_mode": "keep"}
    first = claimed(queue, "a", **mode)
    queue.put("b", callback=f"completed\n{URL}/b", **mode)
    assert wishes(queue) == {"a"}
    queue.scripts.complete([completion(first)])
    queue.scripts.complete([completion(job) for job in queue.claim()])

    assert [e["url"] for e in outbox(queue)] == [URL, f"{URL}/b"]


def test_a_removed_job_leaves_no_wish(queue: QueueProbe) -> None:
    queue.put("a", callback=EVERY, delay_ms=LONG_MS)
    queue.scripts.remove(["a"])

    assert (told(queue), wishes(queue)) == ([], set())


def test_a_long_return_value_is_left_out(queue: QueueProbe) -> None:
    job = claimed(queue, "a")
    order = completion(job)._replace(returnvalue=b'"' + b"x" * 20_000 + b'"')
    queue.scripts.complete([order])

    [entry] = outbox(queue)
    assert "returnvalue" not in entry


def test_trimming_takes_the_wishes_along(queue: QueueProbe) -> None:
    for job_id in ("a", "b", "c"):
        job = claimed(queue, job_id)
        queue.scripts.complete([completion(job, keep=Retention(count=1))])

    assert wishes(queue) == {"c"}
