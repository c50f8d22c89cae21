"""What a queue should do, in plain Python: dicts and lists, no Redis.

It knows no clock: a test says which leases are lost and which delays are over.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

ENDED = ("completed", "failed", "cancelled")


@dataclass
class ModelJob:
    """One job; `place` is priority and arrival, by which the waiting are served."""

    job_id: str
    priority: int
    group: str = ""
    dedup: str = ""
    mode: str = ""
    delay_ms: int = 0
    expires: bool = False
    had_deadline: bool = False
    state: str = "waiting"
    place: tuple[int, int] = (0, 0)
    token: int = 0
    attempts_made: int = 0
    attempts_started: int = 0
    stalled: int = 0
    is_suspect: bool = False
    is_unwanted: bool = False
    history: int = 0

    @property
    def has_ended(self) -> bool:
        return self.state in ENDED


@dataclass
class QueueModel:
    """The jobs of a queue and who holds which deduplication id."""

    jobs: dict[str, ModelJob] = field(default_factory=dict)
    holders: dict[str, str] = field(default_factory=dict)
    kept: dict[str, ModelJob] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    arrivals: int = 0
    tokens: int = 0
    concurrency: int | None = None
    group_concurrency: int | None = None
    rate: int | None = None
    group_rate: int | None = None
    started: int = 0
    group_started: Counter[str] = field(default_factory=Counter)
    is_paused: bool = False

    def counts(self) -> dict[str, int]:
        """Return the number of jobs per state."""
        states = ("waiting", "delayed", "active", *ENDED)
        found = [job.state for job in self.jobs.values()]
        return {state: found.count(state) for state in states}

    def of_state(self, *states: str) -> list[str]:
        """Return the ids of the jobs in these states."""
        return [job.job_id for job in self.jobs.values() if job.state in states]

    def running_in(self, group: str) -> int:
        """Return how many jobs of a group run."""
        return sum(j.state == "active" and j.group == group for j in self.jobs.values())

    # Ways in

    def enqueue(self, job: ModelJob) -> tuple[bool, str]:
        """Create a job; return whether it was, and the id that stands for it."""
        holder = self.jobs.get(self.holders.get(job.dedup, "")) if job.dedup else None
        if holder is not None and not self._gives_way(holder, job):
            return False, holder.job_id
        self._create(job)
        return True, job.job_id

    def _gives_way(self, holder: ModelJob, job: ModelJob) -> bool:
        keeps, replaces = "keep" in job.mode, "replace" in job.mode
        if keeps and holder.state == "active":
            self.kept[job.dedup] = replace(job)
            return False
        is_replaced = (holder.state == "delayed" and (keeps or replaces)) or (
            holder.state == "waiting" and keeps
        )
        if is_replaced:
            self._drop(holder.job_id)
            self.kept.pop(job.dedup, None)
        return is_replaced

    def _create(self, job: ModelJob) -> None:
        self.jobs[job.job_id] = job
        if job.delay_ms:
            job.state = "delayed"
        else:
            self._put_waiting(job)
        if job.dedup:
            self.holders[job.dedup] = job.job_id

    def _put_waiting(self, job: ModelJob) -> None:
        self.arrivals += 1
        job.state, job.place = "waiting", (job.priority, self.arrivals)

    # Runs

    def may_claim(self, count: int) -> int:
        """Return how many of `count` a claim gives."""
        if self.is_paused:
            return 0
        if self.concurrency is not None:
            count = min(count, self.concurrency - len(self.of_state("active")))
        if self.rate is not None:
            count = min(count, self.rate - self.started)
        lines = Counter(self.jobs[job_id].group for job_id in self.of_state("waiting"))
        ready = sum(min(n, self._room_in(group)) for group, n in lines.items())
        return max(0, min(count, ready))

    def _room_in(self, group: str) -> int:
        room = 10**6
        if group and self.group_concurrency is not None:
            room = min(room, self.group_concurrency - self.running_in(group))
        if group and self.group_rate is not None:
            room = min(room, self.group_rate - self.group_started[group])
        return max(0, room)

    def claim(self, job_id: str, token: int) -> None:
        """Let a job run; it must be the first of its group, or of those without one.

        Raises:
            AssertionError: When it is not, or its token does not increase.
        """
        job = self.jobs[job_id]
        assert job.state == "waiting"
        beside = [
            other.place
            for other in self.jobs.values()
            if other.state == "waiting" and other.group == job.group
        ]
        assert job.place == min(beside), f"{job_id} jumped the line"
        assert token == self.tokens + 1, "tokens strictly increase"
        self.tokens = token
        job.had_deadline |= job.expires
        job.state, job.token, job.expires = "active", token, False
        job.is_suspect = False
        job.attempts_started += 1
        self.started += self.rate is not None
        self.group_started[job.group] += self.group_rate is not None

    def end(self, job_id: str, state: str) -> None:
        """End a running job."""
        job = self.jobs[job_id]
        job.attempts_made += state in ("completed", "failed")
        job.history += state in ("failed", "cancelled")
        self._finish(job, state)

    def retry(self, job_id: str, *, is_later: bool) -> None:
        """Give a running job another attempt."""
        job = self.jobs[job_id]
        job.attempts_made += 1
        job.history += 1
        if job.is_unwanted:
            self._finish(job, "cancelled")
        elif is_later:
            job.state = "delayed"
        else:
            self._put_waiting(job)

    def release(self, job_id: str, *, is_later: bool, has_begun: bool) -> None:
        """Take a running job back, to its old place."""
        job = self.jobs[job_id]
        job.history += has_begun
        job.attempts_started -= not has_begun
        if job.is_unwanted:
            self._finish(job, "cancelled")
        else:
            job.state = "delayed" if is_later else "waiting"
            # It never began, so its time to begin runs on.
            never_began = not has_begun and job.attempts_started == 0
            job.expires = never_began and job.had_deadline

    def recover(self, lost: list[str], *, max_stalled: int) -> tuple[int, int]:
        """Look for lost workers; return how many jobs came back, and were poison."""
        recovered = poisoned = 0
        for job_id in lost:
            job = self.jobs[job_id]
            if not job.is_suspect:
                job.is_suspect = True
                continue
            job.stalled += 1
            job.history += 1
            job.is_suspect = False
            if job.is_unwanted:
                self._finish(job, "cancelled")
            elif job.stalled > max_stalled:
                poisoned += 1
                self._finish(job, "failed")
            else:
                recovered += 1
                job.state = "waiting"
        return recovered, poisoned

    # What people and time do

    def promote(self, job_id: str) -> None:
        """Let a delayed job wait."""
        self._put_waiting(self.jobs[job_id])

    def cancel(self, job_id: str) -> None:
        """Cancel a job, or mark it."""
        job = self.jobs[job_id]
        if job.state == "active":
            job.is_unwanted = True
        elif not job.has_ended:
            self._finish(job, "cancelled")

    def expire(self, job_id: str) -> None:
        """Fail a job that did not start in time."""
        self._finish(self.jobs[job_id], "failed")

    def rerun(self, job_id: str) -> None:
        """Let a job that has ended run again."""
        job = self.jobs[job_id]
        job.attempts_made = job.attempts_started = job.stalled = 0
        job.is_unwanted = job.had_deadline = False
        self._put_waiting(job)

    def remove(self, job_id: str) -> None:
        """Delete a job."""
        job = self.jobs[job_id]
        self._drop(job_id)
        if job.dedup and self.holders.get(job.dedup) == job_id:
            self._let_go(job)

    def _drop(self, job_id: str) -> None:
        del self.jobs[job_id]
        self.removed.add(job_id)

    def _finish(self, job: ModelJob, state: str) -> None:
        job.state, job.expires = state, False
        self._let_go(job)

    def _let_go(self, job: ModelJob) -> None:
        if not job.dedup or self.holders.get(job.dedup) != job.job_id:
            return
        del self.holders[job.dedup]
        kept = self.kept.pop(job.dedup, None)
        if kept is not None:
            self._create(kept)
