"""The commands and their options."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from cli import welcome
from cli.demo.demo import Demo
from cli.doctor import doctor
from cli.errors import StoppedError
from cli.inspection import inspect
from cli.installation import Wish, running
from cli.token import token

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.runner import Runner

_FAILED, _KILLED = 1, 130
_STOPPING = "Stopping; Ctrl-C stops at once."
_CONTEXT = {"help_option_names": ["-h", "--help"]}
_STATE_DIR = click.option(
    "--state-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("var"),
    show_default=True,
    help="Where data, files, mail, logs and the token are kept.",
)
_API_PORT = click.option(
    "--api-port",
    type=click.IntRange(0, 65535),
    help="Port of the api. [default: 8000, or the next free one; 0: any free one]",
)
_JSON_LOGS = click.option(
    "--json-logs", is_flag=True, help="Print log lines as they are, one JSON each."
)


def _common_options(command: Callable[..., Any]) -> Callable[..., Any]:
    return _STATE_DIR(_API_PORT(_JSON_LOGS(command)))


@click.group(context_settings=_CONTEXT)
def nightshift() -> None:
    """Nightshift: background jobs over HTTP, on this machine."""


nightshift.add_command(doctor)
nightshift.add_command(inspect)
nightshift.add_command(token)


@nightshift.command()
@_common_options
@click.option(
    "--reload", is_flag=True, help="Restart services when their code changes."
)
def up(*, state_dir: Path, api_port: int | None, json_logs: bool, reload: bool) -> int:
    """Run everything on this machine until Ctrl-C.

    That is Redis (unless REDIS_URL is set), api, worker, scheduler and a mail catcher,
    all on the loopback interface, with a token made on the first run.
    """
    # With JSON lines on standard output, people read standard error.
    console = Console(stderr=json_logs)
    wish = Wish(
        state_dir=state_dir, api_port=api_port, json_logs=json_logs, reload=reload
    )
    logs = Console() if json_logs else console
    with running(wish, console=console, logs=logs) as installation:
        welcome.show(console, installation)
        installation.runner.serve()
        console.print(_STOPPING, style="dim")
    return _status(installation.runner, done=True)


@nightshift.command()
@_common_options
@click.option("--exit", "ends", is_flag=True, help="End when everything is verified.")
def demo(*, state_dir: Path, api_port: int | None, json_logs: bool, ends: bool) -> int:
    """Run everything and do one real job of each kind.

    The jobs go through the public API. Their results are verified independently: the
    pictures are opened, the mail is read from the mailbox, the webhook's signature is
    checked by its receiver.
    """
    console = Console(stderr=json_logs)
    wish = Wish(
        state_dir=state_dir,
        api_port=api_port,
        json_logs=json_logs,
        show_logs=json_logs,
        with_receiver=True,
    )
    logs = Console() if json_logs else console
    with running(wish, console=console, logs=logs) as installation:
        runner = installation.runner
        show = Demo(installation, console=console)
        runner.serve(show.run)
        if not ends and not runner.stopping.is_set():
            installation.output.shown = True
            welcome.show(console, installation)
            runner.serve()
        console.print(_STOPPING, style="dim")
    if show.is_verified is None:
        raise StoppedError("Stopped before the results were verified.")
    return _status(runner, done=show.is_verified)


@nightshift.command()
def version() -> None:
    """Print the version."""
    click.echo(f"nightshift {importlib.metadata.version('nightshift')}")


def _status(runner: Runner, *, done: bool) -> int:
    if runner.was_killed:
        return _KILLED
    return 0 if done else _FAILED
