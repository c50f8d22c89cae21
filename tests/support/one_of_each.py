"""One job of each task, as callers of a whole installation post them."""

from __future__ import annotations

from typing import Any

#: What stands beside the stack (tests/deploy/with-neighbours.yml).
RECEIVER = "http://receiver.example:9000/hook"
READER = "ada@example.com"
TABLE = b"name,amount\nAda,3\nGrace,4\n"


def jobs(*, photo: str, film: str, table: str) -> dict[str, dict[str, Any]]:
    """Return the data of one job per task, by the task's name.

    Args:
        photo: Id of a stored picture.
        film: Id of a stored film.
        table: Id of a stored CSV file.
    """
    mail = {"template": "welcome", "context": {"name": "Ada", "link": "https://a.b/c"}}
    return {
        "aggregate-analytics": {"events": [{"name": "order", "value": 3}]},
        "call-http": {"url": RECEIVER},
        "clean-database": {},
        "compress-image": {"source": photo, "maxBytes": 20_000},
        "daily-cleanup": {"dryRun": True},
        "deliver-webhook": {"url": RECEIVER, "type": "a.b", "payload": {"n": 1}},
        "echo": {"msg": "hello"},
        "expired-sessions": {},
        "export-data": {"source": table, "format": "xlsx"},
        "finished-jobs": {"dryRun": True},
        "generate-report": {
            "format": "pdf",
            "title": "Amounts",
            "rows": [{"name": "Ada", "amount": 3}],
        },
        "generate-thumbnails": {"source": photo, "sizes": [150]},
        "health-check": {},
        "idempotency-keys": {},
        "invalidate-cache": {"prefixes": ["page:"]},
        "list-webhook-deliveries": {"url": RECEIVER},
        "maybe-fail": {"msg": "again", "fail": 1},
        "old-logs": {},
        "orphaned-artifacts": {"dryRun": True},
        "process-image": {"source": photo, "width": 64, "format": "webp"},
        "send-bulk-email": {"recipients": [{"to": READER}], **mail},
        "send-email": {"to": [READER], **mail},
        "send-notification": {"channels": ["ops"], "body": "It works."},
        "transcode-video": {"source": film, "maxHeight": 144},
        "weekly-report": {"to": [READER]},
    }
