from __future__ import annotations

import http.client
import smtplib
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from typing import TYPE_CHECKING

import pytest

from cli.mail_catcher import catching
from cli.mailbox import Mailbox
from cli.ports import LOOPBACK, Ports

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def ports() -> tuple[int, int]:
    free = Ports()
    return free.take(), free.take()


@pytest.fixture
def mailbox(tmp_path: Path, ports: tuple[int, int]) -> Iterator[Mailbox]:
    folder = tmp_path / "mail"
    with catching(folder, smtp_port=ports[0], page_port=ports[1]):
        yield Mailbox(folder)


def send(port: int, subject: str, *recipients: str) -> None:
    message = EmailMessage()
    message["Subject"], message["To"] = subject, "ada@example.com"
    message.set_content("Grüße\n.\nafter a dot")
    with smtplib.SMTP(LOOPBACK, port, timeout=10) as server:
        server.send_message(message, "shop@example.com", recipients)


def test_stores_a_mail_with_its_envelope(
    mailbox: Mailbox, ports: tuple[int, int]
) -> None:
    send(ports[0], "Hello", "ada@example.com", "hidden@example.com")

    (mail,) = mailbox.newest(10)
    source = mailbox.source(mail.id) or b""
    assert mail.text == "Grüße\r\n.\r\nafter a dot\r\n"
    assert b"Return-Path: <shop@example.com>\r\n" in source
    assert b"Delivered-To: hidden@example.com\r\n" in source


def test_stores_every_one_of_many_mails_whole(
    mailbox: Mailbox, ports: tuple[int, int]
) -> None:
    with ThreadPoolExecutor(8) as threads:
        for number in range(40):
            threads.submit(send, ports[0], f"Mail {number}", "ada@example.com")

    subjects = {mail.subject for mail in mailbox.newest(100)}
    assert subjects == {f"Mail {number}" for number in range(40)}
    assert not list(mailbox.folder.glob(".*"))


def test_shows_the_mail_on_its_page(mailbox: Mailbox, ports: tuple[int, int]) -> None:
    send(ports[0], "Hello page", "ada@example.com")

    connection = http.client.HTTPConnection(LOOPBACK, ports[1], timeout=10)
    connection.request("GET", "/")
    page = connection.getresponse().read()
    connection.close()

    assert b"Hello page" in page
    assert mailbox.newest(1)[0].id.encode() in page


def test_asks_to_come_back_when_the_mail_can_not_be_stored(
    mailbox: Mailbox, ports: tuple[int, int]
) -> None:
    mailbox.folder.write_text("a file where the folder should be")

    with pytest.raises(smtplib.SMTPDataError, match="452"):
        send(ports[0], "Hello", "ada@example.com")
