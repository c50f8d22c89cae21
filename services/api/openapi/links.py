"""Which operations what an answer names can be given to."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.api.openapi.parts import Schema

#: The operation that makes a thing, where its answer or address has the id, and what
#: can be done with it.
_LINKS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "jobs.add": (
        "$response.body#/id",
        (
            "jobs.show",
            "jobs.logs",
            "events.of_job",
            "explain.show",
            "job_actions.retry",
            "job_actions.cancel",
            "job_actions.promote",
            "job_actions.remove",
        ),
    ),
    "files.add": ("$response.body#/id", ("files.show",)),
    "tokens.add": (
        "$response.body#/id",
        ("tokens.show", "tokens.rotate", "tokens.revoke"),
    ),
    "queues.start": ("$response.body#/id", ("operations.show", "operations.stop")),
    "schedules.put": (
        "$request.path.id",
        (
            "schedules.show",
            "schedules.pause",
            "schedules.resume",
            "schedules.run",
            "schedules.preview",
            "schedules.ledger",
            "schedules.remove",
        ),
    ),
}


def links_of(endpoint: str, queue: str) -> Schema:
    """Return the links of an operation's good answers, by their names."""
    if endpoint not in _LINKS:
        return {}
    place, targets = _LINKS[endpoint]
    parameters = {"id": place, **({"queue": queue} if queue else {})}
    return {
        name: {"operationId": name, "parameters": parameters}
        for name in (target.replace(".", "-") for target in targets)
    }
