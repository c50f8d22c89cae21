"""renew: prolong the leases of one worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.broker.orders import ReleaseOrder
from tests.support.queue_probe import KEEP_NONE, completion, failure
from tests.support.snapshot import snapshot

if TYPE_CHECKING:
    import redis

    from shared.broker.keys import QueueKeys
    from shared.broker.scripts import Claimed, Scripts
    from tests.support.queue_probe import QueueProbe


def leases(*jobs: Claimed) -> list[tuple[str, str]]:
    return [(job.job_id, job.token) for job in jobs]


def test_prolongs_all_leases_from_now_on(scripts: Scripts, queue: QueueProbe) -> None:
    jobs = queue.active("a", "b", lease_ms=1_000)
    before = queue.now_ms()

    assert scripts.renew(leases(*jobs), lease_ms=30_000) == []

    for job_id in ("a", "b"):
        expiry = queue.score("active", job_id)
        assert before + 30_000 <= expiry <= queue.now_ms() + 30_000


def test_an_expired_lease_that_nobody_took_over_is_as_good_as_new(
    scripts: Scripts, queue: QueueProbe
) -> None:
    [job] = queue.active("a", lease_ms=1)
    queue.wait_until_expired("a")
    assert scripts.renew(leases(job), lease_ms=30_000) == []
    assert queue.score("active", "a") > queue.now_ms() + 20_000


def test_tells_the_leases_that_another_worker_has_taken_over(
    scripts: Scripts, queue: QueueProbe, client: redis.Redis, keys: QueueKeys
) -> None:
    a, b = queue.active("a", "b")
    client.hset(keys.of("run", "b"), "token", int(b.token) + 1)
    expiry = queue.score("active", "b")

    assert scripts.renew(leases(a, b), lease_ms=1) == ["b"]

    assert queue.score("active", "b") == expiry, "the other's lease is its own affair"


def test_a_job_that_is_gone_is_lost_and_stays_gone(
    scripts: Scripts, client: redis.Redis, keys: QueueKeys
) -> None:
    assert scripts.renew([("ghost", "7")], lease_ms=30_000) == ["ghost"]
    assert snapshot(client, keys.prefix) == {}


def test_a_job_whose_end_was_committed_a_moment_ago_is_no_loss(
    scripts: Scripts, queue: QueueProbe
) -> None:
    kept, removed, failed, released = jobs = queue.active("a", "b", "c", "d")
    scripts.complete([completion(kept), completion(removed, keep=KEEP_NONE)])
    scripts.fail([failure(failed)])
    scripts.release([ReleaseOrder(*leases(released)[0])])

    assert scripts.renew(leases(*jobs), lease_ms=30_000) == []
    assert queue.line("active") == []


def test_nothing_to_renew_is_fine(scripts: Scripts) -> None:
    assert scripts.renew([], lease_ms=30_000) == []


def test_writes_no_event(scripts: Scripts, queue: QueueProbe) -> None:
    [job] = queue.active("a")
    before = queue.events()
    scripts.renew(leases(job), lease_ms=30_000)
    assert queue.events() == before


def test_a_lost_reply_changes_nothing_but_the_time(
    unlucky: Scripts, queue: QueueProbe
) -> None:
    [job] = queue.active("a")
    assert unlucky.renew([*leases(job), ("ghost", "1")], lease_ms=30_000) == ["ghost"]
    assert queue.line("active") == ["a"]
