from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP

import pytest

from services.worker.mail import headers
from shared.errors import UnrecoverableError

HOSTILE = [
    "a\r\nBcc: x@y",
    "a\nb",
    "a\rb",
    "a\x00b",
    "a\x0bb",
    "a\x85b",
    "a\u2028b",
    "a\u2029b",
    "a\ud800b",
    "A \U0001f4a9 subject=?UTF-8?Q?=0A?=Bcc: x@y",
    "=?utf-8?b?YQ==?=",
]


@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_that_could_become_another_header_is_refused(value: str) -> None:
    with pytest.raises(UnrecoverableError, match="subject must be one line"):
        headers.checked("subject", value)


@pytest.mark.parametrize("value", ["Hello", "Grüße, 2 + 2 = 4?", "\U0001f389 done"])
def test_usual_words_pass(value: str) -> None:
    assert headers.checked("subject", value) == value


def message(**fields: str) -> EmailMessage:
    built = EmailMessage(policy=SMTP)
    for name, value in fields.items():
        built[name] = value
    built.set_content("hi")
    return built


def test_our_own_headers_pass() -> None:
    headers.check_bytes(message(From="a@b.c", To="d@e.f", Subject="x").as_bytes())


@pytest.mark.parametrize("name", ["Bcc", "X-Evil", "Resent-To", "Return-Path"])
def test_any_other_header_in_the_bytes_is_refused(name: str) -> None:
    raw = message(From="a@b.c", **{name: "x@y.z"}).as_bytes()

    with pytest.raises(UnrecoverableError, match="unexpected headers"):
        headers.check_bytes(raw)


def test_a_header_that_comes_twice_is_refused() -> None:
    raw = b"To: x@y.z\r\n" + message(To="a@b.c").as_bytes()

    with pytest.raises(UnrecoverableError, match="unexpected headers"):
        headers.check_bytes(raw)


@pytest.mark.parametrize("value", ["shop@example.com", "The Shop <shop@example.com>"])
def test_a_sender_is_an_address_with_or_without_a_name(value: str) -> None:
    assert headers.is_mailbox(value)


@pytest.mark.parametrize("value", ["", "shop", "The Shop", "a@b.c\r\nBcc: x@y", "@b"])
def test_anything_else_is_no_sender(value: str) -> None:
    assert not headers.is_mailbox(value)
