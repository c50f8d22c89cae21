"""A job put in by hand, with a form that the task's contract describes."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec
from flask import request

from services.api import queue_names
from services.api.errors import TaskNotInQueueError
from services.api.ui import addresses, flash, job_form
from services.api.ui.form_errors import by_field
from shared.access.principal import Scope
from shared.errors import InvalidDataError

if TYPE_CHECKING:
    from flask import Response
    from werkzeug.wrappers import Response as AnyResponse

    from services.api.ui.job_form import FormField
    from services.api.ui.routes import Routes
    from services.api.ui.services import Services
    from shared.contracts.catalogue import AnyContract

_WRONG = HTTPStatus.UNPROCESSABLE_ENTITY
#: Options that have a field of their own, and what one of them is in milliseconds.
_NUMBERS = {"delay": 1000, "priority": 1, "attempts": 1, "timeout": 1000}
_OPTIONS = (*_NUMBERS, "group", "tags", "jobId", "more")


@dataclass(frozen=True)
class AddJobPage:
    """The choice of a task, and its form."""

    services: Services

    def register(self, routes: Routes) -> None:
        """Add the routes."""
        write = Scope.WRITE
        routes.get("/add", "choose_task", self.choose, scope=write)
        routes.get("/queue/<queue>/add", "add_job", self.form, scope=write)
        routes.post("/queue/<queue>/add", "add_job_now", self.add, scope=write)

    def choose(self) -> Response:
        """Show the tasks, by queue."""
        queues = queue_names.visible(self.services.catalogue)
        return self.services.views.page(
            "choose_task.html",
            queues=[(queue, self._tasks(queue)) for queue in queues],
        )

    def form(self, queue: str) -> Response:
        """Show the form of a task, the queue's first one when none is named."""
        contract = self._contract(queue, request.args.get("task", ""))
        fields = job_form.fields_of(contract)
        return self._page(contract, fields, dict.fromkeys(_OPTIONS, ""))

    def add(self, queue: str) -> AnyResponse:
        """Create the job."""
        contract = self._contract(queue, request.form.get("task", ""))
        fields = job_form.with_values(job_form.fields_of(contract), request.form)
        options = {name: request.form.get(name, "").strip() for name in _OPTIONS}
        raw = request.form.get("raw", "").strip()
        try:
            data = (
                job_form.parsed(raw, pointer="/raw")
                if raw
                else job_form.data_of(fields)
            )
            wish = {"name": contract.name, "data": data, "opts": _options(options)}
            self.services.back_pressure.check(queue)
            accepted = self.services.intake.take(msgspec.json.encode(wish), queue)
        except InvalidDataError as error:
            return self._page(contract, fields, options, raw=raw, error=error)
        job = addresses.to("job", queue=queue, job_id=accepted.job.id)
        if not accepted.is_new:
            return flash.back(
                job, "This job was here already; no second one.", kind="info"
            )
        return flash.back(job, "The job is accepted.")

    def _tasks(self, queue: str) -> list[AnyContract]:
        contracts = self.services.catalogue.values()
        found = [contract for contract in contracts if contract.queue == queue]
        return sorted(found, key=lambda contract: contract.name)

    def _contract(self, queue: str, task: str) -> AnyContract:
        queue_names.check(self.services.catalogue, queue)
        tasks = self._tasks(queue)
        for contract in tasks:
            if task in ("", contract.name):
                return contract
        known = tuple(contract.name for contract in tasks)
        raise TaskNotInQueueError(task, queue=queue, known=known)

    def _page(
        self,
        contract: AnyContract,
        fields: list[FormField],
        options: dict[str, str],
        *,
        raw: str = "",
        error: InvalidDataError | None = None,
    ) -> Response:
        views = self.services.views
        return views.page(
            "add_job.html",
            status=int(_WRONG if error else HTTPStatus.OK),
            queue_name=contract.queue,
            contract=contract,
            tasks=self._tasks(contract.queue),
            fields=fields,
            options=options,
            raw=raw,
            errors=_errors(error, has_raw=bool(raw)) if error else {},
        )


def _options(given: dict[str, str]) -> dict[str, Any]:
    """Return the options of a form.

    Raises:
        InvalidDataError: A number is none, or `more` is no JSON object.
    """
    more = job_form.parsed(given["more"] or "{}", pointer="/opts/more")
    found: dict[str, Any] = dict(more) if isinstance(more, dict) else {"more": more}
    for name, size in _NUMBERS.items():
        if given[name]:
            number = job_form.parsed(given[name], pointer=f"/opts/{name}")
            is_number = isinstance(number, int | float)
            found[name] = round(number * size) if is_number else number
    if given["tags"]:
        found["tags"] = given["tags"].replace(",", " ").split()
    return found | {name: given[name] for name in ("group", "jobId") if given[name]}


def _errors(error: InvalidDataError, *, has_raw: bool) -> dict[str, str]:
    """Return what is wrong by the form's names of its fields."""
    data = by_field(error, prefix="/data")
    options = by_field(error, prefix="/opts")
    if has_raw:
        words = [f"{name}: {text}" if name else text for name, text in data.items()]
        data = {}
        options["raw"] = " ".join([*words, *by_field(error, prefix="/raw").values()])
    found = {f"{job_form.PREFIX}{name}": text for name, text in data.items() if name}
    found |= {name: text for name, text in options.items() if text}
    shown = {*found, *_OPTIONS}
    rest = [text for name, text in options.items() if name not in {*_OPTIONS, "raw"}]
    rest += [data[""]] if "" in data else []
    return found | ({"": " ".join(rest)} if rest and shown else {})
