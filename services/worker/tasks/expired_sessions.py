"""Removes forgotten sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.worker.cleanup import redis_keys
from services.worker.cleanup.broom import DAY_MS, Broom

if TYPE_CHECKING:
    from services.worker.context import JobContext
    from shared.contracts.cleaning import Cleaned
    from shared.contracts.tasks.expired_sessions import ExpiredSessions


def run(data: ExpiredSessions, context: JobContext) -> Cleaned:
    """Look at all sessions and remove those that are over."""
    broom = Broom(context, dry_run=data.dry_run)
    prefix = context.settings.nightshift_session_prefix
    with redis_keys.team_redis(context) as client:
        sessions = redis_keys.below(client, prefix)
        redis_keys.sweep_forgotten(
            client, sessions, broom, idle_ms=data.days_old * DAY_MS
        )
    return broom.result()
