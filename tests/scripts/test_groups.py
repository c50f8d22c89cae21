"""Groups: served in turn, each within its limits; a blocked job is never claimed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.queue_probe import KEEP_ALL, completion, new_job
from tests.support.wait import wait_for

if TYPE_CHECKING:
    import redis

    from shared.broker.scripts import Claimed, Scripts
    from tests.support.queue_probe import QueueProbe

HOUR_MS = 3_600_000


def names(queue: QueueProbe, count: int = 9) -> list[str]:
    return [job.job_id for job in queue.claim(count)]


def fill(queue: QueueProbe, group: str, count: int) -> None:
    """Create `count` jobs of a group, in batches."""
    for start in range(0, count, 500):
        queue.scripts.enqueue(
            [
                new_job(f"{group}-{number}", group=group)
                for number in range(start, min(start + 500, count))
            ]
        )


def test_groups_take_turns(queue: QueueProbe) -> None:
    fill(queue, "a", 4)
    fill(queue, "b", 2)
    fill(queue, "c", 1)
    assert names(queue, 7) == ["a-0", "b-0", "c-0", "a-1", "b-1", "a-2", "a-3"]


def test_jobs_without_a_group_take_every_other_turn(queue: QueueProbe) -> None:
    fill(queue, "a", 2)
    fill(queue, "b", 1)
    queue.put("x", "y", "z")
    assert names(queue) == ["x", "a-0", "y", "b-0", "z", "a-1"]


def test_a_long_line_delays_another_groups_first_job_by_one_round_at_most(
    queue: QueueProbe,
) -> None:
    fill(queue, "big", 10_000)
    fill(queue, "other", 100)
    names(queue, 50)
    queue.put("new", group="new")
    queue.put("alone", group="alone")
    assert names(queue, 4).count("new") == 1
    served = names(queue, 4)
    assert len([name for name in served if name.startswith("big")]) <= 2
    assert queue.state("alone") == "active"


def test_a_group_is_served_by_priority_then_arrival(queue: QueueProbe) -> None:
    queue.put("low", group="a", priority=9)
    queue.put("high-1", "high-2", group="a", priority=1)
    assert names(queue) == ["high-1", "high-2", "low"]


def test_no_more_jobs_of_a_group_run_than_its_concurrency(
    scripts: Scripts, queue: QueueProbe
) -> None:
    scripts.configure({"group:*": "c=2", "group:b": "c=1"})
    fill(queue, "a", 4)
    fill(queue, "b", 4)
    held = queue.claim(9)
    assert [job.job_id for job in held] == ["a-0", "b-0", "a-1"]
    assert names(queue) == []
    assert not queue.take_wake_token(), "nobody looks in vain"
    assert queue.score("lanes", "a") is None

    end(queue, held[1])

    assert queue.take_wake_token()
    assert names(queue) == ["b-1"]


def end(queue: QueueProbe, job: Claimed) -> None:
    queue.scripts.complete([completion(job)])


def test_a_blocked_group_does_not_hold_up_the_others(
    scripts: Scripts, queue: QueueProbe
) -> None:
    scripts.configure({"group:a": "c=1", "group:b": f"m=1;d={HOUR_MS}"})
    fill(queue, "a", 3)
    fill(queue, "b", 3)
    fill(queue, "c", 3)
    queue.put("x")
    assert names(queue, 20) == ["x", "a-0", "b-0", "c-0", "c-1", "c-2"]


def test_a_groups_rate_parks_it_and_the_wait_is_told(
    client: redis.Redis, scripts: Scripts, queue: QueueProbe
) -> None:
    scripts.configure({"group:*": f"m=2;d={HOUR_MS}"})
    fill(queue, "a", 3)
    assert names(queue) == ["a-0", "a-1"]
    assert queue.line("parked") == ["a"]
    next_due = queue.ask().next_due_in_ms
    assert next_due is not None
    assert HOUR_MS - 60_000 < next_due <= HOUR_MS
    queue.put("a-3", group="a")
    assert queue.line("lanes") == []

    client.delete(queue.keys.of("grouprate", "a"))
    client.zadd(queue.keys.one("parked"), {"a": 1})

    assert names(queue) == ["a-2", "a-3"]


def test_a_groups_rate_begins_anew_after_its_time(
    scripts: Scripts, queue: QueueProbe
) -> None:
    scripts.configure({"group:a": "m=1;d=30"})
    fill(queue, "a", 3)
    found: list[str] = []
    wait_for(lambda: found.extend(names(queue)) or len(found) == 3, what="all three")
    assert found == ["a-0", "a-1", "a-2"]


@pytest.mark.parametrize("named", ["*", "a"])
@pytest.mark.parametrize("limit", ["c=1", f"m=1;d={HOUR_MS}"])
@pytest.mark.parametrize("new", ["", "c=9", f"m=9;d={HOUR_MS}", "m=1;d=20"])
def test_a_new_limit_of_a_group_holds_at_once(
    named: str, limit: str, new: str, scripts: Scripts, queue: QueueProbe
) -> None:
    scripts.configure({f"group:{named}": limit})
    fill(queue, "a", 2)
    assert names(queue) == ["a-0"]
    assert names(queue) == []

    scripts.configure({f"group:{named}": new})

    assert queue.take_wake_token()
    assert wait_for(lambda: names(queue), what="the new limit") == ["a-1"]


def test_a_lost_workers_job_gives_its_groups_place_back(
    scripts: Scripts, queue: QueueProbe
) -> None:
    scripts.configure({"group:a": "c=1"})
    fill(queue, "a", 2)
    names(queue)
    lose(queue, "a-0")
    assert names(queue) == ["a-0"]


@pytest.mark.usefixtures("damaged")
def test_a_damaged_run_does_not_keep_its_groups_place(
    client: redis.Redis, scripts: Scripts, queue: QueueProbe
) -> None:
    scripts.configure({"group:a": "c=1"})
    fill(queue, "a", 2)
    names(queue)
    client.delete(queue.keys.of("run", "a-0"))
    lose(queue, "a-0")
    assert queue.line("group:a") == ["a-0", "a-1"]
    assert names(queue) == ["a-0"]


def lose(queue: QueueProbe, job_id: str) -> None:
    queue.client.zadd(queue.keys.one("active"), {job_id: 1})
    for _ in range(2):
        queue.scripts.recover(
            gate_ms=0,
            suspect_before_expiry_ms=0,
            suspect_for_ms=0,
            max_stalled=9,
            keep=KEEP_ALL,
        )


def test_grouped_jobs_count_as_waiting_and_their_wait_is_told(
    client: redis.Redis, scripts: Scripts, queue: QueueProbe
) -> None:
    fill(queue, "a", 2)
    queue.put("x")
    assert queue.counts()["waiting"] == 3
    record = queue.record("a-0")
    old = record.replace(record[6:19], f"{queue.now_ms() - 60_000:013}".encode(), 1)
    client.set(queue.keys.of("job", "a-0"), old)
    assert scripts.read_counts()[6] >= 60_000


def test_a_delayed_job_of_a_group_waits_in_its_line_once_it_is_due(
    scripts: Scripts, queue: QueueProbe
) -> None:
    queue.put("a", group="g", delay_ms=1)
    queue.wait_until_due("a")
    scripts.promote_due(limit=9)
    assert queue.line("group:g") == ["a"]


def test_one_claim_passes_a_bounded_number_of_blocked_groups(
    scripts: Scripts, queue: QueueProbe
) -> None:
    scripts.configure({"group:*": "c=1"})
    groups = [f"g{number:03}" for number in range(450)]
    scripts.enqueue([new_job(f"{g}-a", group=g) for g in groups])
    assert len(names(queue, 450)) == 450
    scripts.enqueue([new_job(f"{g}-b", group=g) for g in groups])
    scripts.enqueue([new_job("free-a", group="free")])

    # Each look takes some of them out of the round, and calls for the next look.
    assert [names(queue) for _ in range(2)] == [[], []]
    assert queue.take_wake_token()
    assert names(queue) == ["free-a"]
    assert queue.client.zcard(queue.keys.one("lanes")) <= 1


@pytest.mark.parametrize("way", ["cancel", "remove"])
@pytest.mark.usefixtures("damaged")
def test_a_damaged_job_of_a_group_leaves_its_lane(
    way: str, scripts: Scripts, queue: QueueProbe
) -> None:
    queue.put("a", "b", group="g")
    queue.client.set(queue.keys.of("job", "a"), "no record")

    if way == "cancel":
        scripts.cancel(["a"], keep=KEEP_ALL)
    else:
        scripts.remove(["a"])

    assert queue.line("grouped") == ["b"]
    assert names(queue) == ["b"]
    assert not queue.client.exists(queue.keys.of("group", "g"))
    assert queue.counts()["waiting"] == 0
