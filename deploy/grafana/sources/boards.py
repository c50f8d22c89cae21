"""What the seven dashboards show."""

from __future__ import annotations

from deploy.grafana.sources.panels import (
    GREEN,
    RED,
    YELLOW,
    Json,
    Query,
    bars,
    dashboard,
    heatmap,
    series,
    stat,
    table,
    timeline,
)

_R = "$__rate_interval"
_Q = 'queue=~"$queue"'
_T = f'{_Q},task=~"$task"'
_ZERO_IS_WELL = ((None, GREEN), (1, RED))


def _quantiles(metric: str, by: str, where: str = "") -> tuple[Query, ...]:
    inner = f"sum by (le, {by}) (rate({metric}_bucket{{{where}}}[{_R}]))"
    return tuple(
        Query(f"histogram_quantile({q}, {inner}) >= 0", f"p{int(q * 100)} {{{{{by}}}}}")
        for q in (0.5, 0.95, 0.99)
    )


def _all_quantiles(metric: str) -> tuple[Query, ...]:
    inner = f"sum by (le) (rate({metric}_bucket[{_R}]))"
    return tuple(
        Query(f"histogram_quantile({q}, {inner}) >= 0", f"p{int(q * 100)}")
        for q in (0.5, 0.95, 0.99)
    )


def _depth(state: str) -> str:
    return f'max by (queue) (nightshift_queue_depth{{state="{state}",{_Q}}})'


def overview() -> Json:
    """Answer "is it well?" on the first screen."""
    done = 'nightshift_jobs_finished_total{outcome!="cancelled"}'
    failed = 'nightshift_jobs_finished_total{outcome="failed"}'
    completed = 'nightshift_jobs_finished_total{outcome="completed"}'
    age = "nightshift_queue_oldest_waiting_age_seconds"
    waiting = 'max by (queue) (nightshift_queue_depth{state="waiting"})'
    dead = 'max by (queue) (nightshift_queue_depth{state="failed"})'
    return dashboard(
        "overview",
        "Overview",
        (
            "Is it well?",
            [
                stat(
                    "Success, 1 h",
                    f"sum(rate({completed}[1h])) / sum(rate({done}[1h]))",
                    "percentunit",
                    "Share of the jobs of the last hour that succeeded; 99 % is promised.",
                    steps=((None, RED), (0.99, YELLOW), (0.999, GREEN)),
                    width=3,
                ),
                stat(
                    "Error budget left",
                    f"1 - (sum(increase({failed}[15d])) / sum(increase({done}[15d]))) / 0.01",
                    "percentunit",
                    "How much of the 1 % that may fail is left, over 15 days.",
                    steps=((None, RED), (0, YELLOW), (0.5, GREEN)),
                    width=3,
                ),
                stat(
                    "Waiting",
                    f"sum({waiting})",
                    "short",
                    "Jobs that could begin now.",
                    width=3,
                ),
                stat(
                    "Oldest waiting",
                    f"max({age})",
                    "s",
                    "How long the first in line has waited; the best single sign.",
                    steps=((None, GREEN), (60, YELLOW), (300, RED)),
                    width=3,
                ),
                stat(
                    "Backlog",
                    "max(nightshift:queue_backlog:seconds)",
                    "s",
                    "Time that the waiting work of the longest queue takes all threads.",
                    steps=((None, GREEN), (300, YELLOW), (1800, RED)),
                    width=3,
                ),
                stat(
                    "Failed, kept",
                    f"sum({dead})",
                    "short",
                    "Jobs that failed for good and are kept for a look.",
                    width=3,
                ),
                stat(
                    "Workers up",
                    'sum(up{job="nightshift-worker"})',
                    "short",
                    "Worker processes that answer.",
                    steps=((None, RED), (1, GREEN)),
                    width=3,
                ),
                stat(
                    "Threads busy",
                    "sum(nightshift_worker_busy_threads)"
                    " / sum(nightshift_worker_threads)",
                    "percentunit",
                    "Share of the worker threads that run a job.",
                    steps=((None, GREEN), (0.8, YELLOW), (0.95, RED)),
                    width=3,
                ),
                table(
                    "Firing alerts",
                    "short",
                    "What fires now. The watchdog always does and is left out.",
                    Query(
                        'sum by (alertname, severity, queue, task) (ALERTS{alertstate="firing",service="nightshift",severity!="none"})',
                        "Count",
                    ),
                ),
            ],
        ),
        (
            "Flow",
            [
                series(
                    "Throughput",
                    "ops",
                    "Jobs that ended, by how.",
                    Query(
                        f"sum by (outcome) (rate(nightshift_jobs_finished_total[{_R}]))",
                        "{{outcome}}",
                    ),
                ),
                series(
                    "Accepted and done",
                    "ops",
                    "When the lines part, a backlog grows or shrinks.",
                    Query(
                        f"sum(rate(nightshift_jobs_enqueued_total[{_R}]))", "accepted"
                    ),
                    Query(f"sum(rate(nightshift_jobs_finished_total[{_R}]))", "done"),
                ),
                series(
                    "Waiting by queue",
                    "short",
                    "Jobs that could begin now.",
                    Query(_depth("waiting"), "{{queue}}"),
                ),
                series(
                    "Oldest waiting by queue",
                    "s",
                    "Above the line JobsQueueOldestTooOld fires.",
                    Query(f"max by (queue) ({age}{{{_Q}}})", "{{queue}}"),
                    steps=((None, GREEN), (300, RED)),
                ),
            ],
        ),
        (
            "Speed",
            [
                series(
                    "Wait for the first start",
                    "s",
                    "From due to the first start; 99 % within 30 s is promised.",
                    *_all_quantiles("nightshift_queue_wait_seconds"),
                    width=8,
                ),
                series(
                    "Run",
                    "s",
                    "One attempt in task code.",
                    *_all_quantiles("nightshift_job_run_duration_seconds"),
                    width=8,
                ),
                series(
                    "Due to done",
                    "s",
                    "Retries included; 99 % within 5 minutes is promised.",
                    *_all_quantiles("nightshift_job_end_to_end_seconds"),
                    width=8,
                ),
            ],
        ),
    )


