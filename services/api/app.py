"""The Flask application, wired here and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Flask

from services.api import (
    audit,
    http_metrics,
    id_converter,
    problem,
    request_id,
    request_trace,
    strict_query,
)
from services.api.auth import Guard
from services.api.security_headers import SecurityHeaders
from services.api.wiring import Parts, blueprints
from shared.contracts import catalogue as catalogues
from shared.metrics import IDEMPOTENT_REPLAYS, JOBS_ENQUEUED, watch_storage

if TYPE_CHECKING:
    from collections.abc import Callable

    import redis

    from services.api.settings import ApiSettings
    from shared.contracts.catalogue import Catalogue

_PARTS, _HUB = "nightshift.parts", "nightshift.event_hub"


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
    id_converter.register(app)
    catalogue = catalogues.load()
    parts = Parts.made(settings, catalogue, client)
    app.extensions[_PARTS] = parts
    app.extensions[_HUB] = parts.hub
    _prepare_series(catalogue)

    request_id.register(app)
    request_trace.register(app)
    http_metrics.register(app)
    app.wsgi_app = SecurityHeaders(app.wsgi_app)  # type: ignore[method-assign]
    problem.register(app)
    Guard(settings.nightshift_api_token, parts.tokens).register(app)
    strict_query.register(app)
    audit.register(app, parts.audit_log)
    for blueprint in blueprints(parts):
        app.register_blueprint(blueprint)
    http_metrics.prepare_series(app)
    watch_storage(settings.nightshift_storage_dir)
    return app


def stop(app: Flask) -> None:
    """Answer everybody who waits, and end the application's threads."""
    parts: Parts = app.extensions[_PARTS]
    parts.stop()


def _prepare_series(catalogue: Catalogue) -> None:
    """Begin every counter at 0, or its first increase would be invisible."""
    for contract in catalogue.values():
        JOBS_ENQUEUED.labels(contract.queue, contract.name)
        IDEMPOTENT_REPLAYS.labels(contract.queue, contract.name)
