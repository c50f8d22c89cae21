"""Which jobs a caller means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.api import representation
from services.api.failure_groups import fingerprint_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.api.schemas import JobFilter
    from shared.contracts.catalogue import AnyContract
    from shared.jobs.job import Job

#: Later than any time that a filter may name, epoch milliseconds.
_NEVER = 10**15


@dataclass(frozen=True)
class Sieve:
    """Keeps the jobs that fit a filter.

    Attributes:
        wanted: The filter.
        catalogue: Knows what is secret: a search must not find what nobody may see.
    """

    wanted: JobFilter
    catalogue: Mapping[str, AnyContract]

    @property
    def keeps_all(self) -> bool:
        """Whether every job fits."""
        return not self.wanted.model_dump(exclude={"states"}, exclude_none=True)

    def keeps(self, job: Job) -> bool:
        """Whether a job fits."""
        wanted = self.wanted
        if wanted.name is not None and job.name != wanted.name:
            return False
        if wanted.tag is not None and wanted.tag not in (job.options.tags or ()):
            return False
        if wanted.group is not None and job.options.group != wanted.group:
            return False
        if not (wanted.since or 0) <= job.timestamp < (wanted.until or _NEVER):
            return False
        reason = (job.failed_reason or "").casefold()
        if wanted.error is not None and wanted.error.casefold() not in reason:
            return False
        has_text = wanted.q is None or self._has(job, wanted.q.casefold())
        return has_text and wanted.fingerprint in (None, _fingerprint(job))

    def _has(self, job: Job, text: str) -> bool:
        small = (job.id, job.name, job.failed_reason or "", *(job.options.tags or ()))
        if any(text in part.casefold() for part in small):
            return True
        data = representation.visible_data(job, self.catalogue)
        return text in data.decode(errors="replace").casefold()


def _fingerprint(job: Job) -> str:
    if job.failed_reason is None:
        return ""
    return fingerprint_of(job.name, job.failure_kind, job.failed_reason)
