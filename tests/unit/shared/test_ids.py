from __future__ import annotations

import re
import threading

import pytest

from shared import clock, ids
from shared.jobs.names import check_job_id


def test_an_id_is_twenty_letters_and_digits_that_nobody_misreads() -> None:
    for _ in range(1_000):
        assert re.fullmatch(r"[0-9a-hjkmnp-tv-z]{20}", ids.new_id())


def test_an_id_can_be_a_jobs() -> None:
    new = ids.new_id()
    assert check_job_id(new) == new


def test_ids_of_one_millisecond_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now_ms", lambda: 1_700_000_000_000)
    assert len({ids.new_id() for _ in range(10_000)}) == 10_000


def test_ids_of_many_threads_differ() -> None:
    found: list[str] = []

    def make() -> None:
        found.extend([ids.new_id() for _ in range(2_000)])

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 8_000


@pytest.mark.parametrize(
    "earlier_ms", [0, 1, 2**10 - 1, 1_700_000_000_000, 2**41 - 1, 2**44 - 2]
)
def test_a_later_id_sorts_after_an_earlier_one(
    earlier_ms: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now_ms", lambda: earlier_ms)
    earlier = [ids.new_id() for _ in range(50)]
    monkeypatch.setattr(clock, "now_ms", lambda: earlier_ms + 1)
    later = [ids.new_id() for _ in range(50)]
    assert max(earlier) < min(later)


def test_an_id_holds_the_time_and_its_random_bits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(clock, "now_ms", lambda: 2**44 - 1)
    monkeypatch.setattr("secrets.randbits", lambda bits: 2**bits - 1)
    assert ids.new_id() == "z" * 20
    monkeypatch.setattr(clock, "now_ms", lambda: 0)
    monkeypatch.setattr("secrets.randbits", lambda _: 0)
    assert ids.new_id() == "0" * 20
