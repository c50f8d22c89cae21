"""The worker's own wiring: real tasks, a real broker, real servers."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

from tests.support.http_receiver import HttpReceiver, Reply
from tests.support.smtp_server import Script, SmtpServer
from tests.support.wait import wait_for
from tests.support.whole_worker import working

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.jobs import Jobs


QUEUES = "email, webhook, integration, cleanup, notification"


def test_a_mail_to_many_becomes_a_mail_each(
    jobs: Jobs, redis_url: str, namespace: str, tmp_path: Path
) -> None:
    readers = [{"to": f"reader{n}@example.com"} for n in range(12)]
    with (
        SmtpServer(Script(data=["451 later"])) as server,
        working(
            redis_url,
            namespace,
            tmp_path,
            queues=QUEUES,
            nightshift_smtp_url=server.url,
        ),
    ):
        job = jobs.add(
            "send-bulk-email",
            {
                "template": "welcome",
                "context": {"name": "you", "link": "https://example.com"},
                "recipients": readers,
                "spreadMs": 500,
            },
        )
        ended = jobs.wait_for_end(job)
        # One of them is put off once and comes 5 s later.
        wait_for(lambda: len(server.mails) == 12, within_s=25)

    assert json.loads(ended.returnvalue)["created"] == 12
    recipients = sorted(mail.recipients[0] for mail in server.mails)
    assert recipients == sorted(reader["to"] for reader in readers)


def test_the_daily_clean_up_cleans_up(
    jobs: Jobs, redis_url: str, namespace: str, tmp_path: Path
) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "old.log").write_text("x")
    then = time.time() - 40 * 86_400
    os.utime(logs / "old.log", (then, then))
    with working(
        redis_url,
        namespace,
        tmp_path / "files",
        queues=QUEUES,
        nightshift_log_dir=str(logs),
    ):
        ended = jobs.wait_for_end(jobs.add("daily-cleanup", {}))
        started = json.loads(ended.returnvalue)["started"]
        children = [
            jobs.wait_for_end(jobs.find("cleanup", job_id))
            for job_id in started.values()
        ]
        checked = jobs.wait_for_end(jobs.add("health-check", {}))

    assert {child.state for child in children} == {"completed"}
    assert not (logs / "old.log").exists()
    assert checked.state == "completed"


def test_a_webhook_that_is_gone_fails_its_job_and_the_next(
    jobs: Jobs, redis_url: str, namespace: str, tmp_path: Path
) -> None:
    with (
        HttpReceiver(Reply(410)) as receiver,
        working(redis_url, namespace, tmp_path, queues=QUEUES),
    ):
        event = {"url": receiver.url, "type": "a.b"}
        for _ in range(2):
            job = jobs.wait_for_end(jobs.add("deliver-webhook", event))
            assert job.state == "failed"
        known = jobs.wait_for_end(
            jobs.add("list-webhook-deliveries", {"url": receiver.url})
        )

    assert len(receiver.received) == 1
    assert json.loads(known.returnvalue)["isGone"] is True


def test_one_dead_host_does_not_hold_up_the_others(
    jobs: Jobs, redis_url: str, namespace: str, tmp_path: Path
) -> None:
    with (
        HttpReceiver(*[Reply(500)] * 40) as dead,
        HttpReceiver() as alive,
        working(redis_url, namespace, tmp_path, queues=QUEUES),
    ):
        for _ in range(40):
            jobs.add("deliver-webhook", {"url": dead.url, "type": "a.b"})
        ended = [
            jobs.wait_for_end(
                jobs.add("deliver-webhook", {"url": alive.url, "type": "a.b"})
            )
            for _ in range(5)
        ]

    assert {job.state for job in ended} == {"completed"}
    # Four threads may be on their way when the fifth failure comes in.
    assert len(dead.received) <= 5 + 4


def test_an_api_is_called_and_an_unknown_channel_is_named(
    jobs: Jobs, redis_url: str, namespace: str, tmp_path: Path
) -> None:
    answer = Reply(headers={"content-type": "application/json"}, body=b'{"ok":true}')
    with (
        HttpReceiver(answer) as api,
        working(
            redis_url,
            namespace,
            tmp_path,
            queues=QUEUES,
            nightshift_http_allowed_hosts="127.0.0.1",
            nightshift_http_headers='{"127.0.0.1": {"x-key": "k"}}',
        ),
    ):
        called = jobs.wait_for_end(
            jobs.add(
                "call-http", {"url": api.url, "method": "POST", "jsonBody": [1, 2]}
            )
        )
        unknown = jobs.wait_for_end(
            jobs.add("send-notification", {"channels": ["ops"], "body": "x"})
        )

    assert json.loads(called.returnvalue)["jsonBody"] == {"ok": True}
    assert api.received[0].headers["x-key"] == "k"
    assert unknown.failed_reason is not None
    assert "NIGHTSHIFT_NOTIFY_CHANNELS" in unknown.failed_reason
