"""Hands a message to the mail server."""

from __future__ import annotations

import smtplib
import socket
import ssl
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.errors import TaskError, UnrecoverableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from services.worker.mail.server import MailServer

#: Longest wait for a connection and for one answer, in seconds.
ANSWER_TIMEOUT_S = 10.0
#: Longest wait for the answer to the message itself, in seconds.
DATA_TIMEOUT_S = 60.0
_FAREWELL_TIMEOUT_S = 2.0
_LONGEST_ANSWER = 300
_PERMANENT = 500


class MailServerError(TaskError):
    """Raised when the mail server can't take the message now; later it may."""


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """What the server needs to know beside the message.

    Attributes:
        sender: Bare address that failures are reported to.
        recipients: Bare addresses.
        message: The message.
    """

    sender: str
    recipients: Sequence[str]
    message: bytes


@dataclass(frozen=True)
class Delivered:
    """What the server took.

    Attributes:
        accepted: Recipients that it serves.
        refused: Why it does not serve the others.
    """

    accepted: list[str]
    refused: dict[str, str]


def deliver(
    envelope: Envelope, server: MailServer, *, deadline: float, is_last_attempt: bool
) -> Delivered:
    """Hand the message over, once for all recipients.

    While there are attempts left, one recipient that the server puts off puts off all,
    so that nobody gets the message twice; the last attempt serves whom it can.

    Args:
        envelope: What and to whom.
        server: Through which server.
        deadline: When to be done, in `time.monotonic()` seconds.
        is_last_attempt: Whether no attempt follows.

    Raises:
        UnrecoverableError: When the server refuses the message or all recipients.
        MailServerError: When the server can't be reached or asks to come back.
    """
    with _connected(server, deadline) as connection:
        try:
            return _transfer(
                connection, envelope, deadline, is_last_attempt=is_last_attempt
            )
        except smtplib.SMTPResponseException as error:
            raise _refusal(error.smtp_code, error.smtp_error) from error
        except (smtplib.SMTPException, OSError) as error:
            raise _failure(server, error, deadline) from error


class _Watched(smtplib.SMTP):
    """A connection that is cut at its deadline.

    A socket's time-out begins anew with each byte; a server that drips would keep the
    worker for as long as it likes.
    """

    def __init__(self, *, deadline: float, **options: Any) -> None:
        """Connect at once; `deadline` is in `time.monotonic()` seconds."""
        self._is_cut = False
        self._watch = threading.Timer(deadline - time.monotonic(), self._cut)
        self._watch.daemon = True
        self._watch.start()
        try:
            super().__init__(**options)
        except BaseException:
            self._watch.cancel()
            raise

    def close(self) -> None:
        """Close the connection; nothing is left to watch."""
        self._watch.cancel()
        super().close()

    def getreply(self) -> tuple[int, bytes]:
        """Read one answer."""
        answer = super().getreply()
        if self._is_cut:
            # What arrived before the cut may be half a line that reads as success.
            self.close()
            raise TimeoutError
        return answer

    def _cut(self) -> None:
        self._is_cut = True
        # Whoever waits for the server wakes up with an error.
        with suppress(OSError):
            if self.sock is not None:
                self.sock.shutdown(socket.SHUT_RDWR)


class _WatchedTls(_Watched, smtplib.SMTP_SSL):
    """The same, encrypted from the first byte."""


@contextmanager
def _connected(server: MailServer, deadline: float) -> Iterator[smtplib.SMTP]:
    # What goes wrong here is the server's matter, not the message's: whatever its
    # answer, another attempt may find it repaired.
    try:
        connection = _dial(server, deadline)
    except (smtplib.SMTPException, OSError) as error:
        raise _failure(server, error, deadline) from error
    try:
        _introduce(connection, server, deadline)
        yield connection
    finally:
        _hang_up(connection)


def _dial(server: MailServer, deadline: float) -> smtplib.SMTP:
    options = {
        "host": server.host,
        "port": server.port,
        "local_hostname": socket.gethostname(),
        "timeout": _wait_s(deadline, ANSWER_TIMEOUT_S),
    }
    if server.security == "tls":
        context = ssl.create_default_context()
        return _WatchedTls(deadline=deadline, context=context, **options)
    return _Watched(deadline=deadline, **options)


def _introduce(connection: smtplib.SMTP, server: MailServer, deadline: float) -> None:
    try:
        if server.security == "starttls":
            connection.starttls(context=ssl.create_default_context())
        connection.ehlo_or_helo_if_needed()
        if server.user:
            connection.login(server.user, server.password)
    except (smtplib.SMTPException, OSError) as error:
        raise _failure(server, error, deadline) from error


def _hang_up(connection: smtplib.SMTP) -> None:
    # The message is accepted or not by now; a bad farewell changes neither.
    with suppress(smtplib.SMTPException, OSError):
        if connection.sock is not None:
            connection.sock.settimeout(_FAREWELL_TIMEOUT_S)
        connection.quit()
    connection.close()


def _transfer(
    connection: smtplib.SMTP,
    envelope: Envelope,
    deadline: float,
    *,
    is_last_attempt: bool,
) -> Delivered:
    _allow(connection, deadline, ANSWER_TIMEOUT_S)
    size = [f"size={len(envelope.message)}"] if connection.has_extn("size") else []
    _expect_success(*connection.mail(envelope.sender, size))
    accepted: list[str] = []
    refused: dict[str, str] = {}
    for recipient in envelope.recipients:
        _allow(connection, deadline, ANSWER_TIMEOUT_S)
        code, answer = connection.rcpt(recipient)
        if code in (250, 251, 252):
            accepted.append(recipient)
        elif code >= _PERMANENT or is_last_attempt:
            refused[recipient] = _words(code, answer)
        else:
            raise _refusal(code, answer)
    if not accepted:
        reasons = "; ".join(f"{who}: {why}" for who, why in refused.items())
        message = f"The mail server refuses every recipient: {reasons}"
        raise UnrecoverableError(message)
    _allow(connection, deadline, DATA_TIMEOUT_S)
    _expect_success(*connection.data(envelope.message))
    return Delivered(accepted, refused)


def _allow(connection: smtplib.SMTP, deadline: float, limit_s: float) -> None:
    """Let the next answer take up to `limit_s` seconds, but not past the deadline."""
    if connection.sock is not None:
        connection.sock.settimeout(_wait_s(deadline, limit_s))


def _wait_s(deadline: float, limit_s: float) -> float:
    left_s = deadline - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    return min(left_s, limit_s)


def _expect_success(code: int, answer: bytes) -> None:
    if not 200 <= code < 300:  # noqa: PLR2004 - SMTP's own numbers
        raise _refusal(code, answer)


def _failure(server: MailServer, error: Exception, deadline: float) -> MailServerError:
    if isinstance(error, smtplib.SMTPResponseException):
        reason = f"it answers {_words(error.smtp_code, error.smtp_error)}"
    elif (
        isinstance(error, TimeoutError)
        or isinstance(error.__context__, TimeoutError)
        or time.monotonic() >= deadline
    ):
        reason = "it does not answer in time"
    else:
        reason = str(error) or type(error).__name__
    message = f"The mail server at {server.address} can't be used: {reason}"
    return MailServerError(message)


def _refusal(code: int, answer: bytes | str) -> TaskError:
    words = _words(code, answer)
    if code >= _PERMANENT:
        return UnrecoverableError(f"The mail server refuses the message: {words}")
    return MailServerError(f"The mail server puts the message off: {words}")


def _words(code: int, answer: bytes | str) -> str:
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return f"{code} {' '.join(text.split())}"[:_LONGEST_ANSWER]
