"""The client."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from nightshift_client.errors import ApiError, JobFailedError, WaitedTooLongError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Document = dict[str, Any]

#: Longest wait of one request, in seconds.
_LONGEST_WAIT_S = 25
#: Statuses after which the same request may be sent again.
_PASSING = frozenset({0, 409, 429, 502, 503, 504})


class Client:
    """Speaks to one installation; may be shared by threads.

    Requests are sent again while the API is away or busy. That is safe: those that
    create something carry an `Idempotency-Key`.
    """

    def __init__(
        self, url: str, token: str, *, timeout_s: float = 10.0, tries: int = 5
    ) -> None:
        """Speak to the API.

        Args:
            url: Where it is, such as `http://localhost:8000`.
            token: A token with the scopes that are needed.
            timeout_s: Longest time for one answer, in seconds.
            tries: How often a request is sent at most.
        """
        self._url = url.rstrip("/")
        self._token = token
        self._timeout_s = timeout_s
        self._tries = tries

    def add(
        self,
        queue: str,
        name: str,
        data: Mapping[str, Any] | None = None,
        *,
        key: str | None = None,
        **opts: Any,
    ) -> Document:
        """Put a job into a queue and return its record.

        Args:
            queue: The queue.
            name: The task.
            data: The task's data.
            key: Makes the call safe to repeat by the caller, too.
            opts: Options such as `delay`, `priority`, `attempts`, `jobId`.

        Raises:
            ApiError: The job is refused.
        """
        body = {"name": name, "data": dict(data or {}), "opts": opts}
        return self._json("POST", f"jobs/{queue}", body, key=key or str(uuid.uuid4()))

    def add_bulk(
        self, queue: str, jobs: Sequence[Mapping[str, Any]], *, key: str | None = None
    ) -> list[Document]:
        """Put up to 1,000 jobs into a queue and return a result for each."""
        body = {"jobs": [dict(job) for job in jobs]}
        key = key or str(uuid.uuid4())
        answer = self._json("POST", f"jobs/{queue}/bulk", body, key=key)
        results: list[Document] = answer["results"]
        return results

    def job(self, queue: str, job_id: str, *, wait_s: float = 0) -> Document:
        """Return a job's record, at once or when it has ended or the time is over."""
        query = f"?{urlencode({'wait': wait_s})}" if wait_s else ""
        path = f"jobs/{queue}/{quote(job_id, safe='')}{query}"
        return self._json("GET", path, timeout_s=self._timeout_s + wait_s)

    def result(self, queue: str, job_id: str, *, timeout_s: float = 60.0) -> Any:
        """Wait for a job's end and return what its task returned.

        Raises:
            JobFailedError: It failed or was cancelled.
            WaitedTooLongError: It had not ended in time.
            ApiError: There is no such job.
        """
        ends_at = time.monotonic() + timeout_s
        while True:
            left_s = max(ends_at - time.monotonic(), 0)
            wait_s = round(min(left_s, _LONGEST_WAIT_S), 3)
            asked_at = time.monotonic()
            job = self.job(queue, job_id, wait_s=wait_s)
            if job["state"] == "completed":
                return job["returnvalue"]
            if job["state"] in {"failed", "cancelled"}:
                raise JobFailedError(job)
            if time.monotonic() >= ends_at:
                raise WaitedTooLongError(job)
            if time.monotonic() - asked_at < min(wait_s, 1):
                # The server had no room to wait in.
                time.sleep(min(1, left_s))

    def jobs(self, queue: str, **filters: Any) -> Iterator[Document]:
        """Yield a queue's jobs that fit, such as `state="failed"`, page by page."""
        query = {k: v for k, v in filters.items() if v is not None}
        while True:
            page = self._json("GET", f"jobs/{queue}?{urlencode(query)}")
            yield from page["jobs"]
            if page["nextCursor"] is None:
                return
            query["cursor"] = page["nextCursor"]

    def retry(self, queue: str, job_id: str) -> Document:
        """Let a job that has ended run again."""
        return self._act(queue, job_id, "retry")

    def cancel(self, queue: str, job_id: str) -> Document:
        """Cancel a job."""
        return self._act(queue, job_id, "cancel")

    def promote(self, queue: str, job_id: str) -> Document:
        """Let a delayed job start now."""
        return self._act(queue, job_id, "promote")

    def explain(self, queue: str, job_id: str) -> Document:
        """Tell why a job is not running yet."""
        return self._json("GET", f"jobs/{queue}/{quote(job_id, safe='')}/explain")

    def _act(self, queue: str, job_id: str, action: str) -> Document:
        return self._json("POST", f"jobs/{queue}/{quote(job_id, safe='')}/{action}")

    def _json(
        self,
        method: str,
        path: str,
        body: Document | None = None,
        *,
        key: str | None = None,
        timeout_s: float | None = None,
    ) -> Document:
        headers = {"Authorization": f"Bearer {self._token}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if key is not None:
            headers["Idempotency-Key"] = f'"{key}"'
        may_repeat = method == "GET" or key is not None
        request = urllib.request.Request(  # noqa: S310 - the user's own address
            f"{self._url}/api/v1/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers=headers,
            method=method,
        )
        for attempt in range(self._tries):
            try:
                return _answer(request, timeout_s or self._timeout_s)
            except ApiError as error:
                is_last = attempt + 1 == self._tries
                if is_last or not may_repeat or error.status not in _PASSING:
                    raise
                time.sleep(min(0.2 * 2**attempt, 5))
        raise AssertionError  # the loop returns or raises


def _answer(request: urllib.request.Request, timeout_s: float) -> Document:
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:  # noqa: S310 - the user's own address
            document: Document = json.load(answer)
            return document
    except urllib.error.HTTPError as error:
        raise ApiError(error.code, _problem(error.read())) from None
    except OSError as error:
        raise ApiError(0, {"detail": f"The API can't be reached: {error}"}) from error


def _problem(text: bytes) -> Document:
    try:
        document = json.loads(text)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
