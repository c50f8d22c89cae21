from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from services.worker.tasks import aggregate_analytics
from shared.contracts.tasks.aggregate_analytics import AggregateAnalytics
from shared.errors import UnrecoverableError
from tests.support.contexts import make_context

if TYPE_CHECKING:
    from pathlib import Path

    import redis

DAY = 1_790_000_000_000
EVENTS: list[dict[str, Any]] = [
    {"name": "order.paid", "value": 12.5, "properties": {"plan": "pro"}},
    {"name": "order.paid", "value": -2.25, "at": DAY + 1},
    {"name": "order.paid", "at": DAY - 86_400_000, "value": 100},
    {"name": "sign-up"},
]


def count(
    folder: Path,
    redis_url: str,
    namespace: str,
    *,
    job_id: str,
    lines: bytes = b"",
    **data: Any,
) -> Any:
    context = make_context(
        folder, namespace=namespace, redis_url=redis_url, job_id=job_id
    )
    if lines:
        file = context.storage.put(lines, name="e.jsonl", content_type="text/plain")
        data["source"] = file.id
    order = AggregateAnalytics.parse(json.dumps(data).encode())
    return aggregate_analytics.run(order, context)


def by_name(done: Any) -> dict[tuple[str, str], tuple[int, float, float, float]]:
    return {
        (one.time, one.name): (one.count, one.sum, one.min, one.max)
        for one in done.series
    }


def test_events_become_counts_per_day(
    tmp_path: Path, redis_url: str, namespace: str
) -> None:
    done = count(tmp_path, redis_url, namespace, job_id="a", events=EVENTS)

    assert (done.events, done.counted, done.series_total) == (4, True, 4)
    assert by_name(done) == {
        ("2026-09-20", "order.paid"): (1, 100, 100, 100),
        ("2026-09-21", "order.paid"): (2, 10.25, -2.25, 12.5),
        ("2026-09-21", "order.paid?plan=pro"): (1, 12.5, 12.5, 12.5),
        ("2026-09-21", "sign-up"): (1, 1, 1, 1),
    }


def test_a_job_is_counted_once_however_often_it_runs(
    tmp_path: Path, redis_url: str, namespace: str
) -> None:
    first = count(tmp_path, redis_url, namespace, job_id="a", events=EVENTS)
    again = count(tmp_path, redis_url, namespace, job_id="a", events=EVENTS)
    other = count(tmp_path, redis_url, namespace, job_id="b", events=EVENTS[:1])

    assert (first.counted, again.counted, other.counted) == (True, False, True)
    assert by_name(again) == by_name(first)
    paid = by_name(other)["2026-09-21", "order.paid"]
    assert paid == (3, 22.75, -2.25, 12.5)


@pytest.mark.parametrize(
    ("granularity", "time"), [("hour", "2026-09-21T14"), ("month", "2026-09")]
)
def test_time_is_cut_as_asked_for_and_counts_are_forgotten(
    tmp_path: Path,
    client: redis.Redis,
    redis_url: str,
    namespace: str,
    granularity: str,
    time: str,
) -> None:
    done = count(
        tmp_path,
        redis_url,
        namespace,
        job_id="a",
        events=[{"name": "x"}],
        granularity=granularity,
        keepDays=2,
    )

    assert [one.time for one in done.series] == [time]
    kept = [client.pttl(key) for key in client.scan_iter(f"{namespace}:*")]
    assert len(kept) == 2
    assert min(kept) > 47 * 3_600_000
    assert max(kept) <= 8 * 24 * 3_600_000


def test_events_come_from_a_file(
    tmp_path: Path, redis_url: str, namespace: str
) -> None:
    lines = b"\n".join(json.dumps(event).encode() for event in EVENTS * 1000)

    done = count(tmp_path, redis_url, namespace, job_id="a", lines=lines)

    assert done.events == 4000
    assert by_name(done)["2026-09-21", "order.paid"][0] == 2000


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (b'{"name":"a"}\n{"name":"a b"}', "Line 2 is no event"),
        (b'{"name":"a","extra":1}', "Line 1 is no event"),
        (b"x" * 2_000_000, "more than 65,536 bytes"),
        (
            b"\n".join(b'{"name":"e%d"}' % number for number in range(3000)),
            "more than 2,000 series",
        ),
    ],
)
def test_bad_events_count_nothing(
    tmp_path: Path,
    client: redis.Redis,
    redis_url: str,
    namespace: str,
    lines: bytes,
    reason: str,
) -> None:
    with pytest.raises(UnrecoverableError, match=reason):
        count(tmp_path, redis_url, namespace, job_id="a", lines=lines)

    assert list(client.scan_iter(f"{namespace}:*")) == []
