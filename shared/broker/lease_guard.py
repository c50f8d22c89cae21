"""Keeps a worker's leases while job code keeps the interpreter to itself.

A step of native code that runs for seconds under the interpreter's lock (a huge power,
a bad regular expression) lets no other thread run, the lease keeper included. A second
process renews the leases meanwhile; the worker's memory tells it which.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from shared import clock, logging
from shared.broker.lease_table import LeaseTable

if TYPE_CHECKING:
    from shared.broker.delivery import Delivery

#: A worker that did not renew for this long is helped, in milliseconds.
SILENCE_MS = 4_000.0
#: A job may run this much longer than its limit before its lease is left alone: until
#: then its time limit would have ended it, were its process well. In milliseconds.
OVERTIME_MS = 5_000.0
#: How long the guard may take to end, in seconds.
_END_S = 5.0

_log = logging.get(__name__)


def is_possible() -> bool:
    """Whether this system tells what the guard must know (Linux does)."""
    return sys.platform == "linux" and hasattr(os, "memfd_create")


class LeaseGuard:
    """The worker's side: notes its leases and owns the guarding process."""

    def __init__(
        self,
        redis_url: str,
        *,
        namespace: str,
        lease_ms: int,
        silence_ms: float = SILENCE_MS,
    ) -> None:
        """Prepare; nothing is started yet.

        Args:
            redis_url: Where Redis is.
            namespace: Prefix of every key.
            lease_ms: How long a lease lasts, in milliseconds.
            silence_ms: Time without a renewal of the worker's own after which the
                guard renews, in milliseconds.
        """
        self._order = {
            "url": redis_url,
            "namespace": namespace,
            "lease_ms": lease_ms,
            "silence_ms": silence_ms,
        }
        self._table: LeaseTable | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The guarding process, None when it does not run."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start the guarding process; it ends with this one, however that ends."""
        memory = LeaseTable.new_memory()
        try:
            self._table = LeaseTable(memory)
            self._table.beat(clock.monotonic_ms())
            self._process = subprocess.Popen(
                [sys.executable, "-m", "shared.broker.lease_guard_program"],
                stdin=subprocess.PIPE,
                pass_fds=(memory,),
            )
            order = {**self._order, "memory": memory, "worker": os.getpid()}
            assert self._process.stdin is not None  # noqa: S101 - a pipe was asked for
            # Not on its command line: the URL may hold a password.
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            # Without it the leases are kept as long as the interpreter runs threads.
            _log.warning("lease_guard_not_started", reason=str(error))
        finally:
            os.close(memory)

    def note(self, delivery: Delivery) -> None:
        """Guard a job's lease."""
        if self._table is not None:
            limit_ms = delivery.policy.timeout_ms + OVERTIME_MS
            delivery.guarded_at = self._table.note(
                delivery.queue,
                delivery.job_id,
                delivery.token,
                clock.monotonic_ms() + limit_ms,
            )

    def forget(self, delivery: Delivery) -> None:
        """Guard it no longer."""
        if self._table is not None and delivery.guarded_at is not None:
            self._table.forget(delivery.guarded_at)
            delivery.guarded_at = None

    def beat(self) -> None:
        """Say that the worker renewed its leases by itself."""
        if self._table is not None:
            self._table.beat(clock.monotonic_ms())

    def stop(self) -> None:
        """End the guarding process."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            # The end of its input is its sign to leave.
            process.stdin.close()
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
