"""Every metric of every service, defined once; docs/reference/metrics.md lists them.

Labels are bounded: `route` is a template, never a path, and no label holds an id,
a tenant or a message. Gauges of queues come from the api alone.
"""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

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

# Worker
WORKER_THREADS = Gauge("nightshift_worker_threads", "Threads that run jobs.")
WORKER_BUSY = Gauge("nightshift_worker_busy_threads", "Threads that run a job now.")
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

BUILD_INFO = Gauge(
    "nightshift_build_info",
    "Always 1; the labels tell what runs.",
    ["version", "revision"],
)


def announce(version: str, revision: str) -> None:
    """Tell which build this process runs."""
    BUILD_INFO.labels(version, revision).set(1)
