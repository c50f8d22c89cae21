"""The jobs that the demo posts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

DELAY_MS = 3000
FAILURES = 2
RETRY_DELAY_MS = 500
THUMBNAIL_SIZES = (150, 300, 600)
PICTURE_SIZE = (400, 300)


@dataclass(frozen=True, kw_only=True)
class Order:
    """One job to post.

    Attributes:
        label: What the demo calls it.
        queue: Its queue.
        name: Its task.
        data: What the task gets.
        options: What is asked about it, with BullMQ's names.
        what: What it does, as a phrase.
    """

    label: str
    queue: str
    name: str
    data: Mapping[str, Any]
    options: Mapping[str, Any] = field(default_factory=dict)
    what: str = ""

    def body(self) -> dict[str, Any]:
        """Return the request's body."""
        return {"name": self.name, "data": self.data, "opts": self.options}


def orders(*, run: str, photo: str, webhook_url: str) -> list[Order]:
    """Return what to post.

    Args:
        run: Mark of this run, found again in the mail and in the webhook.
        photo: Id of the uploaded photograph.
        webhook_url: Where the receiver listens.
    """
    backoff = {"type": "exponential", "delay": RETRY_DELAY_MS}
    return [
        Order(
            label="echo",
            what="a text in 20 steps",
            queue="demo",
            name="echo",
            data={"msg": "good evening", "steps": 20, "stepMs": 200},
        ),
        Order(
            label="echo, delayed",
            what="3 s after posting",
            queue="demo",
            name="echo",
            data={"msg": "sorry, I am late", "steps": 0},
            options={"delay": DELAY_MS},
        ),
        Order(
            label="maybe-fail",
            what="fails twice",
            queue="demo",
            name="maybe-fail",
            data={"msg": "third time lucky", "fail": FAILURES},
            options={"attempts": FAILURES + 2, "backoff": backoff},
        ),
        Order(
            label="send-email",
            what="a welcome mail",
            queue="email",
            name="send-email",
            data={
                "to": [recipient(run)],
                "template": "welcome",
                "context": {"name": "Ada", "link": "https://example.com/start"},
            },
        ),
        Order(
            label="process-image",
            what="a photo to 400x300",
            queue="image",
            name="process-image",
            data={
                "source": photo,
                "width": PICTURE_SIZE[0],
                "height": PICTURE_SIZE[1],
                "fit": "cover",
                "format": "webp",
                "quality": 80,
            },
        ),
        Order(
            label="generate-thumbnails",
            what="a photo in 3 sizes",
            queue="image",
            name="generate-thumbnails",
            data={"source": photo, "sizes": list(THUMBNAIL_SIZES), "format": "webp"},
        ),
        Order(
            label="deliver-webhook",
            what="a signed event",
            queue="webhook",
            name="deliver-webhook",
            data={"url": webhook_url, "type": "demo.finished", "payload": {"run": run}},
        ),
    ]


def recipient(run: str) -> str:
    """Return the address that only this run's mail goes to."""
    return f"ada+{run}@example.com"
