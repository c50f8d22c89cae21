"""The queues that a caller may know of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.api.auth import principal
from services.api.errors import JobNotFoundError, UnknownQueueError
from shared.errors import InvalidNameError
from shared.jobs.names import check_job_id

if TYPE_CHECKING:
    from shared.contracts.catalogue import Catalogue


def visible(catalogue: Catalogue) -> tuple[str, ...]:
    """Return the queues that the current caller sees, sorted."""
    caller = principal()
    if caller.sees_everything:
        return catalogue.queues()
    return tuple(queue for queue in catalogue.queues() if caller.sees(queue))


def check(catalogue: Catalogue, queue: str) -> None:
    """Refuse a queue that does not exist or is not the caller's, in the same words.

    Raises:
        UnknownQueueError: When it is not one of the visible ones.
    """
    known = visible(catalogue)
    if queue not in known:
        raise UnknownQueueError(known)


def check_job(catalogue: Catalogue, queue: str, job_id: str) -> None:
    """Refuse an address that no job of the caller's can have.

    Raises:
        UnknownQueueError: When the queue is not one of the visible ones.
        JobNotFoundError: When no job can have such an id.
    """
    check(catalogue, queue)
    try:
        check_job_id(job_id)
    except InvalidNameError:
        raise JobNotFoundError from None
