"""What people do with jobs and queues: cancel, remove, promote, run again, limit."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, cast

from shared.broker.connection import translated_errors
from shared.broker.keys import QueueKeys
from shared.broker.scripts import Patience, Scripts
from shared.contracts.contract import GENERAL_DEFAULTS
from shared.errors import BrokerError
from shared.jobs.names import check_job_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import redis

    from shared.contracts.catalogue import AnyContract

#: Most ids of one call.
MAX_IDS = 1000
#: Ids that one script handles; it runs about five milliseconds.
_BATCH = 200


class Answer(StrEnum):
    """What became of a wish about one job."""

    DONE = "done"
    PENDING = "pending"
    WRONG_STATE = "wrong-state"
    MISSING = "missing"


_ANSWERS = {
    1: Answer.DONE,
    0: Answer.DONE,
    2: Answer.PENDING,
    -1: Answer.WRONG_STATE,
    -2: Answer.MISSING,
}


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much may run at once, and how much may start in a time; None: no limit.

    Attributes:
        concurrency: Jobs that run at the same time.
        rate_max: Jobs that start within `rate_ms`.
        rate_ms: The time of `rate_max`, in milliseconds.
    """

    concurrency: int | None = None
    rate_max: int | None = None
    rate_ms: int | None = None

    def __post_init__(self) -> None:
        numbers = (self.concurrency, self.rate_max, self.rate_ms)
        if any(number is not None and number < 1 for number in numbers):
            message = "A limit is 1 or more; leave it out for none, pause for nothing."
            raise ValueError(message)
        if (self.rate_max is None) != (self.rate_ms is None):
            message = "A rate needs both: how many jobs, and in how many milliseconds."
            raise ValueError(message)


class Operator:
    """Acts on jobs and queues.

    Every method raises InvalidNameError for a name that is refused, and
    RedisUnavailableError when Redis does not answer; sending again is harmless.
    """

    def __init__(
        self,
        client: redis.Redis,
        *,
        namespace: str,
        catalogue: Mapping[str, AnyContract],
    ) -> None:
        """Act through `client`, under `namespace`."""
        self._client = client
        self._namespace = namespace
        self._catalogue = catalogue

    def cancel(self, queue: str, job_ids: Sequence[str]) -> dict[str, Answer]:
        """Cancel jobs; PENDING for those that run: their workers are told."""
        keep = GENERAL_DEFAULTS.keep_failed
        return self._each(
            job_ids, lambda batch: self._scripts(queue).cancel(batch, keep=keep)
        )

    def remove(self, queue: str, job_ids: Sequence[str]) -> dict[str, Answer]:
        """Delete jobs, but for those that run."""
        return self._each(job_ids, self._scripts(queue).remove)

    def promote(self, queue: str, job_ids: Sequence[str]) -> dict[str, Answer]:
        """Let delayed jobs start now."""
        return self._each(job_ids, self._scripts(queue).promote_now)

    def rerun(self, queue: str, job_ids: Sequence[str]) -> dict[str, Answer]:
        """Let jobs that have ended run again, with all their attempts."""
        return self._each(job_ids, self._scripts(queue).rerun)

    def pause(self, queue: str) -> None:
        """Let workers leave a queue alone; what runs goes on."""
        self._scripts(queue).configure({"paused": "1"})

    def resume(self, queue: str) -> None:
        """Let workers take from a queue again."""
        self._scripts(queue).configure({"paused": ""})

    def set_limits(
        self, queue: str, limits: Limits, *, group: str | None = None
    ) -> None:
        """Set the limits of a queue, or of a group of it, `*` being all the others."""
        if group is None:
            settings = {
                "concurrency": _text(limits.concurrency),
                "rateMax": _text(limits.rate_max),
                "rateMs": _text(limits.rate_ms),
            }
        else:
            if group != "*":
                check_job_id(group)
            settings = {f"group:{group}": _line(limits)}
        self._scripts(queue).configure(settings)

    def limits(self, queue: str) -> Limits:
        """Return the limits of a queue."""
        with translated_errors():
            values = self._client.hmget(
                QueueKeys(self._namespace, queue).one("meta"),
                ["concurrency", "rateMax", "rateMs"],
            )
        numbers = [None if value is None else int(value) for value in values]
        return Limits(concurrency=numbers[0], rate_max=numbers[1], rate_ms=numbers[2])

    def group_limits(self, queue: str) -> dict[str, Limits]:
        """Return the limits of a queue's groups; `*` holds for all the others."""
        key = QueueKeys(self._namespace, queue).one("groupLimits")
        with translated_errors():
            lines = cast("dict[bytes, bytes]", self._client.hgetall(key))
        return {name.decode(): _limits(line.decode()) for name, line in lines.items()}

    def _scripts(self, queue: str) -> Scripts:
        return Scripts(
            self._client, QueueKeys(self._namespace, queue), patience=Patience()
        )

    def _each(
        self, job_ids: Sequence[str], act: Callable[[list[str]], list[int]]
    ) -> dict[str, Answer]:
        if len(job_ids) > MAX_IDS:
            message = f"At most {MAX_IDS} ids in one call, not {len(job_ids)}."
            raise BrokerError(message)
        wanted = [check_job_id(job_id) for job_id in dict.fromkeys(job_ids)]
        answers: dict[str, Answer] = {}
        for start in range(0, len(wanted), _BATCH):
            batch = wanted[start : start + _BATCH]
            for job_id, number in zip(batch, act(batch), strict=True):
                answers[job_id] = _ANSWERS[number]
        return answers


def _text(number: int | None) -> str:
    return "" if number is None else str(number)


def _line(limits: Limits) -> str:
    parts = {"c": limits.concurrency, "m": limits.rate_max, "d": limits.rate_ms}
    return ";".join(f"{name}={value}" for name, value in parts.items() if value)


def _limits(line: str) -> Limits:
    parts = dict(part.split("=") for part in line.split(";") if part)
    numbers = {name: int(value) for name, value in parts.items()}
    return Limits(
        concurrency=numbers.get("c"),
        rate_max=numbers.get("m"),
        rate_ms=numbers.get("d"),
    )
