"""The process that renews a worker's leases while the worker can't.

It reads its order, one line of JSON, from its input, and ends when that input ends,
which the death of the worker brings about. Redis's driver is only imported when it is
needed, so that an idle guard is small.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from shared.broker.lease_table import Entry, LeaseTable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: How often the worker is looked at, as a share of the silence that it is granted.
_LOOKS_PER_SILENCE = 8
#: A process that used no CPU for this share of the silence does not work: it hangs.
_IDLE_SHARE = 0.5
#: A worker that is silent for longer hangs, whatever its jobs may take. In ms.
LONGEST_SILENCE_MS = 900_000.0


class Order(NamedTuple):
    """What the worker asks for; see `LeaseGuard`."""

    url: str
    namespace: str
    lease_ms: int
    silence_ms: float
    memory: int
    worker: int


class Pulse:
    """Whether a process works: it is not stopped, and it uses the CPU."""

    def __init__(self, pid: int) -> None:
        """Watch the process `pid`."""
        self._stat = Path(f"/proc/{pid}/stat")
        self._ticks = -1
        self._moved_at_ms = 0.0

    def idle_ms(self, now_ms: float) -> float | None:
        """Return how long it has not worked, in ms; None when it is stopped or gone."""
        try:
            # The name of the program stands in brackets and may hold anything.
            fields = self._stat.read_text().rpartition(")")[2].split()
        except OSError:
            return None
        if fields[0] in "TtZX":
            return None
        ticks = int(fields[11]) + int(fields[12])
        if ticks != self._ticks:
            self._ticks, self._moved_at_ms = ticks, now_ms
        return now_ms - self._moved_at_ms


class Guard:
    """Looks at one worker, and renews in its place."""

    def __init__(
        self,
        table: LeaseTable,
        pulse: Pulse,
        *,
        silence_ms: float,
        renew: Callable[[str, Sequence[Entry]], None],
    ) -> None:
        """Guard the leases of `table`; `renew` gets a queue and leases of it."""
        self._table = table
        self._pulse = pulse
        self._silence_ms = silence_ms
        self._renew = renew
        self._renewed_at_ms = 0.0

    def look(self, now_ms: float) -> bool:
        """Renew if that is needed and right; return whether it was."""
        idle_ms = self._pulse.idle_ms(now_ms)
        silent_ms = now_ms - self._table.last_beat_ms
        if not self._silence_ms < silent_ms < LONGEST_SILENCE_MS:
            return False
        if idle_ms is None or idle_ms > self._silence_ms * _IDLE_SHARE:
            return False
        if now_ms - self._renewed_at_ms < self._silence_ms / 2:
            return False
        leases: defaultdict[str, list[Entry]] = defaultdict(list)
        for entry in self._table.entries():
            if entry.until_ms > now_ms:
                leases[entry.queue].append(entry)
        for queue, entries in leases.items():
            self._renew(queue, entries)
        self._renewed_at_ms = now_ms
        return True


class Renewer:
    """Renews leases through a connection of its own, opened when it is needed."""

    def __init__(self, url: str, *, namespace: str, lease_ms: int) -> None:
        """Renew at `url`, under `namespace`, for `lease_ms` milliseconds."""
        self._place = (url, namespace, lease_ms)

    def renew(self, queue: str, entries: Sequence[Entry]) -> None:
        """Renew leases of one queue; what is lost meanwhile stays lost."""
        from shared.broker.connection import connect  # noqa: PLC0415
        from shared.broker.keys import QueueKeys  # noqa: PLC0415
        from shared.broker.scripts import Scripts  # noqa: PLC0415
        from shared.errors import NightshiftError  # noqa: PLC0415

        url, namespace, lease_ms = self._place
        try:
            with connect(url, max_connections=1) as client:
                scripts = Scripts(client, QueueKeys(namespace, queue))
                scripts.renew([(e.job_id, e.token) for e in entries], lease_ms=lease_ms)
        except NightshiftError as error:
            # The next look tries again; the worker logs what becomes of its leases.
            sys.stderr.write(f"lease guard: {error}\n")


def main() -> int:
    """Guard until the worker is gone."""
    # The worker's signals are for the worker: it needs its leases until its end.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    line = sys.stdin.buffer.readline()
    if not line:
        return 0
    order = Order(**json.loads(line))
    renewer = Renewer(order.url, namespace=order.namespace, lease_ms=order.lease_ms)
    guard = Guard(
        LeaseTable(order.memory),
        Pulse(order.worker),
        silence_ms=order.silence_ms,
        renew=renewer.renew,
    )
    step_s = order.silence_ms / _LOOKS_PER_SILENCE / 1000
    while not select.select([0], [], [], step_s)[0] and os.getppid() == order.worker:
        guard.look(time.monotonic() * 1000)
    return 0


if __name__ == "__main__":
    sys.exit(main())
