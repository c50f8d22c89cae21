"""The lease guard: when it renews, which leases, and when it leaves them alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from shared.broker import lease_table
from shared.broker.lease_guard_program import LONGEST_SILENCE_MS, Guard, Pulse
from shared.broker.lease_table import Entry, LeaseTable
from tests.support.wait import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SILENCE_MS = 1_000.0


@pytest.fixture
def table() -> Iterator[LeaseTable]:
    memory = LeaseTable.new_memory()
    table = LeaseTable(memory)
    os.close(memory)
    yield table
    table.close()


def entry(job_id: str, until_ms: float = 1e9) -> Entry:
    return Entry("mail", job_id, "7", until_ms)


class StandInPulse(Pulse):
    """A process that works, or does not, as the test says."""

    def __init__(self) -> None:
        self.idle: float | None = 0.0

    def idle_ms(self, now_ms: float) -> float | None:
        return self.idle


class Watch:
    """A guard, what it watches, and what it renewed."""

    def __init__(self, table: LeaseTable) -> None:
        self.pulse = StandInPulse()
        self.renewed: list[str] = []
        self.guard = Guard(table, self.pulse, silence_ms=SILENCE_MS, renew=self._renew)
        table.beat(0.0)

    def _renew(self, queue: str, entries: Sequence[Entry]) -> None:
        self.renewed += [f"{queue}/{e.job_id}/{e.token}" for e in entries]


@pytest.fixture
def watch(table: LeaseTable) -> Watch:
    return Watch(table)


def test_what_is_noted_is_read_by_another_look_at_the_same_memory() -> None:
    memory = LeaseTable.new_memory()
    ours, theirs = LeaseTable(memory), LeaseTable(memory)

    first = ours.note(*Entry("mail", "a", "1", 10.0))
    ours.note(*Entry("post", "b", "2", 20.0))
    ours.beat(5.0)

    assert set(theirs.entries()) == {
        Entry("mail", "a", "1", 10.0),
        Entry("post", "b", "2", 20.0),
    }
    assert theirs.last_beat_ms == 5.0
    assert first is not None
    ours.forget(first)
    assert [e.job_id for e in theirs.entries()] == ["b"]
    for end in (ours, theirs):
        end.close()
    os.close(memory)


def test_a_full_table_notes_no_more_and_a_freed_line_serves_again(
    table: LeaseTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [table.note(*entry(f"j{n}")) for n in range(lease_table.LINES)]

    assert None not in lines
    assert table.note(*entry("one-more")) is None
    table.forget(lines[0] or 0)
    assert table.note(*entry("one-more")) == lines[0]


def test_the_longest_names_fit(table: LeaseTable) -> None:
    longest = Entry("q" * 64, "j" * 128, str(2**53), 1.0)

    assert table.note(*longest) is not None
    assert table.note(*Entry("q" * 200, "j" * 128, "1", 1.0)) is None
    assert list(table.entries()) == [longest]


def test_a_half_written_line_is_passed_over(table: LeaseTable) -> None:
    line = table.note(*entry("a"))
    assert line is not None
    table._memory[line + 10 : line + 16] = b"xxxxxx"

    assert list(table.entries()) == []


def test_a_worker_that_renews_by_itself_is_left_alone(watch: Watch) -> None:
    watch.guard._table.note(*entry("a"))

    assert not watch.guard.look(SILENCE_MS)
    assert watch.renewed == []


def test_a_silent_worker_that_works_is_helped_at_intervals(watch: Watch) -> None:
    watch.guard._table.note(*entry("a"))

    assert watch.guard.look(SILENCE_MS + 1)
    assert not watch.guard.look(SILENCE_MS + 2)
    assert watch.guard.look(SILENCE_MS * 1.5 + 1)
    assert watch.renewed == ["mail/a/7", "mail/a/7"]


def test_a_silent_worker_that_does_not_work_is_left_alone(watch: Watch) -> None:
    watch.guard._table.note(*entry("a"))

    watch.pulse.idle = SILENCE_MS
    assert not watch.guard.look(SILENCE_MS + 1)
    watch.pulse.idle = None
    assert not watch.guard.look(SILENCE_MS + 1)


def test_a_job_past_its_limit_is_left_alone(watch: Watch) -> None:
    watch.guard._table.note(*entry("late", until_ms=SILENCE_MS))
    watch.guard._table.note(*entry("fine"))

    assert watch.guard.look(SILENCE_MS + 1)
    assert watch.renewed == ["mail/fine/7"]


def test_nobody_is_helped_for_ever(watch: Watch) -> None:
    watch.guard._table.note(*entry("a", until_ms=1e12))

    assert not watch.guard.look(LONGEST_SILENCE_MS)


def test_the_pulse_tells_work_from_idleness_and_from_a_stop() -> None:
    program = "import sys; sys.stdin.read(1); [0 for _ in iter(int, 1)]"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE
    ) as process:
        pulse = Pulse(process.pid)
        try:
            # Nothing but the start-up costs CPU, so time passes without work ...
            wait_for(
                lambda: pulse.idle_ms(1e6) == 0.0 and pulse.idle_ms(2e6) == 1e6,
                what="an idle process",
            )
            assert process.stdin is not None
            process.stdin.write(b"x")
            process.stdin.flush()
            wait_for(lambda: pulse.idle_ms(3e6) == 0.0, what="a working process")
            process.send_signal(signal.SIGSTOP)
            wait_for(lambda: pulse.idle_ms(4e6) is None, what="a stopped process")
        finally:
            process.kill()
    assert pulse.idle_ms(5e6) is None
