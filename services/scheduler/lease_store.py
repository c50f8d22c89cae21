"""The leader's lease in Redis."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from shared.broker.connection import translated_errors
from shared.schedules.keys import SchedulerKeys

if TYPE_CHECKING:
    import redis

LUA = Path(__file__).parent / "lua"


class Acquired(NamedTuple):
    """The answer to the wish for the lease; token 0 means that another has it."""

    token: int
    remaining_ms: int
    now_ms: int


class Renewed(NamedTuple):
    """The answer to the wish to keep the lease."""

    held: bool
    now_ms: int


class LeaseStore:
    """Calls the lease's scripts; every one is safe to send twice."""

    def __init__(self, client: redis.Redis, *, namespace: str) -> None:
        """Write through `client`, under `namespace`."""
        self._keys = SchedulerKeys(namespace)
        self._acquire, self._renew, self._release = (
            client.register_script((LUA / f"{name}.lua").read_text(encoding="utf-8"))
            for name in ("acquire", "renew", "release")
        )

    def acquire(self, holder: str, *, lease_ms: int) -> Acquired:
        """Take the leader's lease when nobody has it."""
        with translated_errors():
            reply = self._acquire(
                keys=[self._keys.leader, self._keys.epoch], args=[holder, lease_ms]
            )
        token, remaining_ms, now_ms = (int(part) for part in reply)
        return Acquired(token, remaining_ms, now_ms)

    def renew(self, mark: str, *, lease_ms: int) -> Renewed:
        """Prolong the lease that holds `mark`."""
        with translated_errors():
            held, now_ms = self._renew(keys=[self._keys.leader], args=[mark, lease_ms])
        return Renewed(int(held) == 1, int(now_ms))

    def release(self, mark: str) -> bool:
        """Give the lease that holds `mark` back; return whether it still held it."""
        with translated_errors():
            return bool(self._release(keys=[self._keys.leader], args=[mark]))
