"""Waiting on streams that no single command may name: a line for each group of them."""

from __future__ import annotations

import selectors
from typing import TYPE_CHECKING, NamedTuple

import redis

from shared import clock
from shared.broker.line import Line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: How long Redis blocks a line at most, in milliseconds.
BLOCK_MS = 5_000
#: Silence beyond that means a dead connection, in milliseconds.
SILENCE_MS = BLOCK_MS + 3_000.0


class _Question(NamedTuple):
    after: Mapping[str, str]
    asked_at_ms: float


class _Listener:
    """One group's line, and what is asked on it."""

    def __init__(self, client: redis.Redis, place: str) -> None:
        self.line = Line(client, place)
        self._question: _Question | None = None

    def ask(self, after: Mapping[str, str], *, count: int) -> None:
        if self._question is not None and self._question.after == after:
            return
        # What was asked before is of no use any more, nor is its answer.
        self.close()
        self.line.send(
            *("XREAD", "COUNT", count, "BLOCK", BLOCK_MS),
            *("STREAMS", *after, *after.values()),
        )
        self._question = _Question(dict(after), clock.monotonic_ms())

    def answer(self) -> object:
        self._question = None
        return self.line.read()

    def expect_life(self) -> None:
        question = self._question
        if question and clock.monotonic_ms() - question.asked_at_ms > SILENCE_MS:
            message = "Redis keeps silent beyond its time-out."
            raise redis.exceptions.TimeoutError(message)

    def close(self) -> None:
        if self._question is not None:
            self._question = None
            self.line.close()


class StreamListener:
    """Reads groups of streams, each on a connection of its own; not thread-safe."""

    def __init__(self, client: redis.Redis) -> None:
        """Prepare; connections are opened by the first `read`."""
        self._client = client
        self._listeners: dict[str, _Listener] = {}

    def read(
        self,
        after: Mapping[str, str],
        groups: Sequence[Sequence[str]],
        *,
        count: int,
        block_ms: int,
    ) -> list[object]:
        """Return XREAD's answers as soon as there is one, none after `block_ms`.

        Args:
            after: The id after which each stream is read, by key.
            groups: The keys, those together that one command may name.
            count: Entries of one stream at most.
            block_ms: How long to wait, in milliseconds.
        """
        try:
            return self._read(after, groups, count=count, block_ms=block_ms)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connections; a later read opens others."""
        listeners, self._listeners = self._listeners, {}
        for listener in listeners.values():
            listener.line.close()

    def _read(
        self,
        after: Mapping[str, str],
        groups: Sequence[Sequence[str]],
        *,
        count: int,
        block_ms: int,
    ) -> list[object]:
        self._leave({group[0] for group in groups})
        with selectors.DefaultSelector() as selector:
            for group in groups:
                listener = self._listeners.get(group[0])
                if listener is None:
                    listener = _Listener(self._client, group[0])
                    self._listeners[group[0]] = listener
                listener.ask({key: after[key] for key in group}, count=count)
                selector.register(listener.line, selectors.EVENT_READ, listener)
            ready = [key.data for key, _ in selector.select(block_ms / 1000)]
        answers = [listener.answer() for listener in ready]
        for listener in self._listeners.values():
            listener.expect_life()
        return [answer for answer in answers if answer]

    def _leave(self, wanted: set[str]) -> None:
        for place in self._listeners.keys() - wanted:
            self._listeners.pop(place).line.close()
