"""What people do with a queue and with selected jobs of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
from flask import redirect, request

from services.api import queue_names
from services.api.errors import InvalidParameterError
from services.api.schemas import QueueChange
from services.api.ui import addresses, flash
from services.api.ui.bulk_plans import OFFERED
from services.api.ui.job_query import JobQuery
from services.api.ui.sentences import done_to
from shared.broker.operator import Answer, Limits
from shared.errors import InvalidNameError
from shared.jobs.names import check_job_id
from shared.jobs.states import JobState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from werkzeug.wrappers import Response

    from services.api.ui.routes import Routes
    from services.api.ui.services import Services

    Act = Callable[[str, Sequence[str]], dict[str, Answer]]

#: Jobs that can be selected: what one page shows.
MAX_SELECTED = 200


@dataclass(frozen=True)
class QueueActions:
    """The actions."""

    services: Services

    def register(self, routes: Routes) -> None:
        """Add the routes."""
        routes.post("/queue/<queue>/pause", "pause_queue", self.pause)
        routes.post("/queue/<queue>/resume", "resume_queue", self.resume)
        routes.post("/queue/<queue>/limits", "limit_queue", self.limit)
        routes.post("/queue/<queue>/selected", "act_on_selected", self.selected)
        routes.post("/queue/<queue>/all", "plan_bulk", self.plan)

    def pause(self, queue: str) -> Response:
        """Let workers leave the queue alone."""
        queue_names.check(self.services.catalogue, queue)
        self.services.operator.pause(queue)
        return flash.back(_page(queue), f"{queue} is paused; what runs goes on.")

    def resume(self, queue: str) -> Response:
        """Let workers take from the queue again."""
        queue_names.check(self.services.catalogue, queue)
        self.services.operator.resume(queue)
        return flash.back(_page(queue), f"{queue} goes on.")

    def limit(self, queue: str) -> Response:
        """Set the queue's limits; an empty field takes one away."""
        queue_names.check(self.services.catalogue, queue)
        change = _change()
        if change.limits is not None:
            limits = change.limits
            self.services.operator.set_limits(
                queue,
                Limits(
                    concurrency=limits.concurrency,
                    rate_max=limits.rate_max,
                    rate_ms=limits.rate_ms,
                ),
            )
        self.services.quotas.set(queue, change.quota)
        return flash.back(_page(queue), f"The limits of {queue} are set.")

    def selected(self, queue: str) -> Response:
        """Act on the jobs whose boxes are ticked."""
        queue_names.check(self.services.catalogue, queue)
        wanted = JobQuery.read(request.form, usual=JobState.WAITING)
        back = addresses.to("queue", queue=queue, **wanted.address())
        action = request.form.get("action", "")
        act = self._acts().get(action)
        if act is None or action not in OFFERED[wanted.state]:
            raise InvalidParameterError("action", "is none for jobs of this state")
        chosen = _chosen()
        if not chosen:
            return flash.back(back, "No job was selected.", kind="info")
        return flash.back(back, done_to(action, act(queue, chosen)))

    def plan(self, queue: str) -> Response:
        """Count all jobs that fit, for an action that is confirmed next."""
        queue_names.check(self.services.catalogue, queue)
        wanted = JobQuery.read(request.form, usual=JobState.WAITING)
        action = request.form.get("action", "")
        if action not in OFFERED[wanted.state]:
            raise InvalidParameterError("action", "is none for jobs of this state")
        operation = self.services.plans.count(queue, action, wanted.in_state())
        target = addresses.to("operation", operation_id=operation.id)
        return redirect(target, code=303)

    def _acts(self) -> dict[str, Act]:
        operator = self.services.operator
        return {
            "retry": operator.rerun,
            "promote": operator.promote,
            "cancel": operator.cancel,
            "clean": operator.remove,
            "drain": operator.remove,
        }


def _change() -> QueueChange:
    """Return the limits of the form, checked as those of the API are."""
    rate_s = _number("rate_s")
    document = {
        "limits": {
            "concurrency": _number("concurrency"),
            "rateMax": _number("rate_max"),
            "rateMs": None if rate_s is None else rate_s * 1000,
        },
        "quota": _number("quota"),
    }
    return QueueChange.parse(msgspec.json.encode(document))


def _page(queue: str) -> str:
    return addresses.to("queue", queue=queue)


def _chosen() -> list[str]:
    ids = request.form.getlist("id")[:MAX_SELECTED]
    try:
        return [check_job_id(job_id) for job_id in ids]
    except InvalidNameError as error:
        raise InvalidParameterError("id", str(error)) from None


def _number(name: str) -> int | None:
    text = request.form.get(name, "").strip()
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or int(text[:12]) < 1:
        raise InvalidParameterError(name, "should be a whole number from 1 on")
    return int(text[:12])