def queues() -> Json:
    """Show each queue's line."""
    drain = (
        f"clamp_max({_depth('waiting')} / clamp_min("
        f"sum by (queue) (rate(nightshift_jobs_started_total{{{_Q}}}[{_R}]))"
        f" - sum by (queue) (rate(nightshift_jobs_enqueued_total{{{_Q}}}[{_R}]))"
        f" - sum by (queue) (rate(nightshift_jobs_retried_total{{{_Q}}}[{_R}])),"
        " 1e-9), 86400)"
    )
    return dashboard(
        "queues",
        "Queues",
        (
            "Lines",
            [
                series(
                    "Depth by state",
                    "short",
                    "Jobs that wait, are delayed or run.",
                    Query(
                        f'sum by (state) (max by (queue, state) (nightshift_queue_depth{{state=~"waiting|delayed|active",{_Q}}}))',
                        "{{state}}",
                    ),
                    stacked=True,
                ),
                series(
                    "Waiting",
                    "short",
                    "Jobs that could begin now, by queue.",
                    Query(_depth("waiting"), "{{queue}}"),
                ),
                series(
                    "Oldest waiting",
                    "s",
                    "Age of the first in line; above the line an alert fires.",
                    Query(
                        f"max by (queue) (nightshift_queue_oldest_waiting_age_seconds{{{_Q}}})",
                        "{{queue}}",
                    ),
                    steps=((None, GREEN), (300, RED)),
                ),
                series(
                    "Time to drain",
                    "s",
                    "Depth over what is drained net of arrivals; a day means never.",
                    Query(drain, "{{queue}}"),
                ),
            ],
        ),
        (
            "Rates",
            [
                series(
                    "Arrivals and starts",
                    "ops",
                    "Accepted jobs against attempts that began.",
                    Query(
                        f"sum by (queue) (rate(nightshift_jobs_enqueued_total{{{_Q}}}[{_R}]))",
                        "{{queue}} accepted",
                    ),
                    Query(
                        f"sum by (queue) (rate(nightshift_jobs_started_total{{{_Q}}}[{_R}]))",
                        "{{queue}} begun",
                    ),
                ),
                series(
                    "Retries",
                    "ops",
                    "Attempts that failed and whose job goes back.",
                    Query(
                        f"sum by (queue) (rate(nightshift_jobs_retried_total{{{_Q}}}[{_R}]))",
                        "{{queue}}",
                    ),
                ),
                heatmap(
                    "Wait for the first start",
                    f"sum by (le) (increase(nightshift_queue_wait_seconds_bucket{{{_Q}}}[{_R}]))",
                    "Each cell: jobs that waited so long.",
                ),
                series(
                    "Backlog",
                    "s",
                    "Time that the waiting work takes all worker threads.",
                    Query(
                        f"nightshift:queue_backlog:seconds{{{_Q}}} >= 0",
                        "{{queue}}",
                    ),
                ),
            ],
        ),
        (
            "States",
            [
                series(
                    "Failed, kept",
                    "short",
                    "Jobs that failed for good, until they are cleaned or trimmed.",
                    Query(_depth("failed"), "{{queue}}"),
                    width=8,
                ),
                series(
                    "Taken back from lost workers",
                    "short",
                    "Jobs that run again, and poison; both should be 0.",
                    Query(
                        f"sum by (queue, outcome) (increase(nightshift_jobs_recovered_total{{{_Q}}}[{_R}]))",
                        "{{queue}} {{outcome}}",
                    ),
                    width=8,
                ),
                series(
                    "Jobs of groups",
                    "short",
                    "Waiting jobs that a group's limits may hold back.",
                    Query(
                        f"max by (queue) (nightshift_queue_grouped_waiting{{{_Q}}})",
                        "{{queue}}",
                    ),
                    width=8,
                ),
                series(
                    "Groups over their rate",
                    "short",
                    "They go on by themselves; many mean that limits are too low.",
                    Query(
                        f"max by (queue) (nightshift_queue_groups_over_rate{{{_Q}}})",
                        "{{queue}}",
                    ),
                    width=8,
                ),
                timeline(
                    "Open for work",
                    Query(
                        f"1 - max by (queue) (nightshift_queue_paused{{{_Q}}})",
                        "{{queue}}",
                    ),
                    "Red while a queue is paused.",
                    width=8,
                ),
            ],
        ),
    )


