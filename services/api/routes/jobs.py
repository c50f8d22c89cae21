"""`/api/v1/jobs/{queue}`: put jobs in, see what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from flask import Blueprint, Response, request

from services.api import conditional, problem, query, queue_names, representation
from services.api.addresses import JOBS, job_address
from services.api.current import current_request
from services.api.errors import JobNotFoundError, answer_for
from services.api.intake import Accepted
from services.api.json_answer import json_answer, raw_json
from services.api.long_poll import MAX_WAIT_S
from services.api.request_body import check_json, read_json
from services.api.schemas import MAX_BULK_BYTES, BulkRequest, JobFilter
from shared.errors import InvalidDataError
from shared.jobs.states import JobState

if TYPE_CHECKING:
    from services.api.back_pressure import BackPressure
    from services.api.idempotency import Idempotency
    from services.api.intake import Intake
    from services.api.job_list import JobList
    from services.api.long_poll import LongPolls
    from shared.broker.inspector import Inspector
    from shared.contracts.catalogue import Catalogue
    from shared.errors import NightshiftError

#: Filters of a list that are plain texts.
_TEXTS = ("name", "tag", "group", "q", "error")
_TIMES = ("since", "until")


@dataclass(frozen=True, kw_only=True)
class JobRoutes:
    """The routes and what they need."""

    catalogue: Catalogue
    intake: Intake
    inspector: Inspector
    polls: LongPolls
    jobs: JobList
    idempotency: Idempotency
    back_pressure: BackPressure
    max_body_bytes: int

    def blueprint(self) -> Blueprint:
        """Return the routes."""
        routes = Blueprint("jobs", __name__, url_prefix=JOBS)
        routes.post("/<queue>")(self.add)
        routes.get("/<queue>")(self.index)
        routes.post("/<queue>/bulk")(self.add_bulk)
        routes.get("/<queue>/stats")(self.stats)
        routes.get("/<queue>/<id:job_id>")(self.show)
        routes.get("/<queue>/<id:job_id>/logs")(self.logs)
        return routes

    def add(self, queue: str) -> Response:
        """Create a job."""
        queue_names.check(self.catalogue, queue)
        body = read_json(current_request(), limit=self.max_body_bytes)

        def create(seed: str | None) -> Response:
            self.back_pressure.check(queue)
            return self._accepted(self.intake.take(body, queue, seed=seed))

        return self.idempotency.once(body, create)

    def add_bulk(self, queue: str) -> Response:
        """Create many jobs; each is accepted or refused for itself."""
        queue_names.check(self.catalogue, queue)
        limit = max(MAX_BULK_BYTES, self.max_body_bytes)
        body = read_json(request, limit=limit)
        jobs = BulkRequest.parse(body).jobs

        def create(seed: str | None) -> Response:
            self.back_pressure.check(queue)
            return self._results(self.intake.take_many(jobs, queue, seed=seed))

        return self.idempotency.once(body, create)

    def index(self, queue: str) -> Response:
        """List jobs."""
        queue_names.check(self.catalogue, queue)
        listed = self.jobs.page(
            queue,
            query.states(request.args) or tuple(JobState),
            _filter(),
            cursor=query.text(request.args, "cursor", pattern=r"[A-Za-z0-9_-]{1,600}"),
            limit=query.limit(request.args),
            newest_first=query.choice(request.args, "order", ("asc", "desc")) == "desc",
        )
        jobs = [representation.job_document(j, self.catalogue) for j in listed.jobs]
        return json_answer(
            {
                "jobs": jobs,
                "nextCursor": listed.next_cursor,
                "lookedAt": listed.looked_at,
            }
        )

    def show(self, queue: str, job_id: str) -> Response:
        """Show a job, at once or when it has ended."""
        queue_names.check_job(self.catalogue, queue, job_id)
        wait = query.wait(request, highest=MAX_WAIT_S)
        polled = self.polls.job(queue, job_id, wait_s=wait.seconds)
        if polled.job is None:
            raise JobNotFoundError
        response = raw_json(representation.job_json(polled.job, self.catalogue))
        if not polled.has_ended:
            response.headers["Retry-After"] = "1"
        if wait.is_preferred:
            response.headers["Preference-Applied"] = f"wait={wait.seconds:g}"
        return conditional.answer(response, request)

    def logs(self, queue: str, job_id: str) -> Response:
        """Show what a job logged."""
        queue_names.check_job(self.catalogue, queue, job_id)
        lines = self.inspector.logs(queue, job_id)
        if not lines and self.inspector.job(queue, job_id) is None:
            raise JobNotFoundError
        return json_answer({"id": job_id, "queue": queue, "logs": lines})

    def stats(self, queue: str) -> Response:
        """Show how many jobs a queue has per state."""
        queue_names.check(self.catalogue, queue)
        stats = self.inspector.stats(queue)
        counts = {state.value: count for state, count in stats.counts.items()}
        return json_answer(
            {
                "queue": queue,
                **counts,
                "oldestWaitingMs": stats.oldest_waiting_ms,
                "paused": stats.is_paused,
            }
        )

    def _accepted(self, accepted: Accepted) -> Response:
        job = accepted.job
        body = representation.job_json(
            job, self.catalogue, deduplicated=not accepted.is_new
        )
        status = 202 if accepted.is_new else 200
        headers = {"Location": job_address(job.queue, job.id)}
        return raw_json(body, status=status, headers=headers)

    def _results(self, results: list[Accepted | NightshiftError]) -> Response:
        shown = [_result(index, result) for index, result in enumerate(results)]
        refused = sum(1 for result in results if not isinstance(result, Accepted))
        document = {"accepted": len(results) - refused, "refused": refused}
        response = json_answer(
            {**document, "results": shown}, status=207 if refused else 202
        )
        if any(item["status"] >= 500 for item in shown):  # noqa: PLR2004 - our fault
            response.headers["X-Incomplete"] = "1"
        return response


def _result(index: int, result: Accepted | NightshiftError) -> dict[str, Any]:
    if isinstance(result, Accepted):
        job = result.job
        return {
            "index": index,
            "status": 202 if result.is_new else 200,
            "id": job.id,
            "state": job.state.value,
            "location": job_address(job.queue, job.id),
        }
    status = answer_for(result).status
    return {"index": index, "status": status, "error": problem.of(result)}


def _filter() -> JobFilter:
    """Return the filter of the address; it is checked as that of a body."""
    document: dict[str, Any] = {
        name: request.args[name] for name in _TEXTS if name in request.args
    }
    for name in _TIMES:
        if name in request.args:
            document[name] = query.whole(
                request.args, name, default=0, highest=10**15 - 1
            )
    text = msgspec.json.encode(document)
    try:
        check_json(text)
        return JobFilter.parse(text)
    except InvalidDataError as error:
        raise query.invalid(error) from None
