"""A job again, with changed data: a new one, the old one may go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from flask import request, url_for

from services.api import queue_names, representation
from services.api.errors import JobNotFoundError, MalformedBodyError
from services.api.request_body import check_json
from services.api.ui import flash, gate
from services.api.ui.previews import pretty
from shared.access.principal import Scope
from shared.errors import InvalidDataError, Problem
from shared.jobs.states import JobState

if TYPE_CHECKING:
    from flask import Response
    from werkzeug.wrappers import Response as AnyResponse

    from services.api.ui.routes import Routes
    from services.api.ui.services import Services
    from shared.jobs.job import Job

#: Options that belong to one job and must not be taken over by another.
_OWN = frozenset({"jobId", "deduplication", "trace"})
_REMOVABLE = frozenset({JobState.FAILED, JobState.CANCELLED})


@dataclass(frozen=True)
class EditJobPage:
    """The form and what becomes of it."""

    services: Services

    def register(self, routes: Routes) -> None:
        """Add the routes."""
        one = "/job/<queue>/<id:job_id>/again"
        routes.get(one, "edit_job", self.form, scope=Scope.WRITE)
        routes.post(one, "run_edited", self.run, scope=Scope.WRITE)

    def form(self, queue: str, job_id: str) -> Response:
        """Show the job's data and options to change."""
        job = self._find(queue, job_id)
        data = representation.visible_data(job, self.services.catalogue)
        options = msgspec.json.decode(job.options.dump())
        kept = {name: value for name, value in options.items() if name not in _OWN}
        return self._form(job, pretty(data), pretty(msgspec.json.encode(kept)), ())

    def run(self, queue: str, job_id: str) -> AnyResponse:
        """Create the new job."""
        job = self._find(queue, job_id)
        data = request.form.get("data", "")
        options = request.form.get("options", "")
        try:
            body = self._body(job, data, options)
            self.services.back_pressure.check(queue)
            accepted = self.services.intake.take(body, queue)
        except InvalidDataError as error:
            return self._form(job, data, options, error.problems, status=422)
        text = "The changed job is accepted."
        if request.form.get("remove") and self._may_go(job):
            self.services.operator.remove(queue, [job_id])
            text = "The changed job is accepted; the old one is removed."
        target = url_for("ui.job", queue=queue, job_id=accepted.job.id)
        return flash.back(target, text)

    def _form(
        self,
        job: Job,
        data: str,
        options: str,
        problems: tuple[Problem, ...],
        *,
        status: int = 200,
    ) -> Response:
        contract = self.services.catalogue.get(job.name)
        return self.services.views.page(
            "edit_job.html",
            status=status,
            queue_name=job.queue,
            job=job,
            data=data,
            options=options,
            problems=problems,
            redacted=sorted(contract.redacted) if contract else [],
            may_go=self._may_go(job),
        )

    def _body(self, job: Job, data: str, options: str) -> bytes:
        """Return the request for the new job; secrets that stayed come from the old."""
        document = {
            "name": job.name,
            "data": self._with_secrets(job, _parsed(data, "/data")),
            "opts": _parsed(options or "{}", "/opts"),
        }
        return msgspec.json.encode(document)

    def _with_secrets(self, job: Job, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        hidden = {n for n, v in data.items() if v == representation.REDACTED}
        if not hidden:
            return data
        shown = msgspec.json.decode(
            representation.visible_data(job, self.services.catalogue)
        )
        old = msgspec.json.decode(job.data)
        return {
            name: old[name]
            if name in hidden and shown.get(name) == representation.REDACTED
            else value
            for name, value in data.items()
        }

    def _may_go(self, job: Job) -> bool:
        return job.state in _REMOVABLE and gate.may(Scope.OPERATE)

    def _find(self, queue: str, job_id: str) -> Job:
        queue_names.check_job(self.services.catalogue, queue, job_id)
        job = self.services.inspector.job(queue, job_id)
        if job is None:
            raise JobNotFoundError
        return job


def _parsed(text: str, pointer: str) -> Any:
    """Return a JSON object.

    Raises:
        InvalidDataError: It is none.
    """
    try:
        encoded = text.encode()
        check_json(encoded)
        document = msgspec.json.decode(encoded)
    except (MalformedBodyError, UnicodeEncodeError, msgspec.DecodeError) as error:
        raise InvalidDataError((Problem(pointer, str(error)),)) from None
    if not isinstance(document, dict):
        raise InvalidDataError((Problem(pointer, "should be a JSON object"),))
    return document