def tasks() -> Json:
    """Show each task's runs and failures."""

    def over(metric: str, where: str = "") -> str:
        return f"sum by (task) (increase({metric}{{{_T}{where}}}[$__range]))"

    finished = "nightshift_jobs_finished_total"
    ok = ',outcome!="cancelled"'
    bad = ',outcome="failed"'
    return dashboard(
        "tasks",
        "Tasks",
        (
            "Per task",
            [
                table(
                    "Tasks in the shown time",
                    "short",
                    "Attempts, jobs that failed for good, retries and the 95th percentile.",
                    Query(over("nightshift_jobs_started_total"), "Attempts"),
                    Query(
                        f"{over(finished, bad)} / {over(finished, ok)}", "Failed share"
                    ),
                    Query(over(finished, bad), "Failed"),
                    Query(over("nightshift_jobs_retried_total"), "Retries"),
                    Query(
                        f"histogram_quantile(0.95, sum by (le, task) (increase(nightshift_job_run_duration_seconds_bucket{{{_T}}}[$__range])))",
                        "p95 run",
                    ),
                    units={"Failed share": "percentunit", "p95 run": "s"},
                ),
            ],
        ),
        (
            "Runs",
            [
                series(
                    "Attempts begun",
                    "ops",
                    "By task.",
                    Query(
                        f"sum by (task) (rate(nightshift_jobs_started_total{{{_T}}}[{_R}]))",
                        "{{task}}",
                    ),
                ),
                series(
                    "Run time, p95",
                    "s",
                    "One attempt in task code.",
                    Query(
                        f"histogram_quantile(0.95, sum by (le, task) (rate(nightshift_job_run_duration_seconds_bucket{{{_T}}}[{_R}]))) >= 0",
                        "{{task}}",
                    ),
                ),
                heatmap(
                    "Run time",
                    f"sum by (le) (increase(nightshift_job_run_duration_seconds_bucket{{{_T}}}[{_R}]))",
                    "Each cell: attempts that ran so long.",
                ),
                series(
                    "Longest run of now",
                    "s",
                    "Above the line JobsStuckRunning fires.",
                    Query(
                        f"max by (task) (nightshift_job_longest_active_seconds{{{_T}}})",
                        "{{task}}",
                    ),
                    steps=((None, GREEN), (3600, RED)),
                ),
            ],
        ),
        (
            "Failures",
            [
                bars(
                    "Most failed jobs",
                    Query(f"topk(10, {over(finished, bad)})", "{{task}}"),
                    "short",
                    "Jobs that failed for good in the shown time.",
                ),
                series(
                    "Failed attempts by reason",
                    "ops",
                    "Whether another attempt follows or not.",
                    Query(
                        f"sum by (reason) (rate(nightshift_attempts_failed_total{{{_T}}}[{_R}]))",
                        "{{reason}}",
                    ),
                    stacked=True,
                ),
            ],
        ),
    )


