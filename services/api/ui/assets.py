"""Styles, scripts and pictures: read once, and cached by browsers for a year."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from flask import Response, abort, request, url_for

FOLDER = Path(__file__).parent / "static"
_FOREVER = "public, max-age=31536000, immutable"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}


@dataclass(frozen=True)
class Asset:
    """One file.

    Attributes:
        content: Its bytes.
        packed: The same, gzipped.
        content_type: Its media type.
        digest: Changes with its content.
    """

    content: bytes
    packed: bytes
    content_type: str
    digest: str


class Assets:
    """The files of one folder, by name; others can't be asked for."""

    def __init__(self, folder: Path = FOLDER) -> None:
        """Read all of `folder`."""
        self._files = {
            path.relative_to(folder).as_posix(): _read(path)
            for path in sorted(folder.rglob("*"))
            if path.suffix in _TYPES
        }

    def url(self, name: str) -> str:
        """Return the address of a file, which changes with its content."""
        return url_for("ui.asset", digest=self._files[name].digest, name=name)

    def show(self, digest: str, name: str) -> Response:
        """Give a file."""
        asset = self._files.get(name)
        if asset is None or asset.digest != digest:
            abort(404)
        headers = {"Cache-Control": _FOREVER, "Vary": "Accept-Encoding"}
        content = asset.content
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            headers["Content-Encoding"] = "gzip"
            content = asset.packed
        return Response(content, content_type=asset.content_type, headers=headers)


@cache
def load() -> Assets:
    """Return our own files, read once per process."""
    return Assets()


def _read(path: Path) -> Asset:
    content = path.read_bytes()
    return Asset(
        content=content,
        packed=gzip.compress(content, 9, mtime=0),
        content_type=_TYPES[path.suffix],
        digest=hashlib.sha256(content).hexdigest()[:12],
    )
