from __future__ import annotations

import base64
import contextlib
import json
import socket
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from standardwebhooks.webhooks import Webhook

from services.worker.egress.circuit import FIRST_BREAK_MS, THRESHOLD, Circuit
from services.worker.tasks import deliver_webhook, list_webhook_deliveries
from services.worker.webhooks.delivery import (
    MAX_ANSWER_BYTES,
    Reach,
    WebhookError,
    post,
)
from shared.contracts.tasks.deliver_webhook import DeliverWebhook, WebhookDelivered
from shared.contracts.tasks.list_webhook_deliveries import ListWebhookDeliveries
from shared.errors import (
    RedisUnavailableError,
    RetryLaterError,
    UnrecoverableError,
)
from tests.support.contexts import WEBHOOK_SECRET, Notebook, make_context
from tests.support.http_receiver import HttpReceiver, Reply
from tests.support.shelf import Shelf

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from services.worker.context import JobContext


def local(folder: Path, **more: Any) -> JobContext:
    return make_context(folder, nightshift_webhook_allow_private=True, **more)


def deliver(url: str, job: JobContext, **fields: Any) -> WebhookDelivered:
    data = {"url": url, "type": "invoice.paid", "payload": {"id": 7, "über": "ü"}}
    return deliver_webhook.run(DeliverWebhook(**{**data, **fields}), job)


def test_the_official_library_verifies_what_arrives(tmp_path: Path) -> None:
    with HttpReceiver() as receiver:
        done = deliver(
            receiver.url, local(tmp_path, job_id="a.b:1"), timestamp=1_700_000_000_123
        )

    [request] = receiver.received
    event = Webhook(WEBHOOK_SECRET).verify(request.body, request.headers)
    assert event == {
        "type": "invoice.paid",
        "timestamp": "2023-11-14T22:13:20.123+00:00",
        "data": {"id": 7, "über": "ü"},
    }
    assert request.headers["webhook-id"] == "a~b:1"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert request.path == "/hook"
    assert (done.status, done.attempt) == (200, 1)
    assert 0 <= done.duration_ms < 20_000


def test_an_event_without_a_time_has_that_of_its_job(tmp_path: Path) -> None:
    with HttpReceiver() as receiver:
        context = local(tmp_path)
        deliver(receiver.url, context)

    told = datetime.fromisoformat(json.loads(receiver.received[0].body)["timestamp"])
    assert told.timestamp() * 1000 == context.created_ms


def test_every_attempt_has_the_same_id_and_its_own_signature(tmp_path: Path) -> None:
    with HttpReceiver(Reply(500)) as receiver:
        with pytest.raises(WebhookError, match="answered 500"):
            deliver(receiver.url, local(tmp_path, job_id="job-1", attempt=1))
        done = deliver(receiver.url, local(tmp_path, job_id="job-1", attempt=2))

    first, second = receiver.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == "job-1"
    for request in receiver.received:
        Webhook(WEBHOOK_SECRET).verify(request.body, request.headers)
    assert done.attempt == 2


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_success(tmp_path: Path, status: int) -> None:
    body = b"" if status == 204 else b"ok"
    with HttpReceiver(Reply(status, body=body)) as receiver:
        assert deliver(receiver.url, local(tmp_path)).status == status


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(tmp_path: Path, status: int) -> None:
    with HttpReceiver() as elsewhere:
        moved = Reply(status, headers={"location": elsewhere.url})
        with (
            HttpReceiver(moved) as receiver,
            pytest.raises(WebhookError, match=f"answered {status}"),
        ):
            deliver(receiver.url, local(tmp_path))

    assert elsewhere.received == []


@pytest.mark.parametrize("status", [400, 401, 404, 500, 502, 503])
def test_other_answers_are_worth_another_attempt(tmp_path: Path, status: int) -> None:
    notebook = Notebook()
    with (
        HttpReceiver(Reply(status, body=b"no\x1b[31m\nway")) as receiver,
        pytest.raises(WebhookError, match=f"answered {status}"),
    ):
        deliver(receiver.url, local(tmp_path, notebook=notebook))

    assert notebook.lines == [f"Attempt 1: {status} no [31m way"]


