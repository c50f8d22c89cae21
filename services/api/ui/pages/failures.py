"""What fails and why: failures in groups, and a group run again slowly."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
from flask import request

from services.api import queue_names
from services.api.errors import InvalidParameterError
from services.api.failure_groups import FINGERPRINT_PATTERN
from services.api.query import text
from services.api.schemas import JobFilter
from services.api.stores.operations import Operation
from services.api.ui import addresses
from services.api.ui.failure_lookout import FailureLookout
from services.api.ui.flash import back
from shared import ids
from shared.jobs.states import JobState

if TYPE_CHECKING:
    from flask import Response
    from werkzeug.wrappers import Response as AnyResponse

    from services.api.ui.routes import Routes
    from services.api.ui.services import Services

#: Jobs per second to choose from; 0 stands for as fast as it goes.
PACES = {1: "1 per second", 10: "10 per second", 50: "50 per second", 0: "at once"}
_USUAL = 10
#: Groups on the page.
_SHOWN = 100


@dataclass(frozen=True)
class FailuresPage:
    """The page."""

    services: Services
    lookout: FailureLookout = field(init=False)

    def __post_init__(self) -> None:
        """Look through the services' own client."""
        namespace = self.services.settings.nightshift_namespace
        lookout = FailureLookout(self.services.client, namespace=namespace)
        object.__setattr__(self, "lookout", lookout)

    def register(self, routes: Routes) -> None:
        """Add the routes."""
        routes.get("/failures", "failures", self.show)
        routes.post("/queue/<queue>/retry-group", "retry_group", self.retry)

    def show(self) -> Response:
        """Show the groups of one queue, or of all."""
        queues = queue_names.visible(self.services.catalogue)
        chosen = request.args.get("queue", "")
        if chosen:
            queue_names.check(self.services.catalogue, chosen)
        look = self.lookout.look([chosen] if chosen else queues)
        return self.services.views.page(
            "failures.html",
            look=look,
            groups=look.groups[:_SHOWN],
            hidden=max(0, len(look.groups) - _SHOWN),
            most=max((group.count for group in look.groups), default=1),
            queues=queues,
            chosen=chosen,
            paces=PACES,
            usual=_USUAL,
        )

    def retry(self, queue: str) -> AnyResponse:
        """Begin to run the failed jobs of a group again, so many per second."""
        queue_names.check(self.services.catalogue, queue)
        fingerprint = text(request.form, "fingerprint", pattern=FINGERPRINT_PATTERN)
        if not fingerprint:
            raise InvalidParameterError("fingerprint", "is missing")
        per_second = _pace(request.form.get("pace", ""))
        operations = self.services.operations
        states = (JobState.FAILED,)
        wanted = JobFilter.model_validate(
            {"states": states, "fingerprint": fingerprint}
        )
        operation = Operation(
            id=ids.new_id(),
            queue=queue,
            action="retry",
            filter=msgspec.Raw(wanted.dump()),
            dry_run=False,
            per_second=per_second or None,
            created=operations.now_ms(),
            total=self.services.inspector.counts(queue)[JobState.FAILED],
        )
        operations.add(operation)
        self.services.actions.submit(operation.id)
        link = addresses.to("operation", operation_id=operation.id)
        sentence = f"The group runs again, {PACES[per_second]}."
        return back(link, sentence, kind="info")


def _pace(given: str) -> int:
    if not given.isdecimal() or int(given) not in PACES:
        raise InvalidParameterError("pace", "should be one of the list")
    return int(given)
