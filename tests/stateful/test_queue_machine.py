"""Any operations in any order, beside a model: both must come to the same."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from shared import ids
from shared.broker.keys import QueueKeys
from shared.broker.orders import ReleaseOrder, StopOrder
from shared.broker.scripts import DONE, LOST, REPEATED, Claimed, Patience, Scripts
from tests.support.invariants import Stored, assert_consistent
from tests.support.lossy_client import LossyClient
from tests.support.queue_model import ENDED, ModelJob, QueueModel
from tests.support.queue_probe import (
    KEEP_ALL,
    LONG_MS,
    QueueProbe,
    another_try,
    completion,
    failure,
    new_job,
    opening,
)
from tests.support.snapshot import keys_below
from tests.support.stateful_profiles import profile

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis

WRONG_STATE, MISSING, PENDING = -1, -2, 2
MODES = ["", "replace", "keep", "replace;keep"]
#: How often a script is executed until its reply arrives.
sends = st.sampled_from([1, 1, 1, 2, 3])
limits = st.sampled_from([None, 1, 2])
new_jobs = st.fixed_dictionaries(
    {
        "priority": st.integers(1, 3),
        "delay_ms": st.sampled_from([0, 0, LONG_MS]),
        "group": st.sampled_from(["", "", "g1", "g2"]),
        "dedup": st.sampled_from(["", "", "d1", "d2"]),
        "mode": st.sampled_from(MODES),
        "operation": st.sampled_from(["", "op"]),
        "expires": st.sampled_from([False, False, True]),
    }
)


class QueueMachine(RuleBasedStateMachine):
    """A queue on a real server and its model."""

    jobs: Bundle[str] = Bundle("jobs")
    leases: Bundle[Claimed] = Bundle("leases")

    def __init__(self, client: redis.Redis) -> None:
        super().__init__()
        self.keys = QueueKeys(f"t{ids.new_id()}", "mail")
        self.client = client
        self.lossy = LossyClient(client, losses=0)
        patience = Patience(tries=3, pause_s=0)
        self.scripts = Scripts(self.lossy, self.keys, patience=patience)
        self.queue = QueueProbe(client, self.keys, Scripts(client, self.keys))
        self.model = QueueModel()
        self.settled: dict[str, tuple[str, str]] = {}
        self.lost: set[str] = set()
        self.due: list[str] = []
        self.late: list[str] = []
        self.past = 0

    def teardown(self) -> None:
        try:
            self._events_tell_the_same()
        finally:
            keys = keys_below(self.client, self.keys.prefix)
            if keys:
                self.client.unlink(*keys)

    def send(self, times: int) -> Scripts:
        """Return the scripts; the next one is executed `times` times."""
        self.lossy.losses, self.lossy.sent = times - 1, 0
        return self.scripts

    def next_past(self) -> int:
        """Return a time that is long over, later than the last one."""
        self.past += 1
        return self.past

    # Ways in and through

    @rule(target=jobs, batch=st.lists(new_jobs, min_size=1, max_size=3), times=sends)
    def enqueue(self, batch: list[dict[str, Any]], times: int) -> Any:
        return self._enqueue(batch, times)

    def _enqueue(self, batch: list[dict[str, Any]], times: int) -> Any:
        wanted, expected = [], []
        labels = [each["dedup"] for each in batch if each["dedup"]]
        for each in batch:
            job_id = f"j{ids.new_id()}"
            wanted.append(
                new_job(
                    job_id,
                    operation=each["operation"],
                    priority=each["priority"],
                    delay_ms=each["delay_ms"],
                    group=each["group"],
                    deduplication=each["dedup"],
                    deduplication_mode=each["mode"] if each["dedup"] else "",
                    expires_in_ms=LONG_MS if each["expires"] else "",
                )
            )
            model_job = ModelJob(
                job_id,
                each["priority"],
                group=each["group"],
                dedup=each["dedup"],
                mode=each["mode"] if each["dedup"] else "",
                delay_ms=each["delay_ms"],
                expires=each["expires"],
            )
            expected.append(self.model.enqueue(model_job))
            self._forget_removed()
        created = self.send(times).enqueue(wanted)
        assert [e.created for e in created] == [was for was, _ in expected]
        if times == 1 or len(labels) == len(set(labels)):
            # Sent again, one that stood for a job of the batch may have been replaced
            # by a later job of the same batch.
            assert [e.job_id for e in created] == [job_id for _, job_id in expected]
        return multiple(*(job.job_id for job in wanted))

    @rule(
        target=leases,
        worker=st.sampled_from(["w1", "w2"]),
        count=st.integers(1, 4),
        times=sends,
    )
    def claim(self, worker: str, count: int, times: int) -> Any:
        self._promote_due()
        self._expire()
        expected = self.model.may_claim(count)
        claim = self.send(times).claim(
            worker=worker, operation=ids.new_id(), count=count, lease_ms=LONG_MS
        )
        assert len(claim.jobs) == expected
        for job in claim.jobs:
            self.model.claim(job.job_id, int(job.token))
            known = self.model.jobs[job.job_id]
            assert job.attempts_made == known.attempts_made
            assert job.attempts_started == known.attempts_started
            assert job.stalled_counter == known.stalled
        return multiple(*claim.jobs)

    @rule(lease=leases, times=sends)
    def complete(self, lease: Claimed, times: int) -> None:
        self._settle(
            lease,
            "complete",
            times,
            lambda s: s.complete([completion(lease)]),
            lambda: self.model.end(lease.job_id, "completed"),
        )

    @rule(lease=leases, times=sends)
    def fail(self, lease: Claimed, times: int) -> None:
        self._settle(
            lease,
            "fail",
            times,
            lambda s: s.fail([failure(lease)]),
            lambda: self.model.end(lease.job_id, "failed"),
        )

    @rule(lease=leases, times=sends, is_later=st.booleans())
    def retry(self, lease: Claimed, times: int, *, is_later: bool) -> None:
        delay_ms = LONG_MS if is_later else 0
        self._settle(
            lease,
            "retry",
            times,
            lambda s: s.retry([another_try(lease, delay_ms=delay_ms)]),
            lambda: self.model.retry(lease.job_id, is_later=is_later),
        )

    @rule(lease=leases, times=sends, is_later=st.booleans(), has_begun=st.booleans())
    def release(
        self, lease: Claimed, times: int, *, is_later: bool, has_begun: bool
    ) -> None:
        order = ReleaseOrder(
            lease.job_id,
            lease.token,
            LONG_MS if is_later else 0,
            opening("released") if has_begun else b"",
        )
        self._settle(
            lease,
            "release",
            times,
            lambda s: s.release([order]),
            lambda: self.model.release(
                lease.job_id, is_later=is_later, has_begun=has_begun
            ),
        )

    @rule(lease=leases, times=sends)
    def stop(self, lease: Claimed, times: int) -> None:
        order = StopOrder(lease.job_id, lease.token, opening("cancelled"))
        self._settle(
            lease,
            "stop",
            times,
            lambda s: s.stop([order]),
            lambda: self.model.end(lease.job_id, "cancelled"),
        )

    def _settle(
        self,
        lease: Claimed,
        verb: str,
        times: int,
        act: Callable[[Scripts], list[int]],
        follow: Callable[[], None],
    ) -> None:
        mark = (verb, lease.token)
        if self._holds(lease):
            expected = DONE if times == 1 else REPEATED
            self.settled[lease.job_id] = mark
            self.lost.discard(lease.job_id)
            follow()
        else:
            is_known = self.settled.get(lease.job_id) == mark
            expected = REPEATED if is_known else LOST
        assert act(self.send(times)) == [expected]

    def _holds(self, lease: Claimed) -> bool:
        job = self.model.jobs.get(lease.job_id)
        return (
            job is not None and job.state == "active" and str(job.token) == lease.token
        )

    # The same, where it matters: jobs that are chosen at random are seldom those

    @precondition(lambda self: self.model.of_state(*ENDED))
    @rule(data=st.data(), times=sends)
    def rerun_one_that_has_ended(self, data: st.DataObject, times: int) -> None:
        ended = self.model.of_state(*ENDED)
        self.rerun(data.draw(st.sampled_from(ended)), times)

    @precondition(lambda self: self.model.of_state("active"))
    @rule(data=st.data(), times=sends)
    def cancel_one_that_runs(self, data: st.DataObject, times: int) -> None:
        active = self.model.of_state("active")
        self.cancel(data.draw(st.sampled_from(active)), times)

    @precondition(lambda self: self.model.holders)
    @rule(target=jobs, data=st.data(), batch=st.lists(new_jobs, min_size=1, max_size=2))
    def enqueue_beside_a_holder(
        self, data: st.DataObject, batch: list[dict[str, Any]]
    ) -> Any:
        label = data.draw(st.sampled_from(sorted(self.model.holders)))
        times = data.draw(sends)
        return self._enqueue([{**each, "dedup": label} for each in batch], times)

    @rule(
        target=jobs,
        batch=st.lists(new_jobs, min_size=1, max_size=3),
        way=st.sampled_from(["complete", "fail", "retry", "stop"]),
        is_cancelled=st.booleans(),
        follows=st.sampled_from(["", "rerun", "enqueue"]),
        data=st.data(),
    )
    def live_a_whole_life(
        self,
        batch: list[dict[str, Any]],
        way: str,
        follows: str,
        data: st.DataObject,
        *,
        is_cancelled: bool,
    ) -> Any:
        created = self._enqueue(batch, 1)
        self.claim("w1", 4, 1)
        for job_id in self.model.of_state("active"):
            if follows == "enqueue" and self.model.jobs[job_id].dedup:
                again = {**batch[0], "dedup": self.model.jobs[job_id].dedup}
                self._enqueue([again], 1)
            if is_cancelled:
                self.cancel(job_id, 1)
            self._settle_one(job_id, way, data)
            if follows == "rerun" and self.model.of_state(*ENDED):
                self.rerun_one_that_has_ended(data, 1)
        return created

    @precondition(lambda self: self._running_holders())
    @rule(data=st.data(), way=st.sampled_from(["complete", "fail", "retry", "stop"]))
    def settle_a_holder(self, data: st.DataObject, way: str) -> None:
        job_id = data.draw(st.sampled_from(self._running_holders()))
        self._settle_one(job_id, way, data)

    def _settle_one(self, job_id: str, way: str, data: st.DataObject) -> None:
        lease = Claimed(job_id, str(self.model.jobs[job_id].token), b"", 0, 0, 0)
        times = data.draw(sends)
        if way == "retry":
            self.retry(lease, times, is_later=data.draw(st.booleans()))
        else:
            {"complete": self.complete, "fail": self.fail, "stop": self.stop}[way](
                lease, times
            )

    def _running_holders(self) -> list[str]:
        active = self.model.of_state("active")
        return [job_id for job_id in self.model.holders.values() if job_id in active]

    # Leases

    @rule(lease=leases, times=sends)
    def renew(self, lease: Claimed, times: int) -> None:
        found = self.send(times).renew(
            [(lease.job_id, lease.token)], lease_ms=LONG_MS + self.next_past()
        )
        if self._holds(lease):
            self._is_alive(lease)
            assert found == []
        elif self.settled.get(lease.job_id, ("", ""))[1] != lease.token:
            assert found == [lease.job_id]

    @rule(lease=leases, times=sends)
    def progress_and_log(self, lease: Claimed, times: int) -> None:
        found = self.send(times).progress(
            lease.job_id, lease.token, lease_ms=LONG_MS, progress=b"1"
        )
        logged = self.queue.logs(lease.job_id)
        told = self.send(times).add_log(
            lease.job_id, lease.token, operation=ids.new_id(), lines=["x"]
        )
        if self._holds(lease):
            self._is_alive(lease)
            assert found == DONE
            assert told == (DONE if times == 1 else REPEATED)
            assert self.queue.logs(lease.job_id) == [*logged, "x"]
        else:
            assert (found, self.queue.logs(lease.job_id)) == (LOST, logged)

    def _is_alive(self, lease: Claimed) -> None:
        self.lost.discard(lease.job_id)
        self.model.jobs[lease.job_id].is_suspect = False

    @rule(lease=leases)
    def lose_worker(self, lease: Claimed) -> None:
        if self._holds(lease):
            expiry = {lease.job_id: self.next_past()}
            self.client.zadd(self.keys.one("active"), expiry, xx=True)
            self.model.jobs[lease.job_id].is_suspect = False
            self.lost.add(lease.job_id)

    @rule(max_stalled=st.integers(0, 2), times=sends)
    def recover(self, max_stalled: int, times: int) -> None:
        for _ in range(times):
            order = sorted(self.lost, key=lambda j: self.queue.score("active", j) or 0)
            expected = self._recover(order, max_stalled)
        found = self.send(times).recover(
            gate_ms=0,
            suspect_before_expiry_ms=0,
            suspect_for_ms=0,
            max_stalled=max_stalled,
            keep=KEEP_ALL,
        )
        assert found[:2] == expected

    def _recover(self, order: list[str], max_stalled: int) -> tuple[int, int]:
        found = self.model.recover(order, max_stalled=max_stalled)
        active = self.model.of_state("active")
        self.lost.intersection_update(active)
        return found

    # Time

    @rule(job_id=jobs)
    def fall_due(self, job_id: str) -> None:
        if job_id not in self.due and job_id in self.model.of_state("delayed"):
            self.client.zadd(self.keys.one("delayed"), {job_id: self.next_past()})
            self.due.append(job_id)

    @rule(times=sends)
    def promote_due(self, times: int) -> None:
        expected = self._promote_due()
        moved, _ = self.send(times).promote_due(limit=100)
        assert moved == (expected if times == 1 else 0)

    def _promote_due(self) -> int:
        due = [
            job_id for job_id in self.due if job_id in self.model.of_state("delayed")
        ]
        for job_id in due:
            self.model.promote(job_id)
        self.due.clear()
        return len(due)

    @rule(job_id=jobs)
    def become_too_late(self, job_id: str) -> None:
        job = self.model.jobs.get(job_id)
        if job is not None and job.expires and job_id not in self.late:
            self.client.zadd(self.keys.one("expiring"), {job_id: self.next_past()})
            self.late.append(job_id)

    @rule(times=sends)
    def tidy(self, times: int) -> None:
        expected = self._expire()
        tidied = self.send(times).tidy(limit=100)
        assert tuple(tidied) == (expected if times == 1 else 0, 0)

    def _expire(self) -> int:
        late = [j for j in self.late if j in self.model.jobs]
        late = [j for j in late if self.model.jobs[j].expires]
        for job_id in late:
            self.model.expire(job_id)
        self.late.clear()
        self._forget_removed()
        return len(late)

    # What people do

    @rule(job_id=jobs, times=sends)
    def cancel(self, job_id: str, times: int) -> None:
        job = self.model.jobs.get(job_id)
        expected = MISSING
        if job is not None:
            state = job.state
            self.model.cancel(job_id)
            expected = {
                "active": PENDING,
                "completed": WRONG_STATE,
                "failed": WRONG_STATE,
            }.get(state, DONE)
        self._forget_removed()
        assert self.send(times).cancel([job_id], keep=KEEP_ALL) == [expected]

    @rule(job_id=jobs, times=sends)
    def remove(self, job_id: str, times: int) -> None:
        job = self.model.jobs.get(job_id)
        if job is None:
            was_removed = times > 1 and job_id in self.model.removed
            expected = DONE if was_removed else MISSING
        elif job.state == "active":
            expected = WRONG_STATE
        else:
            self.model.remove(job_id)
            expected = DONE
        self._forget_removed()
        assert self.send(times).remove([job_id]) == [expected]

    @rule(job_id=jobs, times=sends)
    def promote_now(self, job_id: str, times: int) -> None:
        job = self.model.jobs.get(job_id)
        if job is None:
            expected = MISSING
        elif job.state == "delayed":
            self.model.promote(job_id)
            expected = DONE
        else:
            is_there = times > 1 and job.state == "waiting"
            expected = DONE if is_there else WRONG_STATE
        self._forget_removed()
        assert self.send(times).promote_now([job_id]) == [expected]

    @rule(job_id=jobs, times=sends)
    def rerun(self, job_id: str, times: int) -> None:
        job = self.model.jobs.get(job_id)
        if job is None:
            expected = MISSING
        elif job.has_ended:
            self.model.rerun(job_id)
            expected = DONE
        else:
            expected = WRONG_STATE
        assert self.send(times).rerun([job_id]) == [expected]

    @rule(times=sends, is_paused=st.booleans())
    def pause(self, times: int, *, is_paused: bool) -> None:
        self.send(times).configure({"paused": "1" if is_paused else ""})
        self.model.is_paused = is_paused

    @rule(times=sends, concurrency=limits, rate=limits)
    def limit(self, times: int, concurrency: int | None, rate: int | None) -> None:
        self.send(times).configure(
            {
                "concurrency": _text(concurrency),
                "rateMax": _text(rate),
                "rateMs": _text(rate and LONG_MS),
            }
        )
        self.model.concurrency, self.model.rate = concurrency, rate

    @rule(times=sends, concurrency=limits, rate=limits)
    def limit_groups(
        self, times: int, concurrency: int | None, rate: int | None
    ) -> None:
        parts = [f"c={concurrency}"] if concurrency else []
        parts += [f"m={rate};d={LONG_MS}"] if rate else []
        self.send(times).configure({"group:*": ";".join(parts)})
        self.model.group_concurrency, self.model.group_rate = concurrency, rate

    @rule()
    def rates_begin_anew(self) -> None:
        groups = self.client.zrange(self.keys.one("parked"), 0, -1)
        if groups:
            scores = dict.fromkeys(groups, 1)
            self.client.zadd(self.keys.one("parked"), scores)
        counters = [self.keys.of("grouprate", group) for group in ("g1", "g2")]
        self.client.delete(self.keys.one("rate"), *counters)
        self.model.started = 0
        self.model.group_started.clear()

    def _forget_removed(self) -> None:
        """Let go of marks that went with their jobs' places."""
        delayed = self.model.of_state("delayed")
        self.due[:] = [job_id for job_id in self.due if job_id in delayed]
        self.late[:] = [
            j for j in self.late if j in self.model.jobs and self.model.jobs[j].expires
        ]

    # What holds after every step

    @invariant()
    def redis_is_consistent_and_agrees_with_the_model(self) -> None:
        stored = assert_consistent(self.client, self.keys)
        jobs = self.model.jobs
        assert stored.places == {job_id: job.state for job_id, job in jobs.items()}
        for job_id, job in jobs.items():
            run = stored.members["run"].get(job_id, {})
            assert int(run.get(b"attemptsMade", 0)) == job.attempts_made
            assert int(run.get(b"attemptsStarted", 0)) == job.attempts_started
            assert int(run.get(b"stalledCounter", 0)) == job.stalled
            assert len(stored.members["attempts"].get(job_id, ())) == job.history
        kept = {label: job[b"id"] for label, job in stored.members["next"].items()}
        assert kept == {d: job.job_id.encode() for d, job in self.model.kept.items()}
        held = {d: job_id.decode() for d, job_id in stored.members["dedup"].items()}
        assert held == self.model.holders
        self._lines_are_in_order(stored)

    def _lines_are_in_order(self, stored: Stored) -> None:
        waiting = [self.model.jobs[j] for j in self.model.of_state("waiting")]
        waiting.sort(key=lambda job: job.place)
        for group in {job.group for job in waiting}:
            expected = [job.job_id for job in waiting if job.group == group]
            line = stored.members["group"][group] if group else stored.once["waiting"]
            assert [job_id.decode() for job_id, _ in line] == expected

    def _events_tell_the_same(self) -> None:
        states = {}
        for event in self.queue.events():
            if event["event"] in self.model.counts():
                for job_id in event["jobId"].split():
                    states[job_id] = event["event"]
            elif event["event"] == "removed":
                states.pop(event["jobId"])
        assert states == {j: job.state for j, job in self.model.jobs.items()}


def _text(number: int | None) -> str:
    return "" if number is None else str(number)


@pytest.mark.timeout(600)
def test_a_queue_behaves_as_its_model(client: redis.Redis) -> None:
    run_state_machine_as_test(lambda: QueueMachine(client), settings=profile("dev"))


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_a_queue_behaves_as_its_model_for_long(client: redis.Redis) -> None:
    chosen = profile(os.environ.get("NIGHTSHIFT_STATEFUL", "ci"))
    run_state_machine_as_test(lambda: QueueMachine(client), settings=chosen)
