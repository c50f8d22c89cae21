from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.worker.sandboxed.geometry import Plan, inside, plan

SIDE = st.integers(1, 20_000)
WANTED = st.integers(1, 10_000)


@pytest.mark.parametrize(
    ("width", "height", "target"),
    [
        (100, None, (100, 50)),
        (None, 100, (200, 100)),
        (100, 100, (100, 50)),
        (1000, 1000, (400, 200)),
        (None, None, (400, 200)),
    ],
)
def test_inside_fits_into_the_box_without_enlarging(
    width: int | None, height: int | None, target: tuple[int, int]
) -> None:
    assert plan((400, 200), width=width, height=height, fit="inside").target == target


def test_cover_fills_the_box_from_the_middle() -> None:
    assert plan((400, 200), width=100, height=100, fit="cover") == Plan(
        region=(200, 200), target=(100, 100)
    )


def test_cover_of_a_too_small_picture_keeps_the_shape_of_the_box() -> None:
    assert plan((400, 200), width=1000, height=1000, fit="cover") == Plan(
        region=(200, 200), target=(200, 200)
    )


def test_contain_lays_the_picture_on_a_canvas_of_the_box() -> None:
    found = plan((400, 200), width=100, height=100, fit="contain")

    assert (found.target, found.canvas) == ((100, 50), (100, 100))


@given(SIDE, SIDE, WANTED, WANTED)
def test_no_picture_becomes_larger_and_none_vanishes(
    wide: int, high: int, width: int, height: int
) -> None:
    for fit in ("inside", "cover", "contain"):
        found = plan((wide, high), width=width, height=height, fit=fit)

        assert 1 <= found.target[0] <= min(wide, width)
        assert 1 <= found.target[1] <= min(high, height)
        assert 0 < found.region[0] <= wide
        assert 0 < found.region[1] <= high


@given(SIDE, SIDE, st.integers(16, 4096))
def test_a_thumbnail_s_longest_side_is_what_was_asked(
    wide: int, high: int, longest: int
) -> None:
    assert max(inside((wide, high), longest=longest)) == min(max(wide, high), longest)
