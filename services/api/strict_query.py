"""Refuses query parameters that an address does not have, or has twice.

A typo in a filter would otherwise show, or retry, all jobs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.api.current import current_request
from services.api.errors import InvalidParameterError
from services.api.openapi.document import known_parameters

if TYPE_CHECKING:
    from flask import Flask


def register(app: Flask) -> None:
    """Look at every request of `app` to an address of the API."""

    @app.before_request
    def check() -> None:
        request = current_request()
        if not request.query_string:
            return
        known = known_parameters(request.endpoint or "")
        if known is None:
            return
        for name, values in request.args.lists():
            if name not in known:
                detail = "is no parameter of this address"
                raise InvalidParameterError(name[:100], detail)
            if len(values) > 1:
                raise InvalidParameterError(name, "is given more than once")
