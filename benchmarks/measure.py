"""What is measured of a contestant, and how."""

from __future__ import annotations

import statistics
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import redis

#: Each job carries this many characters; its data is about 200 bytes of JSON.
TEXT = "x" * 180
WORKER_THREADS = 8
PICKUPS = 200
#: Idle time before each pick-up, in seconds: consumers must have gone to sleep.
IDLE_S = 0.05


class Contestant(Protocol):
    """A broker and its worker, driven by the measurements."""

    client: redis.Redis

    def enqueue(self) -> None:
        """Create one no-op job."""

    def start_worker(self) -> None:
        """Start one worker with WORKER_THREADS threads in this process."""

    def wait_until_done(self, jobs: int) -> None:
        """Return when `jobs` jobs have run since the start of the worker."""

    def pickup_ms(self) -> float:
        """Create one job and return the time until its code runs, in milliseconds."""

    def stop(self) -> None:
        """Stop the worker."""


@dataclass(frozen=True)
class Figures:
    """The result of one run of one contestant."""

    enqueued_per_s: float
    bytes_per_job: float
    drained_per_s: float
    cpu_us_per_job: float
    pickup_p50_ms: float
    pickup_p99_ms: float


def measure(contestant: Contestant, *, jobs: int) -> dict[str, Any]:
    """Enqueue `jobs` jobs, drain them, then time single jobs on the idle queue."""
    memory_before = _memory(contestant.client)
    began = time.perf_counter()
    for _ in range(jobs):
        contestant.enqueue()
    enqueue_s = time.perf_counter() - began
    memory = _memory(contestant.client) - memory_before

    began, cpu_began = time.perf_counter(), time.process_time()
    contestant.start_worker()
    contestant.wait_until_done(jobs)
    drain_s = time.perf_counter() - began
    cpu_s = time.process_time() - cpu_began

    pickups = []
    for _ in range(PICKUPS):
        time.sleep(IDLE_S)
        pickups.append(contestant.pickup_ms())
    contestant.stop()
    cuts = statistics.quantiles(pickups, n=100)
    return asdict(
        Figures(
            enqueued_per_s=jobs / enqueue_s,
            bytes_per_job=memory / jobs,
            drained_per_s=jobs / drain_s,
            cpu_us_per_job=cpu_s / jobs * 1e6,
            pickup_p50_ms=cuts[49],
            pickup_p99_ms=cuts[98],
        )
    )


def _memory(client: redis.Redis) -> int:
    return int(client.info("memory")["used_memory"])
