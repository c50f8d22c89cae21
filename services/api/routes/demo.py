"""`/demo/...`: three links to learn with, that a setting turns on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from flask import Blueprint, Response, request

from services.api import query
from services.api.addresses import job_address
from services.api.errors import InvalidParameterError
from shared.errors import InvalidDataError
from shared.jobs.options import JobOptions

if TYPE_CHECKING:
    from services.api.intake import Intake
    from shared.contracts.catalogue import Catalogue

MAX_DELAY_MS = 3_600_000
MAX_FAILURES = 10


@dataclass(frozen=True, kw_only=True)
class DemoRoutes:
    """The routes and what they need."""

    catalogue: Catalogue
    intake: Intake

    def blueprint(self) -> Blueprint:
        """Return the routes."""
        routes = Blueprint("demo", __name__, url_prefix="/demo")
        routes.get("/echo")(self.echo)
        routes.get("/delay")(self.delay)
        routes.get("/retry")(self.retry)
        return routes

    def echo(self) -> Response:
        """Have a message echoed."""
        return self._queue("echo", "echo", {"msg": _message()})

    def delay(self) -> Response:
        """Have a message echoed later."""
        ms = query.whole(request.args, "ms", default=5000, highest=MAX_DELAY_MS)
        options = JobOptions(delay=ms)
        return self._queue("delay", "echo", {"msg": _message()}, options, delay=ms)

    def retry(self) -> Response:
        """Have a task fail a few times before it succeeds."""
        fail = query.whole(request.args, "fail", default=2, highest=MAX_FAILURES)
        options = JobOptions(attempts=fail + 1)
        data = {"msg": _message(), "fail": fail}
        return self._queue("retry", "maybe-fail", data, options, attempts=fail + 1)

    def _queue(
        self,
        kind: str,
        task: str,
        data: dict[str, Any],
        options: JobOptions | None = None,
        **shown: int,
    ) -> Response:
        contract = self.catalogue.find(task)
        try:
            parsed = contract.data.parse(msgspec.json.encode(data))
        except InvalidDataError as error:
            first = error.problems[0]
            raise InvalidParameterError(first.pointer[1:], first.detail) from None
        job = self.intake.add(contract, parsed, options).job
        document = {
            "queued": True,
            "jobId": job.id,
            "type": kind,
            "queue": job.queue,
            "name": job.name,
            "state": job.state.value,
            **shown,
        }
        return Response(
            msgspec.json.encode(document),
            status=202,
            content_type="application/json",
            headers={"Location": job_address(job.queue, job.id)},
        )


def _message() -> str:
    # A lone surrogate can't come in: Werkzeug decodes with replacement characters.
    return request.args.get("msg", "hello")
