from __future__ import annotations

import json
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest

from services.worker.egress import credentials, hosts, rates
from services.worker.egress.circuit import THRESHOLD
from services.worker.egress.exchange import NoAnswerError
from services.worker.egress.rates import Rate
from services.worker.tasks import call_http
from services.worker.tasks.call_http import MAX_RESULT_BYTES, HttpCallError
from shared.contracts.tasks.call_http import CallHttp, HttpCalled
from shared.errors import (
    InvalidDataError,
    RetryLaterError,
    UnrecoverableError,
)
from tests.support.contexts import Notebook, make_context
from tests.support.http_receiver import HttpReceiver, Reply
from tests.support.shelf import Shelf

if TYPE_CHECKING:
    from pathlib import Path

    from services.worker.context import JobContext

JSON = {"content-type": "application/json; charset=utf-8"}


def local(folder: Path, **more: Any) -> JobContext:
    settings = {
        "nightshift_webhook_allow_private": True,
        "nightshift_http_allowed_hosts": "127.0.0.1, localhost",
        "nightshift_http_rates": "",
    }
    return make_context(folder, **{**settings, **more})


def call(job: JobContext, **fields: Any) -> HttpCalled:
    return call_http.run(CallHttp.parse(json.dumps(fields).encode()), job)


def test_an_answer_in_json_comes_back_as_json(tmp_path: Path) -> None:
    reply = Reply(headers={**JSON, "etag": '"7"', "set-cookie": "a=b"}, body=b'{"a":1}')
    with HttpReceiver(reply) as server:
        done = call(local(tmp_path), url=server.url)

    [request] = server.received
    assert (done.status, done.json_body, done.text) == (200, {"a": 1}, None)
    assert done.headers["etag"] == '"7"'
    assert "set-cookie" not in done.headers
    assert (request.method, request.body) == ("GET", b"")
    assert "idempotency-key" not in request.headers


def test_other_text_comes_back_as_text(tmp_path: Path) -> None:
    with HttpReceiver(Reply(body="grün".encode())) as server:
        done = call(local(tmp_path), url=server.url)

    assert (done.json_body, done.text) == (None, "grün")


def test_a_change_is_sent_with_its_body_and_a_key_for_idempotence(
    tmp_path: Path,
) -> None:
    with HttpReceiver() as server:
        for attempt in (1, 2):
            call(
                local(tmp_path, job_id="sync-7", attempt=attempt),
                url=server.url,
                method="PATCH",
                jsonBody={"name": "Ä"},
                headers={"X-Shop": "tea"},
            )

    for request in server.received:
        assert request.method == "PATCH"
        assert json.loads(request.body) == {"name": "Ä"}
        assert request.headers["content-type"] == "application/json"
        assert request.headers["x-shop"] == "tea"
        assert request.headers["idempotency-key"] == "test:sync-7"


def test_a_stored_file_can_be_sent_and_an_answer_stored(tmp_path: Path) -> None:
    content = bytes(range(256)) * 4_000
    with HttpReceiver(Reply(body=content, headers={"content-type": "image/png"})) as s:
        context = local(tmp_path)
        file = context.storage.put(content, name="x", content_type="image/png")
        done = call(context, url=s.url, method="PUT", bodyFile=file.id, save=True)

    assert s.received[0].body == content
    assert done.file is not None
    assert done.file.content_type == "image/png"
    assert context.storage.read(done.file.id) == content
    assert (done.text, done.json_body) == (None, None)


def test_a_large_answer_must_be_saved(tmp_path: Path) -> None:
    big = Reply(body=b"x" * (MAX_RESULT_BYTES + 1))
    with (
        HttpReceiver(big) as server,
        pytest.raises(UnrecoverableError, match="set save"),
    ):
        call(local(tmp_path), url=server.url)


def test_an_endless_answer_ends_at_the_size_of_a_file(tmp_path: Path) -> None:
    with HttpReceiver(Reply(flood=True)) as server:
        context = local(tmp_path, max_file_bytes=5_000_000)
        with pytest.raises(UnrecoverableError, match="5,000,000 bytes at most"):
            call(context, url=server.url, save=True)

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert server.flooded_bytes < 100_000_000


