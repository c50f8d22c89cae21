"""An installation on a busy day: jobs in every state, workers, schedules, tokens."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from shared import clock
from shared.access.keys import ApiKeys
from shared.access.principal import Scope
from shared.access.token_store import TokenStore
from shared.broker.operator import Limits
from shared.broker.presence import Presence, WorkerInfo
from shared.broker.producer import Request
from shared.jobs.options import JobOptions
from shared.jobs.states import JobState
from shared.schedules.book import ScheduleBook
from shared.schedules.definition import ScheduleDefinition
from shared.schedules.store import ScheduleStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.dashboard_stack import Stack

#: Whose failed job people look for.
CUSTOMER = "customer-4711"
CITIES = ("Oslo", "Lima", "Pune", "Kyiv", "Cork", "Graz")
#: Why mails fail, how often, as a share of those that failed.
REASONS = (
    ("SMTPRecipientsRefused: no such user{n}@example.com", 6),
    ("ConnectTimeout: mail.example.com:25 did not answer within 10 s", 3),
    ("SMTPDataError: 452 mailbox of user{n} is full", 1),
)
SCHEDULES: dict[str, dict[str, Any]] = {
    "nightly-clean-up": {
        "pattern": "0 2 * * *",
        "tz": "Europe/Paris",
        "description": "Removes what nobody needs any more",
        "template": {"name": "daily-cleanup", "data": {"daysOld": 30}},
        "overlap": "skip",
    },
    "weekly-report": {
        "pattern": "0 9 * * 1",
        "tz": "Europe/Paris",
        "description": "Last week's numbers, by mail",
        "template": {"name": "weekly-report", "data": {"to": ["team@example.com"]}},
    },
    "health-check": {
        "every": 300_000,
        "description": "Looks after the disk, SMTP and the database",
        "template": {"name": "health-check", "data": {}},
    },
    "cache": {
        "pattern": "0 * * * *",
        "description": "Forgets yesterday's prices",
        "template": {"name": "invalidate-cache", "data": {"tags": ["prices"]}},
    },
}


def fill(stack: Stack, *, scale: int = 1) -> None:
    """Fill an empty namespace; about 2,500 jobs times `scale`."""
    _mails(stack, scale)
    _echoes(stack, scale)
    _pictures(stack, scale)
    _customers_job(stack)
    _schedules(stack)
    _tokens(stack)
    _last_hour(stack)
    announce(stack)


def announce(stack: Stack, *, busy: bool = True) -> None:
    """Let workers be there; they are gone after 15 s unless this is done again."""
    running: list[str] = []
    for queue in ("email", "demo", "image"):
        page = stack.jobs.inspector.page(queue, JobState.ACTIVE, limit=4)
        running += [f"{queue}/{job.id}" for job in page.jobs]
    presence = Presence(stack.client, namespace=stack.namespace)
    for number, share in enumerate((running[:6], running[6:9], [])):
        host = f"worker-7c9f-{'abc'[number]}"
        presence.announce(
            WorkerInfo(
                name=f"{host}-1-1234-{number}",
                host=host,
                pid=41 + number,
                queues=tuple(q for q in stack.jobs.catalogue.queues() if q != "media"),
                tasks=tuple(sorted(stack.jobs.catalogue)),
                threads=8,
                running=tuple(share if busy else ()),
                started=clock.now_ms() - 7_320_000 * (number + 1),
                version="0.4.0",
            )
        )


def _mail(number: int) -> tuple[dict[str, Any], JobOptions]:
    data = {
        "to": [f"user{number}@example.com"],
        "template": "order-confirmation",
        "subject": f"Your order {70_000 + number}",
        "context": {"order": number},
    }
    tags = (f"customer-{number % 5000}", CITIES[number % len(CITIES)])
    return data, JobOptions(tags=tags)


def _mails(stack: Stack, scale: int) -> None:
    add_many(stack, "send-email", [_mail(n) for n in range(1000 * scale)])
    taken = stack.claim("email", 700 * scale)
    done, bad = taken[: 560 * scale], taken[560 * scale :]
    stack.complete("email", done, b'{"messageId":"<4711@example.com>","accepted":1}')
    shares = sum(share for _, share in REASONS)
    at = 0
    for reason, share in REASONS:
        part = bad[at : at + len(bad) * share // shares]
        at += len(part)
        for number in range(0, len(part), 10):
            stack.fail("email", part[number : number + 10], reason.format(n=number))
    again = stack.claim("email", 24)
    stack.retry("email", again, "SMTPServerDisconnected: please run connect() first")
    for number, one in enumerate(stack.claim("email", 5)):
        stack.progress("email", one, str(20 * number).encode())


def _echoes(stack: Stack, scale: int) -> None:
    jobs = [({"msg": f"hello {n}"}, JobOptions()) for n in range(800 * scale)]
    add_many(stack, "echo", jobs)
    later = [
        ({"msg": f"later {n}"}, JobOptions(delay=60_000 * (n + 1))) for n in range(90)
    ]
    add_many(stack, "echo", later)
    taken = stack.claim("demo", 500 * scale)
    stack.complete("demo", taken[:470], b'{"msg":"hello"}')
    stack.fail("demo", taken[470:495], "ValueError: msg must not be the word 'boo'")
    for number, one in enumerate(taken[495:500]):
        stack.progress("demo", one, str(15 + 20 * number).encode())
        stack.log("demo", one, "reading", f"step {number} of 4 done")
    waiting = stack.jobs.inspector.page("demo", JobState.WAITING, limit=40)
    stack.operator.cancel("demo", [job.id for job in waiting.jobs])


def _pictures(stack: Stack, scale: int) -> None:
    jobs = [({"source": "0" * 19 + "1", "sizes": [150, 300]}, JobOptions())]
    add_many(stack, "generate-thumbnails", jobs * 300 * scale)
    taken = stack.claim("image", 200 * scale)
    stack.complete("image", taken[:180], b'{"thumbnails":[]}')
    stack.fail("image", taken[180:197], "UnidentifiedImageError: not a picture")
    stack.operator.set_limits("image", Limits(concurrency=4))
    stack.operator.pause("report")
    add_many(stack, "generate-report", [(_report(), JobOptions())] * 12)


def _report() -> dict[str, Any]:
    return {"title": "Sales", "format": "csv", "rows": [{"city": "Oslo", "sum": 12}]}


def _customers_job(stack: Stack) -> None:
    data = {
        "to": ["ada@example.con"],
        "template": "welcome",
        "context": {"name": "Ada"},
    }
    job = stack.add("send-email", data=data, tags=(CUSTOMER, "welcome"), priority=1)
    [taken] = stack.claim("email", 1)
    assert taken.job_id == job.id
    stack.log("email", taken, "connecting to mail.example.com", "RCPT TO refused: 550")
    stack.fail(
        "email", [taken], "SMTPRecipientsRefused: 550 example.con: no such domain"
    )


def _schedules(stack: Stack) -> None:
    book = ScheduleBook(
        ScheduleStore(stack.client, namespace=stack.namespace),
        catalogue=stack.jobs.catalogue,
    )
    for name, document in SCHEDULES.items():
        book.put(name, ScheduleDefinition.parse(json.dumps(document).encode()))
    book.pause("cache")
    for number in range(4):
        slot = 300_000 * (5_900_000 + number)
        fired: dict[str, str | int] = {
            "outcome": "fired",
            "slot": slot,
            "latenessMs": 12 + number,
        }
        job: dict[str, str | int] = {"job": f"health-check:{slot}", "queue": "cleanup"}
        book.store.note("health-check", {**fired, **job})
    skipped: dict[str, str | int] = {"outcome": "skipped", "reason": "too late"}
    book.store.note("health-check", {**skipped, "slot": slot + 300_000})


def _tokens(stack: Stack) -> None:
    tokens = TokenStore(stack.client, namespace=stack.namespace)
    day_s = 86_400
    for name, scopes, queues, life_s in (
        ("shop-backend", (Scope.READ, Scope.WRITE), ("email", "image"), 90 * day_s),
        ("on-call", (Scope.READ, Scope.OPERATE), ("*",), 30 * day_s),
        ("grafana", (Scope.READ,), ("*",), None),
    ):
        minted = tokens.create(name, scopes=scopes, queues=queues, expires_in_s=life_s)
        tokens.mark_used(minted.token.id)


def _last_hour(stack: Stack) -> None:
    """Spread what has ended over the last hour, for the charts."""
    keys = ApiKeys(stack.namespace)
    minute = clock.now_ms() // 60_000
    pipeline = stack.client.pipeline(transaction=False)
    for queue in ("email", "demo", "image"):
        counts = stack.jobs.inspector.counts(queue)
        done, failed = counts[JobState.COMPLETED], counts[JobState.FAILED]
        for back in range(61):
            # More by day than at night, and most failures of late.
            share = ((60 - back) / 60) ** 1.3
            line = f"{round(done * share)} {round(failed * share**6)}"
            pipeline.hset(keys.of("pace", str(minute - back)), queue, line)
    pipeline.execute()


def add_many(
    stack: Stack, name: str, jobs: Sequence[tuple[dict[str, Any], JobOptions]]
) -> None:
    """Create many jobs of a task, a thousand per call."""
    contract = stack.jobs.catalogue.find(name)
    for start in range(0, len(jobs), 1000):
        stack.jobs.producer.enqueue_many(
            [
                Request(
                    contract.queue,
                    name,
                    json.dumps(data).encode(),
                    options,
                    contract.defaults,
                )
                for data, options in jobs[start : start + 1000]
            ]
        )
