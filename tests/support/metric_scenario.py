"""Two eventful hours of Nightshift as OpenMetrics text, for dashboards to draw.

A backlog of mails, a worker that is away for ten minutes, and a burst of failing
webhooks; the same numbers at every run, up to the end of the time.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from typing import TYPE_CHECKING

from shared import metrics

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from prometheus_client import Histogram

STEP_S = 30
HOURS = 2
TASKS = {
    "email": {"send-email": (4.0, 0.12)},
    "image": {"generate-thumbnails": (1.5, 0.4), "process-image": (0.5, 0.3)},
    "webhook": {"deliver-webhook": (2.0, 0.2)},
    "demo": {"echo": (0.5, 0.01)},
}
SCHEDULES = {"database-cleanup": 86_400, "cache-invalidation": 3_600, "health": 300}
WORKERS = ("worker-1:9101", "worker-2:9101")
APIS = ("api-1:8000", "api-2:8000")
_ROUTES = {
    "/api/v1/jobs/<queue>": (8.0, 0.006),
    "/api/v1/jobs/<queue>/<job_id>": (5.0, 0.4),
    "/metrics": (0.1, 0.01),
}

Sample = tuple[str, float, float]


class _Recorder:
    """Samples by family, since OpenMetrics wants a family's samples together."""

    def __init__(self) -> None:
        self._kinds: dict[str, str] = {}
        self._samples: defaultdict[str, list[Sample]] = defaultdict(list)
        self._counts: defaultdict[tuple[str, str], float] = defaultdict(float)

    def gauge(self, name: str, at: float, value: float, **labels: str) -> None:
        self._add(name, "gauge", name + _braces(labels), at, value)

    def counter(self, name: str, at: float, more: float, **labels: str) -> None:
        family = name.removesuffix("_total")
        text = _braces(labels)
        self._counts[name, text] += more
        self._add(family, "counter", name + text, at, round(self._counts[name, text]))

    def histogram(
        self,
        metric: Histogram,
        at: float,
        *,
        more: float,
        median: float,
        labels: Mapping[str, str],
    ) -> None:
        name = metric._name
        for bound in (*metric._upper_bounds[:-1], math.inf):
            share = 1.0 if bound == math.inf else _share_below(bound, median)
            text = _braces(
                {**labels, "le": "+Inf" if bound == math.inf else str(bound)}
            )
            self._counts[f"{name}_bucket", text] += more * share
            count = round(self._counts[f"{name}_bucket", text], 3)
            self._add(name, "histogram", f"{name}_bucket{text}", at, count)
        for part, value in (("count", more), ("sum", more * median * 1.3)):
            text = _braces(dict(labels))
            self._counts[f"{name}_{part}", text] += value
            total = round(self._counts[f"{name}_{part}", text], 3)
            self._add(name, "histogram", f"{name}_{part}{text}", at, total)

    def text(self) -> Iterator[str]:
        for family, kind in self._kinds.items():
            yield f"# TYPE {family} {kind}\n"
            # A family's series one after the other, each in order of time.
            for series, at, value in sorted(self._samples[family]):
                yield f"{series} {value} {at:.0f}\n"
        yield "# EOF\n"

    def _add(
        self, family: str, kind: str, series: str, at: float, value: float
    ) -> None:
        self._kinds[family] = kind
        self._samples[family].append((series, at, value))


def lines(end: float) -> Iterator[str]:
    """Return the text of the two hours before `end`, epoch seconds."""
    recorder = _Recorder()
    dice = random.Random(7)
    steps = HOURS * 3600 // STEP_S
    waiting = dict.fromkeys(TASKS, 0.0)
    waited_s = dict.fromkeys(TASKS, 0.0)
    for step in range(steps + 1):
        at = end - (steps - step) * STEP_S
        minute = step * STEP_S / 60
        up = [not (worker == WORKERS[1] and 60 <= minute < 70) for worker in WORKERS]
        _processes(recorder, at, up, dice)
        for queue, tasks in TASKS.items():
            _queue(recorder, at, minute, queue, tasks, up, waiting, waited_s, dice)
        _schedules(recorder, at, end)
        _api(recorder, at, minute)
        _redis(recorder, at, minute, sum(waiting.values()))
        _rules(recorder, at, minute, waiting)
    return recorder.text()


