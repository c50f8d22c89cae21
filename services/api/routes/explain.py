"""`…/{id}/explain`: why a job is not running yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response

from services.api import explanation, queue_names
from services.api.addresses import JOBS
from services.api.errors import JobNotFoundError
from services.api.explanation import Circumstances
from services.api.json_answer import json_answer

if TYPE_CHECKING:
    from services.api.back_pressure import BackPressure
    from shared.broker.inspector import Inspector
    from shared.broker.operator import Operator
    from shared.broker.outlook import Outlook
    from shared.contracts.catalogue import Catalogue
    from shared.jobs.job import Job


@dataclass(frozen=True, kw_only=True)
class ExplainRoutes:
    """The routes and what they need."""

    catalogue: Catalogue
    inspector: Inspector
    operator: Operator
    outlook: Outlook
    back_pressure: BackPressure

    def blueprint(self) -> Blueprint:
        """Return the routes."""
        routes = Blueprint("explain", __name__, url_prefix=JOBS)
        routes.get("/<queue>/<id:job_id>/explain")(self.show)
        return routes

    def show(self, queue: str, job_id: str) -> Response:
        """Tell what a job waits for."""
        queue_names.check_job(self.catalogue, queue, job_id)
        job = self.inspector.job(queue, job_id)
        if job is None:
            raise JobNotFoundError
        return json_answer(self.document(job))

    def document(self, job: Job) -> dict[str, Any]:
        """Return what a job waits for, as a document."""
        queue, job_id = job.queue, job.id
        limits, group = self.operator.limits(queue), job.options.group
        by_group = self.operator.group_limits(queue) if group else {}
        found = Circumstances(
            job=job,
            is_paused=self.inspector.stats(queue).is_paused,
            view=self.outlook.view(
                queue, job_id, group=group, rate_max=limits.rate_max
            ),
            limits=limits,
            group_limits=by_group.get(group or "", by_group.get("*")),
            workers=self.inspector.workers(),
            memory_is_full=self.back_pressure.memory_is_short,
        )
        return explanation.explain(found)
