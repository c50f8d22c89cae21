from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.retry import MAX_BACKOFF_MS, Backoff, backoff_ms
from shared.errors import InvalidDataError

delays = st.integers(0, MAX_BACKOFF_MS)
jitters = st.floats(0, 1, allow_nan=False)
dice = st.floats(0, 1, exclude_max=True, allow_nan=False)
attempts = st.integers(1, 10_000)
policies = st.builds(
    Backoff,
    type=st.sampled_from(["fixed", "exponential"]),
    delay=delays,
    jitter=jitters,
)


def wait(policy: Backoff, attempts_made: int, *, dice: float = 0.0) -> int:
    return backoff_ms(policy, attempts_made=attempts_made, dice=dice)


def test_a_fixed_wait_stays() -> None:
    assert [wait(Backoff(type="fixed", delay=7), n) for n in (1, 2, 99)] == [7, 7, 7]


def test_an_exponential_wait_doubles_up_to_a_week() -> None:
    policy = Backoff(type="exponential", delay=1_000)
    assert [wait(policy, n) for n in (1, 2, 3, 4)] == [1_000, 2_000, 4_000, 8_000]
    assert wait(policy, 20) == 1_000 * 2**19
    assert wait(policy, 21) == wait(policy, 1_000) == MAX_BACKOFF_MS == 604_800_000


@given(policies, attempts, dice)
def test_a_wait_is_a_whole_number_within_bounds(
    policy: Backoff, attempts_made: int, dice: float
) -> None:
    result = wait(policy, attempts_made, dice=dice)
    assert isinstance(result, int)
    assert 0 <= result <= MAX_BACKOFF_MS
    if policy.delay == 0:
        assert result == 0


@given(delays, attempts, st.sampled_from(["fixed", "exponential"]))
def test_without_jitter_a_wait_never_shrinks(
    delay: int, attempts_made: int, kind: str
) -> None:
    policy = Backoff(type=kind, delay=delay)
    assert wait(policy, attempts_made + 1) >= wait(policy, attempts_made) >= delay


@given(delays, attempts, dice)
def test_without_jitter_the_dice_do_not_matter(
    delay: int, attempts_made: int, dice: float
) -> None:
    policy = Backoff(delay=delay)
    assert wait(policy, attempts_made, dice=dice) == wait(policy, attempts_made)


@given(policies, attempts, dice)
def test_jitter_only_shortens_and_only_by_its_share(
    policy: Backoff, attempts_made: int, dice: float
) -> None:
    full = wait(policy.model_copy(update={"jitter": 0.0}), attempts_made)
    shaken = wait(policy, attempts_made, dice=dice)
    assert round(full * (1 - policy.jitter)) - 1 <= shaken <= full


@given(policies, attempts, dice, dice)
def test_a_greater_number_on_the_dice_never_shortens_the_wait(
    policy: Backoff, attempts_made: int, one: float, other: float
) -> None:
    low, high = sorted((one, other))
    first = wait(policy, attempts_made, dice=low)
    assert first <= wait(policy, attempts_made, dice=high)


def test_the_dice_reach_all_of_the_range() -> None:
    policy = Backoff(type="fixed", delay=1_000, jitter=0.5)
    waits = {wait(policy, 1, dice=n / 1_000) for n in range(1_000)}
    assert min(waits) == 500
    assert max(waits) in (999, 1_000)
    assert len(waits) > 490


@pytest.mark.parametrize(
    "document",
    [
        b'{"type":"linear"}',
        b'{"delay":-1}',
        b'{"delay":604800001}',
        b'{"delay":1.5}',
        b'{"jitter":1.1}',
        b'{"jitter":-0.1}',
        b'{"jitter":NaN}',
    ],
)
def test_senseless_policies_are_refused(document: bytes) -> None:
    with pytest.raises(InvalidDataError):
        Backoff.parse(document)
