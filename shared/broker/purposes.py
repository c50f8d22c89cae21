"""What each of our keys, fields and scores is for, in a sentence each."""

from __future__ import annotations

#: By the names of `keys.QUEUE_KEYS` and `keys.MEMBER_KEYS`.
KEYS = {
    "waiting": "ids without a group by priority, then arrival",
    "grouped": "waiting ids of all groups by priority, then arrival",
    "delayed": "ids by due time, epoch ms",
    "active": "ids by lease expiry, epoch ms",
    "completed": "ids by finish time, epoch ms",
    "failed": "ids by finish time, epoch ms",
    "cancelled": "ids by finish time, epoch ms",
    "cancelling": "ids of active jobs whose workers are to stop them",
    "expiring": "ids by the time they must have started, epoch ms",
    "leaving": "finished ids by the time they go, epoch ms",
    "meta": "counters, switches and limits of the queue",
    "rate": "jobs started in the current time of the queue's rate",
    "lanes": "groups that may be served, by their last turn",
    "parked": "groups over their rate, by the time they may go on, epoch ms",
    "groupActive": "running jobs per group",
    "groupLimits": "limits per group",
    "callbacks": "states to tell and address, of jobs whose caller wants to be told",
    "outbox": "ends of such jobs that are not yet webhooks",
    "events": "the last 10,000 entries or so",
    "wake": "at most one token, which wakes one idle consumer",
    "sweep": "gate: one look for lost workers per 1.4 s",
    "job": "the record: a header line, then the caller's JSON",
    "run": "what changes; it appears with the first claim",
    "attempts": "attempts that did not end the job well, JSON, the last 50",
    "logs": "lines that the task logged, the last 1,000",
    "gone": "marks of removed jobs, for two minutes",
    "claim": "the worker's last claim, for a minute",
    "group": "waiting ids of one group by priority, then arrival",
    "grouprate": "jobs started in the current time of a group's rate",
    "dedup": "id of the job that holds a deduplication id",
    "next": "the job to create when that one ends",
}
#: Of which there is one key each, by the names of `keys.MEMBER_KEYS`.
MEMBERS = {
    "job": "id",
    "run": "id",
    "attempts": "id",
    "logs": "id",
    "gone": "minute",
    "claim": "worker",
    "group": "group",
    "grouprate": "group",
    "dedup": "id",
    "next": "id",
}
#: What a job's score says, by the name of the sorted set.
SCORES = {
    "waiting": "priority * 2^40 + arrival",
    "grouped": "priority * 2^40 + arrival",
    "delayed": "due, epoch ms",
    "active": "lease expires, epoch ms",
    "completed": "finished, epoch ms",
    "failed": "finished, epoch ms",
    "cancelled": "finished, epoch ms",
    "expiring": "must have started by, epoch ms",
    "leaving": "is removed at, epoch ms",
    "group": "priority * 2^40 + arrival",
}
#: The header of a record.
HEADER = {
    "v": "version of the format",
    "w": "waiting since, epoch ms",
    "t": "accepted at, epoch ms",
    "p": "priority",
    "n": "task",
    "o": "operation id of the request, when the caller chose the job's id",
    "g": "group",
    "d": "deduplication id",
}
#: The fields of a run.
RUN = {
    "state": "the job's state",
    "token": "fencing token of the last claim",
    "worker": "who claimed it last",
    "processedOn": "when it was claimed last, epoch ms",
    "order": "its place in `waiting`, for a job that is handed back",
    "attemptsStarted": "attempts that began",
    "attemptsMade": "attempts that failed or completed",
    "stalledCounter": "workers that were lost with it",
    "settled": "verb and token of the last way out of `active`",
    "suspect": "lease expiry and first look, while a lease is suspect",
    "progress": "JSON",
    "returnvalue": "JSON",
    "finishedOn": "when it ended, epoch ms",
    "failedReason": "of the last failed attempt",
    "failureKind": "of the last failed attempt",
    "stacktrace": "of the last failed attempt",
    "operation": "as `o` of the header",
    "group": "as `g` of the header",
    "dedup": "as `d` of the header",
    "expires": "must have started by, epoch ms",
    "cancel": "how long to keep it, once its cancellation was asked for",
    "rerunBy": "operation id of the request that let it run again",
    "loggedBy": "operation id of the last log lines",
}
#: The fields of `meta`.
META = {
    "arrivals": "jobs that began to wait, ever: the order within a priority",
    "tokens": "the last fencing token",
    "turns": "turns of groups, ever",
    "completed": "jobs that completed, ever",
    "failed": "jobs that failed, ever",
    "retried": "attempts that were retried, ever",
    "paused": "workers leave the queue alone",
    "concurrency": "most jobs that run at the same time",
    "rateMax": "most jobs that start within `rateMs`",
    "rateMs": "the time of `rateMax`, in ms",
}
#: What callers and tasks wrote; its size is shown, its text never.
PRIVATE = frozenset({"progress", "returnvalue", "failedReason", "stacktrace"})
