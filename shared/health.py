"""A small HTTP server for probes and metrics, beside whatever the process does."""

from __future__ import annotations

import socket
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from prometheus_client import REGISTRY

from shared import logging
from shared.errors import ConfigurationError
from shared.exposition import CONTENT_TYPE, Exposition

if TYPE_CHECKING:
    from collections.abc import Callable

    from prometheus_client import CollectorRegistry

_TEXT = "text/plain; charset=utf-8"
#: A client that says nothing for so long is let go, in seconds.
_CLIENT_TIMEOUT_S = 5.0
#: How often the server looks whether it is to stop, in seconds.
_STOP_POLL_S = 0.1

_log = logging.get(__name__)


def _fine() -> str | None:
    return None


class HealthServer:
    """Answers `/livez`, `/readyz` and `/metrics` from a daemon thread.

    The thread starts with `start()`, never at construction: a process that forks
    starts its own server in the child.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        ready: Callable[[], str | None] = _fine,
        live: Callable[[], str | None] = _fine,
        registry: CollectorRegistry = REGISTRY,
    ) -> None:
        """Remember what to answer; nothing is bound yet.

        Args:
            host: Address to listen on.
            port: Port to listen on; 0 picks a free one.
            ready: Returns why the process can't do its work now, None when it can.
            live: Returns why the process must be restarted, None when it need not.
            registry: The metrics to show.
        """
        self._host = host
        self._port = port
        self._checks = {"/livez": live, "/readyz": ready}
        self._exposition = Exposition(registry)
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The port that is listened on; the wanted one before `start()`."""
        return self._server.server_port if self._server else self._port

    def start(self) -> None:
        """Listen and answer until `stop()`.

        Raises:
            ConfigurationError: When the address can't be listened on.
        """
        try:
            self._server = _Server((self._host, self._port), self._answer)
        except OSError as error:
            message = (
                f"The health server can't listen on {self._host}:{self._port} "
                f"({error.strerror or error}); set NIGHTSHIFT_HEALTH_HOST and "
                "NIGHTSHIFT_HEALTH_PORT to a free address, or the port to 0 for none."
            )
            raise ConfigurationError(message) from error
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": _STOP_POLL_S},
            name="health",
            daemon=True,
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop listening; harmless when it was not started or was stopped before."""
        server, thread = self._server, self._thread
        if server is None or thread is None:
            return
        self._port, self._server, self._thread = server.server_port, None, None
        server.shutdown()
        thread.join()
        server.server_close()

    def _answer(self, path: str) -> tuple[HTTPStatus, str, bytes]:
        if path == "/metrics":
            return HTTPStatus.OK, CONTENT_TYPE, self._exposition.text()
        check = self._checks.get(path)
        if check is None:
            body = b"Try /livez, /readyz or /metrics.\n"
            return HTTPStatus.NOT_FOUND, _TEXT, body
        reason = _reason(check)
        if reason is None:
            return HTTPStatus.OK, _TEXT, b"ok\n"
        return HTTPStatus.SERVICE_UNAVAILABLE, _TEXT, f"{reason}\n".encode()


def _reason(check: Callable[[], str | None]) -> str | None:
    try:
        return check()
    except Exception as error:  # noqa: BLE001 - a request's border
        # A check that breaks is a reason like any other; the probe gets its answer.
        _log.exception("health_check_broken")
        return f"The check itself failed with {type(error).__name__}."


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(
        self,
        address: tuple[str, int],
        answer: Callable[[str], tuple[HTTPStatus, str, bytes]],
    ) -> None:
        self.answer = answer
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        # The inherited method asks the name service for the host's full name, which
        # may take many seconds and is shown nowhere.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name = str(self.server_address[0])
        self.server_port = int(self.server_address[1])

    def handle_error(self, _request: object, _client_address: object) -> None:
        # Clients go away in the middle of an answer all the time; only a fault of
        # ours is worth a line, and none is worth the process.
        error = sys.exception()
        if not isinstance(error, OSError):
            _log.error("health_request_broken", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _CLIENT_TIMEOUT_S

    def do_GET(self) -> None:
        self._reply(with_body=True)

    def do_HEAD(self) -> None:
        self._reply(with_body=False)

    def _reply(self, *, with_body: bool) -> None:
        status, content_type, body = self.server.answer(self.path.partition("?")[0])
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def version_string(self) -> str:
        """Tell no version to strangers."""
        return "nightshift"

    def log_message(self, *_arguments: object) -> None:
        """Write nothing: probes come every few seconds."""
