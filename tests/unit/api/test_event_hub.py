from __future__ import annotations

import queue as queues
from typing import TYPE_CHECKING

import pytest

from services.api.event_hub import EventHub, Subscription
from shared.broker.event_reader import Event
from shared.errors import RedisUnavailableError
from tests.support.wait import wait_for

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable, Iterator, Mapping


class ScriptedReader:
    """An event reader that tells what the test puts into `script`."""

    def __init__(self) -> None:
        self.script: queues.Queue[Event | Exception] = queues.Queue()
        self.tails: list[tuple[str, ...]] = []
        self.cursors: dict[str, str] = {}

    def tail_ids(self, names: Iterable[str]) -> dict[str, str]:
        self.tails.append(tuple(names))
        return dict.fromkeys(self.tails[-1], "0-0")

    def read(self, after: Mapping[str, str], *, block_ms: int) -> list[Event]:
        self.cursors = dict(after)
        try:
            told = self.script.get(timeout=block_ms / 1000)
        except queues.Empty:
            return []
        if isinstance(told, Exception):
            raise told
        return [told]


def event(queue: str, job_id: str, name: str = "completed", at: str = "1-0") -> Event:
    return Event(queue, at, name, job_id, {})


@pytest.fixture
def reader() -> ScriptedReader:
    return ScriptedReader()


@pytest.fixture
def hub(reader: ScriptedReader) -> Iterator[EventHub]:
    hub = EventHub(reader)  # type: ignore[arg-type]
    yield hub
    hub.stop()


def settled(hint: threading.Event) -> threading.Event:
    """Pass the hint that comes when the hub begins to listen."""
    assert hint.wait(5)
    hint.clear()
    return hint


def test_has_no_thread_before_the_first_waiter(hub: EventHub) -> None:
    assert hub._thread is None


@pytest.mark.parametrize("name", ["completed", "failed"])
def test_wakes_who_waits_for_the_job(
    hub: EventHub, reader: ScriptedReader, name: str
) -> None:
    with hub.waiter("mail", "1") as hint:
        settled(hint)

        reader.script.put(event("mail", "1", name))

        assert hint.wait(5)


def test_wakes_everyone_who_waits_for_the_job(
    hub: EventHub, reader: ScriptedReader
) -> None:
    with hub.waiter("mail", "1") as one, hub.waiter("mail", "1") as other:
        # The second may have come before the hub listened, or after.
        settled(one)
        other.clear()

        reader.script.put(event("mail", "1"))

        assert one.wait(5)
        assert other.wait(5)


def test_leaves_others_alone(hub: EventHub, reader: ScriptedReader) -> None:
    with hub.waiter("mail", "1") as hint:
        settled(hint)

        reader.script.put(event("mail", "2", at="1-0"))
        reader.script.put(event("mail", "1", "progress", at="2-0"))

        wait_for(lambda: reader.cursors.get("mail") == "2-0")
        assert not hint.is_set()


def test_lets_waiters_look_again_when_it_begins_to_listen(hub: EventHub) -> None:
    # The job may have ended between the waiter's look and the hub's.
    with hub.waiter("mail", "1") as hint:
        assert hint.wait(5)


def test_listens_to_queues_with_waiters_only(
    hub: EventHub, reader: ScriptedReader
) -> None:
    with hub.waiter("mail", "1"):
        wait_for(lambda: set(reader.cursors) == {"mail"})
        with hub.waiter("image", "1"):
            wait_for(lambda: set(reader.cursors) == {"mail", "image"})
        wait_for(lambda: set(reader.cursors) == {"mail"})

    # Adopting a queue reads its end once, not on every round.
    assert reader.tails == [("mail",), ("image",)]


@pytest.mark.parametrize(
    "error", [RedisUnavailableError("gone"), ValueError("unforeseen")]
)
def test_outlives_a_failing_reader_and_lets_waiters_look_again(
    hub: EventHub, reader: ScriptedReader, error: Exception
) -> None:
    with hub.waiter("mail", "1") as hint:
        settled(hint)

        reader.script.put(error)

        # What happened meanwhile was not told, so everybody looks again...
        settled(hint)
        # ...and is told what happens from now on.
        reader.script.put(event("mail", "1"))
        assert hint.wait(5)


def test_stops_at_once_and_wakes_everybody(hub: EventHub) -> None:
    with hub.waiter("mail", "1") as hint:
        settled(hint)

        hub.stop()

        assert hint.is_set()
        assert hub.is_stopping
        assert hub._thread is not None
        assert not hub._thread.is_alive()


def test_stops_without_ever_having_started(hub: EventHub) -> None:
    hub.stop()

    with hub.waiter("mail", "1"):
        assert hub._thread is None


def progress(job_id: str, at: str) -> Event:
    return event("mail", job_id, "progress", at=at)


def test_a_reader_of_one_job_is_not_woken_for_others(
    hub: EventHub, reader: ScriptedReader
) -> None:
    with hub.subscription("mail", "1") as own, hub.subscription("mail") as every:
        assert own.start(timeout_s=5)
        assert every.start(timeout_s=5)

        reader.script.put(progress("2", "1-0"))
        reader.script.put(progress("1", "2-0"))

        assert [e.id for e in every.next_entry(timeout_s=5) or ()] == ["1-0"]
        assert [e.id for e in every.next_entry(timeout_s=5) or ()] == ["2-0"]
        assert [e.id for e in own.next_entry(timeout_s=5) or ()] == ["2-0"]


def test_after_a_gap_a_reader_of_one_job_need_not_read_what_was_not_for_it(
    hub: EventHub, reader: ScriptedReader
) -> None:
    with hub.subscription("mail", "1") as own:
        assert own.start(timeout_s=5)
        reader.script.put(progress("2", "7-0"))
        reader.script.put(RedisUnavailableError("gone"))

        assert own.next_entry(timeout_s=5) is None
        assert own.told_until("0-0") == "7-0"


def test_a_gap_is_noticed_although_the_hub_follows_again() -> None:
    reader = Subscription("mail", "1")
    reader.begin("1-0")
    reader.lose_the_thread("5-0")
    reader.begin("9-0")
    reader.put([progress("1", "10-0")])

    assert reader.next_entry(timeout_s=0) is None
    assert reader.told_until("1-0") == "5-0"
    assert reader.start(timeout_s=0) == "9-0"
    assert [e.id for e in reader.next_entry(timeout_s=0) or ()] == ["10-0"]


def test_what_a_reader_has_not_read_is_missing_after_a_gap() -> None:
    reader = Subscription("mail", "1")
    reader.begin("1-0")
    reader.put([progress("1", "3-0")])
    reader.lose_the_thread("5-0")

    assert reader.next_entry(timeout_s=0) is None
    assert reader.told_until("1-0") == "1-0"
