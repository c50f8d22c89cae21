from __future__ import annotations

import pytest

from shared.broker.suspects import may_join


@pytest.mark.parametrize(
    ("stalled", "held", "may"),
    [
        (0, [2, 1, 0], True),
        (1, [], True),
        (1, [0, 0], True),
        (1, [1, 0], True),
        (2, [0], True),
        (2, [1], False),
        (1, [0, 2], False),
        (2, [2], False),
    ],
)
def test_a_job_at_its_last_chance_runs_beside_no_other_suspect(
    stalled: int, held: list[int], *, may: bool
) -> None:
    assert may_join(stalled, held) is may