def _queue(  # noqa: PLR0913, PLR0917 - one step of all that a queue has
    recorder: _Recorder,
    at: float,
    minute: float,
    queue: str,
    tasks: Mapping[str, tuple[float, float]],
    up: list[bool],
    waiting: dict[str, float],
    waited_s: dict[str, float],
    dice: random.Random,
) -> None:
    burst = 4.0 if queue == "email" and 80 <= minute < 95 else 1.0
    share = sum(up) / len(up)
    for task, (rate, run_s) in tasks.items():
        accepted = rate * burst * STEP_S * dice.uniform(0.8, 1.2)
        capacity = rate * 1.6 * share * STEP_S
        waiting[queue] += accepted
        done = min(waiting[queue], capacity)
        waiting[queue] -= done
        failing = 0.45 if task == "deliver-webhook" and 100 <= minute < 112 else 0.01
        own = {"queue": queue, "task": task}
        for api in APIS:
            recorder.counter(
                "nightshift_jobs_enqueued_total", at, accepted / 2, instance=api, **own
            )
            recorder.counter(
                "nightshift_idempotent_replays_total",
                at,
                accepted * 0.02,
                instance=api,
                **own,
            )
        for worker, alive in zip(WORKERS, up, strict=True):
            if alive:
                _runs(recorder, at, done / sum(up), failing, run_s, worker, own)
    waited_s[queue] = 0.0 if waiting[queue] < 1 else waited_s[queue] + STEP_S * 0.6
    for worker, alive in zip(WORKERS, up, strict=True):
        if not alive:
            continue
        where = {"queue": queue, "instance": worker}
        median = 0.003 + waited_s[queue] / 2
        recorder.histogram(
            metrics.QUEUE_WAIT_SECONDS, at, more=20, median=median, labels=where
        )
        recorder.histogram(
            metrics.JOB_END_TO_END_SECONDS,
            at,
            more=20,
            median=median + 0.3,
            labels=where,
        )
        recorder.counter(
            "nightshift_jobs_recovered_total",
            at,
            2.0 if worker == WORKERS[0] and minute == 61 else 0.0,
            outcome="waiting",
            **where,
        )
        recorder.counter("nightshift_leases_lost_total", at, 0, **where)
    depth = {
        "waiting": waiting[queue],
        "delayed": 3 + 2 * math.sin(minute / 9),
        "active": 3.0,
        "completed": 1000.0,
        "failed": 4 + max(0.0, minute - 100),
        "cancelled": 0.0,
    }
    for api in APIS:
        for state, count in depth.items():
            recorder.gauge(
                "nightshift_queue_depth",
                at,
                round(count),
                queue=queue,
                state=state,
                instance=api,
            )
        recorder.gauge(
            "nightshift_queue_oldest_waiting_age_seconds",
            at,
            round(waited_s[queue], 1),
            queue=queue,
            instance=api,
        )
        grouped = round(waiting[queue]) if queue == "webhook" else 0
        recorder.gauge(
            "nightshift_queue_grouped_waiting", at, grouped, queue=queue, instance=api
        )
        recorder.gauge(
            "nightshift_queue_groups_over_rate",
            at,
            min(grouped, 3),
            queue=queue,
            instance=api,
        )
        paused = queue == "demo" and 30 <= minute < 45
        recorder.gauge(
            "nightshift_queue_paused", at, float(paused), queue=queue, instance=api
        )


def _runs(
    recorder: _Recorder,
    at: float,
    done: float,
    failing: float,
    run_s: float,
    worker: str,
    own: Mapping[str, str],
) -> None:
    where = {**own, "instance": worker}
    failed, retried = done * failing * 0.2, done * failing * 0.8
    recorder.counter("nightshift_jobs_started_total", at, done, **where)
    recorder.counter("nightshift_jobs_retried_total", at, retried, **where)
    for outcome, count in (
        ("completed", done - failed - retried),
        ("failed", failed),
        ("cancelled", 0.0),
    ):
        recorder.counter(
            "nightshift_jobs_finished_total", at, count, outcome=outcome, **where
        )
    for reason, share in (("error", 0.8), ("timeout", 0.2), ("invalid", 0.0)):
        count = (failed + retried) * share
        recorder.counter(
            "nightshift_attempts_failed_total", at, count, reason=reason, **where
        )
    recorder.histogram(
        metrics.JOB_RUN_SECONDS, at, more=done, median=run_s, labels=where
    )
    recorder.gauge("nightshift_job_longest_active_seconds", at, run_s * 2, **where)


def _processes(
    recorder: _Recorder, at: float, up: list[bool], dice: random.Random
) -> None:
    places = [
        *(("nightshift-worker", w, u) for w, u in zip(WORKERS, up, strict=True)),
        *(("nightshift-api", api, True) for api in APIS),
        ("nightshift-scheduler", "scheduler:9102", True),
        ("redis", "redis-exporter:9121", True),
    ]
    for job, instance, alive in places:
        where = {"job": job, "instance": instance}
        recorder.gauge("up", at, float(alive), **where)
        if not alive or job == "redis":
            continue
        recorder.gauge("process_resident_memory_bytes", at, 2.1e8, **where)
        recorder.gauge("process_start_time_seconds", at, 1.0e9, **where)
        recorder.counter("process_cpu_seconds_total", at, dice.uniform(3, 9), **where)
        recorder.counter(
            "python_gc_collections_total",
            at,
            dice.uniform(0, 2),
            generation="2",
            **where,
        )
        recorder.gauge(
            "nightshift_build_info", at, 1, version="0.2.0", revision="abc", **where
        )
        if job != "nightshift-scheduler":
            recorder.gauge("nightshift_storage_size_bytes", at, 5e10, **where)
            recorder.gauge("nightshift_storage_free_bytes", at, 3.1e10, **where)
        if job == "nightshift-worker":
            recorder.gauge("nightshift_worker_threads", at, 8, **where)
            limit = 768.0 * 1024 * 1024
            recorder.gauge("nightshift_worker_memory_limit_bytes", at, limit, **where)
            busy = dice.randint(2, 7)
            recorder.gauge("nightshift_worker_busy_threads", at, busy, **where)


