"""The stored record reads as it was written; damage is said, never guessed at."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.broker import record as records
from shared.broker.record import Record, decode, encode_body

texts = st.text(st.characters(codec="utf-8"))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts,
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
    max_leaves=8,
)
json_texts = json_values.map(lambda value: json.dumps(value, ensure_ascii=False))


labels = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.:@-]{0,20}|", fullmatch=True)


def header(
    *,
    task: str = "echo",
    operation: str = "",
    priority: int = 5,
    since: int = 1,
    extra: str = "",
) -> bytes:
    return (
        f"v=1;w={since:013};t={1_700_000_000_000};p={priority};n={task};"
        f"o={operation}{extra}\n"
    ).encode()


@given(
    data=json_texts,
    options=json_texts,
    priority=st.integers(1, 1000),
    task=st.from_regex(r"[A-Za-z][A-Za-z0-9_.-]{0,63}", fullmatch=True),
    operation=st.from_regex(r"[0-9a-z]{0,20}", fullmatch=True),
    group=labels,
    deduplication=labels,
)
def test_what_was_written_reads_the_same(
    data: str,
    options: str,
    priority: int,
    task: str,
    operation: str,
    group: str,
    deduplication: str,
) -> None:
    body = encode_body(data.encode(), options.encode())
    extra = f";g={group}" if group else ""
    extra += f";d={deduplication}" if deduplication else ""
    line = header(task=task, operation=operation, priority=priority, extra=extra)
    stored = line + body
    assert decode(stored) == Record(
        task=task,
        priority=priority,
        timestamp=1_700_000_000_000,
        waiting_since=1,
        group=group,
        data=data.encode(),
        options=options.encode(),
    )


def test_who_says_nothing_about_a_job_takes_no_room_for_it() -> None:
    body = encode_body(b"1", b"{}")

    assert body == b'{"data":1}'
    assert decode(header() + body).options == b"{}"


WHOLE = header() + encode_body(b'{"msg":"hello"}', b'{"attempts":2}')


@pytest.mark.parametrize(
    "stored",
    [
        b"",
        b"\n",
        b"{}",
        WHOLE[1:],
        b" " + WHOLE,
        WHOLE.replace(b"v=1", b"v=2"),
        WHOLE.replace(b";p=5", b""),
        WHOLE.replace(b";p=5", b";p=-5"),
        WHOLE.replace(b";p=5", b";p=five"),
        WHOLE.replace(b"\n", b""),
        header(),
        header() + b"null",
        header() + b"[]",
        header() + b'{"opts":1}',
        header() + b'{"data":1,"opts":{}',
        header() + b'{"data":1,"opts":{}}x',
        header() + b'{"data":,"opts":{}}',
        header() + b"\xff\xfe",
    ],
)
def test_a_damaged_record_is_a_value_error_with_a_sentence(stored: bytes) -> None:
    with pytest.raises(ValueError, match=r"^The record (has no header|is not JSON)"):
        decode(stored)


@given(st.binary())
@example(WHOLE.replace(b"n=echo", b"n=\xff\xfe"))
@example(WHOLE.replace(b"w=", b"w=" + b"9" * 5_000))
def test_any_bytes_are_read_or_a_value_error(stored: bytes) -> None:
    try:
        decode(stored)
    except ValueError:
        return


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 255))
def test_one_wrong_byte_is_read_or_a_value_error(position: int, byte: int) -> None:
    stored = bytearray(WHOLE)
    stored[position] = byte
    try:
        found = decode(bytes(stored))
    except ValueError:
        return
    assert (found.data, found.options) != (b"", b"")


@given(st.integers(0, len(WHOLE) - 1))
def test_a_cut_record_is_never_read(length: int) -> None:
    with pytest.raises(ValueError, match="The record"):
        decode(WHOLE[:length])


def test_a_flat_list_becomes_a_dict() -> None:
    assert records.fields([b"a", b"1", b"b", b"\xff"]) == {"a": b"1", "b": b"\xff"}
    assert records.fields([]) == {}
