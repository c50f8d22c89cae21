from __future__ import annotations

import doctest
import io
from datetime import date
from typing import TYPE_CHECKING, Any

import pypdf
import pytest

from services.worker.middleware.job_statistics import JobStatistics
from services.worker.reports import week
from services.worker.tasks import weekly_report
from shared import clock
from shared.broker import job_totals
from shared.broker.connection import connect
from shared.broker.job_totals import DayTotals, JobTotals, TaskTotals, day_of
from shared.broker.producer import Producer, Request
from shared.contracts.tasks.weekly_report import WeeklyReport
from shared.errors import UnrecoverableError
from shared.jobs.options import JobOptions
from tests.support.contexts import Children, make_context
from tests.support.in_process_worker import (
    Answer,
    built_broker,
    contract,
    running_worker,
)
from tests.support.wait import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    import redis

    from tests.support.jobs import Jobs

MONDAY = date(2026, 11, 16)
#: Sunday, 22 November 2026, noon.
NOW_MS = 1_795_348_800_000


@pytest.mark.parametrize("module", [week, job_totals])
def test_the_examples_in_the_code_are_true(module: Any) -> None:
    assert doctest.testmod(module).failed == 0


def fill(totals: JobTotals, *, weeks: int = 8) -> None:
    """Give every day some jobs, each week more than the one before."""
    days = week.days_of_trend(MONDAY)[-7 * weeks :]
    for number, day in enumerate(days):
        many = 100 + 5 * number
        tasks = {
            "email/send-email": TaskTotals(
                many * 4, number % 3, 5, many * 300, many * 4
            ),
            "image/process-image": TaskTotals(many, 2, 1, many * 450, many),
            "media/transcode-video": TaskTotals(7, number % 2, 0, 7 * 95_000, 7),
        }
        slow = {f"media/transcode-video/job-{day}": 200_000.0 + number}
        totals.add({day: DayTotals(tasks, slow)})


def report(
    folder: Path, client: redis.Redis, redis_url: str, namespace: str, **data: Any
) -> Any:
    children = Children()
    context = make_context(
        folder,
        client=client,
        namespace=namespace,
        redis_url=redis_url,
        created_ms=NOW_MS + 86_400_000,
        children=children,
        job_id="weekly",
        **data.pop("settings", {}),
    )
    done = weekly_report.run(WeeklyReport.model_validate(data), context)
    return done, context.storage.read(done.file.id), children.created


def pdf_text(content: bytes) -> str:
    reader = pypdf.PdfReader(io.BytesIO(content))
    return "\n".join(page.extract_text() for page in reader.pages)


def test_the_last_whole_week_becomes_a_pdf_that_is_mailed(
    tmp_path: Path, client: redis.Redis, redis_url: str, namespace: str
) -> None:
    fill(JobTotals(client, namespace=namespace))

    done, content, mails = report(
        tmp_path, client, redis_url, namespace, to=["ada@example.com"]
    )

    text = pdf_text(content)
    assert done.week == "2026-11-16"
    assert (done.completed, done.failed) == (12_649, 25)
    for words in (
        "Week 47",
        "16 to 22 November 2026",
        "12,649",
        "Jobs per day",
        "transcode-video",
        "3 min 20 s",
        "on the week before",
    ):
        assert words in text
    assert done.pages == len(pypdf.PdfReader(io.BytesIO(content)).pages)
    [mail] = mails.values()
    assert (mail.name, mail.job_id) == ("send-email", done.mail_job)
    assert mail.data.to == ["ada@example.com"]
    assert mail.data.attachments == [done.file.id]
    assert mail.data.template == "weekly-report"


def test_a_week_without_jobs_is_reported_too(
    tmp_path: Path, client: redis.Redis, redis_url: str, namespace: str
) -> None:
    done, content, mails = report(
        tmp_path, client, redis_url, namespace, week="2026-11-18"
    )

    assert (done.week, done.completed, done.mail_job) == ("2026-11-16", 0, None)
    assert mails == {}
    assert "No job ran in this week." in pdf_text(content)


