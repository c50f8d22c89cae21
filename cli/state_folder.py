"""The folder in which a local installation keeps everything."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import os
import secrets
from typing import TYPE_CHECKING

from cli import atomic_file
from cli.errors import CliError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_SHORTEST_TOKEN = 16


class StateFolder:
    """Names the places inside the folder and keeps its two secrets."""

    def __init__(self, root: Path) -> None:
        """Take the folder; nothing is created yet."""
        self.root = root.resolve()
        self.redis = self.root / "redis"
        self.files = self.root / "files"
        self.mail = self.root / "mail"
        self.webhooks = self.root / "webhooks"
        self.demo = self.root / "demo"
        self.logs = self.root / "logs"
        self.token_file = self.root / "admin-token"
        self.webhook_secret_file = self.root / "webhook-secret"

    def create(self) -> None:
        """Make the folders.

        Raises:
            CliError: When they can't be made.
        """
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in (self.files, self.mail, self.webhooks, self.logs):
                folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise CliError(
                f"The state folder {self.root} can't be written ({error.strerror}); "
                "choose another one with --state-dir."
            ) from error

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other runs out of the folder.

        Raises:
            CliError: When another run uses it.
        """
        with (self.root / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise CliError(
                    f"Another nightshift already works in {self.root}. Stop it, or "
                    "choose another folder with --state-dir."
                ) from None
            yield

    def admin_token(self) -> str:
        """Return the token of the api, made on the first run and kept.

        Raises:
            CliError: When the kept one is too short to be safe.
        """
        token = self._secret(self.token_file, lambda: secrets.token_urlsafe(24))
        if len(token) < _SHORTEST_TOKEN:
            raise CliError(
                f"The token in {self.token_file} is shorter than {_SHORTEST_TOKEN} "
                "characters. Remove the file, and the next run makes a new one."
            )
        return token

    def webhook_secret(self) -> str:
        """Return the secret that webhooks are signed with, made once and kept."""
        return self._secret(self.webhook_secret_file, _new_webhook_secret)

    def _secret(self, path: Path, make: Callable[[], str]) -> str:
        if not path.exists():
            atomic_file.write(path, make().encode() + b"\n")
        path.chmod(0o600)
        return path.read_text().strip()


def _new_webhook_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def describe(path: Path) -> str:
    """Return `path` as short as it can be written from the current folder."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative
