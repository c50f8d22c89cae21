"""Posts one job of each kind, watches them and verifies what came out."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from cli.demo import findings, heartbeat, orders, photos
from cli.demo.api_client import ApiClient
from cli.demo.checks import Checks
from cli.demo.orders import Order
from cli.demo.progress import Progress
from cli.demo.view import view
from cli.errors import StoppedError
from cli.state_folder import describe
from shared import clock, ids

if TYPE_CHECKING:
    from rich.console import Console

    from cli.installation import Installation

_POLL_S = 0.1
_TIMEOUT_S = 60.0


class Demo:
    """One run of the demo; `is_verified` says how it went, None before its end."""

    def __init__(self, installation: Installation, *, console: Console) -> None:
        """Take what runs and where to show things; nothing is posted yet."""
        self.is_verified: bool | None = None
        self._installation = installation
        self._console = console
        self._state = installation.state
        self._run = ids.new_id()
        self._client = ApiClient(
            installation.ports.api_url, token=installation.state.admin_token()
        )

    def run(self) -> None:
        """Do everything; meant for a thread beside the runner.

        Raises:
            ApiError: When the api does not accept a job.
            StoppedError: When a stop was asked for meanwhile.
        """
        url = self._installation.ports.api_url
        self._say(f"\nPosting jobs to {url} and watching them:\n", style="bold")
        jobs = self._post()
        with view(self._console) as shown:
            deadline = time.monotonic() + _TIMEOUT_S
            shown.show(jobs)
            while not all(job.is_final for job in jobs):
                self._pause()
                for job in jobs:
                    job.refresh()
                shown.show(jobs)
                if time.monotonic() >= deadline:
                    break
        self._verify(jobs)

    def _post(self) -> list[Progress]:
        began_ms = clock.now_ms()
        photo = self._client.upload(photos.find(), content_type="image/jpeg")
        wanted = orders.orders(
            run=self._run, photo=photo, webhook_url=self._installation.ports.webhook_url
        )
        posted = []
        for order in wanted:
            record = self._client.add(order.queue, order.body())
            look = partial(self._client.job, order.queue, str(record["id"]))
            posted.append(Progress(order, record, look))
        beat = partial(heartbeat.find, self._client, since_ms=began_ms)
        return [*posted, Progress(_SCHEDULED, {"state": "delayed"}, beat)]

    def _pause(self) -> None:
        if self._installation.runner.stopping.wait(_POLL_S):
            raise StoppedError("The demo was stopped.")

    def _verify(self, jobs: list[Progress]) -> None:
        checks = Checks(client=self._client, state=self._state, run=self._run)
        found = [findings.examine(job, checks.of(job.order.label)) for job in jobs]
        self._console.print()
        self._console.print(findings.table(found))
        bad = [f.job.order.label for f in found if not f.is_verified]
        self.is_verified = not bad
        if bad:
            self._say(
                f"\n{len(bad)} of {len(found)} results could not be verified: "
                f"{', '.join(bad)}. The logs are in {describe(self._state.logs)}.",
                style="bold red",
            )
            return
        self._say(f"\nAll {len(found)} results are verified.", style="bold green")
        self._say(
            "Not by asking the jobs: the pictures were downloaded and opened with "
            "Pillow, the mail was read from the mailbox, and the webhook's receiver "
            "checked the signature with code of its own.",
            style="dim",
        )

    def _say(self, sentence: str, *, style: str) -> None:
        self._console.print(sentence, style=style, highlight=False, markup=False)


_SCHEDULED = Order(
    label=heartbeat.SCHEDULE,
    what="scheduled, every 5 s",
    queue=heartbeat.QUEUE,
    name="echo",
    data={},
)
