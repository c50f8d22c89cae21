"""add_log: append lines to a running job's log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.broker.scripts import DONE, LOST, REPEATED
from tests.support.queue_probe import completion
from tests.support.snapshot import snapshot

if TYPE_CHECKING:
    import redis

    from shared.broker.keys import QueueKeys
    from shared.broker.scripts import Scripts
    from tests.support.queue_probe import QueueProbe


def test_appends_lines_in_order(scripts: Scripts, queue: QueueProbe) -> None:
    [job] = queue.active("a")
    for operation, lines in [("l1", ["one", "two"]), ("l2", ["drei é\n\x00"])]:
        answer = scripts.add_log("a", job.token, operation=operation, lines=lines)
        assert answer == DONE
    assert queue.logs("a") == ["one", "two", "drei é\n\x00"]


def test_keeps_the_last_thousand(scripts: Scripts, queue: QueueProbe) -> None:
    [job] = queue.active("a")
    for part in range(3):
        lines = [f"{part}.{number}" for number in range(400)]
        scripts.add_log("a", job.token, operation=f"l{part}", lines=lines)
    assert len(queue.logs("a")) == 1_000
    assert queue.logs("a")[0] == "0.200"
    assert queue.logs("a")[-1] == "2.399"


def test_the_same_lines_sent_twice_appear_once(
    scripts: Scripts, queue: QueueProbe, client: redis.Redis, keys: QueueKeys
) -> None:
    [job] = queue.active("a")
    scripts.add_log("a", job.token, operation="l1", lines=["one"])
    before = snapshot(client, keys.prefix)

    answer = scripts.add_log("a", job.token, operation="l1", lines=["one"])

    assert answer == REPEATED
    assert snapshot(client, keys.prefix) == before


def test_a_lost_reply_does_not_double_a_line(
    unlucky: Scripts, queue: QueueProbe
) -> None:
    [job] = queue.active("a")
    answer = unlucky.add_log("a", job.token, operation="l1", lines=["one"])
    assert answer == REPEATED
    assert queue.logs("a") == ["one"]


def test_a_late_worker_writes_nothing(
    scripts: Scripts, queue: QueueProbe, client: redis.Redis, keys: QueueKeys
) -> None:
    [job] = queue.active("a")
    scripts.complete([completion(job)])
    before = snapshot(client, keys.prefix)
    for job_id, token in [("a", job.token), ("a", "999"), ("ghost", "1")]:
        answer = scripts.add_log(job_id, token, operation="l1", lines=["late"])
        assert answer == LOST
    assert snapshot(client, keys.prefix) == before


def test_writes_no_event(scripts: Scripts, queue: QueueProbe) -> None:
    [job] = queue.active("a")
    before = queue.events()
    scripts.add_log("a", job.token, operation="l1", lines=["one"])
    assert queue.events() == before
