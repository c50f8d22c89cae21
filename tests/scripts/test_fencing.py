"""What complete, fail, retry and release have in common: the token and the replay."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from shared.broker.orders import ReleaseOrder
from shared.broker.scripts import DONE, LOST, REPEATED, Claimed, Scripts
from tests.support.queue_probe import (
    KEEP_NONE,
    another_try,
    completion,
    failure,
)
from tests.support.snapshot import snapshot

if TYPE_CHECKING:
    import redis

    from shared.broker.keys import QueueKeys
    from tests.support.queue_probe import QueueProbe

End = Callable[[Scripts, Claimed], list[int]]


def complete(scripts: Scripts, job: Claimed) -> list[int]:
    return scripts.complete([completion(job)])


def fail(scripts: Scripts, job: Claimed) -> list[int]:
    return scripts.fail([failure(job)])


def retry(scripts: Scripts, job: Claimed) -> list[int]:
    return scripts.retry([another_try(job, delay_ms=60_000)])


def retry_at_once(scripts: Scripts, job: Claimed) -> list[int]:
    return scripts.retry([another_try(job)])


def release(scripts: Scripts, job: Claimed) -> list[int]:
    return scripts.release([ReleaseOrder(job.job_id, job.token)])


def release_for_later(scripts: Scripts, job: Claimed) -> list[int]:
    return scripts.release([ReleaseOrder(job.job_id, job.token, 60_000)])


ENDS = [complete, fail, retry, retry_at_once, release, release_for_later]
every_end = pytest.mark.parametrize("end", ENDS)


def verb(end: End) -> str:
    return end.__name__.partition("_")[0]


@every_end
@pytest.mark.parametrize("token", ["0", "2", "-1", "", "1.0", "01", "1 "])
def test_another_token_is_refused_and_changes_nothing(
    end: End,
    token: str,
    scripts: Scripts,
    queue: QueueProbe,
    client: redis.Redis,
    keys: QueueKeys,
) -> None:
    [job] = queue.active("a")
    before = snapshot(client, keys.prefix)
    assert end(scripts, job._replace(token=token)) == [LOST]
    assert snapshot(client, keys.prefix) == before


@every_end
def test_the_same_message_again_is_known_and_changes_nothing(
    end: End, scripts: Scripts, queue: QueueProbe, client: redis.Redis, keys: QueueKeys
) -> None:
    [job] = queue.active("a")
    assert end(scripts, job) == [DONE]
    before = snapshot(client, keys.prefix)
    for _ in range(2):
        assert end(scripts, job) == [REPEATED]
    assert snapshot(client, keys.prefix) == before


@every_end
def test_a_lost_reply_has_no_second_effect(
    end: End, unlucky: Scripts, queue: QueueProbe
) -> None:
    [job] = queue.active("a")
    events = len(queue.events())
    assert end(unlucky, job) == [REPEATED]
    assert len(queue.events()) == events + 1
    assert len(queue.attempts("a")) <= 1


@pytest.mark.parametrize("first", ENDS)
@pytest.mark.parametrize("second", ENDS)
def test_a_lease_ends_once(
    first: End,
    second: End,
    scripts: Scripts,
    queue: QueueProbe,
    client: redis.Redis,
    keys: QueueKeys,
) -> None:
    [job] = queue.active("a")
    first(scripts, job)
    before = snapshot(client, keys.prefix)

    answer = second(scripts, job)

    assert answer == [REPEATED if verb(first) == verb(second) else LOST]
    assert snapshot(client, keys.prefix) == before


@every_end
def test_a_late_worker_is_refused_while_another_one_has_the_job(
    end: End, scripts: Scripts, queue: QueueProbe, client: redis.Redis, keys: QueueKeys
) -> None:
    [late] = queue.active("a")
    scripts.release([ReleaseOrder("a", late.token)])
    [now] = queue.claim(worker="worker-2")
    before = snapshot(client, keys.prefix)

    expected = REPEATED if verb(end) == "release" else LOST
    assert end(scripts, late) == [expected]

    assert snapshot(client, keys.prefix) == before
    assert end(scripts, now) == [DONE]


@every_end
def test_a_late_worker_is_refused_after_another_one_has_ended_the_job(
    end: End, scripts: Scripts, queue: QueueProbe
) -> None:
    [late] = queue.active("a")
    scripts.retry([another_try(late)])
    [now] = queue.claim(worker="worker-2")
    scripts.complete([completion(now)])
    assert end(scripts, late) == [LOST]
    assert queue.state("a") == "completed"


@pytest.mark.parametrize("end", ["complete", "fail"])
def test_the_same_message_is_known_after_the_job_was_removed(
    end: str, scripts: Scripts, queue: QueueProbe, client: redis.Redis, keys: QueueKeys
) -> None:
    [job] = queue.active("a")
    orders = {
        "complete": (scripts.complete, [completion(job, keep=KEEP_NONE)]),
        "fail": (scripts.fail, [failure(job, keep=KEEP_NONE)]),
    }
    send, order = orders.pop(end)
    [(send_other, other)] = orders.values()

    assert send(order) == [DONE]
    before = snapshot(client, keys.prefix)

    assert send(order) == [REPEATED]
    assert send_other(other) == [LOST]
    late = [o._replace(token="999") for o in order]
    assert send(late) == [LOST]
    assert snapshot(client, keys.prefix) == before


def test_a_removed_job_is_remembered_across_the_change_of_a_minute(
    scripts: Scripts, queue: QueueProbe, client: redis.Redis, keys: QueueKeys
) -> None:
    [job] = queue.active("a")
    scripts.complete([completion(job, keep=KEEP_NONE)])
    [gone] = client.scan_iter(match=f"{keys.prefix}gone:*")
    minute = int(gone.decode().rpartition(":")[2])
    client.rename(gone, keys.of("gone", str(minute - 1)))
    # The server's minute may have changed meanwhile; then the mark is two minutes old.
    expected = REPEATED if queue.now_ms() // 60_000 == minute else LOST
    assert scripts.complete([completion(job)]) == [expected]
