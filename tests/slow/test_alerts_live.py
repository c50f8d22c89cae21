"""Every sickness is made happen to real services; Prometheus sees it come and go."""

from __future__ import annotations

import json
import re
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.dashboard_rules import Check
from tests.support.monitored_stack import MonitoredStack, monitored_stack
from tests.support.quick_rules import alert_names
from tests.support.sicknesses import ALL, mail_server_is_broken
from tests.support.wait import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

ROOT = Path(__file__).resolve().parents[2]
DASHBOARDS = sorted((ROOT / "deploy" / "grafana" / "dashboards").glob("*.json"))
#: A slow machine may take long; a quick one never waits for it.
WITHIN_S = 150

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.xdist_group("alerts"),
]

#: Alerts that wait before they fire, so that they are pending first.
_PATIENT = alert_names(patient=True)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MonitoredStack]:
    folder = tmp_path_factory.mktemp("stack")
    with (
        # A file system that hardly anybody else writes to: its room is watched.
        tempfile.TemporaryDirectory(dir="/dev/shm", prefix="nightshift-") as files,
        monitored_stack(folder, Path(files)) as running,
    ):
        wait_until_well(running)
        yield running


def wait_until_well(stack: MonitoredStack) -> None:
    """Wait until jobs are done and nothing but the watchdog fires."""
    wait_for(
        lambda: stack.prometheus.query("nightshift_jobs_finished_total > 0"),
        within_s=WITHIN_S,
        what="jobs are counted",
    )

    def is_well() -> bool:
        return set(stack.prometheus.firing()) == {"JobsWatchdog"}

    try:
        wait_for(is_well, within_s=WITHIN_S)
    except AssertionError:
        raise AssertionError(f"not well: {stack.prometheus.firing()}") from None


def _of(alerts: tuple[str, ...]) -> set[str]:
    """Return the names of all rules of these alerts."""
    return {name for name in alert_names() if name.split()[0] in alerts}


def test_every_alert_has_a_sickness_that_raises_it() -> None:
    raised = {name for alerts in ALL.values() for name in _of(alerts)}

    assert raised == alert_names() - {"JobsWatchdog"}


@pytest.mark.parametrize("sickness", ALL, ids=lambda sickness: sickness.__name__)
def test_a_sickness_is_seen_and_so_is_its_end(
    stack: MonitoredStack,
    sickness: Callable[[MonitoredStack], AbstractContextManager[None]],
) -> None:
    wait_until_well(stack)
    began = time.time()
    expected = _of(ALL[sickness])
    missing = set(expected)

    def all_fired() -> bool:
        firing = stack.prometheus.firing()
        missing.difference_update(n for n, s in firing.items() if s == "firing")
        return not missing

    with sickness(stack):
        # Whatever is missing, the sickness is healed first: others come after it.
        with suppress(AssertionError):
            wait_for(all_fired, within_s=WITHIN_S)
        seen = stack.prometheus.firing()

    assert not missing, f"These did not fire: {missing}; these did: {seen}"
    for alert in _PATIENT & expected:
        assert stack.was(alert, "pending", since=began), f"{alert} was not pending."
    wait_until_well(stack)


def test_every_panel_of_every_dashboard_draws_live_data(stack: MonitoredStack) -> None:
    wait_until_well(stack)
    shown = 'ALERTS{alertname="JobsDeadLettersAppearing",alertstate="firing"}'
    # One panel shows what fires, and which task it is about.
    with mail_server_is_broken(stack):
        wait_for(
            lambda: stack.prometheus.query(shown),
            within_s=WITHIN_S,
            what="an alert to show",
        )
        check = Check(stack.prometheus, time.time())
        found = [
            f"{path.stem}: {problem}"
            for path in DASHBOARDS
            for problem in check.problems(
                json.loads(path.read_text(encoding="utf-8")), file_name=path.name
            )
        ]

    assert DASHBOARDS
    assert not found, "\n".join(found)


def test_every_metric_that_a_service_tells_is_documented(
    stack: MonitoredStack,
) -> None:
    wait_until_well(stack)
    page = (ROOT / "docs" / "reference" / "metrics.md").read_text(encoding="utf-8")
    told = {
        name for name in stack.prometheus.metrics() if name.startswith("nightshift_")
    }
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in told}

    unknown = {name for name in families if f"`{name}`" not in page}

    assert families
    assert not unknown
