from __future__ import annotations

import pytest
from flask import Flask
from werkzeug.exceptions import MethodNotAllowed, NotFound, TooManyRequests

from services.api import errors, problem, request_id
from shared import errors as shared_errors
from shared.errors import InvalidDataError, Problem


def answer(error: Exception) -> tuple[int, dict[str, object], dict[str, str]]:
    app = Flask("test")
    request_id.register(app)
    problem.register(app)

    @app.get("/x")
    def fail() -> str:
        raise error

    response = app.test_client().get("/x", headers={"X-Request-Id": "me-1"})
    assert response.content_type == "application/problem+json"
    return response.status_code, response.get_json(), dict(response.headers)


@pytest.mark.parametrize(
    ("error", "status", "slug"),
    [
        (errors.UnauthorizedError(), 401, "unauthorized"),
        (errors.MalformedBodyError("x"), 400, "malformed-body"),
        (errors.UnsupportedBodyError("x"), 415, "unsupported-body"),
        (errors.BodyTooLargeError("x"), 413, "body-too-large"),
        (errors.InvalidParameterError("wait", "is odd"), 422, "invalid-parameter"),
        (errors.UnknownQueueError(("a",)), 404, "unknown-queue"),
        (errors.JobNotFoundError(), 404, "job-not-found"),
        (shared_errors.UnknownTaskError("x"), 422, "unknown-task"),
        (shared_errors.RedisUnavailableError("x"), 503, "queue-unavailable"),
        (shared_errors.RedisFullError("x"), 503, "queue-full"),
        (shared_errors.StoredFileNotFoundError("x"), 404, "file-not-found"),
        (shared_errors.StoredFileTooLargeError("x"), 413, "file-too-large"),
        (shared_errors.StorageError("x"), 503, "storage-unavailable"),
        (shared_errors.RecordTypeError("x"), 500, "internal-error"),
        (NotFound(), 404, "not-found"),
        (MethodNotAllowed(["GET"]), 405, "method-not-allowed"),
        (TooManyRequests(), 429, "too-many-requests"),
    ],
)
def test_answers_every_error_with_a_problem(
    error: Exception, status: int, slug: str
) -> None:
    code, document, _ = answer(error)

    assert code == document["status"] == status
    assert document["type"] == f"/problems/{slug}"
    assert document["title"]
    assert document["detail"]
    assert document["instance"] == "/x"
    assert document["requestId"] == "me-1"


def test_hides_what_an_unexpected_error_says() -> None:
    code, document, _ = answer(RuntimeError("the password is hunter2"))

    assert code == 500
    assert "hunter2" not in str(document)
    assert "Traceback" not in str(document)


def test_lists_what_is_wrong_with_the_data() -> None:
    error = InvalidDataError((Problem("/data/to", "field required"),))

    _, document, _ = answer(error)

    assert document["errors"] == [{"pointer": "/data/to", "detail": "field required"}]


def test_lists_no_more_than_a_page_of_breaches() -> None:
    error = InvalidDataError(tuple(Problem(f"/data/{i}", "bad") for i in range(9_999)))

    _, document, _ = answer(error)

    assert len(document["errors"]) == problem.MAX_ERRORS  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "header"),
    [
        (errors.UnauthorizedError(), "WWW-Authenticate"),
        (shared_errors.RedisUnavailableError("x"), "Retry-After"),
        (shared_errors.RedisFullError("x"), "Retry-After"),
        (MethodNotAllowed(["GET"]), "Allow"),
    ],
)
def test_says_what_to_do_in_a_header(error: Exception, header: str) -> None:
    _, _, headers = answer(error)

    assert headers[header]
