"""What the receiver of `opts.callback` gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.api.openapi.parts import JSON

if TYPE_CHECKING:
    from services.api.openapi.parts import Schema

_TEXT: Schema = {"type": "string"}
_HEADERS = {
    "webhook-id": "The same for every attempt: a receiver that knows it is done",
    "webhook-timestamp": "Epoch seconds of this attempt",
    "webhook-signature": "`v1,` and a signature in base64; several, parted by spaces",
}
_JOB: Schema = {
    "type": "object",
    "required": ["id", "queue", "name", "state", "attemptsMade", "finishedOn"],
    "properties": {
        "id": _TEXT,
        "queue": _TEXT,
        "name": _TEXT,
        "state": {"type": "string", "enum": ["completed", "failed", "cancelled"]},
        "attemptsMade": {"type": "integer", "minimum": 0},
        "finishedOn": {"type": "integer", "description": "Epoch milliseconds"},
        "returnvalue": {"description": "Of a completed job; left out beyond 16 KB"},
        "failedReason": {**_TEXT, "description": "Of a failed job"},
    },
}
_EVENT: Schema = {
    "type": "object",
    "required": ["type", "timestamp", "data"],
    "properties": {
        "type": {
            "type": "string",
            "enum": ["job.completed", "job.failed", "job.cancelled"],
        },
        "timestamp": {"type": "string", "format": "date-time"},
        "data": _JOB,
    },
}

#: The `webhooks` of the document.
WEBHOOKS: Schema = {
    "jobEnded": {
        "post": {
            "summary": "A job with opts.callback has ended",
            "description": "Signed as https://www.standardwebhooks.com says.",
            "security": [],
            "parameters": [
                {
                    "name": name,
                    "in": "header",
                    "required": True,
                    "description": text,
                    "schema": _TEXT,
                }
                for name, text in _HEADERS.items()
            ],
            "requestBody": {"required": True, "content": {JSON: {"schema": _EVENT}}},
            "responses": {"2XX": {"description": "The receiver has it"}},
        }
    }
}