def test_gone_ends_the_job(tmp_path: Path) -> None:
    with (
        HttpReceiver(Reply(410)) as receiver,
        pytest.raises(UnrecoverableError, match="410 Gone"),
    ):
        deliver(receiver.url, local(tmp_path))


@pytest.mark.parametrize("status", [429, 503])
def test_a_receiver_may_say_when_to_come_back(tmp_path: Path, status: int) -> None:
    with (
        HttpReceiver(Reply(status, headers={"retry-after": "7"})) as receiver,
        pytest.raises(RetryLaterError, match=f"answered {status}") as later,
    ):
        deliver(receiver.url, local(tmp_path))

    assert later.value.delay_ms == 7_000


def test_an_unreadable_retry_after_is_as_good_as_none(tmp_path: Path) -> None:
    with (
        HttpReceiver(Reply(429, headers={"retry-after": "soon"})) as receiver,
        pytest.raises(WebhookError, match="answered 429"),
    ):
        deliver(receiver.url, local(tmp_path))


def test_an_endless_drip_is_left_at_the_deadline(tmp_path: Path) -> None:
    with HttpReceiver(Reply(drip_s=0.02)) as receiver:
        started = time.monotonic()
        with pytest.raises(WebhookError, match="not answer in time"):
            deliver(receiver.url, local(tmp_path, timeout_s=0.6))

    assert time.monotonic() - started < 2.5


