from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.scheduler.pulse import LIVE_WITHIN_MS, READY_WITHIN_MS, Pulse
from services.scheduler.server_clock import ServerClock
from shared import clock

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def pass_ms(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    now = [1_000_000.0]

    def forward(ms: float) -> None:
        now[0] += ms

    monkeypatch.setattr(clock, "monotonic_ms", lambda: now[0])
    return forward


def test_is_not_ready_before_the_first_good_tick() -> None:
    pulse = Pulse()

    assert pulse.why_not_ready() == "No tick has succeeded yet. There was no tick yet."
    assert pulse.why_not_live() is None


def test_is_ready_while_ticks_succeed(pass_ms: Callable[[float], None]) -> None:
    pulse = Pulse()
    pulse.succeed()
    pass_ms(READY_WITHIN_MS)

    assert pulse.why_not_ready() is None


def test_says_what_keeps_it_from_being_ready(pass_ms: Callable[[float], None]) -> None:
    pulse = Pulse()
    pulse.succeed()
    pass_ms(READY_WITHIN_MS + 5_000)
    pulse.begin()
    pulse.fail("Redis can't be reached.")

    assert pulse.why_not_ready() == (
        "The last good tick was 15 s ago. Redis can't be reached."
    )
    assert pulse.why_not_live() is None


def test_is_not_live_when_ticks_stop(pass_ms: Callable[[float], None]) -> None:
    pulse = Pulse()
    pulse.begin()
    pass_ms(LIVE_WITHIN_MS + 1_000)

    assert pulse.why_not_live() == "The last tick began 61 s ago."


def test_the_servers_clock_goes_on_between_answers(
    pass_ms: Callable[[float], None],
) -> None:
    server_clock = ServerClock()
    server_clock.saw(1_780_272_000_000)
    pass_ms(250.75)

    assert server_clock.now_ms() == 1_780_272_000_250
    assert server_clock.until_ms(1_780_272_000_300) == pytest.approx(49.25)
    assert clock.now_ms() != server_clock.now_ms()


def test_the_servers_clock_is_not_guessed() -> None:
    with pytest.raises(RuntimeError, match="not known before its first answer"):
        ServerClock().now_ms()
