"""Every route that is part of the API, by its endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.api import query, schemas
from services.api.bulk_actions import ACTIONS
from services.api.long_poll import MAX_WAIT_S
from services.api.openapi.components import STATES
from services.api.openapi.parts import BYTES, Operation, Said, Schema, ref
from shared.jobs.names import QUEUE_PATTERN
from shared.schedules.definition import ScheduleDefinition

if TYPE_CHECKING:
    from collections.abc import Mapping

_LIMIT: Schema = {"type": "integer", "minimum": 1, "maximum": query.LARGEST_PAGE}
_ANY_LIMIT: Schema = {"type": "integer", "minimum": 0, "maximum": 200}
_CURSOR: Schema = {"type": "string", "description": "A page's `nextCursor`"}
_LINE = {**_CURSOR, "pattern": "^[0-9]{1,15}-[0-9]{1,10}$"}
_TIME: Schema = {"type": "integer", "minimum": 0, "maximum": schemas.MAX_TIME_MS}
_PAGE = {"limit": _LIMIT, "cursor": {**_CURSOR, "pattern": "^[A-Za-z0-9_-]{1,600}$"}}
_KEY: Schema = {
    "type": "string",
    "pattern": r'^("[ !#-\[\]-~]{1,255}"|[!#-+\--~]{1,255})$',
    "description": "The same request with the same key is carried out once",
}
_ONCE = {"Idempotency-Key": _KEY}
_LOCATION = {"Location": "Where it is"}
_STREAM = "text/event-stream"
_EVENT_ID: Schema = {"type": "string", "pattern": "^[0-9]{1,15}-[0-9]{1,15}$"}
_EVENT: Schema = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "event": {"type": "string"},
        "data": {"type": "string"},
    },
}
_EVENTS = Operation(
    summary="Follow events (server-sent)",
    description=(
        "Each event has an `id`; send the last one as `Last-Event-ID` to miss none. "
        "A comment comes every 10 s; a stream ends after 5 minutes and is to be opened "
        "again."
    ),
    answers={200: Said("The events", _EVENT, _STREAM)},
    query={"lastEventId": _EVENT_ID},
    headers={"Last-Event-ID": _EVENT_ID},
)


def _action(summary: str, *, pending: bool = False) -> Operation:
    answers = {200: Said("Done; the job as it is now", ref("Job"))}
    if pending:
        answers[202] = Said("The job runs and is told to end", ref("Job"))
    return Operation(summary=summary, answers=answers, refusals=(409,))


OPERATIONS: Mapping[str, Operation] = {
    "jobs.add": Operation(
        summary="Put a job into the queue",
        answers={
            202: Said("The new job", ref("Job"), headers=_LOCATION),
            200: Said("The job that stands for it", ref("Job"), headers=_LOCATION),
        },
        headers=_ONCE,
        body=schemas.JobRequest,
        refusals=(409, 413, 429),
    ),
    "jobs.add_bulk": Operation(
        summary="Put up to 1,000 jobs into the queue",
        description="Each is accepted or refused for itself; results keep the order.",
        answers={
            202: Said("All are accepted", ref("BulkResult")),
            207: Said("Some are refused", ref("BulkResult")),
        },
        headers=_ONCE,
        body=schemas.BulkRequest,
        refusals=(409, 413, 429),
    ),
    "jobs.index": Operation(
        summary="List jobs",
        description=(
            "At most 2,000 jobs are looked at per page: with a filter that few fit, a "
            "page may be short or empty and still have a `nextCursor`."
        ),
        answers={200: Said("A page", ref("JobPage"))},
        query={
            **_PAGE,
            "state": {
                "type": "string",
                "pattern": f"^({'|'.join(STATES)})(,({'|'.join(STATES)}))*$",
            },
            "name": {"type": "string", "minLength": 1, "maxLength": 64},
            "tag": {"type": "string", "minLength": 1, "maxLength": 64},
            "group": {"type": "string", "minLength": 1, "maxLength": 128},
            "q": {"type": "string", "minLength": 1, "maxLength": 200},
            "error": {"type": "string", "minLength": 1, "maxLength": 200},
            "since": _TIME,
            "until": _TIME,
            "order": {"type": "string", "enum": ["asc", "desc"]},
        },
    ),
    "jobs.stats": Operation(
        summary="Count jobs per state", answers={200: Said("The counts", ref("Stats"))}
    ),
    "jobs.show": Operation(
        summary="Show a job, at once or when it has ended",
        answers={
            200: Said("The job", ref("Job"), headers={"ETag": "Its version"}),
            304: Said("It is still as you know it"),
        },
        query={
            "wait": {
                "type": "number",
                "minimum": 0,
                "maximum": MAX_WAIT_S,
                "description": "Seconds to wait for its end; or `Prefer: wait=`",
            }
        },
        headers={"If-None-Match": {"type": "string"}, "Prefer": {"type": "string"}},
    ),
    "jobs.logs": Operation(
        summary="Show what a job logged",
        answers={200: Said("The lines", ref("JobLogs"))},
    ),
    "job_actions.retry": _action("Let a job that has ended run again"),
    "job_actions.cancel": _action("Cancel a job", pending=True),
    "job_actions.promote": _action("Let a delayed job start now"),
    "job_actions.remove": Operation(
        summary="Delete a job that does not run",
        answers={204: Said("Gone")},
        refusals=(409,),
    ),
    "explain.show": Operation(
        summary="Tell why a job is not running yet",
        answers={200: Said("Reasons and an estimate", ref("Explanation"))},
    ),
    "events.of_job": _EVENTS,
    "events.of_queue": _EVENTS,
    "queues.index": Operation(
        summary="List queues", answers={200: Said("The queues", ref("QueueList"))}
    ),
    "queues.show": Operation(
        summary="Show a queue", answers={200: Said("The queue", ref("Queue"))}
    ),
    "queues.change": Operation(
        summary="Pause, resume or limit a queue",
        answers={200: Said("The queue as it is now", ref("Queue"))},
        body=schemas.QueueChange,
        refusals=(413,),
    ),
    "queues.start": Operation(
        summary="Begin an action on all jobs that fit a filter",
        description=f"Actions: {', '.join(ACTIONS)}. Follow it at its `Location`.",
        answers={202: Said("It runs", ref("Operation"), headers=_LOCATION)},
        headers=_ONCE,
        body=schemas.BulkAction,
        refusals=(409, 413),
    ),
    "operations.index": Operation(
        summary="List operations, newest first",
        answers={200: Said("The operations", ref("OperationList"))},
        query={"limit": _LIMIT},
    ),
    "operations.show": Operation(
        summary="Show how far an operation has come",
        answers={200: Said("The operation", ref("Operation"))},
    ),
    "operations.stop": Operation(
        summary="Stop an operation",
        answers={202: Said("It stops soon", ref("Operation"))},
    ),
    "workers.index": Operation(
        summary="List workers", answers={200: Said("The workers", ref("WorkerList"))}
    ),
    "tasks.index": Operation(
        summary="List tasks with their schemas",
        answers={200: Said("The tasks", ref("TaskList"))},
    ),
    "tasks.openapi": Operation(
        summary="Show this description",
        answers={200: Said("OpenAPI 3.1", {"type": "object"})},
    ),
    "files.add": Operation(
        summary="Store a file",
        description="The raw body, or the field `file` of a form.",
        answers={201: Said("The file", ref("StoredFile"), headers=_LOCATION)},
        headers={"X-Filename": {"type": "string"}},
        body={},
        media_type=BYTES,
        refusals=(400, 413, 415),
    ),
    "files.show": Operation(
        summary="Fetch a file", answers={200: Said("Its content", {}, "*/*")}
    ),
    "tokens.index": Operation(
        summary="List tokens", answers={200: Said("The tokens", ref("TokenList"))}
    ),
    "tokens.add": Operation(
        summary="Make a token",
        answers={201: Said("The token", ref("Token"), headers=_LOCATION)},
        body=schemas.NewToken,
        refusals=(413,),
    ),
    "tokens.own": Operation(
        summary="Show what your token may do",
        answers={200: Said("You", ref("Caller"))},
    ),
    "tokens.show": Operation(
        summary="Show a token", answers={200: Said("The token", ref("Token"))}
    ),
    "tokens.revoke": Operation(
        summary="End a token", answers={204: Said("It is refused from now on")}
    ),
    "tokens.rotate": Operation(
        summary="Give a token a new text",
        answers={200: Said("The token", ref("Token"))},
        body=schemas.Rotation,
        refusals=(413,),
    ),
    "audit.index": Operation(
        summary="Show who changed what, newest first",
        answers={200: Said("A page", ref("AuditPage"))},
        query={"limit": _LIMIT, "cursor": _LINE},
    ),
    "schedules.index": Operation(
        summary="List schedules",
        answers={200: Said("A page", ref("SchedulePage"))},
        query={"limit": _ANY_LIMIT, "cursor": {**_CURSOR, "pattern": QUEUE_PATTERN}},
    ),
    "schedules.put": Operation(
        summary="Create or change a schedule",
        answers={
            200: Said("The changed schedule", ref("Schedule")),
            201: Said("The new schedule", ref("Schedule")),
        },
        body=ScheduleDefinition,
        refusals=(409, 413),
    ),
    "schedules.show": Operation(
        summary="Show a schedule", answers={200: Said("The schedule", ref("Schedule"))}
    ),
    "schedules.remove": Operation(
        summary="Remove a schedule", answers={204: Said("Gone")}, refusals=(409,)
    ),
    "schedules.pause": Operation(
        summary="Let a schedule rest",
        answers={200: Said("The schedule", ref("Schedule"))},
        refusals=(409,),
    ),
    "schedules.resume": Operation(
        summary="Let a schedule go on",
        answers={200: Said("The schedule", ref("Schedule"))},
        refusals=(409,),
    ),
    "schedules.run": Operation(
        summary="Create a job of a schedule at once",
        answers={202: Said("The job", ref("ScheduledJob"), headers=_LOCATION)},
        refusals=(409, 422, 429),
    ),
    "schedules.preview": Operation(
        summary="Show the next slots of a schedule",
        answers={200: Said("The slots", ref("ScheduleRuns"))},
        query={"count": {"type": "integer", "minimum": 0, "maximum": 100}},
    ),
    "schedules.preview_of": Operation(
        summary="Show the slots that a schedule would have",
        answers={200: Said("The slots", ref("ScheduleRuns"))},
        query={"count": {"type": "integer", "minimum": 0, "maximum": 100}},
        body=ScheduleDefinition,
        refusals=(413,),
    ),
    "schedules.ledger": Operation(
        summary="Show what became of a schedule's slots",
        answers={200: Said("A page", ref("ScheduleLedger"))},
        query={"limit": _ANY_LIMIT, "cursor": _LINE},
    ),
}
