"""Removes what is out of date in a cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.worker.cleanup import redis_keys
from services.worker.cleanup.broom import Broom

if TYPE_CHECKING:
    from services.worker.context import JobContext
    from shared.contracts.cleaning import Cleaned
    from shared.contracts.tasks.invalidate_cache import InvalidateCache


def run(data: InvalidateCache, context: JobContext) -> Cleaned:
    """Remove keys, and the sets of tags after their members."""
    broom = Broom(context, dry_run=data.dry_run)
    if data.if_configured and not context.settings.nightshift_cache_url:
        context.log("No cache is configured: NIGHTSHIFT_CACHE_URL is not set.")
        return broom.result()
    tag_prefix = context.settings.nightshift_cache_tag_prefix
    with redis_keys.team_redis(context) as client:
        for prefix in data.prefixes:
            redis_keys.sweep(client, redis_keys.below(client, prefix), broom)
        for tag in data.tags:
            members = redis_keys.tagged(client, f"{tag_prefix}{tag}")
            redis_keys.sweep(client, members, broom)
            if not broom.must_stop:
                tag_key = f"{tag_prefix}{tag}".encode()
                redis_keys.sweep(client, [tag_key], broom)
    return broom.result()
