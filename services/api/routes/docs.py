"""`/docs`: the API, to read and to try; all of it comes from here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from flask import Blueprint, Response, abort

FOLDER = Path(__file__).parents[1] / "docs_page"
#: Nothing inline, nothing from elsewhere; Swagger UI's icons are data in its styles.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
}


@dataclass(frozen=True)
class DocsRoutes:
    """The routes."""

    folder: Path = FOLDER

    def blueprint(self) -> Blueprint:
        """Return the routes."""
        routes = Blueprint("docs", __name__, url_prefix="/docs")
        routes.get("")(self.page)
        routes.get("/<name>")(self.part)
        return routes

    def page(self) -> Response:
        """Show the page."""
        return self._file("index.html")

    def part(self, name: str) -> Response:
        """Give a part of the page."""
        # Names from the folder's own list: no path of a caller's is ever opened.
        if name not in {path.name for path in self.folder.iterdir()}:
            abort(404)
        return self._file(name)

    def _file(self, name: str) -> Response:
        path = self.folder / name
        content_type = _TYPES.get(path.suffix)
        if content_type is None:
            abort(404)
        headers = {
            "Content-Security-Policy": POLICY,
            "Cache-Control": "public, max-age=3600",
        }
        return Response(path.read_bytes(), content_type=content_type, headers=headers)
