"""The client of a master that Sentinels watch: they are asked where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import redis
from redis.connection import SSLConnection, parse_url
from redis.sentinel import (
    Sentinel,
    SentinelConnectionPoolProxy,
    SentinelManagedConnection,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.redis_address import RedisAddress

#: What the Sentinels' own connections have in common with Redis's.
_SHARED = ("socket_timeout", "socket_connect_timeout", "retry")


class MasterConnection(SentinelManagedConnection):
    """A connection to whoever is master when it is opened."""

    def on_connect_check_health(self, check_health: bool = True) -> None:  # noqa: FBT001, FBT002 - redis-py's signature
        """Log in, and make sure that the server knows that it is the master.

        For a moment after a failover a Sentinel may name the old one.

        Raises:
            redis.exceptions.ConnectionError: When it is not.
        """
        super().on_connect_check_health(check_health=check_health)
        self.send_command("ROLE", check_health=False)  # type: ignore[no-untyped-call]  # the driver's
        role = self.read_response()
        if role[0] not in (b"master", "master"):
            message = f"{self.host}:{self.port} is not the master."
            raise redis.exceptions.ConnectionError(message)


class SecureMasterConnection(MasterConnection, SSLConnection):
    """The same over TLS."""


def connect(address: RedisAddress, options: Mapping[str, Any]) -> redis.Redis:
    """Return a client of the master of `address`; nothing is sent yet.

    Args:
        address: Where the Sentinels are and what they call the master.
        options: Those of a BlockingConnectionPool.
    """
    login = parse_url(address.server_url)
    is_secure = issubclass(login.pop("connection_class", object), SSLConnection)
    for name in ("host", "port"):
        login.pop(name, None)
    own: dict[str, Any] = {name: options[name] for name in _SHARED}
    if is_secure:
        own |= {name: value for name, value in login.items() if name.startswith("ssl_")}
        own["ssl"] = True
    if address.sentinel_password:
        own["username"] = address.sentinel_username or None
        own["password"] = address.sentinel_password
    pool = redis.BlockingConnectionPool(
        connection_class=SecureMasterConnection if is_secure else MasterConnection,
        **{**login, **options},
    )
    pool.connection_kwargs["connection_pool"] = SentinelConnectionPoolProxy(
        connection_pool=pool,
        is_master=True,
        check_connection=False,
        service_name=address.service,
        sentinel_manager=Sentinel(address.hosts, sentinel_kwargs=own),
    )
    client = redis.Redis(connection_pool=pool)
    # Its pool is its own: closing the client closes the connections.
    client.auto_close_connection_pool = True
    return client
