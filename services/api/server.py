"""Granian around the application: one process, threads, an orderly end."""

from __future__ import annotations

import os
import signal
import socket
import threading
from typing import TYPE_CHECKING, Any

from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels

from services.api.settings import GRACE_S, THREADS
from shared import logging
from shared.errors import ConfigurationError

if TYPE_CHECKING:
    from flask import Flask
    from granian.server.common import AbstractServer

    from services.api.settings import ApiSettings

#: Open connections, idle ones included: Granian takes no more until one closes.
MAX_CONNECTIONS = 1024
#: How often an orphan notices that its parent is gone, in seconds.
PARENT_CHECK_S = 1.0

_log = logging.get(__name__)
_ENDS = frozenset({signal.SIGTERM, signal.SIGINT})
# Granian's own lines join ours on the root logger.
_LOGGERS: dict[str, Any] = {
    "loggers": {"_granian": {"handlers": [], "propagate": True}}
}


def serve(settings: ApiSettings) -> None:
    """Serve until SIGTERM or SIGINT; requests in flight are answered before the end.

    Raises:
        ConfigurationError: When the address can't be listened on.
    """
    host, port = settings.nightshift_api_host, settings.nightshift_api_port
    _check_address(host, port)
    _log.info("api_starting", host=host, port=port)
    granian(host, port).serve(target_loader=load_app, wrap_loader=False)


def granian(host: str, port: int) -> AbstractServer[Any]:
    """Return the server as we run it, for one application or another."""
    return Granian(
        "services.api.wsgi:app",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=THREADS,
        backlog=MAX_CONNECTIONS,
        backpressure=MAX_CONNECTIONS,
        workers_kill_timeout=GRACE_S,
        http=HTTPModes.http1,
        websockets=False,
        log_level=LogLevels.error,
        log_dictconfig=_LOGGERS,
    )


def load_app() -> Flask:
    """Return the application, in the process that Granian starts for it."""
    from services.api.wsgi import app  # noqa: PLC0415 - only in this process

    _watch_for_the_end(app)
    return app


def _check_address(host: str, port: int) -> None:
    # Granian shares its port (SO_REUSEPORT), so a second api would start beside the
    # first and get every other request; this bind refuses that.
    try:
        family, kind, *_, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except OSError as error:
        message = (
            f"The api can't listen on {host}:{port} ({error.strerror}); choose another "
            "NIGHTSHIFT_API_HOST or NIGHTSHIFT_API_PORT."
        )
        raise ConfigurationError(message) from None


def _watch_for_the_end(app: Flask) -> None:
    """Let waiting requests answer as soon as this process is told to end.

    Granian's own handlers tell nobody else, and would wait for the long polls. Python
    writes every signal's number to the wake-up socket before any handler runs.
    """
    ours, pythons = socket.socketpair()
    pythons.setblocking(False)
    ours.settimeout(PARENT_CHECK_S)
    signal.set_wakeup_fd(pythons.detach(), warn_on_full_buffer=False)
    threading.Thread(
        target=_await_end, args=(ours, app, os.getppid()), name="end", daemon=True
    ).start()


def _await_end(signals: socket.socket, app: Flask, parent: int) -> None:
    from services.api.app import stop  # noqa: PLC0415 - only in this process

    while True:
        try:
            if _ENDS.intersection(signals.recv(16)):
                break
        except TimeoutError:
            if os.getppid() != parent:
                # The parent was killed; without it nobody would ever end this process.
                os.kill(os.getpid(), signal.SIGTERM)
    stop(app)
