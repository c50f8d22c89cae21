"""An SMTP server of raw sockets that misbehaves at a chosen moment."""

from __future__ import annotations

import socket
import struct
import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import ssl
    from types import TracebackType

#: What the server does where it does not answer with a line.
HANG, DRIP, RESET, CLOSE, GARBAGE = "HANG", "DRIP", "RESET", "CLOSE", "GARBAGE"

_USUAL = {
    "greeting": "220 ready",
    "EHLO": "250-here\r\n250 SIZE 10000000",
    "STARTTLS": "220 go ahead",
    "MAIL": "250 fine",
    "RCPT": "250 fine",
    "DATA": "354 go on",
    ".": "250 taken",
    "RSET": "250 fine",
    "QUIT": "221 bye",
}


class FaultySmtp:
    """Listens on a free port of the loopback while its block is open.

    Attributes:
        taken: The messages that were read whole.
    """

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None = None,
        starttls: ssl.SSLContext | None = None,
        once: bool = False,
        **steps: str,
    ) -> None:
        """Behave as `steps` say: a verb, `greeting` or `message`, and what it gets.

        Args:
            tls: Speak TLS from the first byte.
            starttls: Offer STARTTLS and speak TLS after it.
            once: Misbehave in the first conversation only.
            steps: Answers that are not the usual ones.
        """
        self.taken: list[bytes] = []
        self.conversations = 0
        self._tls, self._starttls, self._once = tls, starttls, once
        self._steps = {
            "." if step == "message" else step: does for step, does in steps.items()
        }
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._listener.getsockname()[1]
        return port

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        # A thread that waits in accept wakes up when the listener is shut.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        for thread in self._threads:
            thread.join(5)
        for connection in self._open:
            connection.close()

    def _start(self, work: object, *args: object) -> None:
        thread = threading.Thread(target=work, args=args)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(connection)
            self.conversations += 1
            usual = self._once and self.conversations > 1
            self._start(self._guarded, connection, {} if usual else self._steps)

    def _guarded(self, connection: socket.socket, steps: dict[str, str]) -> None:
        try:
            if self._tls is not None:
                connection = self._encrypted(connection, self._tls)
            self._converse(connection, {**_USUAL, **steps})
        except OSError:
            pass
        finally:
            connection.close()

    def _encrypted(
        self, connection: socket.socket, context: ssl.SSLContext
    ) -> socket.socket:
        secure = context.wrap_socket(connection, server_side=True)
        self._open.append(secure)
        return secure

    def _converse(self, connection: socket.socket, answers: dict[str, str]) -> None:
        if not self._act(connection, answers["greeting"]):
            return
        while line := self._line(connection):
            verb = line.split()[0].upper().decode()
            answer = answers.get(verb, "502 unknown")
            if verb == "EHLO" and self._starttls is not None:
                answer = "250-here\r\n250 STARTTLS"
            if not self._act(connection, answer) or verb == "QUIT":
                return
            if verb == "STARTTLS" and self._starttls is not None:
                connection = self._encrypted(connection, self._starttls)
            if verb == "DATA" and answer.startswith("354"):
                self.taken.append(self._message(connection))
                if not self._act(connection, answers["."]):
                    return

    def _act(self, connection: socket.socket, does: str) -> bool:
        if does == HANG:
            self._closing.wait(30)
        elif does == DRIP:
            while not self._closing.wait(0.02):
                connection.sendall(b"250-x" if self._closing.is_set() else b"2")
        elif does == RESET:
            connection.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
        elif does == GARBAGE:
            connection.sendall(b"\x00\xff\x17HTTP/1.1 200 OK\r\n\r\n")
        elif does != CLOSE:
            connection.sendall(f"{does}\r\n".encode())
            return True
        return False

    def _line(self, connection: socket.socket) -> bytes:
        line = b""
        while not line.endswith(b"\n"):
            byte = connection.recv(1)
            if not byte:
                return b""
            line += byte
        return line.strip()

    def _message(self, connection: socket.socket) -> bytes:
        content = b""
        while not content.endswith(b"\r\n.\r\n"):
            piece = connection.recv(65_536)
            if not piece:
                raise ConnectionError
            content += piece
        return content
