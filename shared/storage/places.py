"""Where files lie: a local folder or an S3 bucket."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

import obstore
from obstore.store import LocalStore, S3Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from obstore.store import ObjectStore

#: How long one request of the bucket may take, in seconds.
_REQUEST_S = 30
_CONNECT_S = 5
#: How long a request is tried again, in seconds; then the job's own retries follow.
_RETRY_S = 20
#: What a folder's store adds to the name of a file that it is writing.
_STAGED = re.compile(r"#\d+$")


class Place(Protocol):
    """Knows how to open its store."""

    def open(self) -> ObjectStore:
        """Open the store; it does not survive a fork."""

    def staged(self) -> Iterator[Path]:
        """Give the files that were being written, maybe by a process that died."""

    def link(self, store: ObjectStore, path: str, *, expires_s: int) -> str | None:
        """Return an address from which anybody may load the file, if there can be."""


@dataclass(frozen=True)
class Folder:
    """A folder that all services share."""

    root: Path

    def open(self) -> ObjectStore:
        """Open the folder, and make it if it doesn't exist."""
        return LocalStore(self.root.absolute(), mkdir=True)

    def staged(self) -> Iterator[Path]:
        """Give the files that were being written."""
        for file in (self.root / "content").glob("*"):
            if _STAGED.search(file.name):
                yield file

    def link(self, store: ObjectStore, path: str, *, expires_s: int) -> str | None:
        """Return None: the api serves the files of a folder."""
        del store, path, expires_s
        return None


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """A bucket of Amazon S3, or of a server that speaks its language.

    Attributes:
        name: The bucket, which must exist.
        prefix: What all keys begin with.
        endpoint: Address of the server; empty for Amazon's.
        region: Where it is.
        access_key_id: Who we are; empty to take it from the machine.
        secret_access_key: The secret to it.
    """

    name: str
    prefix: str = ""
    endpoint: str = ""
    region: str = "us-east-1"
    access_key_id: str = ""
    secret_access_key: str = field(default="", repr=False)

    def open(self) -> ObjectStore:
        """Open the bucket; nothing is sent yet."""
        options: dict[str, str] = {"region": self.region}
        if self.endpoint:
            options["endpoint"] = self.endpoint
        if self.access_key_id:
            options["access_key_id"] = self.access_key_id
            options["secret_access_key"] = self.secret_access_key
        return S3Store(
            self.name,
            prefix=self.prefix or None,
            config=options,  # type: ignore[arg-type]  # the names are checked there
            client_options={
                "allow_http": self.endpoint.startswith("http://"),
                "timeout": timedelta(seconds=_REQUEST_S),
                "connect_timeout": timedelta(seconds=_CONNECT_S),
            },
            retry_config={
                "max_retries": 4,
                "retry_timeout": timedelta(seconds=_RETRY_S),
                "backoff": {
                    "init_backoff": timedelta(milliseconds=100),
                    "max_backoff": timedelta(seconds=2),
                    "base": 2,
                },
            },
        )

    def staged(self) -> Iterator[Path]:
        """Give nothing: the bucket's own rule removes unfinished uploads."""
        return iter(())

    def link(self, store: ObjectStore, path: str, *, expires_s: int) -> str | None:
        """Return an address that the server accepts for `expires_s` seconds."""
        expires = timedelta(seconds=expires_s)
        return str(obstore.sign(store, "GET", path, expires))  # type: ignore[call-overload]
