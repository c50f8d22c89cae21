"""Traces, error reports and log lines of real services; none of them tells a secret."""

from __future__ import annotations

import gzip
import json
import sys
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)

from tests.support.http_receiver import HttpReceiver
from tests.support.service_process import ServiceProcess
from tests.support.smtp_server import Script, SmtpServer
from tests.support.wait import wait_for
from tests.support.worker_process import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.jobs import Jobs

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE_ID}-00f067aa0ba902b7-01"
#: What must never be told, and where it comes from.
SECRETS = {
    "api token": "api-token-GEHEIM-0123456789",
    "mail password": "mail-GEHEIM-password",
    "webhook secret": "R0VIRUlNLXdlYmhvb2stc2VjcmV0LTAxMjM0NTY3ODk=",
    "header of call-http": "header-GEHEIM-of-a-host",
    "cache password": "cache-GEHEIM-password",
    "storage secret": "storage-GEHEIM-key",
    "sentry key": "5e47a1d0c0ffee5e47a1d0c0ffee5e47",
    "marked field of a mail": "reset-GEHEIM-link",
    "marked field of a call": "call-GEHEIM-header",
}
WITHIN_S = 60

pytestmark = pytest.mark.timeout(300)


@dataclass
class Stack:
    """Services, and the receivers of what they tell.

    Attributes:
        otlp: Gets traces.
        sentry: Gets error reports.
        hooks: Gets webhooks.
    """

    api: ServiceProcess
    worker: ServiceProcess
    scheduler: ServiceProcess
    otlp: HttpReceiver
    sentry: HttpReceiver
    hooks: HttpReceiver
    jobs: Jobs

    @property
    def logs(self) -> str:
        return self.api.log + self.worker.log + self.scheduler.log

    def lines(self, service: ServiceProcess) -> list[dict[str, Any]]:
        return [json.loads(line) for line in service.log.splitlines()]

    def post(self, queue: str, body: dict[str, Any]) -> str:
        """Create a job over HTTP as part of a trace; return its id."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.api.port}/api/v1/jobs/{queue}",
            json.dumps(body).encode(),
            {
                "Authorization": f"Bearer {SECRETS['api token']}",
                "Content-Type": "application/json",
                "traceparent": TRACEPARENT,
            },
        )
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - loopback
            return str(json.load(answer)["id"])

    def spans(self) -> list[Any]:
        """Return every span that was exported."""
        return [
            span
            for received in list(self.otlp.received)
            for resource in _export(received.headers, received.body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def events(self) -> list[dict[str, Any]]:
        """Return every event that Sentry got."""
        found = []
        for received in list(self.sentry.received):
            lines = _plain(received.headers, received.body).split(b"\n")
            for head, body in zip(lines[1::2], lines[2::2], strict=False):
                if json.loads(head)["type"] == "event":
                    found.append(json.loads(body))
        return found


def _plain(headers: dict[str, str], body: bytes) -> bytes:
    is_packed = headers.get("content-encoding") == "gzip"
    return gzip.decompress(body) if is_packed else body


def _export(headers: dict[str, str], body: bytes) -> ExportTraceServiceRequest:
    return ExportTraceServiceRequest.FromString(_plain(headers, body))


@pytest.fixture
def stack(
    redis_url: str, namespace: str, jobs: Jobs, tmp_path: Path
) -> Iterator[Stack]:
    with ExitStack() as open_ones:
        enter = open_ones.enter_context
        otlp, sentry, hooks = (enter(HttpReceiver()) for _ in range(3))
        smtp = enter(SmtpServer(Script(login=("shop", "another password"))))
        settings = {
            "REDIS_URL": redis_url,
            "NIGHTSHIFT_NAMESPACE": namespace,
            "NIGHTSHIFT_STORAGE_DIR": str(tmp_path / "files"),
            "NIGHTSHIFT_LOG_LEVEL": "DEBUG",
            "NIGHTSHIFT_API_TOKEN": SECRETS["api token"],
            "NIGHTSHIFT_OTLP_ENDPOINT": f"http://127.0.0.1:{otlp.port}",
            "NIGHTSHIFT_SENTRY_DSN": (
                f"http://{SECRETS['sentry key']}@127.0.0.1:{sentry.port}/7"
            ),
            "NIGHTSHIFT_SMTP_URL": (
                f"smtp://shop:{SECRETS['mail password']}@127.0.0.1:{smtp.port}"
            ),
            "NIGHTSHIFT_WEBHOOK_SECRET": f"whsec_{SECRETS['webhook secret']}",
            "NIGHTSHIFT_WEBHOOK_ALLOW_PRIVATE": "true",
            "NIGHTSHIFT_HTTP_ALLOWED_HOSTS": "127.0.0.1",
            "NIGHTSHIFT_HTTP_HEADERS": json.dumps(
                {"127.0.0.1": {"authorization": SECRETS["header of call-http"]}}
            ),
            "NIGHTSHIFT_CACHE_URL": (
                f"redis://:{SECRETS['cache password']}@127.0.0.1:1/0"
            ),
            "NIGHTSHIFT_S3_SECRET_ACCESS_KEY": SECRETS["storage secret"],
            "NIGHTSHIFT_DEFAULT_SCHEDULES": "false",
            "OTEL_BSP_SCHEDULE_DELAY": "200",
        }

        def service(name: str) -> ServiceProcess:
            port = free_port()
            ports = {"NIGHTSHIFT_API_PORT": str(port)}
            ports["NIGHTSHIFT_HEALTH_PORT"] = str(port)
            return enter(
                ServiceProcess(
                    name,
                    [sys.executable, "-m", f"services.{name}"],
                    folder=tmp_path,
                    port=port,
                    environment={**settings, **ports},
                )
            )

        yield Stack(
            api=service("api"),
            worker=service("worker"),
            scheduler=service("scheduler"),
            otlp=otlp,
            sentry=sentry,
            hooks=hooks,
            jobs=jobs,
        )


def test_a_trace_leads_from_the_request_to_what_the_job_called(stack: Stack) -> None:
    data = {"url": stack.hooks.url, "type": "order.paid", "payload": {}}
    job_id = stack.post("webhook", {"name": "deliver-webhook", "data": data})
    stack.jobs.wait_for_end(stack.jobs.find("webhook", job_id), within_s=WITHIN_S)

    def whole() -> dict[str, Any]:
        spans = {span.name: span for span in stack.spans()}
        return spans if len(spans) >= 4 else {}

    spans = wait_for(whole, within_s=WITHIN_S, what="four spans")

    request = spans["POST /api/v1/jobs/<queue>"]
    enqueue, run = spans["enqueue webhook"], spans["run deliver-webhook"]
    call = spans["POST"]
    assert {span.trace_id.hex() for span in spans.values()} == {TRACE_ID}
    assert request.parent_span_id.hex() == TRACEPARENT.split("-")[2]
    assert enqueue.parent_span_id == request.span_id
    assert run.parent_span_id == enqueue.span_id
    assert call.parent_span_id == run.span_id
    noted = {item.key: item.value.string_value for item in run.attributes}
    assert noted["job.id"] == job_id
    assert noted["queue"] == "webhook"
    (hook,) = stack.hooks.received
    assert hook.headers["traceparent"].split("-")[1:3] == [
        TRACE_ID,
        call.span_id.hex(),
    ]
    assert stack.jobs.find("webhook", job_id).options.trace == (
        f"00-{TRACE_ID}-{enqueue.span_id.hex()}-01"
    )


def test_what_ends_a_job_is_reported_and_each_of_its_lines_names_it(
    stack: Stack,
) -> None:
    job_id = stack.post("email", _mail())
    stack.jobs.wait_for_end(stack.jobs.find("email", job_id), within_s=WITHIN_S)

    (event,) = wait_for(stack.events, within_s=WITHIN_S, what="an error report")

    assert event["tags"]["job_id"] == job_id
    assert event["tags"]["queue"] == "email"
    assert event["tags"]["task"] == "send-email"
    assert event["tags"]["service"] == "worker"
    assert event["exception"]["values"][-1]["stacktrace"]["frames"]
    assert set(event) <= {
        *("event_id", "timestamp", "platform", "level", "release", "environment"),
        *("exception", "tags", "sdk", "server_name", "transaction"),
    }
    lines = stack.lines(stack.worker)
    failed = [line for line in lines if line["event"] == "job_failed"]
    assert [line["job_id"] for line in failed] == [job_id]
    # Dramatiq's own debug lines about moving a message have its id in their text.
    of_the_job = [
        line
        for line in lines
        if job_id in json.dumps(line) and line["level"] != "debug"
    ]
    assert of_the_job
    for line in of_the_job:
        assert line.get("job_id") == job_id, line
        assert line.get("trace_id") == TRACE_ID, line
        assert line.get("task") == "send-email", line


def test_no_secret_is_told_to_anybody(stack: Stack) -> None:
    mail = stack.post("email", _mail())
    call = stack.post(
        "integration",
        {
            "name": "call-http",
            "data": {
                "url": f"http://127.0.0.1:{stack.hooks.port}/api",
                "method": "POST",
                "headers": {"x-key": SECRETS["marked field of a call"]},
            },
            "opts": {"attempts": 1},
        },
    )
    cache = stack.post(
        "cleanup",
        {
            "name": "invalidate-cache",
            "data": {"prefixes": ["cache:"]},
            "opts": {"attempts": 1},
        },
    )
    hook = stack.post(
        "webhook",
        {
            "name": "deliver-webhook",
            "data": {"url": "http://127.0.0.1:1/", "type": "a.b", "payload": {}},
            "opts": {"attempts": 1},
        },
    )
    ended = [
        stack.jobs.wait_for_end(stack.jobs.find(queue, job_id), within_s=WITHIN_S)
        for queue, job_id in (
            ("email", mail),
            ("integration", call),
            ("cleanup", cache),
            ("webhook", hook),
        )
    ]
    wait_for(lambda: len(stack.events()) >= 3, within_s=WITHIN_S, what="reports")
    for service in (stack.api, stack.worker, stack.scheduler):
        service.stop()

    told = {
        "logs": stack.logs,
        "traces": str(stack.spans()),
        "reports": json.dumps(stack.events()),
        "failures": str([(job.failed_reason, job.stacktrace) for job in ended]),
    }
    for where, text in told.items():
        assert text, where
        for name, secret in SECRETS.items():
            assert secret not in text, f"The {name} is in the {where}."


def _mail() -> dict[str, Any]:
    return {
        "name": "send-email",
        "data": {
            "to": ["ada@example.com"],
            "subject": "Your password",
            "template": "password-reset",
            "context": {
                "name": "Ada",
                "link": f"https://example.com/{SECRETS['marked field of a mail']}",
            },
        },
        "opts": {"attempts": 1},
    }
