"""recover: active -> waiting | failed, for the jobs of lost workers."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from shared.broker.broker import LEASE_MS
from shared.broker.keeper import RENEW_EVERY_MS, SUSPECT_BEFORE_EXPIRY_MS
from shared.broker.scripts import LOST, Recovery, Scripts
from tests.support.queue_probe import (
    KEEP_ALL,
    KEEP_NONE,
    WORKER,
    completion,
    failure,
)
from tests.support.snapshot import snapshot
from tests.support.wait import wait_for

if TYPE_CHECKING:
    import redis

    from shared.broker.keys import QueueKeys
    from tests.support.queue_probe import QueueProbe

NOTHING = Recovery(0, 0)


def look(scripts: Scripts, **changes: Any) -> Recovery:
    """Look once; without `changes` there is no gate and no patience."""
    settings = {
        "gate_ms": 0,
        "suspect_before_expiry_ms": 0,
        "suspect_for_ms": 0,
        "max_stalled": 2,
        "keep": KEEP_ALL,
    }
    return scripts.recover(**{**settings, **changes})


def lose(queue: QueueProbe, *job_ids: str) -> None:
    """Let workers vanish with jobs whose leases were suspect already."""
    queue.put(*(j for j in job_ids if queue.state(j) is None))
    queue.claim(len(job_ids), lease_ms=1)
    for job_id in job_ids:
        queue.wait_until_expired(job_id)
    assert look(queue.scripts) == NOTHING


def test_puts_the_job_of_a_lost_worker_back_to_its_old_place(
    scripts: Scripts, queue: QueueProbe
) -> None:
    queue.put("a", "b", "c")
    place = queue.score("waiting", "a")
    lose(queue, "a")
    processed_on = int(queue.run("a")["processedOn"])

    assert look(scripts) == Recovery(1, 0)

    assert queue.line() == ["a", "b", "c"]
    assert queue.score("waiting", "a") == place
    run = queue.run("a")
    assert run["state"] == "waiting"
    assert run["stalledCounter"] == "1"
    assert "attemptsMade" not in run
    assert queue.events()[-2:] == [
        {"event": "stalled", "jobId": "a"},
        {"event": "waiting", "jobId": "a", "prev": "active"},
    ]
    [attempt] = queue.attempts("a")
    assert attempt.pop("finished") >= processed_on
    assert attempt == {"worker": WORKER, "started": processed_on, "outcome": "stalled"}


def test_the_job_runs_again_and_knows_of_its_past(
    scripts: Scripts, queue: QueueProbe
) -> None:
    lose(queue, "a")
    look(scripts)
    [again] = queue.claim()
    assert again.stalled_counter == 1
    assert again.attempts_started == 2
    assert again.attempts_made == 0
    assert scripts.complete([completion(again)]) == [1]


def test_the_lost_worker_is_refused_when_it_comes_back(
    scripts: Scripts, queue: QueueProbe, client: redis.Redis, keys: QueueKeys
) -> None:
    queue.put("a")
    [late] = queue.claim(lease_ms=1)
    queue.wait_until_expired("a")
    look(scripts)
    look(scripts)

    for _ in range(2):
        before = snapshot(client, keys.prefix)
        assert scripts.complete([completion(late)]) == [LOST]
        assert scripts.fail([failure(late)]) == [LOST]
        assert scripts.renew([("a", late.token)], lease_ms=1_000) == ["a"]
        assert snapshot(client, keys.prefix) == before
        queue.claim(worker="worker-2")


def test_one_look_is_not_enough(scripts: Scripts, queue: QueueProbe) -> None:
    queue.put("a")
    queue.claim(lease_ms=1)
    queue.wait_until_expired("a")
    assert look(scripts) == NOTHING
    assert queue.line("active") == ["a"]
    assert look(scripts) == Recovery(1, 0)


def test_many_looks_within_the_patience_are_not_enough(
    scripts: Scripts, queue: QueueProbe
) -> None:
    lose(queue, "a")
    for _ in range(10):
        assert look(scripts, suspect_for_ms=600_000) == NOTHING


def test_the_patience_is_measured_by_the_server_from_the_first_look(
    scripts: Scripts, queue: QueueProbe
) -> None:
    lose(queue, "a")
    suspect_since = int(queue.run("a")["suspect"].partition("@")[2])

    wait_for(lambda: look(scripts, suspect_for_ms=60) == Recovery(1, 0))

    assert queue.attempts("a")[0]["finished"] >= suspect_since + 60


def test_a_lease_that_lasts_is_left_alone(
    scripts: Scripts, queue: QueueProbe, client: redis.Redis, keys: QueueKeys
) -> None:
    queue.active("a")
    before = snapshot(client, keys.prefix)
    for _ in range(3):
        assert look(scripts, suspect_before_expiry_ms=4_000) == NOTHING
    assert snapshot(client, keys.prefix) == before


def test_suspicion_begins_ahead_of_the_expiry_but_nothing_is_taken_before_it(
    scripts: Scripts, queue: QueueProbe
) -> None:
    queue.active("a", lease_ms=5_000)
    for _ in range(3):
        assert look(scripts, suspect_before_expiry_ms=10_000) == NOTHING
    assert "suspect" in queue.run("a")


def test_a_suspect_that_renews_is_never_taken_back(
    scripts: Scripts, queue: QueueProbe
) -> None:
    [job] = queue.active("a", lease_ms=1)
    for _ in range(20):
        queue.wait_until_expired("a")
        assert look(scripts) == NOTHING
        assert scripts.renew([("a", job.token)], lease_ms=1) == []
    assert "stalledCounter" not in queue.run("a")


def test_a_report_of_progress_clears_the_suspicion_too(
    scripts: Scripts, queue: QueueProbe
) -> None:
    [job] = queue.active("a", lease_ms=1)
    queue.wait_until_expired("a")
    look(scripts)
    scripts.progress("a", job.token, lease_ms=1, progress=b"1")
    queue.wait_until_expired("a")
    assert look(scripts) == NOTHING


def test_after_an_outage_of_redis_only_those_who_stay_silent_are_taken_back(
    scripts: Scripts, queue: QueueProbe
) -> None:
    jobs = queue.active("a", "b", "c", "d", lease_ms=1)
    for job in jobs:
        queue.wait_until_expired(job.job_id)

    assert look(scripts, suspect_for_ms=600_000) == NOTHING
    living = [(job.job_id, job.token) for job in jobs if job.job_id != "c"]
    assert scripts.renew(living, lease_ms=60_000) == []

    assert look(scripts) == Recovery(1, 0)
    assert queue.line("waiting") == ["c"]
    assert queue.line("active") == ["a", "b", "d"]


def test_a_job_that_ended_in_time_is_not_taken_back(
    scripts: Scripts, queue: QueueProbe
) -> None:
    [job] = queue.active("a", lease_ms=1)
    queue.wait_until_expired("a")
    look(scripts)
    assert scripts.complete([completion(job)]) == [1]
    assert look(scripts) == NOTHING
    assert queue.state("a") == "completed"


def test_an_old_suspicion_does_not_fall_on_a_new_lease(
    scripts: Scripts, queue: QueueProbe
) -> None:
    lose(queue, "a")
    look(scripts)
    queue.claim(lease_ms=1)
    queue.wait_until_expired("a")
    assert look(scripts) == NOTHING
    assert look(scripts) == Recovery(1, 0)


def test_a_job_that_outlives_too_many_workers_fails_as_poison(
    scripts: Scripts, queue: QueueProbe
) -> None:
    for _ in range(2):
        lose(queue, "a")
        assert look(scripts, max_stalled=2) == Recovery(1, 0)
    lose(queue, "a")

    assert look(scripts, max_stalled=2) == Recovery(0, 1, ("echo",))

    assert queue.line("failed") == ["a"]
    assert queue.line("waiting") == queue.line("active") == []
    run = queue.run("a")
    assert run["state"] == "failed"
    assert run["failureKind"] == "poison"
    assert run["failedReason"] == "Its worker was lost 3 times while it ran."
    assert run["stalledCounter"] == "3"
    assert queue.score("failed", "a") == int(run["finishedOn"])
    assert queue.meta("failed") == 1
    assert [attempt["outcome"] for attempt in queue.attempts("a")] == ["stalled"] * 3
    assert queue.events()[-2:] == [
        {"event": "stalled", "jobId": "a"},
        {"event": "failed", "jobId": "a", "failedReason": run["failedReason"]},
    ]


def test_poison_is_kept_as_long_as_is_said(scripts: Scripts, queue: QueueProbe) -> None:
    lose(queue, "a")
    assert look(scripts, max_stalled=0, keep=KEEP_NONE) == Recovery(0, 1, ("echo",))
    assert queue.state("a") is None
    assert queue.last_event()["event"] == "failed"


def test_recovered_and_poisoned_are_counted_apart(
    scripts: Scripts, queue: QueueProbe, client: redis.Redis
) -> None:
    queue.put("a", "b", "c")
    queue.claim(3, lease_ms=1)
    client.hset(queue.keys.of("run", "b"), "stalledCounter", 2)
    for job_id in "abc":
        queue.wait_until_expired(job_id)
    look(scripts)
    assert look(scripts) == Recovery(2, 1, ("echo",))
    assert queue.line() == ["a", "c"]


def test_wakes_the_idle(scripts: Scripts, queue: QueueProbe) -> None:
    lose(queue, "a", "b")
    assert queue.wake_tokens() == 0
    look(scripts)
    assert queue.wake_tokens() == 1


def test_the_gate_lets_one_caller_through(
    scripts: Scripts, queue: QueueProbe, client: redis.Redis, keys: QueueKeys
) -> None:
    lose(queue, "a")
    answers: list[Recovery] = []
    threads = [
        threading.Thread(
            target=lambda: answers.append(look(scripts, gate_ms=60_000)),
        )
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answers) == [NOTHING] * 7 + [Recovery(1, 0)]
    assert 0 < client.pttl(keys.one("sweep")) <= 60_000


def test_the_gate_opens_again(scripts: Scripts, queue: QueueProbe) -> None:
    look(scripts, gate_ms=30)
    lose(queue, "a")
    wait_for(lambda: look(scripts, gate_ms=30) == Recovery(1, 0))


def test_one_look_takes_back_a_bounded_number(
    scripts: Scripts, queue: QueueProbe
) -> None:
    names = [f"j{number:04}" for number in range(1_001)]
    queue.put(*names)
    queue.claim(len(names), lease_ms=1)
    queue.wait_until_expired(names[-1])

    look(scripts)
    assert look(scripts) == Recovery(1_000, 0)
    look(scripts)
    assert look(scripts) == Recovery(1, 0)
    assert queue.line() == names


def test_sending_it_twice_recovers_nothing_twice(
    unlucky: Scripts, queue: QueueProbe
) -> None:
    lose(queue, "a")
    assert look(unlucky) == NOTHING
    assert queue.line() == ["a"]
    assert queue.run("a")["stalledCounter"] == "1"


@pytest.mark.parametrize("expiry", [1_700_000_000_000, 1_000_000_000_000, 1])
def test_a_round_expiry_is_an_expiry_like_any_other(
    expiry: int, scripts: Scripts, queue: QueueProbe, client: redis.Redis
) -> None:
    queue.active("a")
    client.zadd(queue.keys.one("active"), {"a": expiry})
    look(scripts)
    assert look(scripts) == Recovery(1, 0)


def test_the_keeper_suspects_only_who_has_missed_two_renewals() -> None:
    assert LEASE_MS - 2 * RENEW_EVERY_MS >= SUSPECT_BEFORE_EXPIRY_MS
