from __future__ import annotations

from email.message import EmailMessage
from typing import TYPE_CHECKING

import pytest

from cli import mail_page
from cli.loopback_http import Answer, Request
from cli.mailbox import Mailbox

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = "<script>alert('x')</script>\"&"


@pytest.fixture
def mailbox(tmp_path: Path) -> Mailbox:
    return Mailbox(tmp_path)


def store(mailbox: Mailbox, *, subject: str = "Hello", html: str = "<b>Hi</b>") -> str:
    message = EmailMessage()
    message["Subject"], message["From"] = subject, "shop@example.com"
    message["To"] = "ada@example.com"
    message.set_content(f"Hi in text {HOSTILE}")
    message.add_alternative(html, subtype="html")
    message.add_attachment(b"12345", maintype="image", subtype="png", filename="a.png")
    path = mailbox.store(
        message.as_bytes(), sender="shop@example.com", recipients=["ada@example.com"]
    )
    return path.stem


def get(mailbox: Mailbox, path: str) -> Answer:
    request = Request(method="GET", path=path, headers={}, body=b"")
    return mail_page.answer(mailbox, request)


def test_lists_the_newest_mail_first(mailbox: Mailbox) -> None:
    for subject in ("first", "second"):
        store(mailbox, subject=subject)

    page = get(mailbox, "/").body.decode()

    assert page.index("second") < page.index("first")


def test_says_when_there_is_no_mail(mailbox: Mailbox) -> None:
    assert b"No mail yet" in get(mailbox, "/").body


def test_shows_both_parts_of_a_mail(mailbox: Mailbox) -> None:
    mail_id = store(mailbox)
    page = get(mailbox, f"/mails/{mail_id}").body.decode()

    assert f'<iframe sandbox src="/mails/{mail_id}/html"' in page
    assert "Hi in text" in page
    assert "a.png (5 bytes)" in page


def test_escapes_what_came_by_mail(mailbox: Mailbox) -> None:
    mail_id = store(mailbox, subject=HOSTILE)

    for path in ("/", f"/mails/{mail_id}"):
        page = get(mailbox, path).body.decode()
        assert "<script" not in page
        assert "&lt;script&gt;" in page


def test_gives_the_html_part_no_rights(mailbox: Mailbox) -> None:
    mail_id = store(mailbox, html=HOSTILE)
    answer = get(mailbox, f"/mails/{mail_id}/html")

    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none'")
    assert "allow-" not in policy
    assert b"<script>" in answer.body


def test_shows_the_source_as_text(mailbox: Mailbox) -> None:
    answer = get(mailbox, f"/mails/{store(mailbox)}/source")

    assert answer.content_type.startswith("text/plain")
    assert answer.body.startswith(
        b"Return-Path: <shop@example.com>\r\nDelivered-To: ada"
    )


@pytest.mark.parametrize(
    "path",
    [
        "/mails/",
        "/mails/..",
        "/mails/../../etc/passwd",
        "/mails/%2e%2e",
        "/mails/01234567890123456789",
        "/mails/01234567890123456789/html",
        "/mails/01234567890123456789/source",
        "/other",
    ],
)
def test_knows_no_other_address(mailbox: Mailbox, path: str) -> None:
    assert get(mailbox, path).status == 404


def test_is_for_reading_only(mailbox: Mailbox) -> None:
    request = Request(method="POST", path="/", headers={}, body=b"")

    assert mail_page.answer(mailbox, request).status == 405


@pytest.mark.parametrize(
    "source",
    [
        b"",
        b"no header at all",
        b"Content-Type: text/html; charset=martian\r\n\r\n<b>\xff\xfe",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nhi",
        b"Subject: =?utf-8?b?////?=\r\nTo: \xff\r\n\r\nhi",
        b"Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nhi",
    ],
)
def test_shows_broken_mail_too(mailbox: Mailbox, source: bytes) -> None:
    mail_id = mailbox.store(source, sender="", recipients=[]).stem

    assert get(mailbox, "/").status == 200
    assert get(mailbox, f"/mails/{mail_id}").status == 200
