"""Where the mail server is, and how to talk to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

Security = Literal["none", "starttls", "tls"]

_DEFAULT_PORTS = {"smtp": 25, "smtps": 465}


@dataclass(frozen=True, kw_only=True)
class MailServer:
    """An SMTP server.

    Attributes:
        host: Its name or address.
        port: Its port.
        security: `tls` from the first byte, `starttls` after the greeting, or `none`.
        user: Whom to log in as; empty for nobody.
        password: The password.
    """

    host: str
    port: int
    security: Security
    user: str = ""
    password: str = field(default="", repr=False)

    @property
    def address(self) -> str:
        """Host and port, fit for a message."""
        return f"{self.host}:{self.port}"


def parse(url: str) -> MailServer:
    """Read `smtp://[user:password@]host[:port][?starttls=on|off]` or `smtps://…`.

    `smtp` with a user turns STARTTLS on, so that no password travels in the clear;
    `starttls=off` is for a server on the same machine.

    Raises:
        ValueError: When the address is not usable; the message never repeats it.
    """
    parts = urlsplit(url)
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        message = "must look like smtp://host:port or smtps://user:password@host"
        raise ValueError(message)
    return MailServer(
        host=parts.hostname,
        port=parts.port or _DEFAULT_PORTS[parts.scheme],
        security=_security(parts),
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


def _security(parts: SplitResult) -> Security:
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    starttls = options.pop("starttls", "on" if parts.username else "off")
    if options or starttls not in ("on", "off"):
        message = "may only say starttls=on or starttls=off after the question mark"
        raise ValueError(message)
    if parts.scheme == "smtps":
        return "tls"
    return "starttls" if starttls == "on" else "none"
