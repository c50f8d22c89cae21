"""Addresses of the dashboard's pages."""

from __future__ import annotations

from typing import Any

from flask import url_for

from services.api.ui.routes import NAME


def to(page: str, **values: Any) -> str:
    """Return the address of a page.

    Args:
        page: Its name, as its routes call it.
        **values: Parts of the path, and parameters for the rest.
    """
    return url_for(f"{NAME}.{page}", **values)
