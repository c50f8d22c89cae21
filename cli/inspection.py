"""`nightshift inspect`: shows how a queue or a job is stored in Redis."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.errors import CliError
from cli.redis_address import connected
from shared.broker.anatomy import WALK_LIMIT, Anatomist, JobAnatomy
from shared.broker.inspector import Inspector

if TYPE_CHECKING:
    from shared.broker.anatomy import Key, QueueAnatomy

_UNSEEN = "(not shown)"


@click.command(name="inspect")
@click.argument("queue")
@click.argument("job_id", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option(
    "--all",
    "walks_all",
    is_flag=True,
    help="Count the keys of a large server to the end.",
)
@click.option(
    "--namespace",
    envvar="NIGHTSHIFT_NAMESPACE",
    default="nightshift",
    show_default=True,
    help="Prefix of the installation's keys.",
)
@click.option(
    "--state-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("var"),
    show_default=True,
    help="Folder of the local installation; REDIS_URL, when set, comes first.",
)
def inspect(
    *,
    queue: str,
    job_id: str | None,
    as_json: bool,
    walks_all: bool,
    namespace: str,
    state_dir: Path,
) -> None:
    """Show how QUEUE, or one job of it, is stored in Redis.

    Every key with its type, entries, bytes and expiry, and what it is for. Data,
    results, reasons and logs are measured, never shown.
    """
    with connected(state_dir) as client:
        inspector = Inspector(client, namespace=namespace, catalogue={})
        anatomist = Anatomist(client, namespace=namespace)
        known = inspector.queues()
        if queue not in known:
            raise CliError(_unknown_queue(queue, known))
        found: JobAnatomy | QueueAnatomy | None
        if job_id is None:
            limit = None if walks_all else WALK_LIMIT
            found = anatomist.queue(queue, walk_limit=limit)
        else:
            found = anatomist.job(queue, job_id)
    if found is None:
        raise CliError(f"Nothing is stored about a job {job_id!r} of queue {queue!r}.")
    if as_json:
        click.echo(json.dumps(_document(found), indent=2, ensure_ascii=False))
    else:
        _show(found)


def _unknown_queue(queue: str, known: list[str]) -> str:
    if not known:
        return f"There is no queue {queue!r}; no job was ever added here."
    return f"There is no queue {queue!r}; there are: {', '.join(known)}."


def _document(found: JobAnatomy | QueueAnatomy) -> dict[str, object]:
    document = dataclasses.asdict(found)
    renamed: dict[str, object] = json.loads(
        json.dumps(document),
        object_pairs_hook=lambda pairs: {_camel(name): value for name, value in pairs},
    )
    return renamed


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.title() for word in others)


def _show(found: JobAnatomy | QueueAnatomy) -> None:
    console = Console(width=None if sys.stdout.isatty() else 200, highlight=False)
    console.print(_keys_table(found.keys))
    for key in found.keys:
        if key.parts:
            console.print()
            console.print(_parts_table(key))
    if isinstance(found, JobAnatomy):
        _show_places(console, found)
    else:
        _show_kinds(console, found)


def _show_places(console: Console, job: JobAnatomy) -> None:
    table = _table("found in", "score", "which says", "the key holds")
    for place in job.places:
        score = "" if place.score is None else str(place.score)
        table.add_row(Text(place.key), score, place.meaning, place.purpose)
    console.print()
    console.print(table)
    console.print(
        f"\n{_bytes(sum(key.bytes for key in job.keys))} bytes in keys of its own."
    )


def _show_kinds(console: Console, queue: QueueAnatomy) -> None:
    table = _table("keys of which there are many", "type", "keys", "bytes", "for")
    at_least = "" if queue.is_whole else "≥ "
    for kind in queue.kinds:
        count, size = at_least + _bytes(kind.count), at_least + _bytes(kind.bytes)
        table.add_row(Text(kind.pattern), kind.type, count, size, kind.purpose)
    console.print()
    console.print(table)
    total = sum(key.bytes for key in queue.keys) + sum(k.bytes for k in queue.kinds)
    console.print(f"\nAbout {at_least}{_bytes(total)} bytes altogether.")
    if not queue.is_whole:
        console.print(
            "The server holds more keys than were looked at; --all counts on."
        )


def _keys_table(keys: tuple[Key, ...]) -> Table:
    table = _table("key", "type", "entries", "bytes", "expires in", "for")
    for key in keys:
        expires = "" if key.expires_in_ms is None else f"{key.expires_in_ms / 1000:g} s"
        table.add_row(
            Text(key.key),
            key.type,
            _bytes(key.entries),
            _bytes(key.bytes),
            expires,
            key.purpose,
        )
    return table


def _parts_table(key: Key) -> Table:
    table = _table("field", "bytes", "value", "for")
    table.title, table.title_justify, table.title_style = key.key, "left", "bold"
    for part in key.parts:
        value = Text(_UNSEEN if part.value is None else part.value)
        table.add_row(Text(part.name), _bytes(part.bytes), value, part.purpose)
    return table


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        is_number = column in ("bytes", "entries", "keys", "score")
        table.add_column(
            column, justify="right" if is_number else "left", overflow="fold"
        )
    return table


def _bytes(number: int) -> str:
    return f"{number:,}"
