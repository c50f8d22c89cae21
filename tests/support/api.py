"""The real application for tests, on Flask's test client, with the token at hand."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from services.api import app as application
from services.api.settings import ApiSettings
from shared import ids
from shared.broker.connection import connect
from shared.broker.inspector import Inspector
from shared.broker.keys import QueueKeys
from shared.broker.orders import Completion
from shared.broker.scripts import Claimed, Scripts
from shared.contracts import catalogue as catalogues
from shared.contracts.retention import Retention

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from flask import Flask
    from werkzeug.test import TestResponse

TOKEN = "a-token-for-the-tests-0123456789"  # noqa: S105 - of a throw-away app
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@dataclass(frozen=True)
class Api:
    """The application and the Redis behind it.

    Attributes:
        app: The application.
        settings: Its settings.
    """

    app: Flask
    settings: ApiSettings

    def call(self, method: str, path: str, **options: Any) -> TestResponse:
        """Call with the token; `headers` are added to it, `token` replaces it."""
        token = options.pop("token", TOKEN)
        headers = {"Authorization": f"Bearer {token}"} | options.pop("headers", {})
        return self.app.test_client().open(
            path, method=method, headers=headers, **options
        )

    def get(self, path: str, **options: Any) -> TestResponse:
        """Call with the token."""
        return self.call("GET", path, **options)

    def post(self, path: str, **options: Any) -> TestResponse:
        """Call with the token."""
        return self.call("POST", path, **options)

    def patch(self, path: str, **options: Any) -> TestResponse:
        """Call with the token."""
        return self.call("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> TestResponse:
        """Call with the token."""
        return self.call("DELETE", path, **options)

    def add(
        self,
        queue: str = "demo",
        *,
        headers: Mapping[str, str] | None = None,
        token: str = TOKEN,
        **body: Any,
    ) -> TestResponse:
        """Post a job, `echo` unless `name` says otherwise."""
        job = {"name": "echo", "data": {"msg": "hi"}, **body}
        path = f"/api/v1/jobs/{queue}"
        return self.post(path, json=job, headers=headers or {}, token=token)

    def mint(
        self, *scopes: str, queues: Sequence[str] = ("*",), name: str = "t"
    ) -> str:
        """Make a token; return its text."""
        wish = {"name": name, "scopes": scopes, "queues": queues}
        text: str = self.post("/api/v1/tokens", json=wish).get_json()["token"]
        return text

    def job_count(self) -> int:
        """Return the number of jobs in all queues of the namespace."""
        with connect(self.settings.redis_url) as client:
            inspector = Inspector(
                client,
                namespace=self.settings.nightshift_namespace,
                catalogue=catalogues.load(),
            )
            queues = inspector.queues()
            return sum(sum(inspector.counts(queue).values()) for queue in queues)


@contextmanager
def running_api(
    redis_url: str, namespace: str, folder: Path, **changes: Any
) -> Iterator[Api]:
    """Make the application; its thread has ended when the block ends."""
    settings = api_settings(redis_url, namespace, folder, **changes)
    app = application.create_app(settings)
    try:
        yield Api(app, settings)
    finally:
        application.stop(app)


def api_settings(
    redis_url: str, namespace: str, folder: Path, **changes: Any
) -> ApiSettings:
    """Return settings that depend on no environment variable."""
    fields: dict[str, Any] = {
        "redis_url": redis_url,
        "nightshift_namespace": namespace,
        "nightshift_storage_dir": folder,
        "nightshift_api_token": SecretStr(TOKEN),
    }
    return ApiSettings(**(fields | changes))


class FakeWorker:
    """Takes jobs and ends them, as a worker's broker would, without running them."""

    def __init__(self, redis_url: str, namespace: str, *, queue: str = "demo") -> None:
        """Work on `queue`."""
        self._client = connect(redis_url)
        self._scripts = Scripts(self._client, QueueKeys(namespace, queue))

    def claim(self) -> Claimed:
        """Take the next job."""
        claim = self._scripts.claim(
            worker="w", operation=ids.new_id(), count=1, lease_ms=60_000
        )
        return claim.jobs[0]

    def complete(self, job: Claimed, returnvalue: bytes = b'{"msg":"hi"}') -> None:
        """End a job well."""
        keep = Retention(count=100)
        self._scripts.complete([Completion(job.job_id, job.token, returnvalue, keep)])

    def log(self, job: Claimed, *lines: str) -> None:
        """Write to a job's log."""
        self._scripts.add_log(
            job.job_id, job.token, operation=ids.new_id(), lines=lines
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
