"""Progress costs little, and the newest is never lost."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from services.worker.progress import INTERVAL_S, ThrottledReporter
from shared.broker.event_reader import EventReader
from shared.contracts.catalogue import Catalogue
from shared.errors import UnrecoverableError
from tests.support.contexts import Notebook
from tests.support.in_process_worker import (
    Answer,
    Anything,
    built_broker,
    contract,
    running_worker,
)
from tests.support.wait import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    import redis

    from services.worker.context import JobContext
    from tests.support.jobs import Jobs

UPDATES = 1_000_000


def test_a_million_updates_are_a_few_reports() -> None:
    notebook = Notebook()
    reporter = ThrottledReporter(notebook)
    began = time.monotonic()

    for number in range(UPDATES):
        reporter.progress(b"%d" % number)
    reporter.close()

    passed_s = time.monotonic() - began
    assert notebook.reports[0] == 0
    assert notebook.reports[-1] == UPDATES - 1
    assert notebook.reports == sorted(notebook.reports)
    assert len(notebook.reports) <= passed_s / INTERVAL_S + 2


def test_the_newest_report_arrives_though_the_task_says_nothing_more() -> None:
    notebook = Notebook()
    reporter = ThrottledReporter(notebook)

    for number in (1, 2, 3):
        reporter.progress(b"%d" % number)

    wait_for(lambda: notebook.reports == [1, 3])
    reporter.close()
    assert notebook.reports == [1, 3]


def test_a_job_s_last_progress_is_kept_however_it_ends(
    jobs: Jobs, client: redis.Redis, redis_url: str, namespace: str, tmp_path: Path
) -> None:
    def count(data: Anything, context: JobContext) -> Answer:
        for number in range(20_000):
            context.progress(number)
        if data.text:
            raise UnrecoverableError(data.text)
        return Answer()

    task = contract("count")
    tasks: Any = {task: count}
    jobs.catalogue = Catalogue({task.name: task})
    reader = EventReader(client, namespace=namespace)
    with (
        built_broker(redis_url, namespace, tmp_path, tasks) as broker,
        running_worker(broker),
    ):
        good, bad = (jobs.add("count", {"text": text}) for text in ("", "no"))
        ended = [jobs.wait_for_end(good), jobs.wait_for_end(bad)]
        events = reader.read({"test": "0"}, block_ms=1)

    assert [job.state for job in ended] == ["completed", "failed"]
    assert [json.loads(job.progress) for job in ended] == [19_999, 19_999]
    told = [event for event in events if event.name == "progress"]
    assert 2 <= len(told) < 200
