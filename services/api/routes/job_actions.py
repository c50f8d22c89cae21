"""`/api/v1/jobs/{queue}/{id}/...`: what people do with one job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import Blueprint, Response

from services.api import queue_names, representation
from services.api.addresses import JOBS
from services.api.errors import JobNotFoundError, WrongStateError
from services.api.json_answer import raw_json
from shared.broker.operator import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shared.broker.inspector import Inspector
    from shared.broker.operator import Operator
    from shared.contracts.catalogue import Catalogue

    Act = Callable[[str, Sequence[str]], dict[str, Answer]]


@dataclass(frozen=True, kw_only=True)
class JobActionRoutes:
    """The routes and what they need."""

    catalogue: Catalogue
    inspector: Inspector
    operator: Operator

    def blueprint(self) -> Blueprint:
        """Return the routes."""
        routes = Blueprint("job_actions", __name__, url_prefix=JOBS)
        routes.post("/<queue>/<id:job_id>/retry")(self.retry)
        routes.post("/<queue>/<id:job_id>/cancel")(self.cancel)
        routes.post("/<queue>/<id:job_id>/promote")(self.promote)
        routes.delete("/<queue>/<id:job_id>")(self.remove)
        return routes

    def retry(self, queue: str, job_id: str) -> Response:
        """Let a job that has ended run again."""
        return self._act(self.operator.rerun, queue, job_id, "Only a job that ended")

    def cancel(self, queue: str, job_id: str) -> Response:
        """Cancel a job; one that runs is told to end."""
        return self._act(self.operator.cancel, queue, job_id, "Only an unfinished job")

    def promote(self, queue: str, job_id: str) -> Response:
        """Let a delayed job start now."""
        return self._act(self.operator.promote, queue, job_id, "Only a delayed job")

    def remove(self, queue: str, job_id: str) -> Response:
        """Delete a job that does not run."""
        queue_names.check_job(self.catalogue, queue, job_id)
        self._ask(self.operator.remove, queue, job_id, "Only a job that does not run")
        return Response(status=204)

    def _act(self, act: Act, queue: str, job_id: str, who: str) -> Response:
        queue_names.check_job(self.catalogue, queue, job_id)
        answer = self._ask(act, queue, job_id, who)
        job = self.inspector.job(queue, job_id)
        if job is None:
            raise JobNotFoundError
        status = 202 if answer is Answer.PENDING else 200
        return raw_json(representation.job_json(job, self.catalogue), status=status)

    def _ask(self, act: Act, queue: str, job_id: str, who: str) -> Answer:
        answer = act(queue, [job_id])[job_id]
        if answer is Answer.MISSING:
            raise JobNotFoundError
        if answer is Answer.WRONG_STATE:
            raise WrongStateError(f"{who} can do this; look at its state first.")
        return answer
