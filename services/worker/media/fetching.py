"""Fetches a file from the web, past the guard of outgoing calls."""

from __future__ import annotations

import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING
from urllib.parse import unquote

import httpcore2
import httpx2

from services.worker.egress.client import checked_url, open_client
from shared.errors import TaskError, UnrecoverableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Longest time that fetching may take, in seconds.
FETCH_S = 30.0
#: Most redirects that are followed; each one's target is checked as the first is.
MAX_REDIRECTS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
#: Answers that another attempt may change.
_COME_BACK = frozenset({408, 425, 429})
_OK, _SERVER_ERROR = 200, 500
_CHUNK_BYTES = 256 * 1024
_HEADERS = {"accept-encoding": "identity", "user-agent": "Nightshift-Fetch/1"}


class FetchError(TaskError):
    """Raised when a file can't be fetched now; later it may."""


class FetchStoppedError(TaskError):
    """Raised when the job was told to stop while its file came in."""


@dataclass(frozen=True)
class Fetched:
    """A file from the web, on disk until the job is done.

    Attributes:
        name: The last part of its address.
        size: Bytes.
        file: Where it is.
    """

    name: str
    size: int
    file: IO[bytes]

    def chunks(self) -> Iterator[bytes]:
        """Yield its content."""
        self.file.seek(0)
        while chunk := self.file.read(_CHUNK_BYTES):
            yield chunk


@contextmanager
def fetched(
    url: str,
    *,
    deadline: float,
    allow_private: bool,
    max_bytes: int,
    is_cancelled: Callable[[], bool],
) -> Iterator[Fetched]:
    """Lend a file from the web.

    Args:
        url: Its address.
        deadline: When the job must be done, in `time.monotonic()` seconds.
        allow_private: Whether loopback and private networks are allowed.
        max_bytes: The largest file that is taken, in bytes.
        is_cancelled: Asked every now and then whether to stop.

    Raises:
        UnrecoverableError: When it must not or will never be fetched.
        FetchError: When it can't be fetched now.
        FetchStoppedError: When the job was told to stop.
    """
    limit = min(deadline, time.monotonic() + FETCH_S)
    with tempfile.TemporaryFile() as file:
        try:
            size = _download(
                url,
                file,
                deadline=limit,
                allow_private=allow_private,
                max_bytes=max_bytes,
                is_cancelled=is_cancelled,
            )
        except (httpx2.HTTPError, httpcore2.TimeoutException, OSError) as error:
            reason = str(error).split("\n", 1)[0] or type(error).__name__
            message = f"The file can't be fetched from {_host(url)}: {reason}"
            raise FetchError(message) from error
        yield Fetched(_name(url), size, file)


def _download(
    url: str,
    file: IO[bytes],
    *,
    deadline: float,
    allow_private: bool,
    max_bytes: int,
    is_cancelled: Callable[[], bool],
) -> int:
    for _ in range(MAX_REDIRECTS + 1):
        address = checked_url(url, allow_private=allow_private)
        with (
            open_client(deadline=deadline, allow_private=allow_private) as client,
            client.stream("GET", address, headers=_HEADERS) as answer,
        ):
            if answer.status_code not in _REDIRECTS:
                _check(answer, max_bytes)
                return _save(answer, file, max_bytes, is_cancelled)
            url = _next_address(address, answer)
    message = f"The address leads on more than {MAX_REDIRECTS} times."
    raise UnrecoverableError(message)


def _next_address(address: httpx2.URL, answer: httpx2.Response) -> str:
    target = answer.headers.get("location", "")
    try:
        following = address.join(target)
    except httpx2.InvalidURL:
        following = None
    if not target or following is None:
        message = "The address leads on to nowhere."
        raise UnrecoverableError(message)
    if address.scheme == "https" and following.scheme != "https":
        message = "The address leads from https to something unprotected."
        raise UnrecoverableError(message)
    return str(following)


def _check(answer: httpx2.Response, max_bytes: int) -> None:
    status = answer.status_code
    if status >= _SERVER_ERROR or status in _COME_BACK:
        message = f"The file's server answered {status}."
        raise FetchError(message)
    if status != _OK:
        message = f"The file's server answered {status}; there is nothing to fetch."
        raise UnrecoverableError(message)
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        message = "The file's server compressed its answer although asked not to."
        raise UnrecoverableError(message)
    announced = answer.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > max_bytes:
        raise _too_large(max_bytes)


def _save(
    answer: httpx2.Response,
    file: IO[bytes],
    max_bytes: int,
    is_cancelled: Callable[[], bool],
) -> int:
    size = 0
    for chunk in answer.iter_raw():
        size += len(chunk)
        if size > max_bytes:
            raise _too_large(max_bytes)
        if is_cancelled():
            message = "The job was told to stop."
            raise FetchStoppedError(message)
        file.write(chunk)
    return size


def _too_large(max_bytes: int) -> UnrecoverableError:
    return UnrecoverableError(
        f"The file has more than {max_bytes // (1024 * 1024)} MB."
    )


def _host(url: str) -> str:
    return httpx2.URL(url).host


def _name(url: str) -> str:
    return unquote(PurePosixPath(httpx2.URL(url).path).name) or "file"
