"""Reads what the webhook receiver wrote."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Receipt:
    """One webhook that arrived.

    Attributes:
        path: Where the receipt is.
        is_verified: Whether its signature fits.
        reason: Why not, None when it does.
    """

    path: Path
    is_verified: bool
    reason: str | None


def find(folder: Path, *, run: str) -> Receipt | None:
    """Return the newest receipt of the demo's run `run`, None when there is none."""
    for path in sorted(folder.glob("*.json"), reverse=True):
        document = json.loads(path.read_bytes())
        body = document["body"]
        data = body.get("data") if isinstance(body, dict) else None
        if isinstance(data, dict) and data.get("run") == run:
            return Receipt(path, document["verified"] is True, document["reason"])
    return None
