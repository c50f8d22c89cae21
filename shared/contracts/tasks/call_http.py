"""`call-http`: a request to somebody else's API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import (
    AfterValidator,
    Field,
    JsonValue,
    StringConstraints,
    model_validator,
)

from shared.contracts.contract import Model, TaskContract, TaskDefaults
from shared.contracts.fields import FileId, FileReference, Line, WebAddress
from shared.contracts.retry import Backoff

if TYPE_CHECKING:
    from typing import Self

#: Headers that belong to the connection; the worker sets them.
_OWN_HEADERS = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "te",  # codespell:ignore te
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


def _callers_header(name: str) -> str:
    if name.lower() in _OWN_HEADERS:
        message = "is a header that the worker sets itself"
        raise ValueError(message)
    return name


HeaderName = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$"),
    AfterValidator(_callers_header),
]
HeaderValue = Annotated[
    Line, StringConstraints(max_length=8_000, pattern=r"^[\x20-\x7e]*$")
]


class CallHttp(Model):
    """The request, and what counts as success.

    Attributes:
        method: HTTP method.
        url: Where it goes; the host must be one that the worker may call.
        headers: Headers of the request. Secrets belong into the worker's setting
            NIGHTSHIFT_HTTP_HEADERS, not into a job.
        json_body: Body, sent as JSON.
        text_body: Body, sent as it stands.
        body_file: Id of a stored file that is sent as the body.
        expect: Statuses that count as success; empty: 200 to 299.
        redirects: Redirects that are followed; each is checked as the first address.
        save: Store the answer's body as a file instead of returning it.
    """

    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    url: WebAddress
    headers: dict[HeaderName, HeaderValue] = Field(default={}, max_length=50)
    json_body: JsonValue = None
    text_body: str | None = Field(default=None, max_length=200_000)
    body_file: FileId | None = None
    expect: list[Annotated[int, Field(ge=200, le=599)]] = Field(
        default=[], max_length=20
    )
    redirects: int = Field(default=0, ge=0, le=5)
    save: bool = False

    @model_validator(mode="after")
    def _has_one_body_at_most(self) -> Self:
        given = [
            body
            for body in (self.json_body, self.text_body, self.body_file)
            if body is not None
        ]
        if len(given) > 1:
            message = "may have one of jsonBody, textBody and bodyFile"
            raise ValueError(message)
        if given and self.method in ("GET", "HEAD"):
            message = f"{self.method} has no body"
            raise ValueError(message)
        return self


class HttpCalled(Model):
    """What the server answered.

    Attributes:
        status: HTTP status.
        url: The address that answered, after redirects.
        headers: The headers that say something about the answer.
        json_body: The body, when it is JSON.
        text: The body, when it is other text.
        file: The body, when it was to be saved.
        duration_ms: Milliseconds from the connection to the end of the answer.
    """

    status: int
    url: str
    headers: dict[str, str]
    json_body: JsonValue = None
    text: str | None = None
    file: FileReference | None = None
    duration_ms: int


CONTRACT = TaskContract(
    name="call-http",
    queue="integration",
    summary="Calls somebody else's HTTP API, at the pace that its host allows.",
    data=CallHttp,
    result=HttpCalled,
    defaults=TaskDefaults(
        attempts=8,
        backoff=Backoff(type="exponential", delay=2_000, jitter=0.2),
        timeout_ms=60_000,
    ),
    idempotent_by=(
        "Requests that change something carry an Idempotency-Key made of the job's "
        "id, for servers that know it."
    ),
    redacted=frozenset({"headers"}),
)