def test_an_answer_that_drips_is_left_at_the_deadline(tmp_path: Path) -> None:
    for save in (False, True):
        with HttpReceiver(Reply(drip_s=0.02)) as server:
            started = time.monotonic()
            with pytest.raises(NoAnswerError, match="in time"):
                call(local(tmp_path, timeout_s=0.5), url=server.url, save=save)
        assert time.monotonic() - started < 3

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422])
def test_a_request_that_is_wrong_fails_for_good(tmp_path: Path, status: int) -> None:
    notebook = Notebook()
    with (
        HttpReceiver(Reply(status, body=b"no\nway")) as server,
        pytest.raises(UnrecoverableError, match=f"answered {status}"),
    ):
        call(local(tmp_path, notebook=notebook), url=server.url)

    assert notebook.lines == [f"Attempt 1: {status} no way"]


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504])
def test_trouble_that_may_pass_is_worth_another_attempt(
    tmp_path: Path, status: int
) -> None:
    with (
        HttpReceiver(Reply(status)) as server,
        pytest.raises(HttpCallError, match=f"answered {status}"),
    ):
        call(local(tmp_path), url=server.url)


def test_a_server_may_say_when_to_come_back(tmp_path: Path) -> None:
    with (
        HttpReceiver(Reply(429, headers={"retry-after": "12"})) as server,
        pytest.raises(RetryLaterError) as later,
    ):
        call(local(tmp_path), url=server.url)

    assert later.value.delay_ms == 12_000


def test_what_counts_as_success_can_be_said(tmp_path: Path) -> None:
    with HttpReceiver(Reply(404), Reply(200)) as server:
        assert call(local(tmp_path), url=server.url, expect=[404]).status == 404
        with pytest.raises(UnrecoverableError):
            call(local(tmp_path), url=server.url, expect=[404])


def test_no_host_is_called_that_is_not_on_the_list(tmp_path: Path) -> None:
    with HttpReceiver() as server:
        for allowed in ("", "api.example.com", "*.0.0.2"):
            context = local(tmp_path, nightshift_http_allowed_hosts=allowed)
            with pytest.raises(
                UnrecoverableError, match="NIGHTSHIFT_HTTP_ALLOWED_HOSTS"
            ):
                call(context, url=server.url)

    assert server.received == []


@pytest.mark.parametrize(
    ("host", "allowed", "expected"),
    [
        ("api.example.com", "api.example.com", True),
        ("API.Example.com.", "api.example.com", True),
        ("evil.com", "api.example.com", False),
        ("api.example.com.evil.com", "api.example.com", False),
        ("a.b.example.com", "*.example.com", True),
        ("example.com", "*.example.com", False),
        ("notexample.com", "*.example.com", False),
        ("anything.at.all", "*", True),
        ("anything.at.all", "", False),
    ],
)
def test_a_list_of_hosts_means_what_it_says(
    host: str, allowed: str, expected: object
) -> None:
    assert hosts.is_allowed(host, hosts.parse(allowed)) is expected


def test_redirects_are_followed_when_wanted_and_each_is_checked(
    tmp_path: Path,
) -> None:
    with HttpReceiver(Reply(body=b"here")) as end:
        moved = Reply(302, headers={"location": f"{end.url}/end"})
        with HttpReceiver(moved) as start:
            done = call(local(tmp_path), url=start.url, redirects=2)

        assert (done.text, done.url) == ("here", f"{end.url}/end")
        with (
            HttpReceiver(moved) as start,
            pytest.raises(UnrecoverableError, match="answered 302"),
        ):
            call(local(tmp_path), url=start.url)
        assert len(end.received) == 1


@pytest.mark.parametrize(
    "where",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://evil.example/",
        "file:///etc/passwd",
        "http://user:pass@127.0.0.1/",
        "//[::ffff:169.254.169.254]/",
    ],
)
def test_a_redirect_leads_nowhere_that_the_job_could_not_have_gone(
    tmp_path: Path, where: str
) -> None:
    with (
        HttpReceiver(Reply(302, headers={"location": where})) as start,
        pytest.raises(UnrecoverableError),
    ):
        call(local(tmp_path), url=start.url, redirects=3)


def test_redirects_in_a_circle_end(tmp_path: Path) -> None:
    with HttpReceiver(*[Reply(302, headers={"location": "/again"})] * 9) as server:
        with pytest.raises(UnrecoverableError, match="more than 3 times"):
            call(local(tmp_path), url=server.url, redirects=3)

        assert len(server.received) == 4


