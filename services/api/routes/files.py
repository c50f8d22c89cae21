"""`/api/v1/files`: large inputs and outputs, which jobs name by their id."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec
from flask import Blueprint, Response, request
from werkzeug.http import dump_options_header

from services.api import upload

if TYPE_CHECKING:
    from shared.storage.storage import Storage
    from shared.storage.stored_file import StoredFile

PREFIX = "/api/v1/files"


@dataclass(frozen=True, kw_only=True)
class FileRoutes:
    """The routes and what they need."""

    storage: Storage
    max_file_bytes: int

    def blueprint(self) -> Blueprint:
        """Return the routes."""
        routes = Blueprint("files", __name__, url_prefix=PREFIX)
        routes.post("")(self.add)
        routes.get("/<file_id>")(self.show)
        return routes

    def add(self) -> Response:
        """Store a file."""
        incoming = upload.read(request, limit=self.max_file_bytes)
        stored = self.storage.put(
            incoming.chunks, name=incoming.name, content_type=incoming.content_type
        )
        response = Response(
            msgspec.json.encode(_document(stored)),
            status=201,
            content_type="application/json",
        )
        response.headers["Location"] = f"{PREFIX}/{stored.id}"
        return response

    def show(self, file_id: str) -> Response:
        """Give a file back, always as a download: its type is its sender's word."""
        stored = self.storage.stat(file_id)
        response = Response(
            self.storage.stream(file_id), content_type=stored.content_type
        )
        response.headers["Content-Disposition"] = attachment(stored.name)
        response.content_length = stored.size
        return response


def attachment(name: str) -> str:
    """Return the header that names a download, as RFC 6266 wants it."""
    if name.isascii():
        return dump_options_header("attachment", {"filename": name})
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    exact = f"UTF-8''{quote(name, safe='')}"
    names = {"filename": plain, "filename*": exact}
    return dump_options_header("attachment", names)


def _document(stored: StoredFile) -> dict[str, str | int]:
    return {
        "id": stored.id,
        "name": stored.name,
        "contentType": stored.content_type,
        "size": stored.size,
    }
