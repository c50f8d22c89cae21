"""Where one posted job is, in words and as a bar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.demo.api_client import Document
    from cli.demo.orders import Order

FINAL = frozenset({"completed", "failed", "cancelled"})


@dataclass
class Progress:
    """One job, as last seen.

    Attributes:
        order: What was posted.
        record: The job's record.
        look: Returns the job's record now, None when there is no such job.
    """

    order: Order
    record: Document
    look: Callable[[], Document | None]

    def refresh(self) -> None:
        """Look at the job again; a job that can't be seen stays as it was."""
        if not self.is_final:
            self.record = self.look() or self.record

    @property
    def state(self) -> str:
        """Where the job is; one that waits for another attempt is `retrying`."""
        return "retrying" if self.record.get("retrying") else str(self.record["state"])

    @property
    def is_final(self) -> bool:
        """Whether nothing more happens to it."""
        return self.record["state"] in FINAL

    @property
    def share(self) -> float:
        """How much is done, 0 to 1, as the task last reported it in percent."""
        if self.record["state"] == "completed":
            return 1.0
        reported: Any = self.record.get("progress")
        if not isinstance(reported, int | float):
            return 0.0
        return min(max(reported / 100, 0.0), 1.0)

    @property
    def tries(self) -> str:
        """Attempts so far, of how many."""
        started = self.record.get("attemptsStarted", 0)
        return f"{started}/{self.record.get('attempts', 1)}"

    @property
    def seconds(self) -> float | None:
        """Seconds from its acceptance to its end, None before that."""
        finished = self.record.get("finishedOn")
        return (finished - self.record["timestamp"]) / 1000 if finished else None

    def failures(self) -> list[str]:
        """Return a phrase per failed attempt: how long it waited then, and why."""
        history = self.record.get("history", [])
        waits = waits_ms(self.record)
        sentences = []
        for number, attempt in enumerate(history, start=1):
            known = number <= len(waits)
            wait = f", waited {waits[number - 1] / 1000:.2f} s" if known else ""
            error = attempt.get("error", "")
            sentences.append(f"attempt {number} failed{wait}: {error}")
        return sentences


def waits_ms(record: Document) -> list[int]:
    """Return how long a job waited after each failed attempt, in milliseconds."""
    history = record.get("history", [])
    starts = [attempt["started"] for attempt in history[1:]]
    last = history[-1]["finished"] if history else 0
    processed_on = record.get("processedOn") or 0
    if processed_on >= last and history:
        starts.append(processed_on)
    return [
        start - attempt["finished"]
        for attempt, start in zip(history, starts, strict=False)
    ]
