"""A receiver of webhooks that verifies each one and keeps a receipt.

Run as `python -m cli.webhook_receiver --folder DIR --port N`; the secret comes in the
variable NIGHTSHIFT_WEBHOOK_SECRET.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import click

from cli import atomic_file, standard_webhook, stop_signals
from cli.loopback_http import Answer, LoopbackServer, Request, plain
from shared import ids, logging


@dataclass(frozen=True)
class Receiver:
    """Answers 204 to a webhook whose signature fits and 401 to any other."""

    folder: Path
    secret: str

    def answer(self, request: Request) -> Answer:
        """Verify one webhook and write its receipt."""
        if request.method != "POST":
            # A look at the address, by a person or by the runner's probe.
            return plain(HTTPStatus.OK, "Webhooks come here by POST.")
        reason = standard_webhook.why_refused(
            request.headers, request.body, secret=self.secret, now_s=time.time()
        )
        receipt = self._receipt(request, reason)
        path = self.folder / f"{ids.new_id()}.json"
        atomic_file.write(path, json.dumps(receipt, indent=2).encode())
        log = logging.get(__name__)
        if reason is not None:
            log.warning("webhook_refused", reason=reason, file=path.name)
            return plain(HTTPStatus.UNAUTHORIZED, f"Not accepted: {reason}.")
        log.info("webhook_verified", id=receipt["id"], file=path.name)
        return Answer(status=HTTPStatus.NO_CONTENT)

    def _receipt(self, request: Request, reason: str | None) -> dict[str, Any]:
        return {
            "id": request.headers.get("webhook-id"),
            "timestamp": request.headers.get("webhook-timestamp"),
            "received": time.time_ns() // 1_000_000,
            "verified": reason is None,
            "reason": reason,
            "contentType": request.headers.get("content-type"),
            "body": _readable(request.body),
        }


def _readable(body: bytes) -> object:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), required=True)
@click.option("--port", type=click.IntRange(1, 65535), required=True)
@click.option("--secret", envvar="NIGHTSHIFT_WEBHOOK_SECRET", required=True)
def main(folder: Path, port: int, secret: str) -> None:
    """Receive webhooks until SIGTERM."""
    logging.configure(service="webhook")
    stop_signals.hold_back()
    with LoopbackServer(port, answer=Receiver(folder, secret).answer):
        logging.get(__name__).info("webhook_receiver_ready", port=port)
        stop_signals.wait()


if __name__ == "__main__":
    main()
