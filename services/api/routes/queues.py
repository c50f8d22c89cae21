"""`/api/v1/queues`: the queues, their limits, and actions on many of their jobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from flask import Blueprint, Response, request

from services.api import queue_names
from services.api.addresses import OPERATIONS, QUEUES
from services.api.bulk_actions import ACTIONS
from services.api.json_answer import json_answer
from services.api.request_body import read_json, read_model
from services.api.routes.operations import operation_document
from services.api.schemas import BulkAction, QueueChange
from services.api.stores.operations import Operation
from shared import ids
from shared.broker.operator import Limits
from shared.errors import InvalidDataError, Problem

if TYPE_CHECKING:
    from services.api.bulk_actions import BulkActions
    from services.api.idempotency import Idempotency
    from services.api.schemas import LimitsChange
    from services.api.stores.operations import OperationStore
    from services.api.stores.quotas import QuotaStore
    from shared.broker.inspector import Inspector, QueueStats
    from shared.broker.operator import Operator
    from shared.broker.presence import WorkerInfo
    from shared.contracts.catalogue import Catalogue


@dataclass(frozen=True, kw_only=True)
class QueueRoutes:
    """The routes and what they need."""

    catalogue: Catalogue
    inspector: Inspector
    operator: Operator
    quotas: QuotaStore
    operations: OperationStore
    actions: BulkActions
    idempotency: Idempotency
    max_body_bytes: int

    def blueprint(self) -> Blueprint:
        """Return the routes."""
        routes = Blueprint("queues", __name__, url_prefix=QUEUES)
        routes.get("")(self.index)
        routes.get("/<queue>")(self.show)
        routes.patch("/<queue>")(self.change)
        for action in ACTIONS:
            routes.post(f"/<queue>/{action}", defaults={"action": action})(self.start)
        return routes

    def index(self) -> Response:
        """Show every queue."""
        names = queue_names.visible(self.catalogue)
        stats = self.inspector.stats_of(names)
        workers, quotas = self.inspector.workers(), self.quotas.all()
        shown = [
            self._document(name, stats[name], workers, quotas.get(name))
            for name in names
            if name in stats
        ]
        return json_answer({"queues": shown})

    def show(self, queue: str) -> Response:
        """Show a queue, the limits of its groups included."""
        queue_names.check(self.catalogue, queue)
        return json_answer(self._whole(queue))

    def change(self, queue: str) -> Response:
        """Pause, resume or limit a queue."""
        queue_names.check(self.catalogue, queue)
        change = read_model(QueueChange, request, limit=self.max_body_bytes)
        if change.limits is not None:
            self.operator.set_limits(queue, _limits(change.limits))
        for group, limits in (change.groups or {}).items():
            self.operator.set_limits(queue, _limits(limits), group=group)
        if "quota" in change.model_fields_set:
            self.quotas.set(queue, change.quota)
        if change.paused is not None:
            (self.operator.pause if change.paused else self.operator.resume)(queue)
        return json_answer(self._whole(queue))

    def start(self, queue: str, action: str) -> Response:
        """Begin an action on all jobs that fit a filter."""
        queue_names.check(self.catalogue, queue)
        body = read_json(request, limit=self.max_body_bytes)
        wish = BulkAction.parse(body)
        _check_states(action, wish)
        return self.idempotency.once(
            body, lambda seed: self._started(queue, action, wish, seed)
        )

    def _started(
        self, queue: str, action: str, wish: BulkAction, seed: str | None
    ) -> Response:
        states = wish.filter.states or ACTIONS[action].states
        counts = self.inspector.counts(queue)
        operation = Operation(
            id=seed or ids.new_id(),
            queue=queue,
            action=action,
            filter=_raw(wish),
            dry_run=wish.dry_run,
            limit=wish.limit,
            per_second=wish.per_second,
            created=self.operations.now_ms(),
            total=sum(counts[state] for state in set(states)),
        )
        if not self.operations.add(operation):
            # Begun by a request whose answer was lost.
            operation = self.operations.find(operation.id) or operation
        self.actions.submit(operation.id)
        return json_answer(
            operation_document(operation),
            status=202,
            headers={"Location": f"{OPERATIONS}/{operation.id}"},
        )

    def _whole(self, queue: str) -> dict[str, Any]:
        stats, workers = self.inspector.stats(queue), self.inspector.workers()
        groups = self.operator.group_limits(queue)
        return {
            **self._document(queue, stats, workers, self.quotas.all().get(queue)),
            "groups": {name: _shown(limits) for name, limits in groups.items()},
        }

    def _document(
        self,
        queue: str,
        stats: QueueStats,
        workers: list[WorkerInfo],
        quota: int | None,
    ) -> dict[str, Any]:
        serving = [worker for worker in workers if queue in worker.queues]
        return {
            "name": queue,
            "paused": stats.is_paused,
            "counts": {state.value: count for state, count in stats.counts.items()},
            "oldestWaitingMs": stats.oldest_waiting_ms,
            "limits": _shown(self.operator.limits(queue)),
            "quota": quota,
            "workers": len(serving),
            "threads": sum(worker.threads for worker in serving),
            "tasks": sorted(
                c.name for c in self.catalogue.values() if c.queue == queue
            ),
        }


def _check_states(action: str, wish: BulkAction) -> None:
    possible = ACTIONS[action].possible
    wrong = [
        Problem(f"/filter/states/{at}", f"is not a state that {action} is for")
        for at, state in enumerate(wish.filter.states or ())
        if state not in possible
    ]
    if wrong:
        raise InvalidDataError(tuple(wrong))


def _raw(wish: BulkAction) -> msgspec.Raw:
    return msgspec.Raw(wish.filter.dump())


def _limits(change: LimitsChange) -> Limits:
    return Limits(
        concurrency=change.concurrency,
        rate_max=change.rate_max,
        rate_ms=change.rate_ms,
    )


def _shown(limits: Limits) -> dict[str, int | None]:
    return {
        "concurrency": limits.concurrency,
        "rateMax": limits.rate_max,
        "rateMs": limits.rate_ms,
    }
