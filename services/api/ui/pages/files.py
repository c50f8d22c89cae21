"""Files of jobs: pictures and PDFs to look at, everything to download."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import Response, abort

from services.api.routes.files import attachment
from services.api.ui.previews import head, media_type

if TYPE_CHECKING:
    from services.api.ui.routes import Routes
    from services.api.ui.services import Services

#: Nothing in a file may run, load or be framed elsewhere, whatever it is.
_SHUT_IN = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"


@dataclass(frozen=True)
class FilePages:
    """The files."""

    services: Services

    def register(self, routes: Routes) -> None:
        """Add the routes."""
        routes.get("/file/<file_id>", "file", self.show)
        routes.get("/file/<file_id>/download", "download", self.download)

    def show(self, file_id: str) -> Response:
        """Show a picture or a PDF; its bytes say what it is, not its sender."""
        storage = self.services.storage
        stored = storage.stat(file_id)
        found = media_type(head(storage, file_id))
        if found is None:
            abort(415, "Only pictures and PDFs can be shown; download it instead.")
        response = Response(storage.stream(file_id), content_type=found)
        response.headers["Content-Security-Policy"] = _SHUT_IN
        response.headers["Cache-Control"] = "private, max-age=300"
        response.content_length = stored.size
        return response

    def download(self, file_id: str) -> Response:
        """Give the file to keep."""
        storage = self.services.storage
        stored = storage.stat(file_id)
        response = Response(
            storage.stream(file_id), content_type="application/octet-stream"
        )
        response.headers["Content-Disposition"] = attachment(stored.name)
        response.content_length = stored.size
        return response
