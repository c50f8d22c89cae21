"""Asks a service over HTTP whether it is ready."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

_TIMEOUT_S = 2.0
_LONGEST_REASON = 200


def not_ready(url: str) -> str | None:
    """Return why the service at `url` is not ready, None when it is."""
    parts = urlsplit(url)
    # http.client and not urllib: a proxy of the environment must not answer for us.
    connection = http.client.HTTPConnection(parts.netloc, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", parts.path or "/")
        answer = connection.getresponse()
        body = answer.read(_LONGEST_REASON).decode(errors="replace").strip(" .\n")
    except (OSError, http.client.HTTPException) as error:
        return f"it does not answer ({error})"
    finally:
        connection.close()
    if answer.status == http.client.OK:
        return None
    return f"it answers {answer.status} {body}"
