"""`…/events`: what happens, as it happens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import Blueprint, Response, request

from services.api import event_stream, queue_names, representation
from services.api.addresses import JOBS, QUEUES
from services.api.errors import JobNotFoundError
from services.api.event_stream import Watched

if TYPE_CHECKING:
    from services.api.event_stream import EventStreams
    from shared.broker.inspector import Inspector
    from shared.contracts.catalogue import Catalogue

MEDIA_TYPE = "text/event-stream"


@dataclass(frozen=True, kw_only=True)
class EventRoutes:
    """The routes and what they need."""

    catalogue: Catalogue
    inspector: Inspector
    streams: EventStreams

    def blueprint(self) -> Blueprint:
        """Return the routes."""
        routes = Blueprint("events", __name__)
        routes.get(f"{JOBS}/<queue>/<id:job_id>/events")(self.of_job)
        routes.get(f"{QUEUES}/<queue>/events")(self.of_queue)
        return routes

    def of_job(self, queue: str, job_id: str) -> Response:
        """Tell what happens to a job until it ends."""
        queue_names.check_job(self.catalogue, queue, job_id)
        if self.inspector.job(queue, job_id) is None:
            raise JobNotFoundError

        def record() -> bytes | None:
            job = self.inspector.job(queue, job_id)
            return representation.job_json(job, self.catalogue) if job else None

        return self._stream(Watched(queue, job_id, record))

    def of_queue(self, queue: str) -> Response:
        """Tell what happens to all jobs of a queue."""
        queue_names.check(self.catalogue, queue)
        return self._stream(Watched(queue))

    def _stream(self, watched: Watched) -> Response:
        after = event_stream.last_event_id(request)
        headers = {"X-Accel-Buffering": "no"}
        if request.method == "HEAD":
            return Response(content_type=MEDIA_TYPE, headers=headers)
        stream = self.streams.open(watched, after=after)
        return Response(stream, content_type=MEDIA_TYPE, headers=headers)
