from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from services.worker.notifications import channels
from services.worker.notifications.sender import NotSentError
from services.worker.settings import WorkerSettings
from services.worker.tasks import send_notification
from shared.contracts.tasks.send_notification import (
    NotificationSent,
    SendNotification,
)
from shared.errors import UnrecoverableError
from tests.support.contexts import Notebook, make_context
from tests.support.http_receiver import HttpReceiver, Reply
from tests.support.shelf import Shelf

if TYPE_CHECKING:
    from services.worker.context import JobContext

#: A package that Apprise loads uses it where Python still has it.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr':DeprecationWarning")


def job(folder: Path, known: dict[str, Any], **more: Any) -> JobContext:
    return make_context(
        folder,
        nightshift_notify_schemes="json",
        nightshift_notify_channels=json.dumps(known),
        **more,
    )


def address(receiver: HttpReceiver) -> str:
    return f"json://127.0.0.1:{receiver.port}/hook"


def notify(context: JobContext, *names: str) -> NotificationSent:
    data = SendNotification(
        channels=list(names), title="Backup", body="It failed.", kind="failure"
    )
    return send_notification.run(data, context)


def test_a_message_goes_to_every_service_of_its_channels(tmp_path: Path) -> None:
    with HttpReceiver() as first, HttpReceiver() as second, HttpReceiver() as third:
        known = {
            "ops": [address(first), address(second)],
            "phone": address(third),
            "unused": "json://127.0.0.1:1/",
        }
        done = notify(job(tmp_path, known), "ops", "phone", "ops")

    assert done.channels == ["ops", "phone"]
    for receiver in (first, second, third):
        [request] = receiver.received
        message = json.loads(request.body)
        assert (message["title"], message["message"]) == ("Backup", "It failed.")
        assert message["type"] == "failure"


def test_only_the_services_that_did_not_take_it_are_tried_again(
    tmp_path: Path,
) -> None:
    memory, notebook = Shelf(), Notebook()
    with HttpReceiver() as good, HttpReceiver(Reply(500)) as bad:
        known = {"a": address(bad), "b": address(good)}

        def attempt(number: int) -> NotificationSent:
            context = job(
                tmp_path,
                known,
                memory=memory,
                notebook=notebook,
                job_id="one",
                attempt=number,
            )
            return notify(context, "a", "b")

        with pytest.raises(NotSentError, match="did not take the message: a"):
            attempt(1)
        assert len(good.received) == 1
        done = attempt(2)

    assert done.attempt == 2
    assert (len(good.received), len(bad.received)) == (1, 2)
    assert notebook.lines == ["Attempt 1, a: The service did not take the message."]


def test_a_service_that_drips_is_left_in_time(tmp_path: Path) -> None:
    with HttpReceiver(Reply(drip_s=0.05)) as receiver:
        started = time.monotonic()
        with pytest.raises(NotSentError):
            notify(job(tmp_path, {"a": address(receiver)}, timeout_s=2.5), "a")

        assert time.monotonic() - started < 6


def test_a_channel_that_nobody_configured_is_named(tmp_path: Path) -> None:
    known = {"a": "json://127.0.0.1:1/", "b": "json://127.0.0.1:1/"}
    with pytest.raises(UnrecoverableError, match=r"no channel 'x'.*names a, b"):
        notify(job(tmp_path, known), "a", "x")


def test_an_address_that_apprise_does_not_understand_fails_for_good(
    tmp_path: Path,
) -> None:
    context = make_context(
        tmp_path,
        nightshift_notify_schemes="nosuch",
        nightshift_notify_channels='{"a": "nosuch://x"}',
    )
    with pytest.raises(UnrecoverableError, match="can't be used: a"):
        notify(context, "a")


@pytest.mark.parametrize(
    "url",
    [
        "json://127.0.0.1:8080/hunter2",
        "xml://hunter2",
        "form://hunter2",
        "dbus://",
        "syslog://",
        "file:///hunter2",
        "mailto://ada:hunter2@example.com",
        "hunter2",
    ],
)
def test_what_reaches_into_this_network_is_not_allowed_by_default(url: str) -> None:
    schemes = channels.parse_schemes(channels.USUAL_SCHEMES)
    with pytest.raises(ValueError, match="the channel ops") as refusal:
        channels.parse(json.dumps({"ops": url}), schemes=schemes)

    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"a": 1}', '{"A b": "slack://x"}', '{"a": []}']
)
def test_what_are_no_channels_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"must be JSON|names a channel"):
        channels.parse(text, schemes={"slack"})


def test_apprise_knows_the_usual_schemes() -> None:
    import apprise  # noqa: PLC0415 - as lazily as the worker does

    services = apprise.Apprise().details()["schemas"]
    known = {
        scheme
        for service in services
        for kind in ("protocols", "secure_protocols")
        for scheme in service[kind] or ()
    }
    assert channels.parse_schemes(channels.USUAL_SCHEMES) <= known


def test_the_worker_starts_without_what_few_workers_need() -> None:
    code = (
        "import sys, services.worker.main;"
        "from services.worker.binding import implementation_of;"
        "from shared.contracts import catalogue;"
        "[implementation_of(name) for name in catalogue.module_names()];"
        "sys.exit(str({'apprise', 'sqlalchemy', 'psycopg'} & set(sys.modules) or ''))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stderr.strip() == ""


def test_secrets_of_channels_are_not_shown() -> None:
    settings = WorkerSettings(
        redis_url="redis://x", nightshift_notify_channels='{"a": "slack://hunter2"}'
    )

    assert "hunter2" not in repr(settings)
    assert settings.notify_channels == {"a": ("slack://hunter2",)}
