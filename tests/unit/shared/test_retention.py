from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.retention import Retention
from shared.errors import InvalidDataError


@pytest.mark.parametrize(
    ("document", "meaning"),
    [
        (b"true", Retention(count=0)),
        (b"false", Retention()),
        (b"0", Retention(count=0)),
        (b"25", Retention(count=25)),
        (b"{}", Retention()),
        (b'{"age":60}', Retention(age=60)),
        (b'{"count":5}', Retention(count=5)),
        (b'{"age":60,"count":5}', Retention(age=60, count=5)),
        (b'{"age":null,"count":5}', Retention(count=5)),
    ],
)
def test_all_forms_of_bullmq_are_understood(
    document: bytes, meaning: Retention
) -> None:
    found = Retention.parse(document)
    assert (found.age, found.count) == (meaning.age, meaning.count)


@pytest.mark.parametrize(
    "document",
    [
        b"-1",
        b"1.5",
        b'"5"',
        b"null",
        b"[]",
        b'{"age":-1}',
        b'{"age":315360001}',
        b'{"count":100000001}',
        b'{"count":true}',
        b'{"limit":5}',
    ],
)
def test_senseless_ones_are_refused(document: bytes) -> None:
    with pytest.raises(InvalidDataError):
        Retention.parse(document)


@given(
    st.builds(
        Retention,
        age=st.none() | st.integers(0, 315_360_000),
        count=st.none() | st.integers(0, 100_000_000),
    )
)
def test_what_was_written_reads_the_same(keep: Retention) -> None:
    assert Retention.parse(keep.dump()) == keep


def test_a_retention_is_never_taken_for_nothing() -> None:
    assert Retention(), "resolve() chooses with `or`"
    assert Retention(age=0, count=0)
