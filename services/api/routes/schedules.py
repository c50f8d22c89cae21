"""`/api/v1/schedules`: create jobs when their time comes, and see when it came."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from flask import Blueprint, Response, request

from services.api import query
from services.api.addresses import job_address
from services.api.auth import principal
from services.api.errors import InvalidParameterError
from services.api.json_answer import json_answer
from services.api.request_body import read_json
from services.api.schedule_schemas import (
    line_document,
    runs_document,
    schedule_document,
)
from shared.metrics import JOBS_ENQUEUED
from shared.schedules.book import ScheduleBook, ScheduleMissingError
from shared.schedules.definition import ScheduleDefinition
from shared.schedules.schedule import is_schedule_id
from shared.schedules.store import ScheduleStore

if TYPE_CHECKING:
    import redis

    from shared.broker.producer import Producer
    from shared.contracts.catalogue import Catalogue
    from shared.schedules.record import StoredSchedule

PREFIX = "/api/v1/schedules"
MAX_PAGE = 200
MAX_PREVIEW = 100

_LINE = re.compile(r"[0-9]{1,15}-[0-9]{1,10}")


@dataclass(frozen=True, kw_only=True)
class ScheduleRoutes:
    """The routes and what they need."""

    book: ScheduleBook
    catalogue: Catalogue
    producer: Producer
    max_body_bytes: int

    @classmethod
    def wired(
        cls,
        client: redis.Redis,
        *,
        namespace: str,
        catalogue: Catalogue,
        producer: Producer,
        max_body_bytes: int,
    ) -> ScheduleRoutes:
        """Return the routes over the schedules of `namespace`."""
        store = ScheduleStore(client, namespace=namespace)
        return cls(
            book=ScheduleBook(store, catalogue=catalogue),
            catalogue=catalogue,
            producer=producer,
            max_body_bytes=max_body_bytes,
        )

    def blueprint(self) -> Blueprint:
        """Return the routes."""
        routes = Blueprint("schedules", __name__, url_prefix=PREFIX)
        routes.get("")(self.index)
        routes.put("/<schedule_id>")(self.put)
        routes.get("/<schedule_id>")(self.show)
        routes.delete("/<schedule_id>")(self.remove)
        routes.post("/<schedule_id>/pause")(self.pause)
        routes.post("/<schedule_id>/resume")(self.resume)
        routes.post("/<schedule_id>/run")(self.run)
        routes.get("/<schedule_id>/preview")(self.preview)
        routes.post("/<schedule_id>/preview")(self.preview_of)
        routes.get("/<schedule_id>/ledger")(self.ledger)
        return routes

    def index(self) -> Response:
        """Show schedules, by name."""
        after, limit = request.args.get("cursor"), _limit()
        if after is not None and not is_schedule_id(after):
            raise InvalidParameterError("cursor", "should be one that a page gave")
        found = self.book.page(after=after or "", limit=limit)
        shown = [stored for stored in found if self._is_seen(stored)]
        return json_answer(
            {
                "schedules": [self._document(stored) for stored in shown],
                "nextCursor": found[-1].id if len(found) == limit else None,
            }
        )

    def put(self, schedule_id: str) -> Response:
        """Create or change a schedule; what was fired stays fired."""
        is_new = self.book.put(schedule_id, self._definition())
        stored = self.book.find(schedule_id)
        response = json_answer(self._document(stored), status=201 if is_new else 200)
        response.headers["Location"] = f"{PREFIX}/{quote(schedule_id)}"
        return response

    def show(self, schedule_id: str) -> Response:
        """Show a schedule."""
        return json_answer(self._document(self._found(schedule_id)))

    def remove(self, schedule_id: str) -> Response:
        """Remove a schedule and its ledger; its jobs stay."""
        self._found(schedule_id)
        self.book.remove(schedule_id)
        return Response(status=204)

    def pause(self, schedule_id: str) -> Response:
        """Let a schedule rest."""
        self._found(schedule_id)
        return json_answer(self._document(self.book.pause(schedule_id)))

    def resume(self, schedule_id: str) -> Response:
        """Let a schedule go on with its next slot."""
        self._found(schedule_id)
        return json_answer(self._document(self.book.resume(schedule_id)))

    def run(self, schedule_id: str) -> Response:
        """Create a job of a schedule at once."""
        self._found(schedule_id)
        job, queue, name = self._run(schedule_id)
        response = json_answer({"jobId": job, "queue": queue, "name": name}, status=202)
        response.headers["Location"] = job_address(queue, job)
        return response

    def preview(self, schedule_id: str) -> Response:
        """Show the next slots of a schedule."""
        stored = self._found(schedule_id)
        runs = self.book.preview(schedule_id, count=_count())
        tz, status = stored.definition.tz, stored.status
        document = {"id": schedule_id, "tz": tz, "status": status}
        return json_answer({**document, "runs": runs_document(runs)})

    def preview_of(self, schedule_id: str) -> Response:
        """Show the slots that a schedule would have; nothing is changed."""
        definition = self._definition()
        runs = self.book.preview_of(schedule_id, definition, count=_count())
        document = {"id": schedule_id, "tz": definition.tz, "status": "preview"}
        return json_answer({**document, "runs": runs_document(runs)})

    def ledger(self, schedule_id: str) -> Response:
        """Show what became of a schedule's slots, newest first."""
        self._found(schedule_id)
        before, limit = request.args.get("cursor"), _limit()
        if before is not None and not _LINE.fullmatch(before):
            raise InvalidParameterError("cursor", "should be one that a page gave")
        lines = self.book.store.ledger(schedule_id, before=before or "", limit=limit)
        return json_answer(
            {
                "id": schedule_id,
                "lines": [line_document(line) for line in lines],
                "nextCursor": lines[-1].id if len(lines) == limit else None,
            }
        )

    def _definition(self) -> ScheduleDefinition:
        return ScheduleDefinition.parse(read_json(request, limit=self.max_body_bytes))

    def _found(self, schedule_id: str) -> StoredSchedule:
        if not is_schedule_id(schedule_id):
            raise ScheduleMissingError
        return self.book.find(schedule_id)

    def _is_seen(self, stored: StoredSchedule) -> bool:
        contract = self.catalogue.get(stored.definition.template.name)
        caller = principal()
        if contract is None:
            return caller.sees_everything
        return caller.sees(contract.queue)

    def _document(self, stored: StoredSchedule) -> dict[str, Any]:
        return schedule_document(stored, self.catalogue)

    def _run(self, schedule_id: str) -> tuple[str, str, str]:
        job, queue, name = self.book.run_now(schedule_id, self.producer)
        JOBS_ENQUEUED.labels(queue, name).inc()
        return job.job_id, queue, name


def _limit() -> int:
    return max(1, query.whole(request.args, "limit", default=50, highest=MAX_PAGE))


def _count() -> int:
    return query.whole(request.args, "count", default=10, highest=MAX_PREVIEW)
