from __future__ import annotations

import doctest
from typing import TYPE_CHECKING

import pytest

from services.worker import comma_list
from services.worker.mail.server import MailServer, parse
from services.worker.settings import WorkerSettings
from shared import settings
from shared.errors import ConfigurationError
from tests.support.contexts import WEBHOOK_SECRET

if TYPE_CHECKING:
    from collections.abc import Callable

    Load = Callable[..., WorkerSettings]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Load:
    def with_environment(**variables: str) -> WorkerSettings:
        monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1")
        for name, value in variables.items():
            monkeypatch.setenv(f"NIGHTSHIFT_{name.upper()}", value)
        return settings.load(WorkerSettings)

    return with_environment


def test_the_defaults_do_without_mail_and_webhooks(load: Load) -> None:
    loaded = load()

    assert loaded.queues == ()
    assert loaded.mail_server is None
    assert loaded.webhook_keys == ()
    assert not loaded.nightshift_webhook_allow_private
    assert loaded.nightshift_worker_threads == 8


def test_queues_are_separated_by_commas(load: Load) -> None:
    assert doctest.testmod(comma_list).failed == 0
    assert load(worker_queues=" email, image ,,").queues == ("email", "image")


def test_secrets_are_read_and_not_shown(load: Load) -> None:
    loaded = load(
        smtp_url="smtps://ada:hunter2@mail.example", webhook_secret=WEBHOOK_SECRET
    )

    assert loaded.mail_server is not None
    assert loaded.mail_server.password == "hunter2"  # noqa: S105
    assert loaded.webhook_keys == (bytes(24),)
    assert "hunter2" not in repr(loaded) + repr(loaded.mail_server)
    assert WEBHOOK_SECRET not in repr(loaded)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("worker_threads", "0"),
        ("worker_queues", "email,no spaces"),
        ("grace_s", "-1"),
        ("smtp_url", "http://hunter2.example"),
        ("smtp_url", "smtp://"),
        ("smtp_url", "smtp://hunter2:x@host:99999"),
        ("smtp_url", "smtp://host?starttls=hunter2"),
        ("smtp_url", "smtp://host?hunter2=1"),
        ("mail_from", "hunter2"),
        ("webhook_secret", "hunter2"),
        ("health_port", "65536"),
    ],
)
def test_nonsense_is_refused_with_the_variable_s_name_and_without_its_value(
    load: Load, name: str, value: str
) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        load(**{name: value})

    assert f"NIGHTSHIFT_{name.upper()} " in str(refusal.value)
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail", MailServer(host="mail", port=25, security="none")),
        ("smtp://mail:1025", MailServer(host="mail", port=1025, security="none")),
        (
            "smtp://mail:587?starttls=on",
            MailServer(host="mail", port=587, security="starttls"),
        ),
        (
            "smtp://ada:p%40ss@mail:587",
            MailServer(
                host="mail", port=587, security="starttls", user="ada", password="p@ss"
            ),
        ),
        (
            "smtp://ada:x@mail?starttls=off",
            MailServer(host="mail", port=25, security="none", user="ada", password="x"),
        ),
        ("smtps://mail", MailServer(host="mail", port=465, security="tls")),
    ],
)
def test_the_mail_server_s_address_says_how_to_talk_to_it(
    url: str, expected: MailServer
) -> None:
    assert parse(url) == expected
