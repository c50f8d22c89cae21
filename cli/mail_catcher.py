"""A mail server that delivers nothing: it stores every mail and shows it on a page.

Run as `python -m cli.mail_catcher --folder DIR --smtp-port N --page-port N`.
"""

from __future__ import annotations

import logging as stdlib_logging
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
from aiosmtpd.controller import Controller

from cli import mail_page, stop_signals
from cli.loopback_http import LoopbackServer
from cli.mailbox import Mailbox
from cli.ports import LOOPBACK
from shared import logging

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiosmtpd.smtp import SMTP, Envelope, Session

_LARGEST_MAIL = 32 * 1024 * 1024


class Catcher:
    """Stores what the SMTP server accepts; its method name is aiosmtpd's."""

    def __init__(self, mailbox: Mailbox) -> None:
        """Take the mailbox."""
        self._mailbox = mailbox
        self._log = logging.get(__name__)

    async def handle_DATA(  # noqa: N802 - aiosmtpd looks for this name
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Store one mail; answer as SMTP does."""
        content = envelope.content or b""
        raw = content if isinstance(content, bytes) else content.encode()
        recipients = [str(r) for r in envelope.rcpt_tos]
        try:
            path = self._mailbox.store(
                raw, sender=str(envelope.mail_from or ""), recipients=recipients
            )
        except OSError as error:
            self._log.warning("mail_not_stored", reason=str(error))
            return "452 The mail can't be stored now, try again later"
        self._log.info("mail_caught", recipients=recipients, file=path.name)
        return "250 Stored"


@contextmanager
def catching(
    folder: Path, *, smtp_port: int, page_port: int, host: str = LOOPBACK
) -> Iterator[None]:
    """Catch mail into `folder` and show it, until the block ends.

    Raises:
        OSError: When a port is taken.
    """
    mailbox = Mailbox(folder)
    smtp = Controller(
        Catcher(mailbox),
        hostname=host,
        port=smtp_port,
        data_size_limit=_LARGEST_MAIL,
        ident="nightshift mail catcher",
    )
    answer = partial(mail_page.answer, mailbox)
    with LoopbackServer(page_port, answer=answer, host=host):
        smtp.start()
        try:
            yield
        finally:
            smtp.stop()


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), required=True)
@click.option("--smtp-port", type=click.IntRange(1, 65535), required=True)
@click.option("--page-port", type=click.IntRange(1, 65535), required=True)
@click.option("--host", default=LOOPBACK, show_default=True, help="For containers.")
def main(folder: Path, smtp_port: int, page_port: int, host: str) -> None:
    """Catch mail until SIGTERM."""
    logging.configure(service="mail")
    # aiosmtpd tells of every connection; `mail_caught` says what matters.
    stdlib_logging.getLogger("mail.log").setLevel(stdlib_logging.WARNING)
    stop_signals.hold_back()
    with catching(folder, smtp_port=smtp_port, page_port=page_port, host=host):
        logging.get(__name__).info("mail_catcher_ready", smtp=smtp_port, page=page_port)
        stop_signals.wait()


if __name__ == "__main__":
    main()
