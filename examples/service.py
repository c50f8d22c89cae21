"""The few calls that the examples make; the standard library suffices.

NIGHTSHIFT_URL and NIGHTSHIFT_TOKEN name the installation; without them it is the one
that `make up` runs in this folder. What an example downloads lies in var/examples, or
where NIGHTSHIFT_EXAMPLES_DIR says.
"""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import quote

Document = dict[str, Any]

PHOTOS = Path(__file__).parent / "photos"
URL = os.environ.get("NIGHTSHIFT_URL", "http://127.0.0.1:8000").rstrip("/")
FOLDER = Path(os.environ.get("NIGHTSHIFT_EXAMPLES_DIR", "var/examples"))
TOKEN_FILE = Path("var/admin-token")
FINAL = ("completed", "failed", "cancelled")
#: Seconds that one question about a job waits for its end.
WAIT_S = 25
#: An environment's proxy must not see the token.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def add(queue: str, name: str, data: Document, **options: Any) -> Document:
    """Create a job and return its record; `options` are those of BullMQ."""
    job = {"name": name, "data": data, "opts": options}
    return _document(call("POST", f"/jobs/{queue}", job))


def end(queue: str, job_id: str) -> Document:
    """Return the job's record when it has ended.

    Raises:
        SystemExit: When it ended otherwise than completed.
    """
    path = f"/jobs/{queue}/{quote(job_id, safe=':@')}?wait={WAIT_S}"
    record = _document(call("GET", path))
    while record["state"] not in FINAL:
        record = _document(call("GET", path))
    if record["state"] != "completed":
        message = f"{record['name']} {record['state']}: {record['failedReason']}"
        raise SystemExit(message)
    return record


def run(queue: str, name: str, data: Document, **options: Any) -> Document:
    """Create a job, wait for its end and return what it returned."""
    record = end(queue, str(add(queue, name, data, **options)["id"]))
    print(f"{name}: completed in {record['finishedOn'] - record['timestamp']} ms")
    return _document(json.dumps(record["returnvalue"]).encode())


def upload(content: bytes, name: str, content_type: str) -> str:
    """Store a file and return its id."""
    headers = {"Content-Type": content_type, "X-Filename": quote(name)}
    return str(_document(call("POST", "/files", content, headers))["id"])


def save(file: Document, name: str = "") -> Path:
    """Download a file that a job returned; return where it lies now."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / (name or file["name"])
    path.write_bytes(call("GET", f"/files/{file['id']}"))
    print(f"  {path}, {path.stat().st_size:,} bytes")
    return path


def call(
    method: str,
    path: str,
    body: Document | bytes | None = None,
    headers: dict[str, str] | None = None,
) -> bytes:
    """Send one request and return the body of its answer.

    Raises:
        SystemExit: When the answer is an error, or there is none.
    """
    content = json.dumps(body).encode() if isinstance(body, dict) else body
    request = urllib.request.Request(  # noqa: S310 - the address is the user's own
        f"{URL}/api/v1{path}",
        data=content,
        method=method,
        headers={
            "Authorization": f"Bearer {_token()}",
            "Content-Type": "application/json",
            **(headers or {}),
        },
    )
    try:
        with _OPENER.open(request, timeout=WAIT_S + 10) as answer:
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        message = f"{method} {path}: {error.code} {error.read().decode()}"
        raise SystemExit(message) from None
    except OSError as error:
        message = f"{URL} does not answer ({error}). Is `make up` running?"
        raise SystemExit(message) from None


def _token() -> str:
    token = os.environ.get("NIGHTSHIFT_TOKEN")
    return token or TOKEN_FILE.read_text(encoding="ascii").strip()


def _document(content: bytes) -> Document:
    document = json.loads(content)
    if not isinstance(document, dict):
        message = "The answer is no JSON object."
        raise SystemExit(message)
    return document
