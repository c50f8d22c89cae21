"""`nightshift token`: makes, lists, rotates and revokes the tokens of the API."""

from __future__ import annotations

import contextlib
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from cli.errors import CliError
from cli.redis_server import RedisServer
from shared.access.principal import Scope
from shared.access.token_store import TokenStore
from shared.broker.connection import connect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shared.access.token import Minted

_DAY_S = 86_400
_STATE_DIR = click.option(
    "--state-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("var"),
    show_default=True,
    help="Folder of the local installation; REDIS_URL, when set, comes first.",
)


@click.group()
def token() -> None:
    """Make, list, rotate and revoke the tokens of the API."""


@token.command()
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice([scope.value for scope in Scope]),
    multiple=True,
    required=True,
    help="What it may do; may be given several times.",
)
@click.option(
    "--queue",
    "queues",
    multiple=True,
    help="A queue it sees, such as email or team-*; all, when left out.",
)
@click.option("--days", type=click.IntRange(1, 3650), help="Days until it ends.")
@_STATE_DIR
def create(
    *,
    name: str,
    scopes: tuple[str, ...],
    queues: tuple[str, ...],
    days: int | None,
    state_dir: Path,
) -> None:
    """Make a token called NAME and print it, once."""
    if Scope.ADMIN in scopes and queues:
        raise CliError("A token with the scope admin sees all queues: drop --queue.")
    with _store(state_dir) as store:
        minted = store.create(
            name,
            scopes=[Scope(scope) for scope in scopes],
            queues=queues or ("*",),
            expires_in_s=None if days is None else days * _DAY_S,
        )
    _show(minted)


@token.command(name="list")
@_STATE_DIR
def show_all(*, state_dir: Path) -> None:
    """List the tokens, without their secrets."""
    with _store(state_dir) as store:
        tokens, uses = store.all(), store.uses()
    table = Table("id", "name", "scopes", "queues", "created", "expires", "last used")
    for one in tokens:
        table.add_row(
            one.id,
            one.name,
            " ".join(one.scopes),
            " ".join(one.queues),
            _day(one.created),
            _day(one.expires),
            _day(uses.get(one.id)),
        )
    Console(width=None if sys.stdout.isatty() else 200).print(table)


@token.command()
@click.argument("token_id")
@click.option(
    "--overlap-s",
    type=click.IntRange(0, 30 * _DAY_S),
    default=3600,
    show_default=True,
    help="Seconds for which the old secret stays good.",
)
@_STATE_DIR
def rotate(*, token_id: str, overlap_s: int, state_dir: Path) -> None:
    """Give the token TOKEN_ID a new secret and print it, once."""
    with _store(state_dir) as store:
        minted = store.rotate(token_id, overlap_s=overlap_s)
    if minted is None:
        raise _unknown(token_id)
    _show(minted)


@token.command()
@click.argument("token_id")
@_STATE_DIR
def revoke(*, token_id: str, state_dir: Path) -> None:
    """End the token TOKEN_ID."""
    with _store(state_dir) as store:
        if not store.revoke(token_id):
            raise _unknown(token_id)
    click.echo("Revoked. It is refused everywhere within a second.")


@contextlib.contextmanager
def _store(state_dir: Path) -> Iterator[TokenStore]:
    url = os.environ.get("REDIS_URL") or RedisServer(state_dir.resolve() / "redis").url
    namespace = os.environ.get("NIGHTSHIFT_NAMESPACE", "nightshift")
    try:
        client = connect(url)
    except ValueError as error:
        raise CliError(f"REDIS_URL is not usable: it {error}.") from None
    with client:
        yield TokenStore(client, namespace=namespace)


def _show(minted: Minted) -> None:
    click.echo(f"Token {minted.token.id}; it is shown only now:", err=True)
    click.echo(minted.text)


def _unknown(token_id: str) -> CliError:
    return CliError(
        f"There is no token {token_id!r}; `nightshift token list` shows them."
    )


def _day(at_ms: int | None) -> str:
    if at_ms is None:
        return "never"
    return datetime.fromtimestamp(at_ms / 1000, tz=UTC).strftime("%Y-%m-%d %H:%M")
