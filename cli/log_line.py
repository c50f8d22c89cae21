"""A service's log line as one readable line."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from rich.text import Text

_NAME_WIDTH = 11
_COLOURS = {
    "nightshift": "bold",
    "api": "cyan",
    "worker": "green",
    "scheduler": "magenta",
    "mail": "blue",
    "webhook": "yellow",
    "redis": "red",
}
_LEVEL_STYLES = {
    "debug": "dim",
    "warning": "yellow",
    "error": "red",
    "critical": "bold red",
}
#: Shown in their own way, or known from the line's prefix.
_APART = frozenset({"event", "level", "timestamp", "service", "logger", "exception"})


def render(name: str, line: str) -> Text:
    """Return one line of the child called `name`, ready to print.

    JSON log lines become `time name event key=value …`; other lines stay as they are,
    without characters that would steer the terminal.
    """
    record = _record(line)
    if record is None:
        return Text.assemble(_prefix(name, _clock(None)), printable(line))
    style = _LEVEL_STYLES.get(str(record.get("level", "")).lower(), "")
    text = _prefix(name, _clock(record.get("timestamp")))
    text.append(printable(str(record["event"])), style=style)
    for key in sorted(record.keys() - _APART):
        text.append(f" {printable(key)}=", style="dim")
        text.append(printable(_value(record[key])))
    for extra in str(record.get("exception") or "").splitlines():
        text.append(f"\n{' ' * (_NAME_WIDTH + 9)}{printable(extra)}", style="dim")
    return text


def printable(text: str) -> str:
    """Return `text` with every character that would steer a terminal spelled out."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _record(line: str) -> dict[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) and "event" in record else None


def _prefix(name: str, clock: str) -> Text:
    text = Text(f"{clock} ", style="dim")
    colour = _COLOURS.get(name, "")
    return Text.assemble(text, (f"{name:<{_NAME_WIDTH}}", colour))


def _clock(timestamp: object) -> str:
    try:
        moment = datetime.fromisoformat(str(timestamp)).astimezone()
    except ValueError:
        moment = datetime.now().astimezone()
    return moment.strftime("%H:%M:%S")


def _value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
