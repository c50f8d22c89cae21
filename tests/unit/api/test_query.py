from __future__ import annotations

import pytest

from services.api import query
from services.api.errors import InvalidParameterError


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("25", 25), ("0.5", 0.5)])
def test_reads_seconds(text: str, number: float) -> None:
    assert query.seconds({"wait": text}, "wait", highest=25) == number


@pytest.mark.parametrize(
    "text", ["", "-1", "25.1", "26", "1e2", "nan", "inf", "1.", "٣", " 1", "1" * 999]
)
def test_refuses_other_seconds(text: str) -> None:
    with pytest.raises(InvalidParameterError):
        query.seconds({"wait": text}, "wait", highest=25)


@pytest.mark.parametrize("text", ["", "-1", "1.0", "11", "x", "\uff11", "9" * 5000])
def test_refuses_other_whole_numbers(text: str) -> None:
    with pytest.raises(InvalidParameterError):
        query.whole({"fail": text}, "fail", default=2, highest=10)


def test_falls_back_to_the_default() -> None:
    assert query.seconds({}, "wait", highest=25) == 0
    assert query.whole({}, "fail", default=2, highest=10) == 2
