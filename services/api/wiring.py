"""Which parts the application is made of, and who gets what."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.api.back_pressure import BackPressure
from services.api.bulk_actions import BulkActions
from services.api.enqueue_line import EnqueueLine
from services.api.event_hub import BLOCK_MS, EventHub
from services.api.event_stream import EventStreams
from services.api.idempotency import Idempotency
from services.api.intake import Intake
from services.api.job_list import JobList
from services.api.long_poll import LongPolls
from services.api.queue_gauges import QueueGauges
from services.api.routes.audit import AuditRoutes
from services.api.routes.demo import DemoRoutes
from services.api.routes.docs import DocsRoutes
from services.api.routes.events import EventRoutes
from services.api.routes.explain import ExplainRoutes
from services.api.routes.files import FileRoutes
from services.api.routes.health import HealthRoutes
from services.api.routes.job_actions import JobActionRoutes
from services.api.routes.jobs import JobRoutes
from services.api.routes.operations import OperationRoutes
from services.api.routes.queues import QueueRoutes
from services.api.routes.schedules import ScheduleRoutes
from services.api.routes.tasks import TaskRoutes
from services.api.routes.tokens import TokenRoutes
from services.api.routes.workers import WorkerRoutes
from services.api.settings import WAITING_REQUESTS
from services.api.stores.idempotency import IdempotencyStore
from services.api.stores.operations import OperationStore
from services.api.stores.quotas import QuotaStore
from services.api.ui.bulk_plans import BulkPlans
from services.api.ui.pace import PaceKeeper, PaceStore
from services.api.ui.wiring import dashboard
from shared.access.audit_log import AuditLog
from shared.access.token_store import TokenStore
from shared.broker.connection import connect
from shared.broker.durability import Durability
from shared.broker.event_reader import EventReader
from shared.broker.inspector import Inspector
from shared.broker.operator import Operator
from shared.broker.outlook import Outlook
from shared.broker.producer import Producer
from shared.storage.opening import open_storage

if TYPE_CHECKING:
    import redis
    from flask import Blueprint

    from services.api.settings import ApiSettings
    from shared.contracts.catalogue import Catalogue

#: One call to Redis; a script is sent twice at most, so a caller hears within 3 s.
REDIS_TIMEOUT_S = 1.25
#: A probe has less time than its prober.
PROBE_TIMEOUT_S = 0.8
#: Beyond the hub's own blocking time.
EVENTS_TIMEOUT_S = BLOCK_MS / 1000 + 2


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What routes share.

    Attributes:
        settings: The settings.
        catalogue: The tasks.
        client: Speaks to Redis.
        inspector: Looks at jobs.
        operator: Acts on jobs.
        hub: Listens to events; it has a thread.
        actions: Carries bulk actions out; it has a thread.
        tokens: Knows who may call.
        audit_log: Remembers what they changed.
        plans: Bulk actions that people of the dashboard may still take back.
        pace: Knows how many jobs ended per minute.
        pace_keeper: Writes that down; it has a thread.
    """

    settings: ApiSettings
    catalogue: Catalogue
    client: redis.Redis
    inspector: Inspector
    operator: Operator
    hub: EventHub
    actions: BulkActions
    tokens: TokenStore
    audit_log: AuditLog
    plans: BulkPlans
    pace: PaceStore
    pace_keeper: PaceKeeper

    @classmethod
    def made(
        cls, settings: ApiSettings, catalogue: Catalogue, client: redis.Redis | None
    ) -> Parts:
        """Make them; nothing is connected yet."""
        namespace, url = settings.nightshift_namespace, settings.redis_url
        client = client or connect(url, timeout_s=REDIS_TIMEOUT_S)
        inspector = Inspector(client, namespace=namespace, catalogue=catalogue)
        operator = Operator(client, namespace=namespace, catalogue=catalogue)
        operations = OperationStore(client, namespace=namespace)
        actions = BulkActions(
            store=operations,
            inspector=inspector,
            operator=operator,
            catalogue=catalogue,
        )
        pace = PaceStore(client, namespace=namespace)
        listener = connect(url, timeout_s=EVENTS_TIMEOUT_S, max_connections=1)
        return cls(
            settings=settings,
            catalogue=catalogue,
            client=client,
            inspector=inspector,
            operator=operator,
            hub=EventHub(EventReader(listener, namespace=namespace)),
            actions=actions,
            tokens=TokenStore(client, namespace=namespace),
            audit_log=AuditLog(client, namespace=namespace),
            plans=BulkPlans(store=operations, actions=actions, inspector=inspector),
            pace=pace,
            pace_keeper=PaceKeeper(pace, catalogue.queues()),
        )

    def stop(self) -> None:
        """Answer everybody who waits, and end the threads."""
        self.hub.stop()
        self.plans.stop()
        self.pace_keeper.stop()
        self.actions.stop()


