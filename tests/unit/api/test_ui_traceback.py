"""Tracebacks are folded to our own frames, and no line is lost."""

from __future__ import annotations

import traceback

from hypothesis import given
from hypothesis import strategies as st

from services.api.ui.traceback_view import frames

TRACE = """Traceback (most recent call last):
  File "/x/site-packages/dramatiq/worker.py", line 480, in process_message
    res = actor(*message.args)
          ^^^^^^^^^^^^^^^^^^^^
  File "/x/site-packages/dramatiq/actor.py", line 180, in __call__
    return self.fn(*args)
  File "/app/services/worker/tasks/send_email.py", line 51, in run
    server.send_message(mail)
  File "/usr/lib/python3.11/smtplib.py", line 986, in send_message
    raise SMTPRecipientsRefused(senderrs)
smtplib.SMTPRecipientsRefused: no such user

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/app/services/worker/binding.py", line 88, in run
    result = run(data, context)
ValueError: second
"""


def test_frames_of_libraries_are_folded_and_ours_are_not() -> None:
    groups = frames(TRACE)

    assert [(g.is_ours, g.count, g.origin) for g in groups] == [
        (True, 0, ""),
        (False, 2, "dramatiq"),
        (True, 1, ""),
        (False, 1, "Python"),
        (True, 1, ""),
    ]
    assert "send_message(mail)" in groups[2].text
    assert "no such user" in groups[4].text
    assert "ValueError: second" in groups[4].text


@given(
    st.lists(
        st.sampled_from(
            [
                *TRACE.splitlines(),
                "",
                "    indented",
                "nonsense",
                '  File "x',
                "  [Previous line repeated 996 more times]",
            ]
        ),
        max_size=30,
    )
)
def test_no_line_is_lost_or_moved(lines: list[str]) -> None:
    text = "\n".join(lines)

    kept = [line for group in frames(text) for line in group.lines]

    assert kept == text.splitlines()


def test_a_real_traceback_of_our_own_is_not_folded() -> None:
    try:
        frames(None)  # type: ignore[arg-type]
    except AttributeError:
        groups = frames(traceback.format_exc())

    assert any("traceback_view.py" in g.text and g.is_ours for g in groups)
    assert "AttributeError" in groups[-1].text
