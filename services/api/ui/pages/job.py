"""One job: what it is, what became of it, and why it does not run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from flask import url_for

from services.api import queue_names, representation
from services.api.errors import JobNotFoundError
from services.api.ui import flash, formats
from services.api.ui.bulk_plans import OFFERED
from services.api.ui.job_timeline import timeline
from services.api.ui.previews import pretty, previews
from services.api.ui.sentences import done_to
from services.api.ui.traceback_view import frames
from shared.broker.operator import Answer
from shared.jobs.states import JobState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from flask import Response
    from werkzeug.wrappers import Response as AnyResponse

    from services.api.ui.routes import Routes
    from services.api.ui.services import Services
    from shared.jobs.job import Job

    Act = Callable[[str, Sequence[str]], dict[str, Answer]]

#: Lines of the log that are shown; Redis keeps no more than 1,000.
_LOG_LINES = 1_000
_PENDING = frozenset({JobState.WAITING, JobState.DELAYED})


@dataclass(frozen=True)
class JobPage:
    """The page and what can be done on it."""

    services: Services

    def register(self, routes: Routes) -> None:
        """Add the routes."""
        one = "/job/<queue>/<id:job_id>"
        routes.get(one, "job", self.show)
        routes.post(f"{one}/retry", "retry_job", self.retry)
        routes.post(f"{one}/cancel", "cancel_job", self.cancel)
        routes.post(f"{one}/promote", "promote_job", self.promote)
        routes.post(f"{one}/remove", "remove_job", self.remove)

    def show(self, queue: str, job_id: str) -> Response:
        """Show a job."""
        job = self._find(queue, job_id)
        services = self.services
        data = representation.visible_data(job, services.catalogue)
        logs = services.inspector.logs(queue, job_id)
        contract = services.catalogue.get(job.name)
        return services.views.page(
            "job.html",
            queue_name=queue,
            job=job,
            task=contract,
            data=pretty(data),
            options=pretty(job.options.dump()),
            result=pretty(job.returnvalue),
            previews=previews(services.storage, job.returnvalue, data),
            mail=_mail(job, data),
            progress=_progress(job),
            timeline=timeline(job),
            frames=frames(job.stacktrace),
            logs=logs[-_LOG_LINES:],
            why=services.explain.document(job) if job.state in _PENDING else None,
            offered=OFFERED[job.state],
            can_edit=contract is not None and contract.queue == queue,
        )

    def retry(self, queue: str, job_id: str) -> AnyResponse:
        """Let it run again."""
        return self._act("retry", self.services.operator.rerun, queue, job_id)

    def cancel(self, queue: str, job_id: str) -> AnyResponse:
        """Cancel it; when it runs, its worker is told."""
        return self._act("cancel", self.services.operator.cancel, queue, job_id)

    def promote(self, queue: str, job_id: str) -> AnyResponse:
        """Let it start now."""
        return self._act("promote", self.services.operator.promote, queue, job_id)

    def remove(self, queue: str, job_id: str) -> AnyResponse:
        """Delete it, unless it runs."""
        queue_names.check_job(self.services.catalogue, queue, job_id)
        answers = self.services.operator.remove(queue, [job_id])
        if answers[job_id] is not Answer.DONE:
            return self._back("clean", queue, job_id, answers)
        target = url_for("ui.queue", queue=queue)
        return flash.back(target, f"The job {job_id} is removed.")

    def _act(self, action: str, act: Act, queue: str, job_id: str) -> AnyResponse:
        queue_names.check_job(self.services.catalogue, queue, job_id)
        return self._back(action, queue, job_id, act(queue, [job_id]))

    def _back(
        self, action: str, queue: str, job_id: str, answers: dict[str, Answer]
    ) -> AnyResponse:
        answer = answers[job_id]
        if answer is Answer.MISSING:
            raise JobNotFoundError
        target = url_for("ui.job", queue=queue, job_id=job_id)
        if answer is Answer.WRONG_STATE:
            text = "The job had moved on; this is not possible in its state."
            return flash.back(target, text, kind="wrong")
        if answer is Answer.PENDING:
            return flash.back(target, "Its worker is told to stop it.", kind="info")
        return flash.back(target, done_to(action, answers))

    def _find(self, queue: str, job_id: str) -> Job:
        queue_names.check_job(self.services.catalogue, queue, job_id)
        job = self.services.inspector.job(queue, job_id)
        if job is None:
            raise JobNotFoundError
        return job


def _progress(job: Job) -> dict[str, Any]:
    """Return what the task reported: a share from 0 to 100, or its words."""
    share = formats.share(job.progress)
    is_empty = job.progress in {b"null", b"{}", b'""', b"[]"}
    words = "" if share is not None or is_empty else pretty(job.progress)
    return {"share": share, "text": words}


def _mail(job: Job, data: bytes) -> dict[str, Any] | None:
    """Return the envelope of a mail, for the task that sends one."""
    if job.name != "send-email":
        return None
    sent = msgspec.json.decode(data)
    result = msgspec.json.decode(job.returnvalue)
    if not isinstance(sent, dict):
        return None
    known = result if isinstance(result, dict) else {}
    return {
        "To": _names(sent.get("to")),
        "Cc": _names(sent.get("cc")),
        "Bcc": _names(sent.get("bcc")),
        "Subject": sent.get("subject") or "",
        "Template": sent.get("template") or "",
        "Accepted": _names(known.get("accepted")),
        "Refused": _names(known.get("refused")),
        "Message id": known.get("messageId") or "",
    }


def _names(value: object) -> str:
    if not isinstance(value, list):
        return ""
    return ", ".join(
        f"{one.get('address')} ({one.get('reason')})"
        if isinstance(one, dict)
        else str(one)
        for one in value
    )
