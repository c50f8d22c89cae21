"""Dramatiq's broker on our scripts: Dramatiq runs jobs, we keep them.

The producer side of a team's applications is `producer.py`; this one lives in workers.
"""

from __future__ import annotations

import os
import threading
import time
from collections import defaultdict
from contextlib import suppress
from queue import Empty
from typing import TYPE_CHECKING, Any, cast

from dramatiq import Broker, Message, Middleware
from dramatiq.common import current_millis
from dramatiq.middleware import MiddlewareError

from shared import clock, ids, logging, metrics
from shared.broker import delivery as deliveries
from shared.broker import topology
from shared.broker.capacity import Capacity
from shared.broker.committer import Committer
from shared.broker.connection import translated_errors
from shared.broker.consumer import JobConsumer
from shared.broker.delivery import JobMessage
from shared.broker.keeper import LeaseKeeper
from shared.broker.keys import QueueKeys
from shared.broker.orders import order_of
from shared.broker.outbox import Outbox
from shared.broker.presence import Presence, WorkerInfo, host_name
from shared.broker.producer import Producer, Request
from shared.broker.scripts import LOST, Patience, Scripts
from shared.broker.suspects import may_join
from shared.broker.tally import Tally
from shared.broker.work_queue import WorkQueue
from shared.errors import BrokerError
from shared.jobs.options import JobOptions
from shared.jobs.outcome import Cancelled, Failure, Released, Retried

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import redis
    from dramatiq import Worker

    from shared.broker.delivery import Delivery
    from shared.broker.lease_guard import LeaseGuard
    from shared.broker.orders import Order
    from shared.broker.scripts import Claimed
    from shared.contracts.catalogue import AnyContract

LEASE_MS = 10_000
#: How long committed outcomes may take at the end of the process, in seconds.
LAST_FLUSH_S = 5.0

_log = logging.get(__name__)


