"""Removes idempotency keys, and what tasks remember, when it lost its expiry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.worker import memory
from services.worker.cleanup import redis_keys
from services.worker.cleanup.broom import Broom
from shared.access.keys import ApiKeys
from shared.broker.connection import connect

if TYPE_CHECKING:
    from services.worker.context import JobContext
    from shared.contracts.cleaning import Cleaned
    from shared.contracts.tasks.idempotency_keys import IdempotencyKeys

_HOUR_MS = 3_600_000


def run(data: IdempotencyKeys, context: JobContext) -> Cleaned:
    """Look at all keys and remove the forgotten ones."""
    broom = Broom(context, dry_run=data.dry_run)
    namespace = context.settings.nightshift_namespace
    api = ApiKeys(namespace)
    prefixes = (
        api.of("idempotency", ""),
        api.of("in-flight", ""),
        memory.prefix(namespace),
    )
    with connect(context.settings.redis_url, max_connections=2) as client:
        for prefix in prefixes:
            redis_keys.sweep_forgotten(
                client,
                redis_keys.below(client, prefix),
                broom,
                idle_ms=data.hours_old * _HOUR_MS,
            )
    return broom.result()
