"""Verifies what the jobs claim, each claim against its result and not its record."""

from __future__ import annotations

import io
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cli import atomic_file
from cli.demo import heartbeat, orders, receipts
from cli.demo.progress import waits_ms
from cli.errors import CliError
from cli.mailbox import Mailbox
from cli.state_folder import StateFolder, describe

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.demo.api_client import ApiClient, Document

#: A wait may be this much shorter than asked for: clocks tick in milliseconds.
_TOLERANCE_MS = 5
_NEWEST_MAILS = 100
_RECEIPT_TIMEOUT_S = 5.0


class UnverifiedError(CliError):
    """Raised when a result is not what its job claims."""


@dataclass(frozen=True, kw_only=True)
class Checks:
    """One method per kind of job; each returns where the result is, as a phrase.

    Attributes:
        client: For downloads.
        state: Where the mail and the receipts are, and where pictures go.
        run: Mark of this run.
    """

    client: ApiClient
    state: StateFolder
    run: str

    def of(self, label: str) -> Callable[[Document], str]:
        """Return the check for the order called `label`."""
        return {
            "echo": self.echo,
            "echo, delayed": self.delayed,
            "maybe-fail": self.maybe_fail,
            "send-email": self.email,
            "process-image": self.picture,
            "generate-thumbnails": self.thumbnails,
            "deliver-webhook": self.webhook,
            heartbeat.SCHEDULE: heartbeat.described,
        }[label]

    def echo(self, job: Document) -> str:
        """The text came back."""
        said = job["returnvalue"]["msg"]
        _insist(said == job["data"]["msg"], f"it said {said!r} instead")
        return f"said “{said}”"

    def delayed(self, job: Document) -> str:
        """It did not start before its time."""
        self.echo(job)
        waited = job["processedOn"] - job["timestamp"]
        early = orders.DELAY_MS - waited
        _insist(early <= _TOLERANCE_MS, f"it started {early} ms too early")
        return f"began {waited / 1000:.2f} s after posting"

    def maybe_fail(self, job: Document) -> str:
        """Its failed attempts are in its history, with growing waits."""
        waits = waits_ms(job)
        _insist(
            len(job["history"]) == orders.FAILURES == len(waits),
            f"its history holds {len(job['history'])} failed attempts",
        )
        asked = [orders.RETRY_DELAY_MS << n for n in range(orders.FAILURES)]
        kept = all(w >= a - _TOLERANCE_MS for w, a in zip(waits, asked, strict=True))
        _insist(kept, f"it waited {waits} ms instead of {asked} ms")
        _insist(waits == sorted(set(waits)), f"its waits do not grow: {waits} ms")
        said = ", then ".join(f"{w / 1000:.2f} s" for w in waits)
        return f"waited {said}"

    def email(self, job: Document) -> str:
        """The mail is in the mailbox, with a text and an HTML part."""
        del job
        to = orders.recipient(self.run)
        mailbox = Mailbox(self.state.mail)
        found = [m for m in mailbox.newest(_NEWEST_MAILS) if to in m.recipients]
        _insist(len(found) == 1, f"{len(found)} mails to {to} are in the mailbox")
        mail = found[0]
        _insist(bool(mail.text and "Ada" in mail.text), "it has no text for Ada")
        _insist(bool(mail.html and "Ada" in mail.html), "it has no HTML for Ada")
        return f"“{mail.subject}”\n{describe(self.state.mail / f'{mail.id}.eml')}"

    def picture(self, job: Document) -> str:
        """The picture opens and has the size and format that were asked for."""
        result = job["returnvalue"]
        return self._fetch(
            result["file"]["id"], "picture.webp", size=orders.PICTURE_SIZE
        )

    def thumbnails(self, job: Document) -> str:
        """Every thumbnail opens and its longest side is the size asked for."""
        made = {t["size"]: t["file"]["id"] for t in job["returnvalue"]["thumbnails"]}
        sizes = orders.THUMBNAIL_SIZES
        _insist(tuple(made) == sizes, f"it made the sizes {list(made)}")
        paths = [
            self._fetch(made[size], f"thumbnail-{size}.webp", longest=size)
            for size in sizes
        ]
        return "\n".join(paths)

    def webhook(self, job: Document) -> str:
        """The receiver got it and verified its signature."""
        del job
        deadline = time.monotonic() + _RECEIPT_TIMEOUT_S
        receipt = receipts.find(self.state.webhooks, run=self.run)
        while receipt is None and time.monotonic() < deadline:
            time.sleep(0.05)
            receipt = receipts.find(self.state.webhooks, run=self.run)
        if receipt is None:
            raise UnverifiedError("no receipt of it was written")
        _insist(receipt.is_verified, f"the receiver refused it: {receipt.reason}")
        return f"signature verified\n{describe(receipt.path)}"

    def _fetch(
        self,
        file_id: str,
        name: str,
        *,
        size: tuple[int, int] | None = None,
        longest: int | None = None,
    ) -> str:
        """Download a picture, look at it and keep it; return what it is and where."""
        content = self.client.download(file_id)
        found, kind = _look_at(content, name)
        _insist(kind == "WEBP", f"{name} is {kind}, not WebP")
        if size is not None:
            _insist(found == size, f"{name} has {found[0]}x{found[1]} pixels")
        if longest is not None:
            _insist(max(found) == longest, f"{name} is {max(found)} pixels long")
        path = self.state.demo / name
        atomic_file.write(path, content)
        return f"{describe(path)} {found[0]}x{found[1]}"


def _look_at(content: bytes, name: str) -> tuple[tuple[int, int], str]:
    # Loaded here only: nothing else of the command needs Pillow.
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415

    try:
        with Image.open(io.BytesIO(content)) as image:
            image.load()
            return image.size, image.format or "nothing known"
    except (UnidentifiedImageError, OSError) as error:
        raise UnverifiedError(f"{name} does not open: {error}") from error


def _insist(holds: bool, otherwise: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not holds:
        raise UnverifiedError(otherwise)