def blueprints(parts: Parts) -> list[Blueprint]:
    """Return the routes."""
    settings, catalogue, client = parts.settings, parts.catalogue, parts.client
    namespace = settings.nightshift_namespace
    max_body_bytes = settings.nightshift_max_body_kb * 1024
    durability = Durability(settings.nightshift_durability)
    producer = Producer(client, namespace=namespace, durability=durability)
    intake = Intake(
        catalogue=catalogue,
        producer=producer,
        line=EnqueueLine(producer),
        inspector=parts.inspector,
    )
    back_pressure = _back_pressure(parts)
    explain = _explain(parts, back_pressure)
    found = [
        _health(parts),
        *_jobs(parts, intake, back_pressure),
        explain.blueprint(),
        dashboard(parts, intake=intake, back_pressure=back_pressure, explain=explain),
        *_queues(parts),
        _files(settings),
        ScheduleRoutes.wired(
            client,
            namespace=namespace,
            catalogue=catalogue,
            producer=intake.producer,
            max_body_bytes=max_body_bytes,
        ).blueprint(),
        TaskRoutes(catalogue=catalogue).blueprint(),
        DocsRoutes().blueprint(),
        WorkerRoutes(inspector=parts.inspector, catalogue=catalogue).blueprint(),
        TokenRoutes(tokens=parts.tokens, max_body_bytes=max_body_bytes).blueprint(),
        AuditRoutes(log=parts.audit_log).blueprint(),
    ]
    if settings.nightshift_demo_endpoints:
        found.append(DemoRoutes(catalogue=catalogue, intake=intake).blueprint())
    return found


def _health(parts: Parts) -> Blueprint:
    client = connect(
        parts.settings.redis_url, timeout_s=PROBE_TIMEOUT_S, max_connections=4
    )
    namespace = parts.settings.nightshift_namespace
    probe = Inspector(client, namespace=namespace, catalogue=parts.catalogue)
    gauges = QueueGauges(probe, parts.catalogue.queues())
    return HealthRoutes(probe=probe, gauges=gauges).blueprint()


def _files(settings: ApiSettings) -> Blueprint:
    max_bytes = settings.nightshift_max_file_mb * 1024 * 1024
    storage = open_storage(settings)
    return FileRoutes(storage=storage, max_file_bytes=max_bytes).blueprint()


def _back_pressure(parts: Parts) -> BackPressure:
    namespace = parts.settings.nightshift_namespace
    return BackPressure(
        parts.client,
        quotas=QuotaStore(parts.client, namespace=namespace),
        inspector=parts.inspector,
        watermark=parts.settings.nightshift_memory_watermark,
    )


def _explain(parts: Parts, back_pressure: BackPressure) -> ExplainRoutes:
    return ExplainRoutes(
        catalogue=parts.catalogue,
        inspector=parts.inspector,
        operator=parts.operator,
        outlook=Outlook(parts.client, namespace=parts.settings.nightshift_namespace),
        back_pressure=back_pressure,
    )


def _jobs(parts: Parts, intake: Intake, back_pressure: BackPressure) -> list[Blueprint]:
    settings, catalogue, client = parts.settings, parts.catalogue, parts.client
    inspector, namespace = parts.inspector, settings.nightshift_namespace
    room = threading.BoundedSemaphore(WAITING_REQUESTS)
    jobs = JobRoutes(
        catalogue=catalogue,
        intake=intake,
        inspector=inspector,
        polls=LongPolls(parts.hub, inspector, room=room),
        jobs=JobList(inspector=inspector, catalogue=catalogue),
        idempotency=Idempotency(IdempotencyStore(client, namespace=namespace)),
        back_pressure=back_pressure,
        max_body_bytes=settings.nightshift_max_body_kb * 1024,
    )
    actions = JobActionRoutes(
        catalogue=catalogue, inspector=inspector, operator=parts.operator
    )
    streams = EventStreams(
        hub=parts.hub,
        reader=EventReader(client, namespace=namespace),
        room=room,
        life_s=settings.nightshift_event_stream_s,
    )
    events = EventRoutes(catalogue=catalogue, inspector=inspector, streams=streams)
    return [r.blueprint() for r in (jobs, actions, events)]


def _queues(parts: Parts) -> list[Blueprint]:
    client, namespace = parts.client, parts.settings.nightshift_namespace
    operations = OperationStore(client, namespace=namespace)
    queues = QueueRoutes(
        catalogue=parts.catalogue,
        inspector=parts.inspector,
        operator=parts.operator,
        quotas=QuotaStore(client, namespace=namespace),
        operations=operations,
        actions=parts.actions,
        idempotency=Idempotency(IdempotencyStore(client, namespace=namespace)),
        max_body_bytes=parts.settings.nightshift_max_body_kb * 1024,
    )
    shown = OperationRoutes(operations=operations, actions=parts.actions)
    return [queues.blueprint(), shown.blueprint()]
