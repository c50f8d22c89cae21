"""HTTP clients for addresses that came from outside."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

import httpcore2
import httpx2

from services.worker.egress.backend import GuardedBackend
from services.worker.egress.resolver import resolve
from services.worker.egress.traced_transport import TracedTransport
from shared.errors import UnrecoverableError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

    from services.worker.egress.resolver import Resolver

#: Where web servers listen; other ports belong to other protocols.
ALLOWED_PORTS = frozenset({80, 443, 8443})
_DEFAULT_PORTS = {"http": 80, "https": 443}


@contextmanager
def open_client(
    *, deadline: float, allow_private: bool, resolver: Resolver = resolve
) -> Iterator[httpx2.Client]:
    """Lend a client that follows no redirect and knows no proxy.

    Args:
        deadline: When everything is over, in `time.monotonic()` seconds.
        allow_private: Whether loopback and private networks are allowed, too.
        resolver: Finds addresses.
    """
    backend = GuardedBackend(
        resolver=resolver, deadline=deadline, allow_private=allow_private
    )
    transport = httpx2.HTTPTransport(verify=_tls(), trust_env=False)
    # The transport has no parameter for the backend; the pool's own is public.
    transport._pool = httpcore2.ConnectionPool(  # noqa: SLF001
        ssl_context=_tls(), network_backend=backend
    )
    # The backend's deadline is the only limit of time: it covers every wait.
    with httpx2.Client(
        transport=TracedTransport(transport),
        trust_env=False,
        follow_redirects=False,
        timeout=None,
    ) as client:
        yield client


def checked_url(url: str, *, allow_private: bool) -> httpx2.URL:
    """Return the parsed address if it may be called.

    Raises:
        UnrecoverableError: When it may not; the message says why.
    """
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL:
        message = "The web address can't be read."
        raise UnrecoverableError(message) from None
    if parsed.scheme not in _DEFAULT_PORTS or not parsed.host:
        message = "A web address must start with https:// or http:// and name a host."
        raise UnrecoverableError(message)
    if parsed.userinfo:
        message = "A web address must not hold a user name or password."
        raise UnrecoverableError(message)
    port = parsed.port or _DEFAULT_PORTS[parsed.scheme]
    if port not in ALLOWED_PORTS and not allow_private:
        ports = ", ".join(map(str, sorted(ALLOWED_PORTS)))
        message = f"Port {port} is not called; web servers listen on {ports}."
        raise UnrecoverableError(message)
    return parsed


def place_of(url: httpx2.URL) -> str:
    """Return the host and the port that `url` leads to."""
    return f"{url.host}:{url.port or _DEFAULT_PORTS[url.scheme]}"


@cache
def _tls() -> ssl.SSLContext:
    # Loading the system's certificates takes longer than a call.
    return httpx2.create_ssl_context(trust_env=False)
