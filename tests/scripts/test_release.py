"""release: active -> waiting | delayed, no attempt consumed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.broker.orders import ReleaseOrder
from shared.broker.scripts import DONE, LOST, REPEATED
from tests.support.queue_probe import another_try, completion, opening

if TYPE_CHECKING:
    from shared.broker.scripts import Scripts
    from tests.support.queue_probe import QueueProbe


def test_puts_a_job_back_to_its_old_place(scripts: Scripts, queue: QueueProbe) -> None:
    queue.put("a", "b", "c", "d")
    before = {job_id: queue.score("waiting", job_id) for job_id in queue.line()}
    jobs = queue.claim(3)

    # In any order: what matters is where they were.
    assert (
        scripts.release([ReleaseOrder(job.job_id, job.token) for job in reversed(jobs)])
        == [DONE] * 3
    )

    assert queue.line() == ["a", "b", "c", "d"]
    assert {j: queue.score("waiting", j) for j in queue.line()} == before
    assert queue.run("a")["state"] == "waiting"
    assert queue.last_event() == {"event": "waiting", "jobId": "a", "prev": "active"}


@pytest.mark.parametrize("arrivals", [2**32, 2**40 - 10])
@pytest.mark.parametrize("priority", [1, 1000])
def test_the_old_place_is_exact_after_very_many_arrivals(
    arrivals: int, priority: int, queue: QueueProbe
) -> None:
    queue.client.hset(queue.keys.one("meta"), "arrivals", arrivals)
    queue.put("a", "b", "c", priority=priority)
    before = queue.score("waiting", "a")
    [job] = queue.claim()
    queue.scripts.release([ReleaseOrder("a", job.token)])
    assert queue.score("waiting", "a") == before
    assert queue.line() == ["a", "b", "c"]


def test_a_job_that_had_not_begun_counts_nothing(
    scripts: Scripts, queue: QueueProbe
) -> None:
    [job] = queue.active("a")

    scripts.release([ReleaseOrder("a", job.token)])

    run = queue.run("a")
    assert run["attemptsStarted"] == "0"
    assert "attemptsMade" not in run
    assert queue.attempts("a") == []
    assert queue.claim()[0].attempts_started == 1


def test_a_job_that_had_begun_has_started_but_made_no_attempt(
    scripts: Scripts, queue: QueueProbe
) -> None:
    [job] = queue.active("a")

    scripts.release([ReleaseOrder("a", job.token, 0, opening("released"))])

    run = queue.run("a")
    assert run["attemptsStarted"] == "1"
    assert "attemptsMade" not in run
    [attempt] = queue.attempts("a")
    assert attempt["outcome"] == "released"
    again = queue.claim()[0]
    assert (again.attempts_made, again.attempts_started) == (0, 2)


def test_with_a_delay_the_job_is_put_aside(scripts: Scripts, queue: QueueProbe) -> None:
    [job] = queue.active("a")
    before = queue.now_ms()

    assert scripts.release([ReleaseOrder("a", job.token, 5_000)]) == [DONE]

    due = queue.score("delayed", "a")
    assert before + 5_000 <= due <= queue.now_ms() + 5_000
    assert queue.run("a")["state"] == "delayed"
    assert queue.last_event() == {"event": "delayed", "jobId": "a", "delay": "5000"}


def test_wakes_the_idle(scripts: Scripts, queue: QueueProbe) -> None:
    [job] = queue.active("a")
    assert queue.wake_tokens() == 0
    scripts.release([ReleaseOrder("a", job.token)])
    assert queue.wake_tokens() == 1


def test_answers_per_job_of_a_mixed_batch(scripts: Scripts, queue: QueueProbe) -> None:
    a, b, c = queue.active("a", "b", "c")
    scripts.release([ReleaseOrder("a", a.token)])
    orders = [
        ReleaseOrder("a", a.token),
        ReleaseOrder("b", "999"),
        ReleaseOrder("c", c.token),
    ]
    assert scripts.release(orders) == [REPEATED, LOST, DONE]
    assert queue.line() == ["a", "c"]
    assert queue.line("active") == ["b"]
    scripts.complete([completion(b)])


def test_what_earlier_attempts_died_of_stays(
    scripts: Scripts, queue: QueueProbe
) -> None:
    [job] = queue.active("a")
    scripts.retry([another_try(job)])
    [job] = queue.claim()
    scripts.release([ReleaseOrder("a", job.token)])
    run = queue.run("a")
    assert run["failedReason"] == "It broke."
    assert run["attemptsMade"] == "1"
    assert run["attemptsStarted"] == "1"
