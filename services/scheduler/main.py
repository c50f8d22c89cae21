"""The scheduler's process: wiring, signals, and what it answers to probes."""

from __future__ import annotations

import logging as standard_logging
import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from services.scheduler.clockwork import Clockwork
from services.scheduler.heartbeat import Timekeeper
from services.scheduler.leader import Leader
from services.scheduler.lease_store import LeaseStore
from services.scheduler.pulse import Pulse
from services.scheduler.schedule_meter import ScheduleMeter
from services.scheduler.schedules import declared
from services.scheduler.server_clock import ServerClock
from services.scheduler.settings import SchedulerSettings
from services.scheduler.slot_store import SlotStore
from services.scheduler.workplace import Workplace
from shared import error_reports, logging, observability, settings
from shared.broker.connection import connect
from shared.contracts import catalogue
from shared.errors import BrokerError, ConfigurationError
from shared.health import HealthServer
from shared.schedules.book import ScheduleBook
from shared.schedules.store import ScheduleStore

if TYPE_CHECKING:
    from collections.abc import Iterator

#: When to tick again after a tick that failed.
RETRY_MS = 500
#: Exit status for nonsense settings.
MISCONFIGURED = 2

_log = logging.get(__name__)


def main() -> int:
    """Run until SIGTERM or SIGINT; return the exit status."""
    try:
        run(settings.load(SchedulerSettings))
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return MISCONFIGURED
    return 0


def run(own: SchedulerSettings) -> None:
    """Fire the schedules that the settings ask for until a signal ends it.

    Raises:
        ConfigurationError: When the settings can't be followed.
    """
    observability.begin("scheduler", own)
    # periodiq writes a line per tick; ours are about slots.
    standard_logging.getLogger("periodiq").setLevel(standard_logging.ERROR)
    tasks = catalogue.load()
    defaults = declared(own, tasks)
    namespace = own.nightshift_namespace
    with connect(own.redis_url, max_connections=4) as client:
        server_clock = ServerClock()
        leader = Leader(
            LeaseStore(client, namespace=namespace), server_clock=server_clock
        )
        pulse = Pulse()
        clockwork = Clockwork(
            defaults,
            book=ScheduleBook(
                ScheduleStore(client, namespace=namespace), catalogue=tasks
            ),
            store=SlotStore(client, namespace=namespace),
            workplace=Workplace(client, namespace=namespace, catalogue=tasks),
            leader=leader,
            server_clock=server_clock,
            meter=ScheduleMeter(defaults),
            is_stopping=lambda: timekeeper.is_stopping,
        )
        timekeeper = Timekeeper(lambda: guarded_tick(clockwork, pulse))
        with _health(own, pulse):
            _stop_on_signals(timekeeper)
            _log.info("scheduler_started", defaults=sorted(defaults))
            timekeeper.run()
            _release(leader)
    _log.info("scheduler_stopped")
    observability.end()


def guarded_tick(clockwork: Clockwork, pulse: Pulse) -> float:
    """Tick, whatever happens; return the milliseconds until the next tick."""
    pulse.begin()
    try:
        wait_ms = clockwork.tick()
    except BrokerError as error:
        _log.warning("tick_failed", reason=str(error), again_in_ms=RETRY_MS)
        pulse.fail(str(error))
    except Exception as error:  # noqa: BLE001 - the border of a tick
        # A fault of ours. The slots are still there, readiness tells, and the next
        # tick may do better; a process that is gone surely fires nothing.
        _log.exception("tick_broken", again_in_ms=RETRY_MS)
        error_reports.report(error)
        pulse.fail(f"It failed with {type(error).__name__}.")
    else:
        pulse.succeed()
        return wait_ms
    return RETRY_MS


def _stop_on_signals(timekeeper: Timekeeper) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: timekeeper.stop())


@contextmanager
def _health(own: SchedulerSettings, pulse: Pulse) -> Iterator[None]:
    if own.nightshift_health_port == 0:
        yield
        return
    server = HealthServer(
        own.nightshift_health_host,
        own.nightshift_health_port,
        ready=pulse.why_not_ready,
        live=pulse.why_not_live,
    )
    server.start()
    try:
        yield
    finally:
        server.stop()


def _release(leader: Leader) -> None:
    try:
        leader.release()
    except BrokerError as error:
        _log.warning("lease_not_released", reason=str(error), next="it expires")
