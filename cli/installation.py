"""Everything on this machine: the server, the services, their logs and their folder."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cli import local_services, redis_program
from cli.child import Child, Part, RedisPart
from cli.code_watch import CodeWatch
from cli.errors import ServerError
from cli.local_services import STOP_ORDER, LocalPorts
from cli.log_output import LogOutput
from cli.redis_server import RedisServer
from cli.runner import FilesChanged, Runner
from cli.state_folder import StateFolder, describe
from shared.broker.connection import connect, translated_errors
from shared.errors import BrokerError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rich.console import Console


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the user asked for.

    Attributes:
        state_dir: Where everything is kept.
        api_port: The api's port; 0 for any, None for the usual one if it is free.
        reload: Whether services restart when their code changes.
        json_logs: Whether log lines are printed as they are.
        show_logs: Whether log lines are printed at all.
        with_receiver: Whether the demo's webhook receiver runs.
    """

    state_dir: Path
    api_port: int | None = None
    reload: bool = False
    json_logs: bool = False
    show_logs: bool = True
    with_receiver: bool = False


@dataclass(frozen=True, kw_only=True)
class Installation:
    """What runs.

    Attributes:
        state: Its folder.
        ports: Where it listens.
        runner: What keeps it alive.
        output: Where its log lines go.
        server: What its Redis is, for people.
    """

    state: StateFolder
    ports: LocalPorts
    runner: Runner
    output: LogOutput
    server: str


@contextlib.contextmanager
def running(wish: Wish, *, console: Console, logs: Console) -> Iterator[Installation]:
    """Start everything, wait until it is ready, and stop it after the block.

    Args:
        wish: What the user asked for.
        console: Where to say what is going on.
        logs: Where log lines are printed.

    Raises:
        CliError: When something can't be started.
    """
    state = StateFolder(wish.state_dir)
    state.create()
    with state.locked():
        ports = LocalPorts.take(wish.api_port)
        output = LogOutput(logs, state.logs, raw=wish.json_logs, shown=wish.show_logs)
        server = _server(state)
        specs = local_services.specs(
            state,
            ports,
            redis_url=server.url if server else os.environ["REDIS_URL"],
            with_receiver=wish.with_receiver,
        )
        parts: list[Part] = [Child(spec, on_line=output.line) for spec in specs]
        if server:
            parts.insert(0, RedisPart(server))
        runner = Runner(parts, stop_order=STOP_ORDER, output=output)
        with runner, _reloading(runner, wish):
            with console.status("Starting"):
                runner.start()
            yield Installation(
                state=state,
                ports=ports,
                runner=runner,
                output=output,
                server=_described(server),
            )


def _server(state: StateFolder) -> RedisServer | None:
    """Return the server to embed, None when REDIS_URL names one that answers."""
    url = os.environ.get("REDIS_URL")
    if not url:
        return RedisServer(state.redis, program=redis_program.find())
    try:
        with translated_errors(), connect(url) as client:
            client.ping()
    except BrokerError as error:
        raise ServerError(
            f"The server of REDIS_URL is not usable: {error} Start it, or unset "
            "REDIS_URL to use an embedded one."
        ) from error
    except ValueError as error:
        raise ServerError(
            f"REDIS_URL is not usable: it {error}. Unset it to use an embedded server."
        ) from None
    return None


def _reloading(runner: Runner, wish: Wish) -> contextlib.AbstractContextManager[None]:
    if not wish.reload:
        return contextlib.nullcontext()
    return CodeWatch(lambda folders: runner.put(FilesChanged(folders)))


def _described(server: RedisServer | None) -> str:
    if server is None:
        return "the server of REDIS_URL"
    return f"embedded, its data in {describe(server.folder)}"
