"""Every metric of every service, defined once; docs/reference/metrics.md lists them.

Labels are bounded: `route` is a template, never a path, and no label holds an id,
a tenant or a message. Gauges of queues come from the api alone.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from prometheus_client import Counter, Gauge, Histogram

if TYPE_CHECKING:
    from pathlib import Path

_RUN_BUCKETS = (
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1,
    2.5,
    5,
    10,
    30,
    60,
    300,
    900,
)
_WAIT_BUCKETS = (0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600)
#: 30 is the bound of the promise that jobs begin soon; the alerts need that bucket.
_END_TO_END_BUCKETS = (0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600)
_LATENESS_BUCKETS = (0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_HTTP_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30)

# Jobs
JOBS_ENQUEUED = Counter(
    "nightshift_jobs_enqueued_total", "Accepted jobs.", ["queue", "task"]
)
JOBS_STARTED = Counter(
    "nightshift_jobs_started_total", "Attempts that began.", ["queue", "task"]
)
JOBS_FINISHED = Counter(
    "nightshift_jobs_finished_total",
    "Jobs that ended, once per job.",
    ["queue", "task", "outcome"],
)
JOBS_RETRIED = Counter(
    "nightshift_jobs_retried_total",
    "Attempts that failed and whose job goes back.",
    ["queue", "task"],
)
ATTEMPTS_FAILED = Counter(
    "nightshift_attempts_failed_total",
    "Attempts that failed, whether another follows or not.",
    ["queue", "task", "reason"],
)
JOBS_RECOVERED = Counter(
    "nightshift_jobs_recovered_total",
    "Jobs taken back from a lost worker.",
    ["queue", "outcome"],
)
JOB_RUN_SECONDS = Histogram(
    "nightshift_job_run_duration_seconds",
    "Run time, one observation per attempt.",
    ["queue", "task"],
    buckets=_RUN_BUCKETS,
)
JOB_END_TO_END_SECONDS = Histogram(
    "nightshift_job_end_to_end_seconds",
    "Time from due to the end, retries included, once per job.",
    ["queue"],
    buckets=_END_TO_END_BUCKETS,
)
JOB_LONGEST_ACTIVE = Gauge(
    "nightshift_job_longest_active_seconds",
    "How long the longest run of now has taken; 0 when none runs.",
    ["queue", "task"],
)
QUEUE_WAIT_SECONDS = Histogram(
    "nightshift_queue_wait_seconds",
    "Time from due to the first start.",
    ["queue"],
    buckets=_WAIT_BUCKETS,
)

# Queues
QUEUE_DEPTH = Gauge("nightshift_queue_depth", "Jobs per state.", ["queue", "state"])
QUEUE_OLDEST_SECONDS = Gauge(
    "nightshift_queue_oldest_waiting_age_seconds",
    "Age of the job that has waited longest; 0 when none waits.",
    ["queue"],
)
QUEUE_PAUSED = Gauge("nightshift_queue_paused", "1 for a paused queue.", ["queue"])
QUEUE_GROUPED = Gauge(
    "nightshift_queue_grouped_waiting",
    "Waiting jobs that belong to groups, so that a group's limits may hold them back.",
    ["queue"],
)
QUEUE_GROUPS_OVER_RATE = Gauge(
    "nightshift_queue_groups_over_rate",
    "Groups that wait until their rate allows another job.",
    ["queue"],
)
REDIS_LATENCY = Gauge(
    "nightshift_redis_latency_seconds",
    "Time that one command to Redis took at the last scrape; absent without Redis.",
    # A gauge without labels could not be absent.
    ["role"],
)

# Worker
WORKER_THREADS = Gauge("nightshift_worker_threads", "Threads that run jobs.")
WORKER_BUSY = Gauge("nightshift_worker_busy_threads", "Threads that run a job now.")
WORKER_MEMORY_LIMIT = Gauge(
    "nightshift_worker_memory_limit_bytes",
    "Memory that the worker may use: its container's limit, else the machine's.",
)
LEASES_LOST = Counter(
    "nightshift_leases_lost_total",
    "Leases that another worker took over before the job ended here.",
    ["queue"],
)

# Scheduler
SCHEDULE_ENQUEUED = Counter(
    "nightshift_schedule_enqueued_total", "Slots fired.", ["schedule"]
)
SCHEDULE_MISSED = Counter(
    "nightshift_schedule_missed_total", "Slots that passed without a job.", ["schedule"]
)
SCHEDULE_LATENESS = Histogram(
    "nightshift_schedule_lateness_seconds",
    "Time from a slot to its job.",
    ["schedule"],
    buckets=_LATENESS_BUCKETS,
)
SCHEDULE_LAST = Gauge(
    "nightshift_schedule_last_enqueued_timestamp_seconds",
    "When a slot last fired.",
    ["schedule"],
)
SCHEDULE_NEXT = Gauge(
    "nightshift_schedule_next_run_timestamp_seconds", "The next due slot.", ["schedule"]
)
SCHEDULE_INTERVAL = Gauge(
    "nightshift_schedule_interval_seconds", "Time between two slots.", ["schedule"]
)
SCHEDULER_LAG = Gauge(
    "nightshift_scheduler_lag_seconds",
    "How long the longest due slot has waited for the scheduler.",
)
SCHEDULER_LAST_TICK = Gauge(
    "nightshift_scheduler_last_tick_timestamp_seconds",
    "When the scheduler last had nothing left to do.",
)
SCHEDULER_LEADER = Gauge(
    "nightshift_scheduler_leader", "1 in the scheduler that fires slots."
)

# API
HTTP_REQUESTS = Counter(
    "nightshift_http_requests_total", "Requests.", ["method", "route", "status"]
)
HTTP_SECONDS = Histogram(
    "nightshift_http_request_duration_seconds",
    "Time to answer.",
    ["route"],
    buckets=_HTTP_BUCKETS,
)
HTTP_IN_PROGRESS = Gauge(
    "nightshift_http_requests_in_progress", "Requests being answered."
)

IDEMPOTENT_REPLAYS = Counter(
    "nightshift_idempotent_replays_total",
    "Requests that named a job that exists and created none.",
    ["queue", "task"],
)

# Files
STORAGE_SIZE = Gauge(
    "nightshift_storage_size_bytes", "Size of the file system that holds the files."
)
STORAGE_FREE = Gauge(
    "nightshift_storage_free_bytes", "What is free on it for this service."
)

BUILD_INFO = Gauge(
    "nightshift_build_info",
    "Always 1; the labels tell what runs.",
    ["version", "revision"],
)


def announce(version: str, revision: str) -> None:
    """Tell which build this process runs."""
    BUILD_INFO.labels(version, revision).set(1)


def watch_storage(folder: Path) -> None:
    """Tell at every scrape how much room there is for files in `folder`."""
    STORAGE_SIZE.set_function(lambda: _disk(folder)[0])
    STORAGE_FREE.set_function(lambda: _disk(folder)[1])


def _disk(folder: Path) -> tuple[float, float]:
    place = folder.absolute()
    # The folder comes with the first file; until then its place is the same disk.
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        usage = shutil.disk_usage(place)
    except OSError:
        # One number that can't be had must not cost the scrape.
        return float("nan"), float("nan")
    return float(usage.total), float(usage.free)