def workers() -> Json:
    """Show the worker processes."""
    mine = 'job="nightshift-worker",instance=~"$instance"'
    per = '{instance=~"$instance"}'
    return dashboard(
        "workers",
        "Workers",
        (
            "Processes",
            [
                timeline(
                    "Up",
                    Query(f"max by (instance) (up{{{mine}}})", "{{instance}}"),
                    "Red while a worker does not answer.",
                    width=16,
                ),
                stat(
                    "Restarts, 1 h",
                    f"sum(changes(process_start_time_seconds{{{mine}}}[1h]))",
                    "short",
                    "Processes that began anew at the same address.",
                    steps=_ZERO_IS_WELL,
                ),
                stat(
                    "Files: room left",
                    "min(nightshift_storage_free_bytes"
                    " / (nightshift_storage_size_bytes > 0))",
                    "percentunit",
                    "Free share of the fullest disk that holds files.",
                    steps=((None, RED), (0.1, YELLOW), (0.25, GREEN)),
                ),
            ],
        ),
        (
            "Work",
            [
                series(
                    "Threads",
                    "short",
                    "Busy against all.",
                    Query(f"sum(nightshift_worker_busy_threads{per})", "busy"),
                    Query(f"sum(nightshift_worker_threads{per})", "all"),
                ),
                series(
                    "Attempts begun per worker",
                    "ops",
                    "Uneven lines mean that workers differ.",
                    Query(
                        f"sum by (instance) (rate(nightshift_jobs_started_total{per}[{_R}]))",
                        "{{instance}}",
                    ),
                ),
                series(
                    "Taken back from lost workers",
                    "short",
                    "Jobs whose worker vanished; `poison` lost three.",
                    Query(
                        f"sum by (outcome) (increase(nightshift_jobs_recovered_total[{_R}]))",
                        "{{outcome}}",
                    ),
                ),
                series(
                    "Leases lost by living workers",
                    "short",
                    "Their jobs ran twice.",
                    Query(
                        f"sum by (instance) (increase(nightshift_leases_lost_total{per}[{_R}]))",
                        "{{instance}}",
                    ),
                ),
            ],
        ),
        (
            "Resources",
            [
                series(
                    "Memory",
                    "bytes",
                    "Resident memory against what the process may use.",
                    Query(f"process_resident_memory_bytes{{{mine}}}", "{{instance}}"),
                    Query(
                        f"min(nightshift_worker_memory_limit_bytes{{{mine}}})",
                        "limit",
                    ),
                    width=8,
                ),
                series(
                    "CPU",
                    "percentunit",
                    "1 is one core.",
                    Query(
                        f"rate(process_cpu_seconds_total{{{mine}}}[{_R}])",
                        "{{instance}}",
                    ),
                    width=8,
                ),
                series(
                    "Garbage collections",
                    "ops",
                    "Python's, of the oldest generation.",
                    Query(
                        f'rate(python_gc_collections_total{{{mine},generation="2"}}[{_R}])',
                        "{{instance}}",
                    ),
                    width=8,
                ),
            ],
        ),
    )


