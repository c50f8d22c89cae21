"""Keeps what a contract marks as secret out of everything that a job says."""

from __future__ import annotations

from contextvars import ContextVar
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from services.worker.context import Reporter
    from shared.contracts.model import Model

REDACTED = "[redacted]"
#: Shorter values are words that stand everywhere, as a first name; taking them out of
#: sentences would spoil the sentences and hide nothing.
SHORTEST = 6


class Redaction:
    """Knows the secret values of one job's data."""

    def __init__(self, data: Model, fields: Iterable[str]) -> None:
        """Keep the values of `fields` secret; nothing is looked at before it is needed.

        Args:
            data: The job's data.
            fields: Names of its fields, as Python spells them.
        """
        self._data = data
        self._fields = set(fields)

    def text(self, text: str) -> str:
        """Return a text without the secrets."""
        for secret in self._secrets:
            if secret in text:
                text = text.replace(secret, REDACTED)
        return text

    def value(self, value: Any) -> Any:
        """Return a JSON value whose texts are without the secrets."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.value(each) for each in value]
        if isinstance(value, dict):
            return {self.text(name): self.value(each) for name, each in value.items()}
        return self.text(str(value)) if _is_long_number(value) else value

    @cached_property
    def _secrets(self) -> list[str]:
        """The values, and how they look inside of JSON and `repr`; longest first."""
        document = self._data.model_dump(mode="json", include=self._fields)
        plain = {text for text in _texts(document) if len(text) >= SHORTEST}
        spelled = {msgspec.json.encode(text).decode()[1:-1] for text in plain}
        shown = {repr(text)[1:-1] for text in plain}
        return sorted(plain | spelled | shown, key=len, reverse=True)


class RedactingReporter:
    """Takes the secrets out of what a task reports."""

    def __init__(self, reporter: Reporter, redaction: Redaction) -> None:
        """Hand on to `reporter`."""
        self._reporter = reporter
        self._redaction = redaction

    @property
    def is_cancelled(self) -> bool:
        """Whether the job should stop."""
        return self._reporter.is_cancelled

    def progress(self, progress: bytes) -> None:
        """Take the job's progress, JSON text."""
        clean = self._redaction.value(msgspec.json.decode(progress))
        self._reporter.progress(msgspec.json.encode(clean))

    def add_log(self, lines: list[str], *, operation: str) -> None:
        """Take log lines."""
        clean = [self._redaction.text(line) for line in lines]
        self._reporter.add_log(clean, operation=operation)


#: What the job of the present thread must not say; None when it may say everything.
current: ContextVar[Redaction | None] = ContextVar("redaction", default=None)


def clean(text: str) -> str:
    """Return a text without the secrets of the present thread's job."""
    redaction = current.get()
    return text if redaction is None else redaction.text(text)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, str) or _is_long_number(value):
        yield str(value)


def _is_long_number(value: object) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and len(str(value)) >= SHORTEST
