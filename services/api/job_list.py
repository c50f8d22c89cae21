"""Lists of jobs, page by page, with a bounded amount of work per page."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from services.api.errors import UnknownCursorError
from services.api.job_filter import Sieve

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from services.api.schemas import JobFilter
    from shared.broker.inspector import Inspector, Page
    from shared.contracts.catalogue import Catalogue
    from shared.jobs.job import Job
    from shared.jobs.states import JobState

#: Jobs that are looked at for one page, however few of them fit.
LOOKED_AT = 2_000
#: Data of jobs on one page, in bytes, more or less.
PAGE_BYTES = 4 * 1024 * 1024
_CHUNK = 100


class Place(msgspec.Struct, frozen=True, array_like=True):
    """Where a page begins.

    Attributes:
        state: Which of the wanted states.
        chunk: The inspector's cursor of the chunk.
        after: The last job of the chunk that was shown; empty for none.
    """

    state: int = 0
    chunk: str = ""
    after: str = ""


@dataclass(frozen=True)
class Listed:
    """A page.

    Attributes:
        jobs: The jobs that fit.
        next_cursor: Where the next page begins, None after the last.
        looked_at: How many jobs were looked at.
    """

    jobs: list[Job]
    next_cursor: str | None
    looked_at: int


@dataclass(frozen=True, kw_only=True)
class JobList:
    """Walks through the jobs of a queue.

    Attributes:
        inspector: Reads them.
        catalogue: Knows what is secret in them.
        most: Jobs that are looked at for one page, however few of them fit;
            LOOKED_AT when left out.
    """

    inspector: Inspector
    catalogue: Catalogue
    most: int | None = None

    def page(
        self,
        queue: str,
        states: Sequence[JobState],
        wanted: JobFilter,
        *,
        cursor: str,
        limit: int,
        newest_first: bool,
    ) -> Listed:
        """Return some jobs that fit.

        Raises:
            UnknownCursorError: The cursor is not of this list.
        """
        sieve = Sieve(wanted, self.catalogue)
        place = _read(cursor, states)
        found: list[Job] = []
        looked_at = room = 0
        most = self.most or LOOKED_AT
        while looked_at < most and room < PAGE_BYTES:
            page = self._chunk(
                queue, states[place.state], place.chunk, newest_first=newest_first
            )
            looked_at += len(page.jobs)
            for job in _after(page.jobs, place.after):
                if not sieve.keeps(job):
                    continue
                if len(found) == limit or room >= PAGE_BYTES:
                    here = Place(place.state, place.chunk, found[-1].id)
                    return Listed(found, _write(here), looked_at)
                found.append(job)
                room += len(job.data) + len(job.returnvalue) + len(job.stacktrace)
            following = _following(place, page.next_cursor, states)
            if following is None:
                return Listed(found, None, looked_at)
            place = following
        return Listed(found, _write(place), looked_at)

    def _chunk(
        self, queue: str, state: JobState, cursor: str, *, newest_first: bool
    ) -> Page:
        try:
            return self.inspector.page(
                queue, state, cursor=cursor, limit=_CHUNK, newest_first=newest_first
            )
        except ValueError:
            raise UnknownCursorError from None


def _after(jobs: list[Job], last: str) -> Iterator[Job]:
    """Yield the jobs behind `last`; all of them when it has gone meanwhile."""
    ids = [job.id for job in jobs]
    start = ids.index(last) + 1 if last in ids else 0
    yield from jobs[start:]


def _following(
    place: Place, next_chunk: str | None, states: Sequence[JobState]
) -> Place | None:
    if next_chunk is not None:
        return Place(place.state, next_chunk)
    if place.state + 1 < len(states):
        return Place(place.state + 1)
    return None


def _write(place: Place) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def _read(cursor: str, states: Sequence[JobState]) -> Place:
    if not cursor:
        return Place()
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
        place = msgspec.json.decode(text, type=Place)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        raise UnknownCursorError from None
    if not 0 <= place.state < len(states):
        raise UnknownCursorError
    return place
