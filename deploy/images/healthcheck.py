"""Ask the process of this container whether it is well; the exit status says so.

Usage: healthcheck.py PORT_VARIABLE PATH. It imports nothing of the application, so
that asking costs milliseconds. What it prints shows in `docker inspect`.
"""

from __future__ import annotations

import http.client
import os
import sys

TIMEOUT_S = 3.0


def problem(port: int, path: str) -> str | None:
    """Return why the process on `port` is not well, or None when it is."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read(500).decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return f"{path} on port {port} does not answer: {error}"
    finally:
        connection.close()
    if response.status != http.HTTPStatus.OK:
        return f"{path} on port {port} answers {response.status}: {body}"
    return None


if __name__ == "__main__":
    sys.exit(problem(int(os.environ[sys.argv[1]]), sys.argv[2]))
