from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.worker.memory import LONGEST_TURN_MS, RedisMemory, prefix
from shared.broker.connection import connect
from shared.contracts.tasks.echo import Echo
from shared.errors import RedisUnavailableError
from tests.support.contexts import Children, make_context
from tests.support.shelf import Shelf
from tests.support.snapshot import keys_below
from tests.support.wait import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    import redis

    from services.worker.memory import Memory


@pytest.fixture(params=["redis", "shelf"])
def memory(
    request: pytest.FixtureRequest, client: redis.Redis, namespace: str
) -> Memory:
    return (
        Shelf()
        if request.param == "shelf"
        else RedisMemory(client, namespace=namespace)
    )


def test_a_value_is_kept_for_its_time(memory: Memory) -> None:
    memory.put("a", b"1", ttl_ms=60_000)
    memory.put("b", b"2", ttl_ms=30)

    assert memory.get("a") == b"1"
    assert 50_000 < memory.remaining_ms("a") <= 60_000
    wait_for(lambda: memory.get("b") is None)
    assert memory.remaining_ms("b") == memory.remaining_ms("never") == 0


def test_only_the_first_of_several_adds_a_value(memory: Memory) -> None:
    assert memory.add("a", b"1", ttl_ms=60_000)
    assert not memory.add("a", b"2", ttl_ms=60_000)
    assert memory.get("a") == b"1"

    memory.forget("a", "b")
    assert memory.get("a") is None


def test_a_counter_counts(memory: Memory) -> None:
    assert [memory.count("n", ttl_ms=60_000) for _ in range(3)] == [1, 2, 3]


def test_the_newest_lines_are_kept(memory: Memory) -> None:
    for number in range(5):
        memory.note("log", str(number).encode(), keep=3, ttl_ms=60_000)

    assert memory.notes("log") == [b"4", b"3", b"2"]
    assert memory.notes("other") == []


def test_turns_follow_each_other_after_a_burst(memory: Memory) -> None:
    waits = [memory.take_turn("x", interval_ms=10_000, burst=3) for _ in range(5)]

    assert waits[:3] == [0, 0, 0]
    assert 9_000 < waits[3] <= 10_000
    assert 19_000 < waits[4] <= 20_000


def test_a_turn_that_is_too_far_away_is_not_kept(memory: Memory) -> None:
    interval = LONGEST_TURN_MS * 0.6
    waits = [memory.take_turn("x", interval_ms=interval, burst=1) for _ in range(5)]

    assert waits[1] <= LONGEST_TURN_MS
    assert waits[2] > LONGEST_TURN_MS
    # Those who got none do not push the others further away.
    assert waits[4] <= waits[2]


def test_nothing_in_redis_is_kept_for_ever(client: redis.Redis, namespace: str) -> None:
    memory = RedisMemory(client, namespace=namespace)
    memory.put("a", b"1", ttl_ms=60_000)
    memory.add("b", b"1", ttl_ms=60_000)
    memory.count("c", ttl_ms=60_000)
    memory.note("d", b"1", keep=3, ttl_ms=60_000)
    memory.take_turn("e", interval_ms=10, burst=1)

    keys = keys_below(client, prefix(namespace))
    assert len(keys) == 5
    assert all(client.pttl(key) > 0 for key in keys)


def test_redis_out_of_reach_is_said_so() -> None:
    with connect("redis://127.0.0.1:1", timeout_s=0.5) as nowhere:
        memory = RedisMemory(nowhere, namespace="x")
        with pytest.raises(RedisUnavailableError):
            memory.get("a")
        with pytest.raises(RedisUnavailableError):
            memory.take_turn("a", interval_ms=10, burst=1)


def test_what_was_done_once_is_not_done_again(tmp_path: Path, memory: Memory) -> None:
    context = make_context(tmp_path, memory=memory, job_id="one")
    other = make_context(tmp_path, memory=memory, job_id="two")
    done: list[str] = []

    def work() -> bytes:
        done.append("x")
        return b"7"

    assert [context.once("pay", work) for _ in range(3)] == [b"7"] * 3
    assert len(done) == 1
    other.once("pay", work)
    context.once("thank", work)
    assert len(done) == 3


def test_what_failed_is_done_again(tmp_path: Path, memory: Memory) -> None:
    context = make_context(tmp_path, memory=memory)

    def fail() -> bytes:
        message = "no"
        raise OSError(message)

    with pytest.raises(OSError, match="no"):
        context.once("pay", fail)
    assert context.once("pay", lambda: b"1") == b"1"


def test_what_is_done_counts_though_it_can_t_be_noted(tmp_path: Path) -> None:
    class FullShelf(Shelf):
        def put(self, name: str, value: bytes, *, ttl_ms: int) -> None:
            raise RedisUnavailableError(name)

    context = make_context(tmp_path, memory=FullShelf())

    assert context.once("pay", lambda: b"1") == b"1"


def test_children_have_the_same_ids_in_every_attempt(tmp_path: Path) -> None:
    children = Children()
    ids = {
        make_context(tmp_path, children=children, job_id=job_id, attempt=attempt)
        .enqueue("echo", Echo(msg="hi"), key="1")
        .id
        for attempt in (1, 2)
        for job_id in ("a", "b" * 128)
    }

    assert ids == set(children.created)
    assert len(ids) == 2
    assert all(len(one) <= 128 for one in ids)
