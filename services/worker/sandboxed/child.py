"""One order in one forked child: limits first, then the work, then the end."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, NoReturn

import msgspec

from services.worker.sandboxed import compression, framing, images, limits
from services.worker.sandboxed.orders import (
    Assignment,
    CompressOrder,
    PicturePart,
    ResizeOrder,
    ThumbnailsOrder,
)
from services.worker.sandboxed.rejection import Rejection

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator

_CONNECTION_FD = 3
_ANY_FD = 65_536


def run(connection_fd: int, *, parent_id: int) -> NoReturn:
    """Do what the worker asks over `connection_fd`, and end the process."""
    limits.die_with(parent_id)
    connection = _keep_only(connection_fd)
    header, source = framing.receive(connection)
    assignment = msgspec.convert(header, Assignment)
    limits.apply(assignment.limits)
    try:
        for part, content in _parts(assignment, source):
            framing.send(
                connection, {"kind": "part", **msgspec.to_builtins(part)}, content
            )
        framing.send(connection, {"kind": "done"})
    except Rejection as rejection:
        framing.send(connection, {"kind": "rejected", "message": str(rejection)})
    except MemoryError:
        framing.send(connection, {"kind": "memory"})
    except Exception as error:  # noqa: BLE001 - the process ends here; the worker decides
        message = f"{type(error).__name__}: {error}"[:500]
        framing.send(connection, {"kind": "failed", "message": message})
    os._exit(0)


def _parts(
    assignment: Assignment, source: io.BytesIO
) -> Iterator[tuple[PicturePart, bytes]]:
    match assignment.order:
        case ResizeOrder() as order:
            yield from images.resized(source, order)
        case ThumbnailsOrder() as order:
            yield from images.thumbnails(source, order)
        case CompressOrder() as order:
            yield compression.compressed(source, order)


def _keep_only(connection_fd: int) -> socket.socket:
    """Close everything but the connection: the zygote's sockets are not ours."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(nothing, standard)
    os.dup2(connection_fd, _CONNECTION_FD)
    os.closerange(_CONNECTION_FD + 1, _ANY_FD)
    return socket.socket(fileno=_CONNECTION_FD)
