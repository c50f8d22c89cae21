from __future__ import annotations

import email
import email.policy
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest

from services.worker.mail.delivery import MailServerError
from services.worker.tasks import send_email
from shared.contracts.tasks.send_email import EmailSent, SendEmail
from shared.errors import UnrecoverableError
from tests.support.contexts import make_context
from tests.support.photos import example
from tests.support.smtp_server import Script, SmtpServer

if TYPE_CHECKING:
    from email.message import EmailMessage
    from pathlib import Path

    from services.worker.context import JobContext

WELCOME: dict[str, Any] = {
    "to": ["ada@example.com"],
    "template": "welcome",
    "context": {"name": "Ada", "link": "https://example.com/start"},
}


def context_for(folder: Path, url: str, **more: Any) -> JobContext:
    return make_context(
        folder,
        nightshift_smtp_url=url,
        nightshift_mail_from="The Tea Shop <shop@tea.example>",
        **more,
    )


def send(job: JobContext, /, **fields: Any) -> EmailSent:
    return send_email.run(SendEmail(**{**WELCOME, **fields}), job)


def read(content: bytes) -> EmailMessage:
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert not message.defects
    return message


def test_a_mail_has_a_text_and_an_html_part(tmp_path: Path) -> None:
    with SmtpServer() as server:
        sent = send(context_for(tmp_path, server.url))

    [mail] = server.mails
    message = read(mail.content)
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert message.get_content_type() == "multipart/alternative"
    assert text is not None
    assert html is not None
    assert "Welcome, Ada!" in text.get_content()
    assert 'href="https://example.com/start"' in html.get_content()
    assert message["subject"] == "Welcome, Ada"
    assert message["from"] == "The Tea Shop <shop@tea.example>"
    assert message["to"] == "ada@example.com"
    assert message["date"].datetime is not None
    assert mail.sender == "shop@tea.example"
    assert sent == EmailSent(
        message_id=message["message-id"],
        accepted=["ada@example.com"],
        refused=[],
        bytes=sent.bytes,
    )
    assert sent.bytes == len(mail.content)


def test_everybody_gets_it_and_nobody_sees_the_hidden_ones(tmp_path: Path) -> None:
    with SmtpServer() as server:
        sent = send(
            context_for(tmp_path, server.url),
            to=["ada@example.com", "bob@example.com"],
            cc=["cleo@example.com"],
            bcc=["dan@example.com", "ada@example.com"],
            reply_to="help@tea.example",
        )

    [mail] = server.mails
    message = read(mail.content)
    everybody = [f"{name}@example.com" for name in ("ada", "bob", "cleo", "dan")]
    assert mail.recipients == sent.accepted == everybody
    assert message["to"] == "ada@example.com, bob@example.com"
    assert message["cc"] == "cleo@example.com"
    assert message["reply-to"] == "help@tea.example"
    assert b"dan@" not in mail.content


def test_other_alphabets_arrive_unharmed_through_seven_bits(tmp_path: Path) -> None:
    with SmtpServer() as server:
        send(
            context_for(tmp_path, server.url),
            subject="Grüße \U0001f375",
            context={"name": "Zoë 李", "link": "https://example.com/ü"},
        )

    [mail] = server.mails
    message = read(mail.content)
    text = message.get_body(("plain",))
    assert message["subject"] == "Grüße \U0001f375"
    assert text is not None
    assert "Welcome, Zoë 李!" in text.get_content()
    assert mail.content.isascii()


def test_attachments_come_from_the_store(tmp_path: Path) -> None:
    with SmtpServer() as server:
        context = context_for(tmp_path, server.url)
        photo = context.storage.put(
            example("rocket.jpg"), name="Räkete.jpg", content_type="image/jpeg"
        )
        odd = context.storage.put(b"x", name="a.eml", content_type="message/rfc822")
        send(context, attachments=[photo.id, odd.id])

    [mail] = server.mails
    first, second = read(mail.content).iter_attachments()
    assert first.get_filename() == "Räkete.jpg"
    assert first.get_content_type() == "image/jpeg"
    assert first.get_content() == example("rocket.jpg")
    assert second.get_content_type() == "application/octet-stream"


