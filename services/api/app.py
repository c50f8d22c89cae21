"""The Flask application, wired here and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Flask

from services.api import http_metrics, problem, request_id
from services.api.auth import Guard
from services.api.event_hub import BLOCK_MS, EventHub
from services.api.intake import Intake
from services.api.long_poll import LongPolls
from services.api.queue_gauges import QueueGauges
from services.api.routes.demo import DemoRoutes
from services.api.routes.files import FileRoutes
from services.api.routes.health import HealthRoutes
from services.api.routes.jobs import JobRoutes
from services.api.routes.tasks import TaskRoutes
from services.api.security_headers import SecurityHeaders
from services.api.settings import LONG_POLLS
from shared.broker.connection import connect
from shared.broker.event_reader import EventReader
from shared.broker.inspector import Inspector
from shared.broker.producer import Producer
from shared.contracts import catalogue as catalogues
from shared.metrics import JOBS_ENQUEUED
from shared.storage.storage import Storage

if TYPE_CHECKING:
    from collections.abc import Callable

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

_HUB = "nightshift.event_hub"


class _Application(Flask):
    """Flask for plain functions only."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        # Flask asks each time whether the function is a coroutine: 5 % of a request.
        return func


def create_app(settings: ApiSettings, *, client: redis.Redis | None = None) -> Flask:
    """Return the application; nothing is connected before the first request.

    Args:
        settings: The settings.
        client: Client for jobs; one is made from the settings when None.

    Raises:
        ConfigurationError: When the contracts are not sound.
    """
    app = _Application("nightshift", static_folder=None)
    # A redirect to a cleaner path would be HTML, and a second address of everything.
    app.url_map.merge_slashes = False
    catalogue = catalogues.load()
    hub = _event_hub(settings)
    app.extensions[_HUB] = hub
    _prepare_series(catalogue)

    request_id.register(app)
    http_metrics.register(app)
    app.wsgi_app = SecurityHeaders(app.wsgi_app)  # type: ignore[method-assign]
    problem.register(app)
    Guard(settings.nightshift_api_token).register(app)
    for blueprint in _blueprints(settings, catalogue, hub, client):
        app.register_blueprint(blueprint)
    return app


def stop(app: Flask) -> None:
    """Answer everybody who waits, and end the application's thread."""
    hub: EventHub = app.extensions[_HUB]
    hub.stop()


def _blueprints(
    settings: ApiSettings,
    catalogue: Catalogue,
    hub: EventHub,
    client: redis.Redis | None,
) -> list[Blueprint]:
    namespace = settings.nightshift_namespace
    if client is None:
        client = connect(settings.redis_url, timeout_s=REDIS_TIMEOUT_S)
    probe_client = connect(
        settings.redis_url, timeout_s=PROBE_TIMEOUT_S, max_connections=4
    )
    inspector = Inspector(client, namespace=namespace, catalogue=catalogue)
    probe = Inspector(probe_client, namespace=namespace, catalogue=catalogue)
    intake = Intake(
        catalogue=catalogue,
        producer=Producer(client, namespace=namespace),
        inspector=inspector,
        max_body_bytes=settings.nightshift_max_body_kb * 1024,
    )
    max_file_bytes = settings.nightshift_max_file_mb * 1024 * 1024
    storage = Storage(settings.nightshift_storage_dir, max_bytes=max_file_bytes)
    blueprints = [
        HealthRoutes(probe=probe, gauges=QueueGauges(probe, catalogue)).blueprint(),
        JobRoutes(
            catalogue=catalogue,
            intake=intake,
            inspector=inspector,
            polls=LongPolls(hub, inspector, room=LONG_POLLS),
        ).blueprint(),
        FileRoutes(storage=storage, max_file_bytes=max_file_bytes).blueprint(),
        TaskRoutes(catalogue=catalogue).blueprint(),
    ]
    if settings.nightshift_demo_endpoints:
        blueprints.append(DemoRoutes(catalogue=catalogue, intake=intake).blueprint())
    return blueprints


def _event_hub(settings: ApiSettings) -> EventHub:
    client = connect(settings.redis_url, timeout_s=EVENTS_TIMEOUT_S, max_connections=1)
    return EventHub(EventReader(client, namespace=settings.nightshift_namespace))


def _prepare_series(catalogue: Catalogue) -> None:
    """Begin every counter at 0, or its first increase would be invisible."""
    for contract in catalogue.values():
        JOBS_ENQUEUED.labels(contract.queue, contract.name)