def test_a_silent_receiver_is_left_at_the_deadline(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        started = time.monotonic()
        with pytest.raises(WebhookError, match="not answer in time"):
            deliver(url, local(tmp_path, timeout_s=0.4))

    assert time.monotonic() - started < 2


def test_a_flood_is_cut_off(tmp_path: Path) -> None:
    with HttpReceiver(Reply(flood=True)) as receiver:
        answer = post(
            receiver.url,
            body=b"{}",
            headers={},
            reach=Reach(deadline=time.monotonic() + 10, allow_private=True),
        )

    assert answer.status == 200
    assert len(answer.body) == MAX_ANSWER_BYTES
    assert receiver.flooded_bytes < 50_000_000


def test_a_receiver_that_is_not_there_is_worth_another_attempt(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}/"
        with pytest.raises(WebhookError, match="can't be reached"):
            deliver(url, local(tmp_path))


def test_what_is_no_http_is_worth_another_attempt(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        # Plain text where a TLS handshake is expected.
        url = f"https://127.0.0.1:{server.getsockname()[1]}/"
        with pytest.raises(WebhookError, match=r"in time|can't be reached"):
            deliver(url, local(tmp_path, timeout_s=0.5))


def test_while_a_secret_changes_the_new_and_the_old_one_sign(tmp_path: Path) -> None:
    new = "whsec_" + base64.b64encode(bytes(range(32))).decode()
    with HttpReceiver() as receiver:
        deliver(
            receiver.url,
            local(tmp_path, nightshift_webhook_secret=f"{new} {WEBHOOK_SECRET}"),
        )

    [request] = receiver.received
    for secret in (new, WEBHOOK_SECRET):
        Webhook(secret).verify(request.body, request.headers)
    assert request.headers["webhook-signature"].count("v1,") == 2


def test_a_receiver_that_is_gone_is_not_called_again(tmp_path: Path) -> None:
    memory = Shelf()
    with HttpReceiver(Reply(410)) as receiver:
        with pytest.raises(UnrecoverableError, match="410 Gone"):
            deliver(receiver.url, local(tmp_path, memory=memory))
        with pytest.raises(UnrecoverableError, match="not called any more"):
            deliver(receiver.url, local(tmp_path, memory=memory))
        called = len(receiver.received)
        # Another address on the same host is another receiver.
        deliver(f"{receiver.url}/other", local(tmp_path, memory=memory))
        deliver(receiver.url, local(tmp_path, memory=memory), reopen=True)
        deliver(receiver.url, local(tmp_path, memory=memory))

    assert called == 1
    assert len(receiver.received) == 4


def test_a_host_that_fails_in_a_row_is_left_alone(tmp_path: Path) -> None:
    memory = Shelf()
    with HttpReceiver(*[Reply(500)] * 5) as receiver:
        for _ in range(THRESHOLD):
            with pytest.raises(WebhookError):
                deliver(receiver.url, local(tmp_path, memory=memory))
        with pytest.raises(RetryLaterError, match="left alone") as later:
            deliver(receiver.url, local(tmp_path, memory=memory))
        called = len(receiver.received)
        memory.forget(f"circuit:127.0.0.1:{receiver.port}:break")
        # The break is over: one job tries, and its success lets all go on.
        deliver(receiver.url, local(tmp_path, memory=memory))
        deliver(receiver.url, local(tmp_path, memory=memory))

    assert called == THRESHOLD
    assert 20_000 < later.value.delay_ms <= FIRST_BREAK_MS
    assert len(receiver.received) == THRESHOLD + 2


def test_only_one_job_tries_a_host_after_its_break(tmp_path: Path) -> None:
    memory = Shelf()
    circuit = Circuit(memory, "a.example:443")
    for _ in range(THRESHOLD):
        circuit.failed()
    memory.forget("circuit:a.example:443:break")

    assert circuit.wait_ms() == 0
    assert circuit.wait_ms() > 0
    circuit.failed()
    # The longer it lasts, the longer the break.
    assert FIRST_BREAK_MS < circuit.wait_ms() <= 2 * FIRST_BREAK_MS


def test_a_success_between_failures_keeps_a_host_in_favour(tmp_path: Path) -> None:
    memory = Shelf()
    replies = [*[Reply(500)] * 4, Reply(200), *[Reply(500)] * 4, Reply(200)]
    with HttpReceiver(*replies) as receiver:
        for reply in replies:
            with (
                contextlib.nullcontext()
                if reply.status == 200
                else pytest.raises(WebhookError)
            ):
                deliver(receiver.url, local(tmp_path, memory=memory))

    assert len(receiver.received) == len(replies)


def test_a_job_waits_at_least_as_long_as_after_a_failure_of_its_own(
    tmp_path: Path,
) -> None:
    memory = Shelf()
    url = "http://127.0.0.1:9/"
    for _ in range(THRESHOLD):
        Circuit(memory, "127.0.0.1:9").failed()

    with pytest.raises(RetryLaterError) as later:
        deliver(url, local(tmp_path, memory=memory, attempt=9, attempts=10))

    assert later.value.delay_ms > 5_000 * 2**8 * 0.7


def test_every_attempt_is_in_the_log_of_its_receiver(tmp_path: Path) -> None:
    memory = Shelf()
    with HttpReceiver(Reply(503), Reply(200)) as receiver:
        url = receiver.url
        with pytest.raises(WebhookError):
            deliver(url, local(tmp_path, memory=memory, job_id="job-1"))
        deliver(url, local(tmp_path, memory=memory, job_id="job-1", attempt=2))
    with pytest.raises(WebhookError, match="can't be reached"):
        deliver(url, local(tmp_path, memory=memory, job_id="job-2"))

    known = list_webhook_deliveries.run(
        ListWebhookDeliveries(url=url), local(tmp_path, memory=memory)
    )

    assert [(d.job_id, d.attempt, d.status) for d in known.deliveries] == [
        ("job-2", 1, None),
        ("job-1", 2, 200),
        ("job-1", 1, 503),
    ]
    assert [bool(d.error) for d in known.deliveries] == [True, False, True]
    assert not known.is_gone
    assert known.left_alone_ms == 0


def test_a_delivery_counts_though_redis_is_out_of_reach_after_it(
    tmp_path: Path,
) -> None:
    class LosingShelf(Shelf):
        def note(self, name: str, line: bytes, *, keep: int, ttl_ms: int) -> None:
            raise RedisUnavailableError(name)

    with HttpReceiver() as receiver:
        done = deliver(receiver.url, local(tmp_path, memory=LosingShelf()))

    assert done.status == 200


def test_without_a_secret_the_setting_is_named(tmp_path: Path) -> None:
    context = local(tmp_path, nightshift_webhook_secret="")

    with (
        HttpReceiver() as receiver,
        pytest.raises(UnrecoverableError, match="NIGHTSHIFT_WEBHOOK_SECRET"),
    ):
        deliver(receiver.url, context)

    assert receiver.received == []


def test_a_proxy_of_the_environment_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with HttpReceiver() as proxy, HttpReceiver() as receiver:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        deliver(receiver.url, local(tmp_path))

    assert proxy.received == []
    assert len(receiver.received) == 1


@pytest.fixture
def canary() -> Iterator[socket.socket]:
    """A listener on every address of this machine that must not be called."""
    with socket.create_server(
        ("::", 0), family=socket.AF_INET6, dualstack_ipv6=True
    ) as listener:
        listener.setblocking(False)
        yield listener
        with pytest.raises(BlockingIOError):
            listener.accept()


HOSTS = [
    "127.0.0.1",
    "127.1",
    "0",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "①②⑦.0.0.1",
    "localhost",
    "localhost.",
    "LOCALHOST",
    "[::1]",
    "[::]",
    "0.0.0.0",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::ffff:169.254.169.254]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b::a9fe:a9fe]",
    "[2002:a9fe:a9fe::]",
    "[2002:7f00:1::]",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "[ff02::1]",
    "169.254.169.254",
    "168.63.129.16",
    "100.64.0.1",
    "192.0.0.8",
    "224.0.0.1",
    "10.0.0.1",
    "192.168.0.1",
    "172.16.0.1",
]