def _schedules(recorder: _Recorder, at: float, end: float) -> None:
    where = {"instance": "scheduler:9102"}
    recorder.gauge("nightshift_scheduler_leader", at, 1, **where)
    recorder.gauge("nightshift_scheduler_lag_seconds", at, 0.002, **where)
    recorder.gauge(
        "nightshift_scheduler_last_tick_timestamp_seconds", at, at - 0.5, **where
    )
    for schedule, interval in SCHEDULES.items():
        own = {**where, "schedule": schedule}
        last = math.floor((at - 7) / interval) * interval + 0.004
        recorder.gauge(
            "nightshift_schedule_last_enqueued_timestamp_seconds", at, last, **own
        )
        recorder.gauge(
            "nightshift_schedule_next_run_timestamp_seconds", at, last + interval, **own
        )
        recorder.gauge("nightshift_schedule_interval_seconds", at, interval, **own)
        fired = float((at % interval) < STEP_S)
        recorder.counter("nightshift_schedule_enqueued_total", at, fired, **own)
        recorder.counter(
            "nightshift_schedule_missed_total", at, float(at == end - 900), **own
        )
        recorder.histogram(
            metrics.SCHEDULE_LATENESS, at, more=fired + 0.01, median=0.004, labels=own
        )


def _api(recorder: _Recorder, at: float, minute: float) -> None:
    for api in APIS:
        recorder.gauge("nightshift_http_requests_in_progress", at, 3, instance=api)
        for route, (rate, median) in _ROUTES.items():
            busy = 1 + 0.4 * math.sin(minute / 11)
            count = rate * busy * STEP_S / 2
            failures = 0.04 if 60 <= minute < 64 else 0.0005
            for status, share in (
                ("200", 0.95 - failures),
                ("401", 0.01),
                ("422", 0.03),
                ("429", 0.01),
                ("503", failures),
            ):
                recorder.counter(
                    "nightshift_http_requests_total",
                    at,
                    count * share,
                    method="POST",
                    route=route,
                    status=status,
                    instance=api,
                )
            recorder.histogram(
                metrics.HTTP_SECONDS,
                at,
                more=count,
                median=median,
                labels={"route": route, "instance": api},
            )
        latency = 0.0004 + 0.0002 * math.sin(minute / 5)
        recorder.gauge(
            "nightshift_redis_latency_seconds", at, latency, role="api", instance=api
        )


def _redis(recorder: _Recorder, at: float, minute: float, waiting: float) -> None:
    where = {"job": "redis", "instance": "redis-exporter:9121"}
    used = 4e7 + waiting * 600 + minute * 5e4
    for name, value in {
        "up": 1.0,
        "memory_used_bytes": used,
        "memory_used_rss_bytes": used * 1.2,
        "memory_max_bytes": 3.3e8,
        "aof_last_write_status": 1.0,
        "aof_last_bgrewrite_status": 1.0,
        "rdb_last_bgsave_status": 1.0,
        "aof_enabled": 1.0,
        "connected_clients": 31.0,
        "blocked_clients": 8.0,
    }.items():
        recorder.gauge(f"redis_{name}", at, value, **where)
    recorder.gauge("redis_db_keys", at, 4000 + waiting, db="db0", **where)
    for name, more in {
        "evicted_keys": 0.0,
        "rejected_connections": 0.0,
        "commands_processed": 14_000.0,
        "net_input_bytes": 2e6,
        "net_output_bytes": 4e6,
    }.items():
        recorder.counter(f"redis_{name}_total", at, more, **where)


def _rules(
    recorder: _Recorder, at: float, minute: float, waiting: Mapping[str, float]
) -> None:
    """What the recording rules and alerts would have left."""
    for queue, count in waiting.items():
        recorder.gauge(
            "nightshift:queue_backlog:seconds", at, count * 0.01, queue=queue
        )
    if minute >= 101:
        recorder.gauge(
            "ALERTS",
            at,
            1,
            alertname="JobsDeadLettersAppearing",
            alertstate="firing",
            severity="warning",
            service="nightshift",
            queue="webhook",
            task="deliver-webhook",
        )


def _share_below(bound: float, median: float) -> float:
    # Spread like a log-normal: wide enough to fill several buckets.
    spread = 0.8
    return 0.5 * (1 + math.erf(math.log(bound / median) / (spread * math.sqrt(2))))


def _braces(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    inside = ",".join(f'{name}="{value}"' for name, value in sorted(labels.items()))
    return "{" + inside + "}"