def test_the_readers_come_from_the_settings_unless_the_job_names_some(
    tmp_path: Path, client: redis.Redis, redis_url: str, namespace: str
) -> None:
    settings = {"nightshift_report_to": "ada@example.com, bo@example.com"}

    _, _, mails = report(tmp_path, client, redis_url, namespace, settings=settings)
    _, _, none = report(
        tmp_path, client, redis_url, namespace, settings=settings, to=[]
    )

    assert [mail.data.to for mail in mails.values()] == [
        ["ada@example.com", "bo@example.com"]
    ]
    assert none == {}


def test_a_day_that_does_not_exist_is_refused(
    tmp_path: Path, client: redis.Redis, redis_url: str, namespace: str
) -> None:
    with pytest.raises(UnrecoverableError, match="no day 2026-02-30"):
        report(tmp_path, client, redis_url, namespace, week="2026-02-30")


def test_only_the_slowest_jobs_of_a_day_are_kept(
    client: redis.Redis, namespace: str
) -> None:
    totals = JobTotals(client, namespace=namespace)
    for start in (0, 25, 10):
        slow = {f"q/t/{number}": float(number) for number in range(start, start + 30)}
        totals.add({"2026-11-16": DayTotals({}, slow)})

    [day] = totals.read(["2026-11-16"])

    assert list(day.slowest) == [f"q/t/{number}" for number in range(54, 34, -1)]
    for key in client.scan_iter(f"{namespace}:*"):
        assert client.ttl(key) > 99 * 86_400


def test_a_worker_counts_how_its_jobs_end(
    tmp_path: Path, client: redis.Redis, redis_url: str, namespace: str, jobs: Jobs
) -> None:
    totals = JobTotals(client, namespace=namespace)
    statistics = JobStatistics(totals)
    good, bad = contract("good"), contract("bad", attempts=2)

    def fail(data: Any, context: Any) -> Answer:
        raise ValueError(data.text)

    tasks = {good: lambda data, context: Answer(text=data.text), bad: fail}
    with built_broker(redis_url, namespace, tmp_path, tasks) as broker:
        broker.middleware.insert(0, statistics)
        with running_worker(broker):
            producer = Producer(client, namespace=namespace)
            for task in (good, good, good, bad):
                producer.enqueue(
                    Request("test", task.name, b"{}", JobOptions(), task.defaults)
                )
            wait_for(lambda: ended_jobs(jobs) == 4, within_s=20)
    # What was not yet written when the worker stopped is written at its end.
    assert counted(totals) == 5

    [day] = totals.read([day_of(clock.now_ms())])
    assert (day.tasks["test/good"].completed, day.tasks["test/good"].attempts) == (3, 3)
    ended = day.tasks["test/bad"]
    assert (ended.failed, ended.retried, ended.attempts) == (1, 1, 2)
    assert len(day.slowest) == 4


def ended_jobs(jobs: Jobs) -> int:
    return sum(
        count
        for state, count in jobs.inspector.counts("test").items()
        if state.is_final
    )


def counted(totals: JobTotals) -> int:
    [day] = totals.read([day_of(clock.now_ms())])
    return sum(one.attempts for one in day.tasks.values())


def test_counts_wait_while_redis_is_away(client: redis.Redis, namespace: str) -> None:
    nowhere = connect("redis://127.0.0.1:1", timeout_s=0.2)
    statistics = JobStatistics(JobTotals(nowhere, namespace=namespace))
    statistics._days = {
        "2026-11-16": DayTotals({"q/t": TaskTotals(completed=2)}, {"q/t/1": 5.0})
    }

    statistics.flush()
    statistics._totals = JobTotals(client, namespace=namespace)
    statistics.flush()
    statistics.flush()

    [day] = JobTotals(client, namespace=namespace).read(["2026-11-16"])
    assert day.tasks["q/t"].completed == 2
    assert day.slowest == {"q/t/1": 5.0}
