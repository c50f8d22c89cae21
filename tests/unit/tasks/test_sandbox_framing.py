from __future__ import annotations

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.worker.sandboxed import framing
from services.worker.sandboxed.framing import FramingError, Incoming, opening

FRAMES = st.lists(
    st.tuples(st.dictionaries(st.text(), st.integers()), st.binary(max_size=300)),
    max_size=5,
)


@given(FRAMES, st.integers(1, 64))
def test_messages_arrive_whole_however_they_are_cut(
    frames: list[tuple[dict[str, int], bytes]], piece_bytes: int
) -> None:
    wire = b"".join(opening(h, body_bytes=len(b)) + b for h, b in frames)
    incoming = Incoming(max_body_bytes=300)

    arrived = [
        (frame.header, frame.body)
        for start in range(0, len(wire), piece_bytes)
        for frame in incoming.feed(wire[start : start + piece_bytes])
    ]

    assert arrived == frames


@pytest.mark.parametrize(
    "wire",
    [
        opening({}, body_bytes=301),
        struct.pack("!IQ", 2**31, 0),
        struct.pack("!IQ", 4, 0) + b"oops",
        struct.pack("!IQ", 4, 0) + b"[1] ",
    ],
)
def test_what_is_no_message_is_refused(wire: bytes) -> None:
    with pytest.raises(FramingError):
        list(Incoming(max_body_bytes=300).feed(wire))


def test_a_message_goes_through_a_socket() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        framing.send(ours, {"a": 1}, b"body")
        header, body = framing.receive(theirs)

    assert header == {"a": 1}
    assert body.read() == b"body"


def test_a_hang_up_in_the_middle_is_noticed() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        with ours:
            ours.sendall(opening({"a": 1}, body_bytes=10) + b"half")
        with pytest.raises(FramingError):
            framing.receive(theirs)
