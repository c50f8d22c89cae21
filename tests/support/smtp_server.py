"""A real SMTP server that can be told to be difficult."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

if TYPE_CHECKING:
    from types import TracebackType


@dataclass(frozen=True)
class Mail:
    """A message that was accepted."""

    sender: str
    recipients: list[str]
    content: bytes


@dataclass
class Script:
    """What the server answers.

    Attributes:
        data: The answers to messages, in order; afterwards it accepts.
        recipients: The answer to a recipient, where it isn't acceptance.
        hang_on_data: Never answer a message.
        close_after_accept: Hang up instead of saying goodbye.
        login: User and password, both needed when given.
    """

    data: list[str] = field(default_factory=list)
    recipients: dict[str, str] = field(default_factory=dict)
    hang_on_data: bool = False
    close_after_accept: bool = False
    login: tuple[str, str] | None = None


class SmtpServer:
    """Listens on a free port of the loopback while its block is open."""

    def __init__(self, script: Script | None = None) -> None:
        """Follow `script`."""
        self.script = script or Script()
        self.mails: list[Mail] = []
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    @property
    def url(self) -> str:
        """The setting that leads here."""
        return f"smtp://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = self._await(self._listen())
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._await(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _await(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=10)

    async def _listen(self) -> asyncio.Server:
        options: dict[str, Any] = {}
        if self.script.login is not None:
            options = {"authenticator": self._authenticate, "auth_require_tls": False}
        return await self._loop.create_server(
            lambda: SMTP(self, loop=self._loop, hostname="test", **options),
            "127.0.0.1",
            0,
        )

    async def _close(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _authenticate(
        self, server: Any, session: Any, envelope: Any, mechanism: str, login: Any
    ) -> AuthResult:
        del server, session, envelope, mechanism
        assert isinstance(login, LoginPassword)
        given = (login.login.decode(), login.password.decode())
        return AuthResult(success=given == self.script.login)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        """Answer to a recipient."""
        del server, options
        if self.script.login is not None and not session.authenticated:
            return "530 log in first"
        answer = self.script.recipients.get(address, "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: Any, session: Any, envelope: Any
    ) -> str:
        """Answer to a message."""
        del session
        if self.script.hang_on_data:
            await asyncio.Event().wait()
        answer = self.script.data.pop(0) if self.script.data else "250 accepted"
        if answer.startswith("250"):
            self.mails.append(
                Mail(envelope.mail_from, list(envelope.rcpt_tos), envelope.content)
            )
        if self.script.close_after_accept:
            self._loop.call_later(0.05, server.transport.abort)
        return answer
