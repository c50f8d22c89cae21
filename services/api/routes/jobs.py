"""`/api/v1/jobs/{queue}`: put jobs in, see what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec
from flask import Blueprint, Response, request

from services.api import query, representation
from services.api.errors import JobNotFoundError, UnknownQueueError
from services.api.long_poll import MAX_WAIT_S
from shared.errors import InvalidNameError
from shared.jobs.names import check_job_id

if TYPE_CHECKING:
    from services.api.intake import Accepted, Intake
    from services.api.long_poll import LongPolls
    from shared.broker.inspector import Inspector
    from shared.contracts.catalogue import Catalogue

PREFIX = "/api/v1/jobs"


def location(queue: str, job_id: str) -> str:
    """Return the address of a job."""
    return f"{PREFIX}/{queue}/{quote(job_id, safe=':@')}"


@dataclass(frozen=True, kw_only=True)
class JobRoutes:
    """The routes and what they need."""

    catalogue: Catalogue
    intake: Intake
    inspector: Inspector
    polls: LongPolls

    def blueprint(self) -> Blueprint:
        """Return the routes."""
        routes = Blueprint("jobs", __name__, url_prefix=PREFIX)
        routes.post("/<queue>")(self.add)
        routes.get("/<queue>/stats")(self.stats)
        routes.get("/<queue>/<job_id>")(self.show)
        routes.get("/<queue>/<job_id>/logs")(self.logs)
        return routes

    def add(self, queue: str) -> Response:
        """Create a job."""
        self._check_queue(queue)
        return self._accepted(self.intake.take(request, queue))

    def show(self, queue: str, job_id: str) -> Response:
        """Show a job, at once or when it has ended."""
        self._check_names(queue, job_id)
        wait_s = query.seconds(request.args, "wait", highest=MAX_WAIT_S)
        polled = self.polls.job(queue, job_id, wait_s=wait_s)
        if polled.job is None:
            raise JobNotFoundError
        response = _json(representation.job_json(polled.job, self.catalogue))
        if not polled.has_ended:
            response.headers["Retry-After"] = "1"
        return response

    def logs(self, queue: str, job_id: str) -> Response:
        """Show what a job logged."""
        self._check_names(queue, job_id)
        lines = self.inspector.logs(queue, job_id)
        if not lines and self.inspector.job(queue, job_id) is None:
            raise JobNotFoundError
        return _json(msgspec.json.encode({"id": job_id, "queue": queue, "logs": lines}))

    def stats(self, queue: str) -> Response:
        """Show how many jobs a queue has per state."""
        self._check_queue(queue)
        stats = self.inspector.stats(queue)
        counts = {state.value: count for state, count in stats.counts.items()}
        document = {
            "queue": queue,
            **counts,
            "oldestWaitingMs": stats.oldest_waiting_ms,
            "paused": stats.is_paused,
        }
        return _json(msgspec.json.encode(document))

    def _check_queue(self, queue: str) -> None:
        if queue not in (known := self.catalogue.queues()):
            raise UnknownQueueError(known)

    def _check_names(self, queue: str, job_id: str) -> None:
        self._check_queue(queue)
        try:
            check_job_id(job_id)
        except InvalidNameError:
            # No job can have such an id, so there is none.
            raise JobNotFoundError from None

    def _accepted(self, accepted: Accepted) -> Response:
        job = accepted.job
        body = representation.job_json(
            job, self.catalogue, deduplicated=not accepted.is_new
        )
        response = _json(body, status=202 if accepted.is_new else 200)
        response.headers["Location"] = location(job.queue, job.id)
        return response


def _json(body: bytes, *, status: int = 200) -> Response:
    return Response(body, status=status, content_type="application/json")
