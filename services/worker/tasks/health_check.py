"""Tries all that tasks need."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from services.worker.cleanup import checks
from services.worker.cleanup.checks import UnhealthyError
from shared.contracts.tasks.health_check import Check, HealthCheck, HealthChecked
from shared.errors import NightshiftError

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.worker.context import JobContext

    Try = Callable[[JobContext], str]


def run(data: HealthCheck, context: JobContext) -> HealthChecked:
    """Try everything that is configured, even after the first trouble."""
    settings = context.settings
    tries: dict[str, tuple[object, Try]] = {
        "redis": (True, checks.redis),
        "storage": (True, checks.storage),
        "disk": (
            not settings.nightshift_storage_url,
            partial(checks.disk, min_free_mb=data.min_free_mb),
        ),
        "mail-server": (settings.mail_server, checks.mail_server),
        "database": (
            settings.nightshift_database_url.get_secret_value(),
            checks.team_database,
        ),
        "cache": (settings.nightshift_cache_url.get_secret_value(), checks.cache),
    }
    done = [
        _tried(name, one, context) for name, (wanted, one) in tries.items() if wanted
    ]
    broken = [check for check in done if not check.ok]
    if broken and data.fail_on_trouble:
        message = "; ".join(f"{check.name}: {check.detail}" for check in broken)
        raise UnhealthyError(message)
    return HealthChecked(
        healthy=not broken,
        checks=done,
        not_configured=[name for name, (wanted, _) in tries.items() if not wanted],
    )


def _tried(name: str, one: Try, context: JobContext) -> Check:
    started = time.monotonic()
    try:
        ok, detail = True, one(context)
    except (NightshiftError, OSError) as error:
        ok, detail = False, str(error).split("\n", 1)[0]
        context.log(f"{name}: {detail}")
    duration_ms = round((time.monotonic() - started) * 1000)
    return Check(name=name, ok=ok, detail=detail, duration_ms=duration_ms)