def scheduler() -> Json:
    """Show schedules and who fires them."""
    mine = 'schedule=~"$schedule"'
    last = "nightshift_schedule_last_enqueued_timestamp_seconds"
    upcoming = "nightshift_schedule_next_run_timestamp_seconds"
    return dashboard(
        "scheduler",
        "Scheduler",
        (
            "Who leads",
            [
                stat(
                    "Schedulers up",
                    'sum(up{job="nightshift-scheduler"})',
                    "short",
                    "Processes that answer; one is enough.",
                    steps=((None, RED), (1, GREEN)),
                    width=6,
                ),
                stat(
                    "Leaders",
                    "sum(nightshift_scheduler_leader)",
                    "short",
                    "Exactly one fires schedules.",
                    steps=((None, RED), (1, GREEN), (2, YELLOW)),
                    width=6,
                ),
                timeline(
                    "Leader",
                    Query(
                        "max by (instance) (nightshift_scheduler_leader)",
                        "{{instance}}",
                    ),
                    "Green where the leader is.",
                ),
            ],
        ),
        (
            "Schedules",
            [
                table(
                    "Last and next",
                    # A unit of time would turn the names of schedules into dates.
                    "none",
                    "When each schedule last made a job, and its next slot.",
                    Query(f"max by (schedule) ({last}{{{mine}}}) * 1000", "Last job"),
                    Query(
                        f"max by (schedule) ({upcoming}{{{mine}}}) * 1000", "Next slot"
                    ),
                    Query(
                        f"max by (schedule) (nightshift_schedule_interval_seconds{{{mine}}})",
                        "Interval",
                    ),
                    units={
                        "Last job": "dateTimeFromNow",
                        "Next slot": "dateTimeFromNow",
                        "Interval": "s",
                    },
                ),
                series(
                    "Scheduler's lag and last tick",
                    "s",
                    "How long a due slot waits for the scheduler, and since when it"
                    " has not been idle; both small when it keeps up.",
                    Query("max(nightshift_scheduler_lag_seconds)", "lag"),
                    Query(
                        "time() - max("
                        "nightshift_scheduler_last_tick_timestamp_seconds)",
                        "since the last tick",
                    ),
                    width=24,
                ),
                series(
                    "Overdue",
                    "s",
                    "Time since a slot that has come and is not decided; should be 0.",
                    Query(
                        f"clamp_min(time() - max by (schedule) ({upcoming}{{{mine}}}), 0)",
                        "{{schedule}}",
                    ),
                    steps=((None, GREEN), (60, RED)),
                    width=8,
                ),
                series(
                    "Lateness, p95",
                    "s",
                    "From the slot to its job.",
                    Query(
                        f"histogram_quantile(0.95, sum by (le, schedule) (rate(nightshift_schedule_lateness_seconds_bucket{{{mine}}}[{_R}]))) >= 0",
                        "{{schedule}}",
                    ),
                    width=8,
                ),
                series(
                    "Slots",
                    "short",
                    "Fired and skipped.",
                    Query(
                        f"sum by (schedule) (increase(nightshift_schedule_enqueued_total{{{mine}}}[{_R}]))",
                        "{{schedule}} fired",
                    ),
                    Query(
                        f"sum by (schedule) (increase(nightshift_schedule_missed_total{{{mine}}}[{_R}]))",
                        "{{schedule}} skipped",
                    ),
                    width=8,
                ),
            ],
        ),
    )


def api() -> Json:
    """Show rate, errors and duration of requests."""
    mine = '{route=~"$route"}'
    requests = "nightshift_http_requests_total"

    def rate(status: str) -> str:
        return f'sum(rate({requests}{{status=~"{status}"}}[{_R}]))'

    return dashboard(
        "api",
        "API",
        (
            "Now",
            [
                stat(
                    "Replicas up",
                    'sum(up{job="nightshift-api"})',
                    "short",
                    "Api processes that answer.",
                    steps=((None, RED), (1, GREEN)),
                    width=6,
                ),
                stat(
                    "5xx, 1 h",
                    f'sum(rate({requests}{{status=~"5.."}}[1h]))'
                    f" / sum(rate({requests}[1h]))",
                    "percentunit",
                    "Share of the answers that are our failure.",
                    steps=((None, GREEN), (0.01, YELLOW), (0.05, RED)),
                    width=6,
                ),
                stat(
                    "In progress",
                    "sum(nightshift_http_requests_in_progress)",
                    "short",
                    "Requests being answered, long polls included.",
                    width=6,
                ),
                stat(
                    "Idempotent replays, 1 h",
                    "sum(increase(nightshift_idempotent_replays_total[1h]))",
                    "short",
                    "Requests that named a job that existed already.",
                    width=6,
                ),
            ],
        ),
        (
            "Rate and errors",
            [
                series(
                    "Requests by route",
                    "reqps",
                    "The busiest ten.",
                    Query(
                        f"topk(10, sum by (route) (rate({requests}{mine}[{_R}])) > 0)",
                        "{{route}}",
                    ),
                ),
                series(
                    "5xx",
                    "percentunit",
                    "Above the line JobsApiErrors fires.",
                    Query(
                        f"{rate('5..')} / sum(rate({requests}[{_R}]))",
                        "share of all",
                    ),
                    steps=((None, GREEN), (0.05, RED)),
                ),
                series(
                    "Refused",
                    "reqps",
                    "Callers without a right, too large bodies, too many requests.",
                    Query(f"{rate('401|403')} or vector(0)", "401, 403"),
                    Query(f"{rate('413|429')} or vector(0)", "413, 429"),
                    Query(f"{rate('400|404|409|422')} or vector(0)", "other 4xx"),
                ),
                series(
                    "Answers by status",
                    "reqps",
                    "All of them.",
                    Query(
                        f"sum by (status) (rate({requests}{mine}[{_R}]))",
                        "{{status}}",
                    ),
                    stacked=True,
                ),
            ],
        ),
        (
            "Duration",
            [
                series(
                    "p95 by route",
                    "s",
                    "A job's own route may wait for it, up to 25 s.",
                    Query(
                        f"topk(10, histogram_quantile(0.95, sum by (le, route) (rate(nightshift_http_request_duration_seconds_bucket{mine}[{_R}]))) >= 0)",
                        "{{route}}",
                    ),
                ),
                series(
                    "All routes",
                    "s",
                    "Half, 95 and 99 of a hundred requests are faster.",
                    *_all_quantiles("nightshift_http_request_duration_seconds"),
                ),
            ],
        ),
    )