class NightshiftBroker(Broker):
    """Connects one worker process's Dramatiq to the queues in Redis."""

    def __init__(
        self,
        client: redis.Redis,
        *,
        namespace: str,
        catalogue: Mapping[str, AnyContract],
        middleware: list[Middleware],
        lease_ms: int = LEASE_MS,
        version: str = "dev",
        guard: LeaseGuard | None = None,
    ) -> None:
        """Work through `client`, under `namespace`.

        Args:
            client: A client with time-outs.
            namespace: Prefix of every key.
            catalogue: The tasks that have a contract.
            middleware: All of Dramatiq's middleware, in order.
            lease_ms: How long a lease lasts without a renewal, in milliseconds.
            version: What this worker runs, for people to see.
            guard: Keeps the leases while job code keeps the interpreter to itself.
        """
        self._hooks: dict[str, list[Callable[..., None]]] = {}
        super().__init__(middleware=middleware)
        self.client = client
        self.catalogue = catalogue
        self.lease_ms = lease_ms
        self.worker_name = f"{host_name()}-{os.getpid()}-{ids.new_id()[-6:]}"
        self.capacity = Capacity(threads=1)
        self.tally = Tally()
        self.version = version
        self._started_ms = clock.now_ms()
        self._presence = Presence(client, namespace=namespace)
        self.namespace = namespace
        self._producer = Producer(client, namespace=namespace)
        self.outbox = Outbox(
            client, namespace=namespace, producer=self._producer, catalogue=catalogue
        )
        self._scripts: dict[str, Scripts] = {}
        self._leases: dict[tuple[str, str], Delivery] = {}
        self._refused: dict[tuple[str, str], str] = {}
        self._leases_lock = threading.Lock()
        self._drained = threading.Event()
        self._worker: Worker | None = None
        self._committer = Committer(self.scripts_of, on_settled=self._on_settled)
        self._keeper = LeaseKeeper(self)
        self._guard = guard

    # What Dramatiq calls

    def emit_before(self, signal: str, *args: Any, **kwargs: Any) -> None:
        """Tell the middleware that listens to `signal`; the others cost nothing."""
        if signal == "worker_boot":
            self._boot(args[0])
        elif signal == "worker_shutdown":
            # Before any middleware hears of it: one that interrupts jobs hands them
            # back, and this worker must not claim them again.
            self.drain()
        for hook in self._hooks_of(f"before_{signal}"):
            try:
                hook(self, *args, **kwargs)
            except MiddlewareError:
                raise
            except Exception:  # noqa: BLE001 - a middleware must not end the worker
                _log.critical("middleware_failed", signal=signal, exc_info=True)

    def emit_after(self, signal: str, *args: Any, **kwargs: Any) -> None:
        """Tell the middleware that listens to `signal`, in reverse order."""
        for hook in reversed(self._hooks_of(f"after_{signal}")):
            try:
                hook(self, *args, **kwargs)
            except Exception:  # noqa: BLE001 - a middleware must not end the worker
                _log.critical("middleware_failed", signal=signal, exc_info=True)

    def add_middleware(self, middleware: Middleware, **position: Any) -> None:
        """Add a middleware; see Dramatiq."""
        self._hooks.clear()
        super().add_middleware(middleware, **position)
        self._hooks.clear()

    def declare_queue(self, queue_name: str) -> None:
        """Make a queue known; delayed jobs need no queue of their own here."""
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues[queue_name] = None
            self.tally.open_queue(queue_name)
            self.emit_after("declare_queue", queue_name)

    def consume(
        self, queue_name: str, prefetch: int = 1, timeout: int = 1000
    ) -> JobConsumer:
        """Return a consumer; `prefetch` is ignored, Capacity decides."""
        del prefetch
        scripts = self.scripts_of(queue_name)
        return JobConsumer(self, queue_name, scripts, timeout_s=timeout / 1000)

    def enqueue(
        self, message: Message[Any], *, delay: int | None = None
    ) -> Message[Any]:
        """Create a job from a plain Dramatiq message, or decide a retry.

        A message under lease comes from the retry middleware: its job is not created
        anew, the acknowledgement that follows applies the decision in one script.
        """
        if isinstance(message, JobMessage):
            if not isinstance(message.outcome, Retried):
                trace = message.options.get("traceback", "")
                reason = trace.strip().rsplit("\n", 1)[-1] or "The attempt failed."
                message.outcome = Retried(delay or 0, Failure("error", reason, trace))
            return message
        self.emit_before("enqueue", message, delay)
        eta_delay = message.options.get("eta", 0) - current_millis()
        options = JobOptions(
            job_id=message.message_id, delay=max(delay or 0, eta_delay, 0)
        )
        data = deliveries.encode_native(message)
        self._producer.enqueue(
            Request(message.queue_name, message.actor_name, data, options)
        )
        self.emit_after("enqueue", message, delay)
        return message

    def join(self, queue_name: str, *, timeout: int | None = None) -> None:
        """Wait until a queue has no unfinished job; for tests."""
        deadline = None if timeout is None else time.monotonic() + timeout / 1000
        while any(self.scripts_of(queue_name).read_counts()[:3]):
            if deadline is not None and time.monotonic() >= deadline:
                message = f"Queue {queue_name!r} is not done after {timeout} ms."
                raise TimeoutError(message)
            time.sleep(0.01)

    def close(self) -> None:
        """Commit what is left and end the threads."""
        self._keeper.stop()
        if self._worker is not None:
            with suppress(BrokerError):
                self._presence.leave(self.worker_name)
        self._committer.stop(timeout_s=LAST_FLUSH_S)
        if self._guard is not None:
            self._guard.stop()

    # What consumers, the keeper and our middleware call

    @property
    def is_draining(self) -> bool:
        """Whether the process is on its way out and claims no more."""
        return self._drained.is_set()

    def ping(self) -> None:
        """Ask Redis for a sign of life.

        Raises:
            RedisUnavailableError: When there is none.
        """
        with translated_errors():
            self.client.ping()

    def wait_while_draining(self, timeout_s: float) -> None:
        """Pass the time of a consumer that must not claim."""
        time.sleep(min(timeout_s, 0.1))

    def keys_of(self, queue: str) -> QueueKeys:
        """Return the keys of `queue`."""
        return QueueKeys(self.namespace, queue)

    def server_of(self, queue: str) -> object:
        """Return what stands for the server that holds a queue.

        Raises:
            RedisUnavailableError: When that can't be found out.
        """
        with translated_errors():
            return topology.node_of(self.client, self.keys_of(queue).prefix)

    def scripts_of(self, queue: str) -> Scripts:
        """Return the scripts on the keys of `queue`."""
        scripts = self._scripts.get(queue)
        if scripts is None:
            patience = Patience(tries=3, pause_s=0.1)
            scripts = Scripts(self.client, self.keys_of(queue), patience=patience)
            self._scripts[queue] = scripts
        return scripts

    def consumed_queues(self) -> list[str]:
        """Return the queues that this process consumes."""
        return list(self._worker.consumers) if self._worker else []

    def may_take(self, claimed: Claimed) -> bool:
        """Whether a job that lost workers before may run beside those held here."""
        with self._leases_lock:
            held = [delivery.stalled_counter for delivery in self._leases.values()]
        return may_join(claimed.stalled_counter, held)

    def hold(self, delivery: Delivery) -> None:
        """Take responsibility for a job's lease."""
        with self._leases_lock:
            self._leases[delivery.queue, delivery.token] = delivery
            if self._guard is not None:
                self._guard.note(delivery)
        self.capacity.hold(delivery.queue, 1)

    def settle(self, delivery: Delivery, order: Order) -> None:
        """Hand in a held job's outcome; its lease is kept until it is committed."""
        self.commit(delivery.queue, order)
        self.capacity.settle(delivery.queue, run_ms=delivery.run_ms)

    def refuse(self, queue: str, order: Order, *, task: str) -> None:
        """Hand in the end of a job that can't be run; `task` may be empty."""
        with self._leases_lock:
            self._refused[queue, order.token] = task
        self.commit(queue, order)

    def commit(self, queue: str, order: Order) -> None:
        """Send an order with the next batch."""
        self._committer.submit(queue, order)

    def note_renewal(self) -> None:
        """Note that this process renewed its leases by itself."""
        if self._guard is not None:
            self._guard.beat()

    def leases_by_queue(self) -> dict[str, list[Delivery]]:
        """Return the deliveries whose leases this process holds."""
        held: defaultdict[str, list[Delivery]] = defaultdict(list)
        with self._leases_lock:
            for delivery in self._leases.values():
                held[delivery.queue].append(delivery)
        return held

    def running(self) -> list[Delivery]:
        """Return the deliveries that a thread is running."""
        with self._leases_lock:
            return [d for d in self._leases.values() if d.thread_id is not None]

    def drain(self) -> None:
        """Claim no more and hand back every job that has not begun."""
        self._drained.set()
        self.hand_back_queued()

    def hand_back_queued(self, queue: str | None = None) -> None:
        """Hand back jobs that wait in this process for a thread, of `queue` or all."""
        if self._worker is None:
            return
        others = []
        with suppress(Empty):
            while True:
                item = self._worker.work_queue.get_nowait()
                if queue in (None, item.message.queue_name):
                    self._worker.consumers[item.message.queue_name].requeue_messages(
                        [item.message]
                    )
                else:
                    others.append(item)
        for item in others:
            self._worker.work_queue.put(item)

    def release_running(self) -> int:
        """Hand back every job that still runs, whatever its thread does; how many."""
        stubborn = self.running()
        for delivery in stubborn:
            delivery.is_lost = True
            self.commit(delivery.queue, order_of(delivery, Released()))
        self._committer.flush(timeout_s=LAST_FLUSH_S)
        return len(stubborn)

    def cancelling(self, queue: str) -> set[str]:
        """Return the ids of running jobs whose cancellation was asked for."""
        with translated_errors():
            members = self.client.smembers(self.keys_of(queue).one("cancelling"))
        return {job_id.decode() for job_id in cast("set[bytes]", members)}

    def abandon(self, delivery: Delivery) -> None:
        """End a cancelled job although its thread does not."""
        delivery.is_lost = True
        self.commit(delivery.queue, order_of(delivery, Cancelled()))

    def announce(self) -> None:
        """Say that this worker is there, and what it does."""
        self._presence.announce(
            WorkerInfo(
                name=self.worker_name,
                host=host_name(),
                pid=os.getpid(),
                queues=tuple(self.consumed_queues()),
                tasks=tuple(sorted(self.actors)),
                threads=self.capacity.threads,
                running=tuple(f"{d.queue}/{d.job_id}" for d in self.running()),
                started=self._started_ms,
                version=self.version,
            )
        )

    # Our own

    def _boot(self, worker: Worker) -> None:
        self._worker = worker
        self.capacity = Capacity(threads=worker.worker_threads)
        worker.work_queue = WorkQueue(unfinished=lambda: len(self._leases))  # type: ignore[assignment]  # see there
        if self._guard is not None:
            self._guard.start()
        self._committer.start()
        self._keeper.start()

    def _on_settled(self, queue: str, order: Order, answer: int) -> None:
        with self._leases_lock:
            delivery = self._leases.pop((queue, order.token), None)
            refused = self._refused.pop((queue, order.token), "")
            if self._guard is not None and delivery is not None:
                self._guard.forget(delivery)
        if answer != LOST:
            self.tally.settled(queue, order, delivery, task=refused)
            if delivery is not None and delivery.has_callback:
                self._keeper.tell_soon()
        elif delivery is not None and not delivery.is_lost:
            metrics.LEASES_LOST.labels(queue).inc()
            _log.warning("outcome_refused", queue=queue, job_id=order.job_id)

    def _hooks_of(self, name: str) -> list[Callable[..., None]]:
        hooks = self._hooks.get(name)
        if hooks is None:
            hooks = [
                getattr(middleware, name)
                for middleware in self.middleware
                if getattr(type(middleware), name) is not getattr(Middleware, name)
            ]
            self._hooks[name] = hooks
        return hooks
