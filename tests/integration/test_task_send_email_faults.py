"""A mail server that misbehaves, in every step of the conversation."""

from __future__ import annotations

import email
import email.policy
import time
from typing import TYPE_CHECKING, Any

import pytest

from services.worker.mail.delivery import MailServerError
from services.worker.tasks import send_email
from shared.contracts.tasks.send_email import EmailSent, SendEmail
from shared.errors import UnrecoverableError
from tests.support.certificates import server_context, write_certificate
from tests.support.contexts import make_context
from tests.support.faulty_smtp import (
    CLOSE,
    DRIP,
    GARBAGE,
    HANG,
    RESET,
    FaultySmtp,
)
from tests.support.shelf import Shelf

if TYPE_CHECKING:
    from pathlib import Path

MAIL = SendEmail(
    to=["ada@example.com"],
    template="welcome",
    context={"name": "Ada", "link": "https://example.com/start"},
)


def send(folder: Path, url: str, **more: Any) -> EmailSent:
    settings = {"nightshift_smtp_url": url, "nightshift_mail_from": "a@tea.example"}
    return send_email.run(MAIL, make_context(folder, **{**settings, **more}))


LATER = [
    ({"greeting": HANG}, "in time"),
    ({"greeting": DRIP}, "in time"),
    ({"greeting": GARBAGE}, "can't be used"),
    ({"greeting": "554 not today"}, "554 not today"),
    ({"greeting": "421 too busy"}, "421 too busy"),
    ({"greeting": RESET}, "can't be used"),
    ({"EHLO": HANG}, "in time"),
    ({"EHLO": DRIP}, "in time"),
    ({"MAIL": "451 later"}, "451 later"),
    ({"RCPT": "452 mailbox full"}, "452 mailbox full"),
    ({"RCPT": DRIP}, "in time"),
    ({"DATA": "421 shutting down"}, "421 shutting down"),
    ({"DATA": CLOSE}, "can't be used"),
    ({"message": "452 disk full"}, "452 disk full"),
    ({"message": HANG}, "in time"),
    ({"message": DRIP}, "in time"),
    ({"message": RESET}, "can't be used"),
    ({"message": CLOSE}, "can't be used"),
]
NEVER = [
    ({"MAIL": "550 we don't know you"}, "550 we don't know you"),
    ({"RCPT": "550 no such user"}, "550 no such user"),
    ({"DATA": "554 no messages"}, "554 no messages"),
    ({"message": "554 it looks like spam"}, "554 it looks like spam"),
]


def name_of(case: object) -> str:
    return (
        "-".join(f"{k}.{v}" for k, v in case.items()) if isinstance(case, dict) else ""
    )


@pytest.mark.parametrize(("steps", "words"), LATER, ids=name_of)
def test_trouble_that_may_pass_is_worth_another_attempt_and_ends_in_time(
    tmp_path: Path, steps: dict[str, str], words: str
) -> None:
    with FaultySmtp(**steps) as server:
        started = time.monotonic()
        with pytest.raises(MailServerError, match=words):
            send(tmp_path, f"smtp://127.0.0.1:{server.port}", timeout_s=0.6)

        # The farewell to a silent server gets two seconds.
        assert time.monotonic() - started < 3.5


@pytest.mark.parametrize(("steps", "words"), NEVER, ids=name_of)
def test_a_final_no_is_final(tmp_path: Path, steps: dict[str, str], words: str) -> None:
    with (
        FaultySmtp(**steps) as server,
        pytest.raises(UnrecoverableError, match=words),
    ):
        send(tmp_path, f"smtp://127.0.0.1:{server.port}")


def test_a_reset_after_the_message_sends_the_same_message_id_again(
    tmp_path: Path,
) -> None:
    with FaultySmtp(once=True, message=RESET) as server:
        url = f"smtp://127.0.0.1:{server.port}"
        with pytest.raises(MailServerError):
            send(tmp_path, url, job_id="order-17", attempt=1)
        send(tmp_path, url, job_id="order-17", attempt=2)

    first, second = (
        email.message_from_bytes(raw, policy=email.policy.default)["message-id"]
        for raw in server.taken
    )
    # Nobody can know whether the first was taken; readers show one of the two.
    assert first == second


def test_a_job_that_runs_again_after_its_mail_was_taken_sends_nothing(
    tmp_path: Path,
) -> None:
    memory = Shelf()
    with FaultySmtp() as server:
        url = f"smtp://127.0.0.1:{server.port}"
        sent = send(tmp_path, url, job_id="order-17", memory=memory)
        again = send(tmp_path, url, job_id="order-17", attempt=2, memory=memory)
        send(tmp_path, url, job_id="order-18", memory=memory)

    assert sent == again
    assert len(server.taken) == 2


def test_a_server_whose_certificate_nobody_signed_gets_no_mail(tmp_path: Path) -> None:
    tls = server_context(write_certificate(tmp_path))
    with (
        FaultySmtp(tls=tls) as server,
        pytest.raises(MailServerError, match="certificate"),
    ):
        send(tmp_path, f"smtps://ada:secret@127.0.0.1:{server.port}")

    assert server.taken == []


def test_starttls_with_a_certificate_that_nobody_signed_gets_no_mail(
    tmp_path: Path,
) -> None:
    tls = server_context(write_certificate(tmp_path))
    with (
        FaultySmtp(starttls=tls) as server,
        pytest.raises(MailServerError, match="certificate"),
    ):
        send(tmp_path, f"smtp://127.0.0.1:{server.port}?starttls=on")

    assert server.taken == []


@pytest.mark.parametrize("kind", ["tls", "starttls"])
def test_a_mail_goes_through_an_encrypted_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    certificate = write_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    tls = server_context(certificate)
    with FaultySmtp(**{kind: tls}) as server:  # type: ignore[arg-type]
        urls = {
            "tls": f"smtps://127.0.0.1:{server.port}",
            "starttls": f"smtp://127.0.0.1:{server.port}?starttls=on",
        }
        sent = send(tmp_path, urls[kind])

    assert sent.accepted == ["ada@example.com"]
    assert len(server.taken) == 1


@pytest.mark.parametrize(
    "steps", [{"STARTTLS": GARBAGE}, {"STARTTLS": HANG}, {"STARTTLS": "454 not now"}]
)
def test_a_starttls_that_fails_is_never_skipped(
    tmp_path: Path, steps: dict[str, str]
) -> None:
    tls = server_context(write_certificate(tmp_path))
    with (
        FaultySmtp(starttls=tls, **steps) as server,
        pytest.raises(MailServerError, match="can't be used"),
    ):
        send(tmp_path, f"smtp://127.0.0.1:{server.port}?starttls=on", timeout_s=0.6)

    assert server.taken == []


@pytest.mark.parametrize("does", [HANG, DRIP, GARBAGE, CLOSE])
def test_a_handshake_that_fails_ends_in_time(tmp_path: Path, does: str) -> None:
    # Plain words, or none, where a handshake is expected.
    with FaultySmtp(greeting=does) as server:
        started = time.monotonic()
        with pytest.raises(MailServerError, match="can't be used"):
            send(tmp_path, f"smtps://127.0.0.1:{server.port}", timeout_s=0.6)

        assert time.monotonic() - started < 3
