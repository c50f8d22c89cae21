"""A real HTTP server that hands out what a test put on it."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Page:
    """What lies under a path.

    Attributes:
        body: Its content.
        status: HTTP status.
        headers: Its headers.
        is_endless: Whether the content repeats until the client has had enough.
    """

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    is_endless: bool = False


@dataclass
class FileServer:
    """Listens on a free port of the loopback.

    Attributes:
        pages: What is there, by path.
        port: Where it listens.
        asked: Paths that were asked for.
    """

    pages: dict[str, Page]
    port: int = 0
    asked: list[str] = field(default_factory=list)

    def url(self, path: str) -> str:
        """Return the address of a path."""
        return f"http://127.0.0.1:{self.port}{path}"


@contextmanager
def serving(pages: dict[str, Page]) -> Iterator[FileServer]:
    """Serve until the block ends."""
    shown = FileServer(pages)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            shown.asked.append(self.path)
            page = shown.pages.get(self.path, Page(status=404))
            self.send_response(page.status)
            for name, value in page.headers.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                self.wfile.write(page.body)
                while page.is_endless:
                    self.wfile.write(page.body)
            except OSError:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False
    shown.port = server.server_port
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.02}
    )
    thread.start()
    try:
        yield shown
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
