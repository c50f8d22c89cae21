"""read_page: every job that stays is shown once, whatever moves meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.queue_probe import completion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shared.broker.scripts import Scripts
    from tests.support.queue_probe import QueueProbe

both_ways = pytest.mark.parametrize("newest_first", [False, True])


def pages(
    scripts: Scripts,
    name: str,
    *,
    newest_first: bool = False,
    between: Callable[[], object] = lambda: None,
) -> Iterator[list[str]]:
    after = ("", "")
    while True:
        page = scripts.read_page(name, count=3, newest_first=newest_first, after=after)
        if not page:
            return
        yield [job_id for job_id, _ in page]
        after = (page[-1][1], page[-1][0])
        between()


@both_ways
def test_pages_follow_each_other(
    scripts: Scripts, queue: QueueProbe, *, newest_first: bool
) -> None:
    expected = [f"j{number}" for number in range(8)]
    queue.put(*expected)
    found = list(pages(scripts, "waiting", newest_first=newest_first))
    assert [len(page) for page in found] == [3, 3, 2]
    if newest_first:
        expected.reverse()
    assert [job_id for page in found for job_id in page] == expected


@both_ways
def test_jobs_that_left_hide_none_that_stayed(
    scripts: Scripts, queue: QueueProbe, *, newest_first: bool
) -> None:
    queue.put(*(f"j{number}" for number in range(9)))
    found = pages(
        scripts,
        "waiting",
        newest_first=newest_first,
        # The front of the line leaves, what was just shown included.
        between=lambda: queue.claim(2),
    )
    seen = [job_id for page in found for job_id in page]
    assert len(seen) == len(set(seen))
    assert set(queue.line()) <= set(seen)


@both_ways
def test_the_job_that_a_page_ended_with_may_have_left(
    scripts: Scripts, queue: QueueProbe, *, newest_first: bool
) -> None:
    queue.put(*(f"j{number}" for number in range(6)))
    last = "j3" if newest_first else "j2"
    found = pages(
        scripts,
        "waiting",
        newest_first=newest_first,
        between=lambda: scripts.remove([last]),
    )
    assert sorted(job_id for page in found for job_id in page) == [
        f"j{number}" for number in range(6)
    ]


@both_ways
def test_jobs_that_ended_in_the_same_millisecond_are_told_apart(
    scripts: Scripts, queue: QueueProbe, *, newest_first: bool
) -> None:
    jobs = queue.active(*(f"j{number}" for number in range(10)))
    scripts.complete([completion(job) for job in jobs])
    gone = iter(["j2", "j5", "j7", "j8", "none"])
    found = pages(
        scripts,
        "completed",
        newest_first=newest_first,
        between=lambda: scripts.remove([next(gone, "none")]),
    )
    seen = [job_id for page in found for job_id in page]
    assert len(seen) == len(set(seen))
    assert set(queue.line("completed")) <= set(seen)


def test_a_job_that_moved_on_in_its_line_is_found_at_its_old_place(
    scripts: Scripts, queue: QueueProbe
) -> None:
    queue.put("a", "b", "c", "d")
    [(_, score)] = scripts.read_page(
        "waiting", count=1, newest_first=False, after=("", "")
    )
    queue.client.zadd(queue.keys.one("waiting"), {"a": 2.0**52})
    page = scripts.read_page("waiting", count=9, newest_first=False, after=(score, "a"))
    assert [job_id for job_id, _ in page] == ["b", "c", "d", "a"]


def test_an_empty_state_has_no_page(scripts: Scripts) -> None:
    for newest_first in (False, True):
        assert (
            scripts.read_page(
                "failed", count=9, newest_first=newest_first, after=("", "")
            )
            == []
        )
        assert (
            scripts.read_page(
                "failed", count=9, newest_first=newest_first, after=("5", "a")
            )
            == []
        )
