from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from services.api.enqueue_line import EnqueueLine
from shared.errors import BrokerError, RedisUnavailableError
from tests.support.wait import wait_for

if TYPE_CHECKING:
    from collections.abc import Sequence


class SlowProducer:
    """Answers with the request itself, when the test lets it."""

    def __init__(self) -> None:
        self.gate = threading.Semaphore(0)
        self.trips: list[list[Any]] = []

    def enqueue(self, request: Any) -> Any:
        return self.enqueue_many([request])[0]

    def enqueue_many(self, requests: Sequence[Any]) -> list[Any]:
        self.trips.append(list(requests))
        self.gate.acquire()
        if "broken" in requests:
            message = "unforeseen"
            raise ValueError(message)
        return [RedisUnavailableError(r) if r == "bad" else r for r in requests]


def test_takes_along_who_came_meanwhile() -> None:
    producer = SlowProducer()
    line = EnqueueLine(producer)  # type: ignore[arg-type]
    with ThreadPoolExecutor(10) as pool:
        first = pool.submit(line.enqueue, 0)  # type: ignore[arg-type]
        wait_for(lambda: producer.trips)
        others = [pool.submit(line.enqueue, n) for n in range(1, 10)]  # type: ignore[arg-type]
        wait_for(lambda: len(line._line) == 9)
        producer.gate.release(2)

        assert first.result(5) == 0  # type: ignore[comparison-overlap]
        assert [other.result(5) for other in others] == list(range(1, 10))  # type: ignore[comparison-overlap]

    assert [len(trip) for trip in producer.trips] == [1, 9]
    assert not line._is_away


@pytest.mark.parametrize("bad", ["bad", "broken"])
def test_one_bad_job_harms_nobody_for_long(bad: str) -> None:
    producer = SlowProducer()
    line = EnqueueLine(producer)  # type: ignore[arg-type]
    with ThreadPoolExecutor(3) as pool:
        pool.submit(line.enqueue, "first")  # type: ignore[arg-type]
        wait_for(lambda: producer.trips)
        one = pool.submit(line.enqueue, bad)  # type: ignore[arg-type]
        wait_for(lambda: len(line._line) == 1)
        two = pool.submit(line.enqueue, "good")  # type: ignore[arg-type]
        wait_for(lambda: len(line._line) == 2)
        producer.gate.release(10)

        with pytest.raises((BrokerError, ValueError)):
            one.result(5)
        if bad == "bad":
            assert two.result(5) == "good"  # type: ignore[comparison-overlap]
        else:
            with pytest.raises(BrokerError):
                two.result(5)

    assert line.enqueue("later") == "later"  # type: ignore[arg-type,comparison-overlap]
