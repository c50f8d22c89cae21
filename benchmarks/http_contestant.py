"""`python -m benchmarks.http_contestant bare PORT`: a bare Flask app on our server."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from services.api import server

if TYPE_CHECKING:
    from flask import Flask


def load() -> Flask:
    """Return the application, in the process that Granian starts for it."""
    from benchmarks.bare_app import app  # noqa: PLC0415 - only in this process

    return app


def main() -> None:
    """Serve it as the api is served: same server, same threads."""
    server.granian("127.0.0.1", int(sys.argv[1])).serve(
        target_loader=load, wrap_loader=False
    )


if __name__ == "__main__":
    main()