def test_a_host_s_secret_is_added_for_that_host_only(tmp_path: Path) -> None:
    secret = json.dumps({"127.0.0.1": {"authorization": "Bearer k"}})
    with HttpReceiver() as other:
        away = other.url.replace("127.0.0.1", "localhost")
        with HttpReceiver(Reply(307, headers={"location": away})) as server:
            call(
                local(tmp_path, nightshift_http_headers=secret),
                url=server.url,
                method="POST",
                textBody="x",
                headers={"Cookie": "mine"},
                redirects=1,
            )

    [first], [second] = server.received, other.received
    assert first.headers["authorization"] == "Bearer k"
    assert first.headers["cookie"] == "mine"
    assert "authorization" not in second.headers
    assert "cookie" not in second.headers
    assert second.body == b"x"


def test_a_redirect_after_a_post_becomes_a_get(tmp_path: Path) -> None:
    with HttpReceiver(Reply(303, headers={"location": "/done"})) as server:
        call(local(tmp_path), url=server.url, method="POST", textBody="x", redirects=1)

    second = server.received[1]
    assert (second.method, second.path, second.body) == ("GET", "/done", b"")
    assert "content-type" not in second.headers


def test_calls_of_a_host_keep_its_pace_and_a_turn_is_kept(tmp_path: Path) -> None:
    memory = Shelf()

    def job(name: str, attempt: int = 1) -> JobContext:
        return local(
            tmp_path,
            memory=memory,
            job_id=name,
            attempt=attempt,
            nightshift_http_rates="127.0.0.1=2/m",
        )

    with HttpReceiver() as server:
        call(job("a"), url=server.url)
        waits = []
        for name in ("b", "c"):
            with pytest.raises(RetryLaterError, match="2 times per 60 s") as later:
                call(job(name), url=server.url)
            waits.append(later.value.delay_ms)
        # Asking again does not take another turn.
        with pytest.raises(RetryLaterError) as later:
            call(job("b", attempt=2), url=server.url)

        assert len(server.received) == 1
    assert 25_000 < later.value.delay_ms <= waits[0] <= 30_000
    assert 55_000 < waits[1] <= 60_000


def test_a_short_wait_is_waited_out(tmp_path: Path) -> None:
    memory = Shelf()
    with HttpReceiver() as server:
        started = time.monotonic()
        for _ in range(3):
            call(
                local(tmp_path, memory=memory, nightshift_http_rates="*=10/s"),
                url=server.url,
            )
        assert time.monotonic() - started > 0.18

    assert len(server.received) == 3


def test_a_host_that_does_not_answer_is_left_alone(tmp_path: Path) -> None:
    memory = Shelf()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}/"
        for _ in range(THRESHOLD):
            with pytest.raises(NoAnswerError):
                call(local(tmp_path, memory=memory), url=url)
        with pytest.raises(RetryLaterError, match="left alone"):
            call(local(tmp_path, memory=memory), url=url)


@pytest.mark.parametrize(
    "fields",
    [
        {"method": "TRACE"},
        {"url": "file:///etc/passwd"},
        {"headers": {"Host": "evil"}},
        {"headers": {"Content-Length": "5"}},
        {"headers": {"X\r\nY": "z"}},
        {"headers": {"X": "a\r\nb: c"}},
        {"headers": {"X": "ä"}},
        {"jsonBody": {}},
        {"method": "POST", "jsonBody": {}, "textBody": ""},
        {"expect": [100]},
        {"redirects": 6},
    ],
)
def test_an_odd_request_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidDataError):
        CallHttp.parse(json.dumps({"url": "https://a.example/", **fields}).encode())


def test_rates_are_read() -> None:
    found = rates.parse("a.example=5/s, *=100/m,B.example=1/h")

    assert found["a.example"] == Rate(5, 1_000)
    assert rates.rate_of("b.EXAMPLE", found) == Rate(1, 3_600_000)
    assert rates.rate_of("c.example", found) == Rate(100, 60_000)
    assert rates.rate_of("c.example", {}) is None


@pytest.mark.parametrize("text", ["a", "a=", "a=0/s", "=5/s", "a=5/d", "a=5"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must look like"):
        rates.parse(text)


@pytest.mark.parametrize(
    "text", ["hunter2", "[]", '{"a": {"b c": "d"}}', '{"a": {"b": "hunter2\\n"}}']
)
def test_what_are_no_headers_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="must be JSON") as refusal:
        credentials.parse(text)

    assert "hunter2" not in str(refusal.value)
