"""What a contract marks as secret is in no log, no record and no failure."""

from __future__ import annotations

import io
import json
import logging as standard_logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from services.worker.current_job import add_job
from services.worker.middleware.job_traces import JobTraces
from shared import error_reports, logging
from shared.contracts.catalogue import Catalogue
from shared.contracts.contract import Model, TaskContract, TaskDefaults
from shared.contracts.retry import Backoff
from tests.support.in_process_worker import built_broker, running_worker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from services.worker.context import JobContext
    from shared.broker.broker import NightshiftBroker
    from tests.support.jobs import Jobs

SECRET, PIN = 'canary-"quoted"\\ü', 7_741_556_902


class Letter(Model):
    """Data with secrets inside."""

    greeting: str
    context: dict[str, Any]


class Sent(Model):
    """Nothing."""


CONTRACT = TaskContract(
    name="indiscreet",
    queue="test",
    summary="",
    data=Letter,
    result=Sent,
    defaults=TaskDefaults(attempts=2, backoff=Backoff(type="fixed", delay=10)),
    redacted=frozenset({"context"}),
)


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """Catch what the worker's process would write."""
    root = standard_logging.getLogger()
    before = root.handlers[:], root.level
    stream = io.StringIO()
    logging.configure(service="worker", stream=stream, context=(add_job,))
    yield stream
    root.handlers[:], root.level = before


@contextmanager
def traced(broker: NightshiftBroker) -> Iterator[None]:
    """Put the middleware that reports errors where the worker has it."""
    broker.middleware.insert(1, JobTraces())
    yield


class Hearing:
    """Takes the place of Sentry."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def report(self, error: BaseException, tags: Any, clean: Any) -> None:
        self.texts.append(clean(str(error)))

    def flush(self) -> None:
        """Nothing waits."""


@pytest.fixture
def hearing(monkeypatch: pytest.MonkeyPatch) -> Hearing:
    hearing = Hearing()
    monkeypatch.setattr(error_reports, "_reporters", [hearing])
    return hearing


def test_a_secret_is_in_nothing_that_a_job_says(
    jobs: Jobs,
    redis_url: str,
    namespace: str,
    tmp_path: Path,
    written: io.StringIO,
    hearing: Hearing,
) -> None:
    def run(data: Letter, context: JobContext) -> Sent:
        secret = data.context["nested"][0]["password"]
        context.log(f"{data.greeting}: the password is {secret}")
        context.progress({"said": [secret, PIN], "quoted": repr(secret), "done": 1})
        log = logging.get("indiscreet")
        log.warning("something", password=secret, all=data.context)
        standard_logging.getLogger("library").error("It is %s and %d", secret, PIN)
        try:
            {}[secret]
        except KeyError:
            log.exception("caught")
            standard_logging.getLogger("library").exception("caught")
        message = f"The password {secret} of {data.greeting} and {PIN} do not fit."
        raise ValueError(message)

    tasks: Any = {CONTRACT: run}
    jobs.catalogue = Catalogue({CONTRACT.name: CONTRACT})
    data = {
        "greeting": "Good evening",
        "context": {"nested": [{"password": SECRET}], "pin": PIN, "name": "Ada"},
    }
    with (
        built_broker(redis_url, namespace, tmp_path, tasks) as broker,
        traced(broker),
        running_worker(broker),
    ):
        ended = jobs.wait_for_end(jobs.add("indiscreet", data))
        lines = jobs.inspector.logs("test", ended.id)

    assert ended.state == "failed"
    # The api takes the fields out of the data itself when it shows them.
    record = msgspec.json.encode({**ended.to_document(), "data": None}).decode()
    everything = [written.getvalue(), "\n".join(lines), record, *hearing.texts]
    assert len(hearing.texts) == 1
    for text in everything:
        assert "canary" not in text
        assert str(PIN) not in text
        assert "[redacted]" in text
    # What is not marked is still told.
    assert lines[0] == "Good evening: the password is [redacted]"
    assert ended.failed_reason == (
        "ValueError: The password [redacted] of Good evening and [redacted] do not fit."
    )
    assert json.loads(ended.progress)["done"] == 1
    assert "Traceback" in written.getvalue()
