"""The worker claims no more before any middleware hears of the shutdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dramatiq
from dramatiq import Middleware

from shared.broker.broker import NightshiftBroker
from shared.broker.connection import connect

if TYPE_CHECKING:
    from dramatiq import Broker, Worker


class Listener(Middleware):
    """Notes what the broker says of itself when the shutdown is announced."""

    def __init__(self) -> None:
        self.was_draining: bool | None = None

    def before_worker_shutdown(self, broker: Broker, worker: Worker) -> None:
        assert isinstance(broker, NightshiftBroker)
        del worker
        self.was_draining = broker.is_draining


def test_even_the_first_middleware_finds_the_broker_draining(
    redis_url: str, namespace: str
) -> None:
    listener = Listener()
    with connect(redis_url) as client:
        broker = NightshiftBroker(
            client, namespace=namespace, catalogue={}, middleware=[listener]
        )
        worker = dramatiq.Worker(broker, worker_threads=1, worker_timeout=50)
        worker.start()
        assert not broker.is_draining
        worker.stop(timeout=10_000)
        broker.close()
    assert listener.was_draining is True
