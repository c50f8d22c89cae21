"""What a health check tries; each function returns what it found or raises."""

from __future__ import annotations

import os
import shutil
import socket
from typing import TYPE_CHECKING

from services.worker.cleanup import redis_keys
from shared.broker.connection import translated_errors
from shared.errors import TaskError

if TYPE_CHECKING:
    from services.worker.context import JobContext

_SMTP_S = 5.0


class UnhealthyError(TaskError):
    """Raised when something that tasks need can't be used."""


def redis(context: JobContext) -> str:
    """Ask the broker's server for a sign of life and for its backlog."""
    context.inspector.ping()
    queues = context.inspector.queues()
    oldest_s = max(
        (context.inspector.oldest_waiting_age_s(queue) for queue in queues), default=0.0
    )
    return f"{len(queues)} queues, the oldest waiting job waits {oldest_s:.0f} s"


def storage(context: JobContext) -> str:
    """Write, read and remove a file."""
    content = os.urandom(64)
    file = context.storage.put(content, name="health-check", content_type="")
    try:
        if context.storage.read(file.id) != content:
            message = "A file came back changed."
            raise UnhealthyError(message)
    finally:
        context.storage.delete(file.id)
    return "a file was written, read and removed"


def disk(context: JobContext, *, min_free_mb: int) -> str:
    """Look at the room for files."""
    folder = context.settings.nightshift_storage_dir
    folder.mkdir(parents=True, exist_ok=True)
    free_mb = shutil.disk_usage(folder).free // (1024 * 1024)
    if free_mb < min_free_mb:
        message = f"Only {free_mb:,} MB are free for files."
        raise UnhealthyError(message)
    return f"{free_mb:,} MB free"


def mail_server(context: JobContext) -> str:
    """Connect to the mail server and wait for its greeting."""
    server = context.settings.mail_server
    if server is None:
        raise UnhealthyError("There is no mail server.")
    timeout_s = min(_SMTP_S, max(0.1, context.remaining_s()))
    with socket.create_connection((server.host, server.port), timeout_s) as connection:
        greeting = b"" if server.security == "tls" else connection.recv(200)
    if server.security != "tls" and not greeting.startswith(b"220"):
        message = f"The mail server says {greeting[:80]!r}."
        raise UnhealthyError(message)
    return f"{server.address} answers"


def team_database(context: JobContext) -> str:
    """Ask the database for the number one."""
    # Here, as it takes a while to load, and most workers have no database.
    from services.worker.cleanup import database  # noqa: PLC0415

    with database.opened(context) as engine, engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1").scalar_one()
        return f"{engine.dialect.name} answers"


def cache(context: JobContext) -> str:
    """Ask the team's Redis for a sign of life."""
    with redis_keys.team_redis(context) as client, translated_errors():
        client.ping()
    return "the cache answers"
