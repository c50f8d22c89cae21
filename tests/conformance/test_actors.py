"""What Dramatiq documents of actors, over its own broker and over ours."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import dramatiq
import pytest
from dramatiq import Retry, group, pipeline
from dramatiq.middleware import CurrentMessage, Shutdown, TimeLimitExceeded

from tests.support.wait import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from dramatiq import Broker

    from shared.broker.broker import NightshiftBroker
    from tests.conformance.conftest import WorkerStarter

FAST = {"min_backoff": 5, "max_backoff": 10}


class FlawError(Exception):
    """What an actor of these tests dies of."""


@pytest.fixture
def seen() -> list[Any]:
    """What actors did, in order."""
    return []


def actor(broker: Broker, **options: Any) -> Callable[..., Any]:
    return dramatiq.actor(broker=broker, **options)


def stays(seen: list[Any], expected: list[Any]) -> None:
    """Check that `seen` becomes `expected`, and that nothing follows."""
    wait_for(lambda: len(seen) >= len(expected), what=f"{expected}")
    deadline = time.monotonic() + 0.3
    while time.monotonic() < deadline:
        assert seen == expected
        threading.Event().wait(0.02)


def test_arguments_arrive_as_they_were_sent(
    broker: Broker, running: WorkerStarter, seen: list[Any]
) -> None:
    @actor(broker)
    def take(*args: Any, **kwargs: Any) -> None:
        seen.append((args, kwargs))

    message = take.send(1, "zwei", [3.5, None], key={"a": True})
    with running():
        stays(seen, [((1, "zwei", [3.5, None]), {"key": {"a": True}})])
    assert message.actor_name == "take"


def test_an_actor_may_have_its_own_name_and_queue(
    broker: Broker, running: WorkerStarter, seen: list[Any]
) -> None:
    @actor(broker, actor_name="other-name", queue_name="other-queue")
    def take() -> None:
        seen.append(CurrentMessage.get_current_message().queue_name)

    assert take.send().actor_name == "other-name"
    with running():
        stays(seen, ["other-queue"])


def test_send_with_options_delays(
    broker: Broker, running: WorkerStarter, seen: list[Any]
) -> None:
    @actor(broker)
    def take(name: str) -> None:
        seen.append((name, time.monotonic()))

    with running():
        sent = time.monotonic()
        take.send_with_options(args=("later",), delay=300)
        take.send_with_options(kwargs={"name": "now"})
        wait_for(lambda: len(seen) == 2, what="both ran")
    assert [name for name, _ in seen] == ["now", "later"]
    assert seen[1][1] - sent >= 0.29


@pytest.mark.parametrize("max_retries", [0, 2])
def test_max_retries_counts_what_follows_the_first_attempt(
    max_retries: int, broker: Broker, running: WorkerStarter, seen: list[Any]
) -> None:
    @actor(broker, max_retries=max_retries, **FAST)
    def fail() -> None:
        seen.append("ran")
        raise FlawError

    fail.send()
    with running():
        stays(seen, ["ran"] * (max_retries + 1))


def test_options_of_a_message_win_over_its_actors(
    broker: Broker, running: WorkerStarter, seen: list[Any]
) -> None:
    @actor(broker, max_retries=9, **FAST)
    def fail() -> None:
        seen.append("ran")
        raise FlawError

    fail.send_with_options(max_retries=1)
    with running():
        stays(seen, ["ran", "ran"])


def test_what_an_actor_throws_on_purpose_is_not_retried(
    broker: Broker, running: WorkerStarter, seen: list[Any]
) -> None:
    @actor(broker, throws=FlawError, **FAST)
    def fail() -> None:
        seen.append("ran")
        raise FlawError

    fail.send()
    with running():
        stays(seen, ["ran"])


def test_retry_when_decides(
    broker: Broker, running: WorkerStarter, seen: list[Any]
) -> None:
    def once_more(retries: int, error: BaseException) -> bool:
        seen.append((retries, type(error).__name__))
        return retries < 1

    @actor(broker, retry_when=once_more, **FAST)
    def fail() -> None:
        raise FlawError

    fail.send()
    with running():
        stays(seen, [(0, "FlawError"), (1, "FlawError")])


def test_retry_names_the_wait(
    broker: Broker, running: WorkerStarter, seen: list[Any]
) -> None:
    @actor(broker, max_retries=1, min_backoff=60_000)
    def wait_a_moment() -> None:
        seen.append("ran")
        if len(seen) == 1:
            raise Retry("not yet", delay=20)

    wait_a_moment.send()
    with running():
        stays(seen, ["ran", "ran"])


def test_callbacks_follow_success_and_failure(
    broker: Broker, running: WorkerStarter, seen: list[Any]
) -> None:
    @actor(broker)
    def praised(message: dict[str, Any], result: Any) -> None:
        seen.append((message["actor_name"], result))

    @actor(broker)
    def blamed(message: dict[str, Any], error: dict[str, Any]) -> None:
        seen.append((message["actor_name"], error["type"]))

    @actor(broker, max_retries=0)
    def work(number: int) -> int:
        if number < 0:
            raise FlawError
        return number

    work.send_with_options(args=(1,), on_success=praised, on_failure=blamed)
    with running():
        wait_for(lambda: seen == [("work", 1)], what="praise")
        work.send_with_options(args=(-1,), on_success=praised, on_failure="blamed")
        stays(seen, [("work", 1), ("work", "FlawError")])


def test_somebody_hears_when_retries_are_exhausted(
    broker: Broker, running: WorkerStarter, seen: list[Any]
) -> None:
    @actor(broker)
    def hear(message: dict[str, Any], info: dict[str, int]) -> None:
        seen.append((message["actor_name"], info))

    @actor(broker, max_retries=1, on_retry_exhausted="hear", **FAST)
    def fail() -> None:
        raise FlawError

    fail.send()
    with running():
        stays(seen, [("fail", {"retries": 1, "max_retries": 1})])


def test_a_pipeline_hands_results_on(
    broker: Broker, running: WorkerStarter, seen: list[Any]
) -> None:
    @actor(broker, store_results=True)
    def add(a: int, b: int) -> int:
        seen.append((a, b))
        return a + b

    line = pipeline([add.message(1, 2), add.message(10), add.message(100)])
    with running():
        line.run()
        assert line.get_result(block=True, timeout=10_000) == 113
        assert list(line.get_results(block=True, timeout=10_000)) == [3, 13, 113]
    assert len(seen) == 3


def test_a_pipeline_ends_where_a_part_fails(
    broker: Broker, running: WorkerStarter, seen: list[Any]
) -> None:
    @actor(broker, max_retries=0)
    def fail() -> None:
        seen.append("failed")
        raise FlawError

    @actor(broker)
    def follow(result: Any) -> None:
        seen.append("followed")

    (fail.message() | follow.message()).run()
    with running():
        stays(seen, ["failed"])


def test_a_group_gathers_results_and_calls_back(
    broker: Broker, running: WorkerStarter, seen: list[Any]
) -> None:
    @actor(broker, store_results=True)
    def double(number: int) -> int:
        return 2 * number

    @actor(broker)
    def finish() -> None:
        seen.append("finished")

    numbers = group([double.message(n) for n in range(5)])
    numbers.add_completion_callback(finish.message())
    with running():
        numbers.run()
        results = list(numbers.get_results(block=True, timeout=10_000))
        stays(seen, ["finished"])
    assert results == [0, 2, 4, 6, 8]


def test_a_result_is_kept_for_who_asks(broker: Broker, running: WorkerStarter) -> None:
    @actor(broker, store_results=True)
    def answer() -> dict[str, list[int]]:
        return {"answer": [42]}

    with running():
        result = answer.send().get_result(block=True, timeout=10_000)
    assert result == {"answer": [42]}


def test_the_current_message_is_known_inside_only(
    broker: Broker, running: WorkerStarter, seen: list[Any]
) -> None:
    @actor(broker)
    def look() -> None:
        seen.append(CurrentMessage.get_current_message().message_id)

    with running():
        message = look.send()
        stays(seen, [message.message_id])
    assert CurrentMessage.get_current_message() is None


def test_a_time_limit_interrupts(
    broker: Broker, running: WorkerStarter, seen: list[Any]
) -> None:
    @actor(broker, time_limit=100, max_retries=0)
    def spin() -> None:
        try:
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline:
                pass
        except TimeLimitExceeded:
            seen.append("interrupted")
            raise

    spin.send()
    with running():
        stays(seen, ["interrupted"])


def test_a_message_past_its_age_is_skipped(
    broker: Broker, running: WorkerStarter, seen: list[Any]
) -> None:
    @actor(broker, max_age=60_000)
    def take(name: str) -> None:
        seen.append(name)

    take.send_with_options(args=("old",), max_age=50, delay=100)
    with running():
        take.send_with_options(args=("new",), delay=200)
        stays(seen, ["new"])


@pytest.mark.parametrize("broker", ["nightshift"], indirect=True)
def test_a_shutdown_interrupts_and_hands_the_message_back(
    broker: NightshiftBroker, running: WorkerStarter, seen: list[Any]
) -> None:
    started = threading.Event()

    @actor(broker, **FAST)
    def spin() -> None:
        started.set()
        try:
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline:
                pass
        except Shutdown:
            seen.append("interrupted")
            raise

    message = spin.send()
    with running():
        assert started.wait(10)
    assert seen == ["interrupted"]
    scripts = broker.scripts_of(spin.queue_name)
    assert scripts.read_counts()[:3] == [1, 0, 0]
    [again] = scripts.claim(worker="w", operation="c", count=1, lease_ms=1000).jobs
    assert (again.job_id, again.attempts_made) == (message.message_id, 0)


def test_an_actor_is_still_a_function(broker: Broker) -> None:
    @actor(broker)
    def add(a: int, b: int) -> int:
        return a + b

    assert add(1, 2) == 3


def test_wrong_options_are_refused(broker: Broker) -> None:
    with pytest.raises(ValueError, match="not_an_option"):
        actor(broker, not_an_option=1)(lambda: None)
