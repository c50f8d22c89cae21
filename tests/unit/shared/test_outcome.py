from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.retry import Backoff
from shared.errors import (
    InvalidDataError,
    Problem,
    RetryLaterError,
    UnrecoverableError,
)
from shared.jobs.options import JobOptions, resolve
from shared.jobs.outcome import (
    MAX_REASON,
    MAX_STACKTRACE,
    Failed,
    Failure,
    Released,
    Retried,
    decide,
    describe,
)

LATER = RetryLaterError("x", delay_ms=7, uses_attempt=False)
WHY = Failure("error", "It broke.")
INVALID = InvalidDataError((Problem("/data/to", "is missing"),))


class _Odd(Exception):  # noqa: N818 - any name may be raised
    """An error of somebody else's."""


@pytest.mark.parametrize(
    ("error", "attempts_made", "expected"),
    [
        (ValueError("x"), 1, Retried(100, WHY)),
        (ValueError("x"), 2, Retried(200, WHY)),
        (ValueError("x"), 3, Failed(WHY)),
        (ValueError("x"), 4, Failed(WHY)),
        (TimeoutError(), 1, Retried(100, WHY)),
        (SystemExit(), 1, Retried(100, WHY)),
        (RetryLaterError("x", delay_ms=7), 1, Retried(7, WHY)),
        (RetryLaterError("x", delay_ms=0), 2, Retried(0, WHY)),
        (RetryLaterError("x", delay_ms=7), 3, Failed(WHY)),
        (LATER, 1, Released(delay_ms=7, reason="It broke.")),
        (LATER, 3, Released(delay_ms=7, reason="It broke.")),
        (UnrecoverableError("x"), 1, Failed(WHY)),
        (INVALID, 1, Failed(WHY)),
    ],
)
def test_decides_what_follows_a_failed_attempt(
    error: BaseException, attempts_made: int, expected: Retried | Failed | Released
) -> None:
    policy = resolve(JobOptions(attempts=3, backoff=Backoff(delay=100)))
    outcome = decide(
        policy, attempts_made=attempts_made, error=error, failure=WHY, dice=0.5
    )
    assert outcome == expected


@given(
    attempts=st.integers(1, 1000),
    made=st.integers(1, 1000),
    dice=st.floats(0, 1, exclude_max=True),
)
def test_a_job_gets_exactly_as_many_attempts_as_it_may(
    attempts: int, made: int, dice: float
) -> None:
    policy = resolve(JobOptions(attempts=attempts))
    outcome = decide(
        policy, attempts_made=made, error=ValueError(), failure=WHY, dice=dice
    )
    assert isinstance(outcome, Retried) == (made < attempts)


def test_the_dice_decide_the_jitter() -> None:
    backoff = Backoff(type="fixed", delay=100, jitter=1.0)
    policy = resolve(JobOptions(attempts=9, backoff=backoff))
    waits = [
        decide(policy, attempts_made=1, error=ValueError(), failure=WHY, dice=dice)
        for dice in (0.0, 0.25, 0.999)
    ]
    assert waits == [Retried(0, WHY), Retried(25, WHY), Retried(100, WHY)]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("no such thing"), "ValueError: no such thing"),
        (ValueError(), "ValueError"),
        (ValueError("  \n "), "ValueError"),
        (ValueError("\n\nfirst\nsecond"), "ValueError: first"),
        (_Odd("x"), "_Odd: x"),
        (KeyError("name"), "KeyError: 'name'"),
        (UnrecoverableError("The address does not exist."), "The address does not e"),
        (UnrecoverableError(""), "UnrecoverableError"),
        (RetryLaterError("Come back.\nLater.", delay_ms=1), "Come back."),
        (INVALID, "/data/to: is missing"),
    ],
)
def test_an_error_becomes_one_line(error: BaseException, reason: str) -> None:
    described = describe(error)
    assert described.reason.startswith(reason)
    assert "\n" not in described.reason
    assert described.stacktrace == ""


def test_an_error_has_a_kind() -> None:
    assert describe(ValueError()).kind == "error"
    assert describe(ValueError(), kind="timeout").kind == "timeout"
    assert describe(INVALID, kind="timeout").kind == "invalid"


def test_a_long_reason_keeps_its_beginning_and_a_long_trace_its_end() -> None:
    described = describe(
        ValueError("r" * 5_000), stacktrace="a" * 30_000 + "the end of it"
    )
    assert len(described.reason) == MAX_REASON
    assert described.reason.startswith("ValueError: rrr")
    assert len(described.stacktrace) == MAX_STACKTRACE
    assert described.stacktrace.endswith("the end of it")


@given(st.text())
def test_any_text_can_be_described(text: str) -> None:
    described = describe(ValueError(text))
    assert described.reason.startswith("ValueError")
    assert "\n" not in described.reason
