"""Turns a host name into addresses, in limited time."""

from __future__ import annotations

import queue
import socket
import threading
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from services.worker.egress.addresses import Address


class ResolutionError(Exception):
    """Raised when a host name has no address, or none in time."""


@dataclass(frozen=True)
class Endpoint:
    """Where a connection can go.

    Attributes:
        family: The socket's family.
        address: The address.
        port: The port.
    """

    family: socket.AddressFamily
    address: Address
    port: int


class Resolver(Protocol):
    """Finds the addresses of a host."""

    def __call__(self, host: str, port: int, *, timeout_s: float) -> list[Endpoint]:
        """Return all addresses, best first."""


def resolve(host: str, port: int, *, timeout_s: float) -> list[Endpoint]:
    """Ask the system.

    Raises:
        ResolutionError: When there is no answer within `timeout_s` seconds, or none.
    """
    answers: queue.SimpleQueue[list[Endpoint] | None] = queue.SimpleQueue()

    def ask() -> None:
        # The system's resolver can't be interrupted; this thread may outlive the call.
        try:
            answers.put(_ask_system(host, port))
        except (OSError, UnicodeError, ValueError):
            answers.put(None)

    threading.Thread(target=ask, name="resolver", daemon=True).start()
    try:
        endpoints = answers.get(timeout=timeout_s)
    except queue.Empty:
        endpoints = None
    if not endpoints:
        message = f"The host {host!r} has no address."
        raise ResolutionError(message)
    return endpoints


def _ask_system(host: str, port: int) -> list[Endpoint]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [
        Endpoint(family, ip_address(str(where[0]).partition("%")[0]), port)
        for family, _, _, _, where in found
        if family in (socket.AF_INET, socket.AF_INET6)
    ]