@pytest.mark.parametrize("host", HOSTS)
def test_no_packet_goes_to_a_private_or_reserved_address(
    canary: socket.socket, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    # The port is the only thing about the canary that the guard would not like.
    port = canary.getsockname()[1]
    monkeypatch.setattr(
        "services.worker.egress.client.ALLOWED_PORTS", frozenset({port})
    )
    started = time.monotonic()

    with pytest.raises((UnrecoverableError, WebhookError)) as refusal:
        post(
            f"http://{host}:{port}/",
            body=b"{}",
            headers={},
            reach=Reach(deadline=time.monotonic() + 5, allow_private=False),
        )

    # Some spellings are no address at all to some parsers; that is refusal enough.
    assert "private or reserved" in str(refusal.value) or "address" in str(
        refusal.value
    )
    assert "127.0.0.1" not in str(refusal.value) or "127.0.0.1" in host
    assert time.monotonic() - started < 4


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://user@example.com/", "user name"),
        ("http://127.0.0.1@example.com/", "user name"),
        ("ftp://example.com/", "must start with"),
        ("file:///etc/passwd", "must start with"),
        ("gopher://example.com/", "must start with"),
        ("http://example.com:22/", "Port 22"),
        ("http://example.com:6379/", "Port 6379"),
        ("http://example.com:25/", "Port 25"),
        ("https://example.com:80000/", "Port 80000"),
    ],
)
def test_odd_addresses_are_refused_before_any_look_up(url: str, message: str) -> None:
    def no_look_up(host: str, port: int, *, timeout_s: float) -> Any:
        pytest.fail(f"looked up {host}:{port} within {timeout_s}")

    with pytest.raises(UnrecoverableError, match=message):
        post(
            url,
            body=b"{}",
            headers={},
            reach=Reach(
                deadline=time.monotonic() + 5,
                allow_private=False,
                resolver=no_look_up,
            ),
        )
