"""`python -m tests.support.rough_worker`: the real worker, with rough tasks beside.

They kill their process, as broken native code does, or keep the interpreter's lock.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

import dramatiq

from services.worker import __main__ as command
from services.worker.binding import Binder
from services.worker.main import build_broker
from services.worker.settings import WorkerSettings
from shared import logging, settings
from shared.broker.producer import Request
from shared.contracts.contract import Model, TaskContract, TaskDefaults
from shared.jobs.options import JobOptions
from shared.storage.opening import open_storage
from tests.support.worker_process import WorkerProcess

if TYPE_CHECKING:
    from services.worker.context import JobContext
    from shared.jobs.job import Job
    from tests.support.jobs import Jobs

QUEUE = "demo"
_MEGABYTE = 2**20


class Wish(Model):
    """How long or how often, in seconds."""

    seconds: float = 0.0


class Took(Model):
    """How long it took, in seconds."""

    seconds: float = 0.0


def abort(data: Wish, context: JobContext) -> Took:
    """End as a failed assertion of native code does."""
    time.sleep(data.seconds)
    os.abort()


def leave(data: Wish, context: JobContext) -> Took:
    """End without a word."""
    time.sleep(data.seconds)
    os._exit(3)


def eat_memory(data: Wish, context: JobContext) -> Took:
    """Reach the limit of memory and end as the kernel ends who does."""
    time.sleep(data.seconds)
    pages = int(open("/proc/self/statm").read().split()[0])  # noqa: PTH123, SIM115
    limit = pages * resource.getpagesize() + 64 * _MEGABYTE
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    eaten = []
    try:
        while True:
            eaten.append(bytearray(_MEGABYTE))
    except MemoryError:
        os.kill(os.getpid(), signal.SIGKILL)
    return Took()


def nap(data: Wish, context: JobContext) -> Took:
    """Do nothing for a while."""
    time.sleep(data.seconds)
    return Took(seconds=data.seconds)


def hold_the_lock(data: Wish, context: JobContext) -> Took:
    """Compute in one step of the interpreter, which runs no other thread meanwhile."""
    exponent, took = 100_000, 0.0
    while took < 0.5:
        exponent *= 2
        began = time.perf_counter()
        pow(3, exponent)
        took = time.perf_counter() - began
    # Multiplication of long numbers takes the power log2(3) of their length.
    exponent = int(exponent * (data.seconds / took) ** (1 / 1.585))
    began = time.perf_counter()
    pow(3, exponent)
    return Took(seconds=time.perf_counter() - began)


TASKS = {
    "abort": abort,
    "leave": leave,
    "eat-memory": eat_memory,
    "nap": nap,
    "hold-the-lock": hold_the_lock,
}
CONTRACTS: dict[str, TaskContract[Any, Any]] = {
    name: TaskContract(
        name=name,
        queue=QUEUE,
        summary="",
        data=Wish,
        result=Took,
        defaults=TaskDefaults(attempts=1),
    )
    for name in TASKS
}


class RoughWorker(WorkerProcess):
    """This program as a process."""

    program = "tests.support.rough_worker"


def add(jobs: Jobs, name: str, seconds: float, **options: Any) -> Job:
    """Create a job of a rough task."""
    contract = CONTRACTS[name]
    wish = JobOptions.model_validate(options)
    data = Wish(seconds=seconds).dump()
    request = Request(QUEUE, name, data, wish, contract.defaults)
    return jobs.find(QUEUE, jobs.producer.enqueue(request).job_id)


def boot() -> None:
    """Build the worker's broker and bind the rough tasks to it, too."""
    worker_settings = settings.load(WorkerSettings)
    logging.configure(service="worker", level="INFO")
    broker = build_broker(worker_settings)
    broker.catalogue = {**broker.catalogue, **CONTRACTS}
    binder = Binder(
        broker, settings=worker_settings, storage=open_storage(worker_settings)
    )
    for name, run in TASKS.items():
        binder.bind(CONTRACTS[name], run)
    dramatiq.set_broker(broker)


if __name__ == "__main__":
    sys.exit(command.main(boot=f"{RoughWorker.program}:boot"))