def test_a_mail_with_everything_has_the_shape_that_readers_expect(
    tmp_path: Path,
) -> None:
    with SmtpServer() as server:
        context = context_for(tmp_path, server.url)
        logo = context.storage.put(
            example("chelsea.png"), name="logo.png", content_type="image/png"
        )
        terms = context.storage.put(b"terms", name="a.txt", content_type="text/plain")
        send(
            context,
            inline_images={"logo": logo.id},
            attachments=[terms.id],
            unsubscribe="https://tea.example/leave?who=ada",
        )

    [mail] = server.mails
    message = read(mail.content)
    kinds = [part.get_content_type() for part in message.walk()]
    assert kinds == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
        "text/plain",
    ]
    html = message.get_body(("html",))
    [picture] = [p for p in message.walk() if p.get_content_type() == "image/png"]
    assert html is not None
    assert f'src="cid:{picture["content-id"][1:-1]}"' in html.get_content()
    assert picture.get_content() == example("chelsea.png")
    assert picture.get_content_disposition() == "inline"
    assert message["list-unsubscribe"] == "<https://tea.example/leave?who=ada>"
    assert message["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"


def test_an_inline_image_must_be_one_that_mail_readers_show(tmp_path: Path) -> None:
    with SmtpServer() as server:
        context = context_for(tmp_path, server.url)
        page = context.storage.put(b"<svg/>", name="x", content_type="image/svg+xml")
        with pytest.raises(UnrecoverableError, match="'logo' is image/svg"):
            send(context, inline_images={"logo": page.id})

    assert server.mails == []


def test_a_missing_attachment_fails_for_good(tmp_path: Path) -> None:
    with SmtpServer() as server, pytest.raises(UnrecoverableError, match="attachment"):
        send(context_for(tmp_path, server.url), attachments=["0" * 20])

    assert server.mails == []


def test_too_large_attachments_fail_for_good(tmp_path: Path) -> None:
    with SmtpServer() as server:
        context = context_for(tmp_path, server.url)
        big = context.storage.put(bytes(11 << 20), name="x", content_type="x/y").id
        with pytest.raises(UnrecoverableError, match="20 MB"):
            send(context, attachments=[big, big])

    assert server.mails == []


def test_every_attempt_of_a_job_carries_the_same_message_id(tmp_path: Path) -> None:
    with SmtpServer(Script(data=["451 try later"])) as server:
        with pytest.raises(MailServerError, match="451 try later"):
            send(context_for(tmp_path, server.url, job_id="order:17@shop"))
        second = send(context_for(tmp_path, server.url, job_id="order:17@shop"))
        third = send(context_for(tmp_path, server.url, job_id="order:17@shop"))
        other = send(context_for(tmp_path, server.url, job_id="order:18@shop"))

    assert second.message_id == third.message_id != other.message_id
    assert second.message_id.endswith("@tea.example>")


def test_a_refused_message_fails_for_good(tmp_path: Path) -> None:
    with (
        SmtpServer(Script(data=["554 it looks like spam"])) as server,
        pytest.raises(UnrecoverableError, match="554 it looks like spam"),
    ):
        send(context_for(tmp_path, server.url))


def test_a_recipient_that_does_not_exist_is_told_and_the_others_served(
    tmp_path: Path,
) -> None:
    script = Script(recipients={"bob@example.com": "550 no such user"})
    with SmtpServer(script) as server:
        sent = send(
            context_for(tmp_path, server.url),
            to=["ada@example.com", "bob@example.com"],
        )

    assert server.mails[0].recipients == sent.accepted == ["ada@example.com"]
    [refused] = sent.refused
    assert (refused.address, refused.reason) == ("bob@example.com", "550 no such user")


def test_a_mail_that_nobody_may_get_fails_for_good(tmp_path: Path) -> None:
    script = Script(recipients={"ada@example.com": "550 no such user"})
    with (
        SmtpServer(script) as server,
        pytest.raises(UnrecoverableError, match=r"refuses every recipient.*550"),
    ):
        send(context_for(tmp_path, server.url))


def test_a_recipient_put_off_puts_off_all_until_the_last_attempt(
    tmp_path: Path,
) -> None:
    script = Script(recipients={"bob@example.com": "450 mailbox busy"})
    both = ["ada@example.com", "bob@example.com"]
    with SmtpServer(script) as server:
        with pytest.raises(MailServerError, match="450 mailbox busy"):
            send(context_for(tmp_path, server.url, attempt=1, attempts=2), to=both)
        put_off = len(server.mails)
        sent = send(context_for(tmp_path, server.url, attempt=2, attempts=2), to=both)

    assert put_off == 0
    assert sent.accepted == ["ada@example.com"]
    assert sent.refused[0].address == "bob@example.com"


def test_a_server_that_is_not_there_is_worth_another_attempt(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        # Bound but not listening: the system refuses the connection.
        with pytest.raises(MailServerError, match="Connection refused"):
            send(context_for(tmp_path, f"smtp://127.0.0.1:{port}"))


def test_a_server_that_never_greets_is_left_at_the_deadline(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        started = time.monotonic()
        with pytest.raises(MailServerError, match="not answer in time"):
            send(context_for(tmp_path, f"smtp://127.0.0.1:{port}", timeout_s=0.5))

    assert time.monotonic() - started < 2


def test_a_server_that_never_takes_the_message_is_left_at_the_deadline(
    tmp_path: Path,
) -> None:
    with SmtpServer(Script(hang_on_data=True)) as server:
        started = time.monotonic()
        with pytest.raises(MailServerError, match="not answer in time"):
            send(context_for(tmp_path, server.url, timeout_s=1))

    # The farewell to a silent server gets two seconds.
    assert time.monotonic() - started < 4


def test_a_bad_farewell_does_not_undo_a_delivery(tmp_path: Path) -> None:
    with SmtpServer(Script(close_after_accept=True)) as server:
        sent = send(context_for(tmp_path, server.url))

    assert sent.accepted == ["ada@example.com"]
    assert len(server.mails) == 1


def test_user_and_password_are_used(tmp_path: Path) -> None:
    with SmtpServer(Script(login=("ada", "p@ss word"))) as server:
        url = f"smtp://ada:p%40ss%20word@127.0.0.1:{server.port}?starttls=off"
        send(context_for(tmp_path, url))

    assert len(server.mails) == 1


def test_a_wrong_password_is_for_the_operator_to_mend(tmp_path: Path) -> None:
    with SmtpServer(Script(login=("ada", "right"))) as server:
        url = f"smtp://ada:wrong@127.0.0.1:{server.port}?starttls=off"
        with pytest.raises(MailServerError, match="can't be used") as failure:
            send(context_for(tmp_path, url))

    assert "wrong" not in str(failure.value)
    assert server.mails == []


def test_a_password_is_never_sent_in_the_clear_by_default(tmp_path: Path) -> None:
    with SmtpServer(Script(login=("ada", "secret"))) as server:
        url = f"smtp://ada:secret@127.0.0.1:{server.port}"
        with pytest.raises(MailServerError, match="STARTTLS"):
            send(context_for(tmp_path, url))

    assert server.mails == []


def test_without_a_server_the_setting_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnrecoverableError, match="NIGHTSHIFT_SMTP_URL"):
        send(context_for(tmp_path, ""))


def test_a_smuggled_header_never_leaves_the_worker(tmp_path: Path) -> None:
    hostile = {"name": "A subject=?UTF-8?Q?=0A?=Bcc: x@y", "link": "https://x.example"}
    with (
        SmtpServer() as server,
        pytest.raises(UnrecoverableError, match="subject must be one line"),
    ):
        send(context_for(tmp_path, server.url), context=hostile)

    assert server.mails == []
