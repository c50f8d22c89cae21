"""Calls of an API on this machine: one that changes something, one that is kept.

NIGHTSHIFT_HTTP_ALLOWED_HOSTS of the worker must name 127.0.0.1, as `make up` has it.
"""

from __future__ import annotations

import service
from listener import listening


def main() -> None:
    """Send an order, and store an answer as a file."""
    with listening(b'{"accepted": true}') as api:
        answer = service.run(
            "integration",
            "call-http",
            {
                "method": "POST",
                "url": f"{api.url}/orders",
                "jsonBody": {"id": 7},
            },
        )
        print(f"  {answer['status']} {answer['jsonBody']}")
        stored = service.run(
            "integration", "call-http", {"url": f"{api.url}/export", "save": True}
        )
        service.save(stored["file"], "answer.json")
    for request in api.requests:
        key = request.headers.get("idempotency-key", "none")
        print(f"  {request.method} {request.path}, Idempotency-Key: {key}")


if __name__ == "__main__":
    main()
