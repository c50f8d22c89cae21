"""Model: what crosses a border is checked, and refusals never repeat a value."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from shared.contracts.model import Model
from shared.errors import InvalidDataError, Problem

SECRET = "hunter2-hunter2"  # noqa: S105


class Line(Model):
    unit_price: int = Field(ge=0)


class Order(Model):
    customer_name: str = Field(max_length=20)
    lines: list[Line] = Field(default_factory=list)
    notes: dict[str, int] = Field(default_factory=dict)
    weight: float = 0.0


def problems(document: Any, *, pointer: str = "") -> list[Problem]:
    raw = document if isinstance(document, bytes) else json.dumps(document).encode()
    with pytest.raises(InvalidDataError) as refusal:
        Order.parse(raw, pointer=pointer)
    return list(refusal.value.problems)


def test_reads_camel_case_and_calls_it_snake_case() -> None:
    order = Order.parse(b'{"customerName":"Ada","lines":[{"unitPrice":3}]}')
    assert order == Order(customer_name="Ada", lines=[Line(unit_price=3)])


def test_writes_camel_case_and_only_what_was_said() -> None:
    order = Order(customer_name="Ada", lines=[Line(unit_price=3)])
    assert json.loads(order.dump()) == {
        "customerName": "Ada",
        "lines": [{"unitPrice": 3}],
    }


def test_points_at_every_breach_in_document_order() -> None:
    found = problems(
        {"customerName": 1, "lines": [{"unitPrice": 1}, {"unitPrice": -1}], "x": 1},
        pointer="/data",
    )
    assert [problem.pointer for problem in found] == [
        "/data/customerName",
        "/data/lines/1/unitPrice",
        "/data/x",
    ]


def test_escapes_what_a_pointer_must_escape() -> None:
    [found] = problems({"customerName": "Ada", "notes": {"a/b~c": "x"}})
    assert found.pointer == "/notes/a~1b~0c"


def test_a_document_that_is_no_json_is_a_breach_of_the_whole() -> None:
    [found] = problems(b"{", pointer="/data")
    assert found.pointer == "/data"
    assert problems(b"[]")[0].pointer == ""


def test_details_are_sentence_fragments() -> None:
    for problem in problems({"customerName": "x" * 99, "lines": 1}):
        assert problem.detail[0].islower()
        assert not problem.detail.endswith(".")


@pytest.mark.parametrize(
    "document",
    [
        {"customerName": SECRET * 9},
        {"customerName": 1, "lines": SECRET},
        {"customerName": "a", "lines": [{"unitPrice": SECRET}]},
        {"customerName": "a", "notes": {"a": SECRET}},
        {"customerName": "a", "weight": SECRET},
        f'{{"customerName": "{SECRET}'.encode(),
    ],
)
def test_a_refusal_never_repeats_a_value(document: Any) -> None:
    raw = document if isinstance(document, bytes) else json.dumps(document).encode()
    with pytest.raises(InvalidDataError) as refusal:
        Order.parse(raw)
    assert "hunter2" not in str(refusal.value)
    assert "hunter2" not in repr(refusal.value.problems)
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__


@pytest.mark.parametrize(
    "document",
    [
        {"customerName": "Ada", "weight": "1"},
        {"customerName": "Ada", "lines": [{"unitPrice": "1"}]},
        {"customerName": "Ada", "lines": [{"unitPrice": 1.5}]},
        {"customerName": "Ada", "lines": [{"unitPrice": True}]},
        {"customerName": b"Ada".hex(), "notes": []},
        {"customerName": None},
        {},
    ],
)
def test_no_type_is_guessed(document: Any) -> None:
    assert len(problems(document)) == 1


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_json_does_not_have_are_refused(number: str) -> None:
    problems(f'{{"customerName":"Ada","weight":{number}}}'.encode())


def test_a_model_does_not_change() -> None:
    order = Order(customer_name="Ada")
    with pytest.raises(ValidationError):
        order.customer_name = "Bob"  # type: ignore[misc]


orders = st.fixed_dictionaries(
    {
        "customer_name": st.text(max_size=20),
        "lines": st.lists(
            st.integers(0, 2**63).map(lambda price: Line(unit_price=price))
        ),
        "notes": st.dictionaries(st.text(alphabet="ab/~é", max_size=5), st.integers()),
        "weight": st.floats(allow_nan=False, allow_infinity=False),
    }
).map(lambda fields: Order(**fields))


@given(orders)
def test_what_was_written_reads_the_same(order: Order) -> None:
    assert Order.parse(order.dump()) == order


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(document: bytes) -> None:
    found: tuple[Problem, ...] = (Problem("/data", ""),)
    try:
        Order.parse(document, pointer="/data")
    except InvalidDataError as error:
        found = error.problems
    assert found
    assert all(problem.pointer.startswith("/data") for problem in found)