def redis() -> Json:
    """Show Redis: utilisation, saturation, errors."""
    return dashboard(
        "redis",
        "Redis",
        (
            "Now",
            [
                stat(
                    "Up",
                    "max(redis_up)",
                    "bool_yes_no",
                    "Whether the exporter reaches Redis.",
                    steps=((None, RED), (1, GREEN)),
                ),
                stat(
                    "Memory used",
                    "max(redis_memory_used_bytes / (redis_memory_max_bytes > 0))",
                    "percentunit",
                    "Of maxmemory; when it is full the api refuses jobs.",
                    steps=((None, GREEN), (0.75, YELLOW), (0.9, RED)),
                ),
                stat(
                    "Latency",
                    "max(nightshift_redis_latency_seconds)",
                    "s",
                    "One command, as the api saw it.",
                    steps=((None, GREEN), (0.01, YELLOW), (0.1, RED)),
                ),
                stat(
                    "Last append written",
                    "min(redis_aof_last_write_status)",
                    "bool_yes_no",
                    "Whether the append-only file takes writes.",
                    steps=((None, RED), (1, GREEN)),
                ),
                stat(
                    "Last snapshot written",
                    "min(redis_rdb_last_bgsave_status)",
                    "bool_yes_no",
                    "Whether the last snapshot succeeded.",
                    steps=((None, RED), (1, GREEN)),
                ),
                stat(
                    "Append-only file on",
                    "min(redis_aof_enabled)",
                    "bool_yes_no",
                    "Without it a restart loses jobs.",
                    steps=((None, RED), (1, GREEN)),
                ),
            ],
        ),
        (
            "Utilisation",
            [
                series(
                    "Memory",
                    "bytes",
                    "Used, resident and allowed.",
                    Query("redis_memory_used_bytes", "used"),
                    Query("redis_memory_used_rss_bytes", "resident"),
                    Query("redis_memory_max_bytes", "allowed"),
                ),
                series(
                    "Fragmentation",
                    "short",
                    "Resident over used; far above 1.5 memory is wasted.",
                    Query(
                        "redis_memory_used_rss_bytes / redis_memory_used_bytes",
                        "resident / used",
                    ),
                ),
                series(
                    "Commands",
                    "ops",
                    "All commands; one script counts with those it calls.",
                    Query(
                        f"rate(redis_commands_processed_total[{_R}])",
                        "commands",
                    ),
                ),
                series(
                    "Keys",
                    "short",
                    "All databases.",
                    Query("sum(redis_db_keys)", "keys"),
                ),
            ],
        ),
        (
            "Saturation and errors",
            [
                series(
                    "Latency",
                    "s",
                    "One command, as each api replica saw it.",
                    Query("nightshift_redis_latency_seconds", "{{instance}}"),
                    steps=((None, GREEN), (0.1, RED)),
                ),
                series(
                    "Clients",
                    "short",
                    "Idle workers are blocked on purpose: they wait to be woken.",
                    Query("redis_connected_clients", "connected"),
                    Query("redis_blocked_clients", "blocked"),
                ),
                series(
                    "Evicted keys and refused connections",
                    "short",
                    "Both must stay 0: an evicted key is a lost job.",
                    Query(f"increase(redis_evicted_keys_total[{_R}])", "evicted"),
                    Query(
                        f"increase(redis_rejected_connections_total[{_R}])",
                        "refused",
                    ),
                ),
                series(
                    "Network",
                    "Bps",
                    "In and out.",
                    Query(f"rate(redis_net_input_bytes_total[{_R}])", "in"),
                    Query(f"rate(redis_net_output_bytes_total[{_R}])", "out"),
                ),
            ],
        ),
    )


ALL = {
    "overview": overview,
    "queues": queues,
    "tasks": tasks,
    "workers": workers,
    "scheduler": scheduler,
    "api": api,
    "redis": redis,
}
