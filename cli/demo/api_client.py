"""A client of the public API, made of the standard library."""

from __future__ import annotations

import http.client
import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from cli.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_TIMEOUT_S = 10.0
_PREFIX = "/api/v1"

Document = dict[str, Any]


class ApiClient:
    """Posts jobs and files, and looks at what became of them."""

    def __init__(self, url: str, *, token: str) -> None:
        """Take the api's address and the bearer token; nothing is sent yet."""
        self._host = urlsplit(url).netloc
        self._token = token

    def add(self, queue: str, job: Mapping[str, Any]) -> Document:
        """Create a job of `{name, data, opts}`; return its record.

        Raises:
            ApiError: When the api does not accept it.
        """
        body = json.dumps(job).encode()
        headers = {"Content-Type": "application/json"}
        return _document(self._call("POST", f"/jobs/{quote(queue)}", body, headers))

    def job(self, queue: str, job_id: str) -> Document | None:
        """Return a job's record, None when there is no such job.

        Raises:
            ApiError: When the api answers anything else.
        """
        path = f"/jobs/{quote(queue)}/{quote(job_id, safe=':@')}"
        answer = self._call("GET", path, known=HTTPStatus.NOT_FOUND)
        return _document(answer) if answer is not None else None

    def upload(self, path: Path, *, content_type: str) -> str:
        """Store a file; return its id.

        Raises:
            ApiError: When the api does not accept it.
        """
        headers = {"Content-Type": content_type, "X-Filename": quote(path.name)}
        answer = self._call("POST", "/files", path.read_bytes(), headers)
        return str(_document(answer)["id"])

    def download(self, file_id: str) -> bytes:
        """Return a stored file's bytes.

        Raises:
            ApiError: When there is no such file.
        """
        return self._call("GET", f"/files/{quote(file_id)}") or b""

    def _call(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        known: HTTPStatus | None = None,
    ) -> bytes | None:
        """Return the body of a 2xx answer, None for the status `known`."""
        # http.client and not urllib: a proxy of the environment must not see the token.
        connection = http.client.HTTPConnection(self._host, timeout=_TIMEOUT_S)
        bearer = {"Authorization": f"Bearer {self._token}", **(headers or {})}
        try:
            connection.request(method, f"{_PREFIX}{path}", body=body, headers=bearer)
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise ApiError(f"The api does not answer: {error}.") from error
        finally:
            connection.close()
        if response.status == known:
            return None
        if not HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES:
            raise ApiError(
                f"The api answered {response.status} to {method} {path}: "
                f"{_reason(content)}"
            )
        return content


def _document(content: bytes | None) -> Document:
    try:
        document = json.loads(content or b"")
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise ApiError("The api answered something that is no JSON object.")
    return document


def _reason(content: bytes) -> str:
    try:
        problem = json.loads(content)
        detail = str(problem.get("detail") or problem.get("title"))
        errors = [f"{e['pointer']}: {e['detail']}" for e in problem.get("errors", ())]
        return "; ".join([detail, *errors])
    except (ValueError, AttributeError, KeyError, TypeError):
        return content[:200].decode(errors="replace")
