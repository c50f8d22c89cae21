"""Redis servers that listen on loopback ports, as those of a Cluster must."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.errors import ServerError
from cli.redis_server import RedisServer
from tests.support.worker_process import free_port

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

#: Somebody else may take a free port before the server does.
_TRIES = 5


class RedisNode:
    """A server with a port; `server.url` leads to it alone, past all redirections."""

    def __init__(self, folder: Path, options: Mapping[str, str]) -> None:
        """Start one in `folder`; `{bus}` in an option becomes a second free port.

        Raises:
            ServerError: When it does not start.
        """
        for left in reversed(range(_TRIES)):
            self.port, bus = free_port(), free_port()
            self.server = RedisServer(
                folder,
                options={
                    "port": str(self.port),
                    "bind": "127.0.0.1",
                    **{name: text.format(bus=bus) for name, text in options.items()},
                },
            )
            try:
                self.server.start()
            except ServerError as error:
                if "in use" not in str(error) or not left:
                    raise
            else:
                return

    @property
    def url(self) -> str:
        """The URL of its port."""
        return f"redis://127.0.0.1:{self.port}/0"
