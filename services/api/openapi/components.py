"""Schemas of what the API answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.api.openapi.parts import ref
from shared.access.principal import Scope
from shared.jobs.states import JobState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.api.openapi.parts import Schema

TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer", "minimum": 0}
FLAG: Schema = {"type": "boolean"}
ANY: Schema = {}
STATES = [state.value for state in JobState]
TIME: Schema = {"type": "integer", "minimum": 0, "description": "Epoch milliseconds"}


def listed(items: Schema) -> Schema:
    """Return the schema of a list."""
    return {"type": "array", "items": items}


def maybe(schema: Schema) -> Schema:
    """Return a schema that allows null, too."""
    return {"anyOf": [schema, {"type": "null"}]}


def document(properties: Mapping[str, Schema], *, optional: str = "") -> Schema:
    """Return the schema of an object; all of it is there but for `optional`."""
    left_out = set(optional.split())
    return {
        "type": "object",
        "required": [name for name in properties if name not in left_out],
        "properties": dict(properties),
    }


_ATTEMPT = document(
    {
        "worker": TEXT,
        "started": TIME,
        "finished": TIME,
        "outcome": TEXT,
        "error": TEXT,
    },
    optional="error",
)
_JOB = document(
    {
        "id": TEXT,
        "queue": TEXT,
        "name": TEXT,
        "state": {"type": "string", "enum": STATES},
        "data": ANY,
        "opts": {"type": "object"},
        "progress": ANY,
        "attempts": WHOLE,
        "attemptsMade": WHOLE,
        "attemptsStarted": WHOLE,
        "stalledCounter": WHOLE,
        "retrying": FLAG,
        "priority": WHOLE,
        "delay": WHOLE,
        "due": maybe(TIME),
        "timestamp": TIME,
        "processedOn": maybe(TIME),
        "processedBy": maybe(TEXT),
        "finishedOn": maybe(TIME),
        "returnvalue": ANY,
        "failedReason": maybe(TEXT),
        "failureKind": maybe(TEXT),
        "stacktrace": listed(TEXT),
        "group": maybe(TEXT),
        "tags": listed(TEXT),
        "history": listed(_ATTEMPT),
        "deduplicated": {**FLAG, "description": "The job existed before"},
    },
    optional="deduplicated",
)
_PROBLEM: Schema = {
    "type": "object",
    "description": "RFC 9457; `errors` points to what is wrong.",
    "required": ["type", "title", "status", "detail", "instance", "requestId"],
    "properties": {
        **dict.fromkeys(("type", "title", "detail", "instance", "requestId"), TEXT),
        "status": {"type": "integer"},
        "errors": listed(
            document(
                {"pointer": TEXT, "parameter": TEXT, "detail": TEXT},
                optional="pointer parameter",
            )
        ),
    },
}
_LIMITS = document(
    {"concurrency": maybe(WHOLE), "rateMax": maybe(WHOLE), "rateMs": maybe(WHOLE)}
)
_QUEUE = document(
    {
        "name": TEXT,
        "paused": FLAG,
        "counts": document(dict.fromkeys(STATES, WHOLE)),
        "oldestWaitingMs": WHOLE,
        "limits": ref("Limits"),
        "quota": maybe(WHOLE),
        "workers": WHOLE,
        "threads": WHOLE,
        "tasks": listed(TEXT),
        "groups": {"type": "object", "additionalProperties": ref("Limits")},
    },
    optional="groups",
)
_OPERATION = document(
    {
        "id": TEXT,
        "queue": TEXT,
        "action": TEXT,
        "filter": {"type": "object"},
        "dryRun": FLAG,
        "limit": maybe(WHOLE),
        "state": {
            "type": "string",
            "enum": ["pending", "running", "done", "stopped", "failed"],
        },
        "created": TIME,
        "finished": maybe(TIME),
        "total": WHOLE,
        "lookedAt": WHOLE,
        "matched": WHOLE,
        "changed": WHOLE,
        "skipped": WHOLE,
        "error": maybe(TEXT),
    }
)
_SCOPES = listed({"type": "string", "enum": [scope.value for scope in Scope]})
_TOKEN = document(
    {
        "id": TEXT,
        "name": TEXT,
        "scopes": _SCOPES,
        "queues": listed(TEXT),
        "created": TIME,
        "expires": maybe(TIME),
        "lastUsed": maybe(TIME),
        "token": {**TEXT, "description": "The secret text, shown once"},
    },
    optional="token",
)
_WORKER = document(
    {
        "name": TEXT,
        "host": TEXT,
        "pid": WHOLE,
        "queues": listed(TEXT),
        "tasks": listed(TEXT),
        "threads": WHOLE,
        "busy": WHOLE,
        "running": listed(TEXT),
        "started": TIME,
        "seen": TIME,
        "version": TEXT,
    }
)
_TASK = document(
    {
        "name": TEXT,
        "queue": TEXT,
        "summary": TEXT,
        "idempotentBy": maybe(TEXT),
        "data": {"type": "object"},
        "result": {"type": "object"},
        "defaults": {"type": "object"},
    }
)
_RESULT = document(
    {
        "index": WHOLE,
        "status": {"type": "integer"},
        "id": TEXT,
        "state": TEXT,
        "location": TEXT,
        "error": ref("Problem"),
    },
    optional="id state location error",
)
_REASON = document(
    {
        "code": TEXT,
        "detail": TEXT,
        "ahead": WHOLE,
        "limit": WHOLE,
        "threads": WHOLE,
        "until": TIME,
    },
    optional="ahead limit threads until",
)

COMPONENTS: dict[str, Any] = {
    "Problem": _PROBLEM,
    "Job": _JOB,
    "JobPage": document(
        {"jobs": listed(ref("Job")), "nextCursor": maybe(TEXT), "lookedAt": WHOLE}
    ),
    "JobLogs": document({"id": TEXT, "queue": TEXT, "logs": listed(TEXT)}),
    "BulkResult": document(
        {"accepted": WHOLE, "refused": WHOLE, "results": listed(_RESULT)}
    ),
    "Explanation": document(
        {
            "id": TEXT,
            "queue": TEXT,
            "state": TEXT,
            "reasons": listed(_REASON),
            "estimatedStartInMs": maybe(WHOLE),
        }
    ),
    "Stats": document(
        {
            "queue": TEXT,
            **dict.fromkeys(STATES, WHOLE),
            "oldestWaitingMs": WHOLE,
            "paused": FLAG,
        }
    ),
    "Limits": _LIMITS,
    "Queue": _QUEUE,
    "QueueList": document({"queues": listed(ref("Queue"))}),
    "Operation": _OPERATION,
    "OperationList": document({"operations": listed(ref("Operation"))}),
    "Token": _TOKEN,
    "TokenList": document({"tokens": listed(ref("Token"))}),
    "Caller": document(
        {"id": TEXT, "name": TEXT, "scopes": _SCOPES, "queues": listed(TEXT)}
    ),
    "Worker": _WORKER,
    "WorkerList": document({"workers": listed(ref("Worker"))}),
    "Task": _TASK,
    "TaskList": document({"tasks": listed(ref("Task"))}),
    "StoredFile": document(
        {"id": TEXT, "name": TEXT, "contentType": TEXT, "size": WHOLE}
    ),
    "AuditPage": document(
        {
            "entries": listed(
                document(
                    {
                        "id": TEXT,
                        "at": TIME,
                        "actor": TEXT,
                        "actorName": TEXT,
                        "action": TEXT,
                        "target": TEXT,
                        "status": {"type": "integer"},
                        "requestId": TEXT,
                        "address": TEXT,
                    }
                )
            ),
            "nextCursor": maybe(TEXT),
        }
    ),
    "Schedule": {"type": "object", "required": ["id", "status", "template"]},
    "SchedulePage": document(
        {"schedules": listed(ref("Schedule")), "nextCursor": maybe(TEXT)}
    ),
    "ScheduleRuns": document(
        {"id": TEXT, "tz": TEXT, "status": TEXT, "runs": listed({"type": "object"})}
    ),
    "ScheduleLedger": document(
        {"id": TEXT, "lines": listed({"type": "object"}), "nextCursor": maybe(TEXT)}
    ),
    "ScheduledJob": document({"jobId": TEXT, "queue": TEXT, "name": TEXT}),
}
