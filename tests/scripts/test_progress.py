"""progress: record what the task reports of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.broker.scripts import DONE, LOST
from tests.support.queue_probe import completion
from tests.support.snapshot import snapshot

if TYPE_CHECKING:
    import redis

    from shared.broker.keys import QueueKeys
    from shared.broker.scripts import Scripts
    from tests.support.queue_probe import QueueProbe


def test_records_the_last_report_and_tells_everybody(
    scripts: Scripts, queue: QueueProbe
) -> None:
    [job] = queue.active("a")

    for report in (b"10", b'{"done":5}'):
        answer = scripts.progress("a", job.token, lease_ms=30_000, progress=report)
        assert answer == DONE

    assert queue.run("a")["progress"] == '{"done":5}'
    assert queue.events()[-2:] == [
        {"event": "progress", "jobId": "a", "data": "10"},
        {"event": "progress", "jobId": "a", "data": '{"done":5}'},
    ]


def test_prolongs_the_lease(scripts: Scripts, queue: QueueProbe) -> None:
    [job] = queue.active("a", lease_ms=1)
    before = queue.now_ms()
    scripts.progress("a", job.token, lease_ms=30_000, progress=b"1")
    assert queue.score("active", "a") >= before + 30_000


def test_a_late_worker_is_refused(
    scripts: Scripts, queue: QueueProbe, client: redis.Redis, keys: QueueKeys
) -> None:
    [job] = queue.active("a")
    before = snapshot(client, keys.prefix)
    assert scripts.progress("a", "999", lease_ms=1, progress=b"1") == LOST
    assert scripts.progress("ghost", "1", lease_ms=1, progress=b"1") == LOST
    assert snapshot(client, keys.prefix) == before

    scripts.complete([completion(job)])
    assert scripts.progress("a", job.token, lease_ms=1, progress=b"1") == LOST
    assert "progress" not in queue.run("a")


def test_a_lost_reply_still_records_the_report(
    unlucky: Scripts, queue: QueueProbe
) -> None:
    [job] = queue.active("a")
    assert unlucky.progress("a", job.token, lease_ms=30_000, progress=b"7") == DONE
    assert queue.run("a")["progress"] == "7"
