"""The client of a master that Sentinels watch: they are asked where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import redis
from redis.connection import SSLConnection, parse_url
from redis.sentinel import (
    MasterNotFoundError,
    Sentinel,
    SentinelConnectionPoolProxy,
    SentinelManagedConnection,
)

from shared import clock

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.redis_address import RedisAddress

#: How long one Sentinel may take to answer; then the next is asked.
SENTINEL_TIMEOUT_S = 0.5
#: How often the Sentinels are asked although nothing failed, in milliseconds ...
LOOK_EVERY_MS = 1_000.0
#: ... and after none of them answered.
LOOK_AGAIN_MS = 10_000.0


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


class Watch(Sentinel):
    """The Sentinels of a master; the first that answers is believed.

    redis-py's own asks for everything they know and waits for the end of a failover.
    The question of the documentation is answered with the new master as soon as it is
    chosen.
    """

    _first = 0

    def discover_master(
        self,
        service_name: str,
        return_responding_sentinel: bool = False,  # noqa: FBT001, FBT002 - redis-py's signature
    ) -> tuple[Any, ...]:
        """Return host and port of the master.

        Raises:
            redis.sentinel.MasterNotFoundError: When no Sentinel answers, or none that
                does knows the service.
        """
        del return_responding_sentinel
        first, count = self._first, len(self.sentinels)
        for place in ((first + step) % count for step in range(count)):
            try:
                address = self.sentinels[place].execute_command(
                    "SENTINEL", "GET-MASTER-ADDR-BY-NAME", service_name
                )
            except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError):
                continue
            if address:
                # Who answers is asked first the next time.
                self._first = place
                host, port = address
                return host.decode() if isinstance(host, bytes) else host, int(port)
        message = f"No Sentinel names the master of {service_name!r}."
        raise MasterNotFoundError(message)


class MasterPool(redis.BlockingConnectionPool):
    """Looks every second whether the master is still the master.

    One that was replaced although it lives goes on taking writes, which are lost, until
    the Sentinels come to reconfigure it; that takes them ten seconds.
    """

    _look_at_ms = 0.0

    @property
    def master(self) -> tuple[str, int] | None:
        """Host and port of the master that was named last."""
        found: tuple[str, int] | None = self.connection_kwargs[
            "connection_pool"
        ].master_address
        return found

    def get_connection(
        self, command_name: str | None = None, *keys: Any, **options: Any
    ) -> Any:
        """Return a connection to the master."""
        del command_name, keys, options
        now_ms = clock.monotonic_ms()
        if now_ms >= self._look_at_ms:
            self._look_at_ms = now_ms + LOOK_EVERY_MS
            self._look()
        connection = super().get_connection()  # type: ignore[no-untyped-call]  # see there
        if self.has_left(connection):
            connection.disconnect()
            try:
                connection.connect()
            except BaseException:
                self.release(connection)  # type: ignore[no-untyped-call]  # see there
                raise
        return connection

    def has_left(self, connection: Any) -> bool:
        """Whether a connection leads to a server that is no longer the master."""
        return self.master not in (None, (connection.host, connection.port))

    def _look(self) -> None:
        try:
            self.connection_kwargs["connection_pool"].get_master_address()
        except redis.exceptions.ConnectionError:
            # The master is none the worse for it; asking may have taken long.
            self._look_at_ms = clock.monotonic_ms() + LOOK_AGAIN_MS


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
    patience_s = min(options["socket_timeout"], SENTINEL_TIMEOUT_S)
    own: dict[str, Any] = {
        "socket_timeout": patience_s,
        "socket_connect_timeout": patience_s,
        "retry": options["retry"],
    }
    if is_secure:
        own |= {name: value for name, value in login.items() if name.startswith("ssl_")}
        own["ssl"] = True
    if address.sentinel_password:
        own["username"] = address.sentinel_username or None
        own["password"] = address.sentinel_password
    pool = MasterPool(  # type: ignore[no-untyped-call]  # the driver's
        connection_class=SecureMasterConnection if is_secure else MasterConnection,
        **{**login, **options},
    )
    pool.connection_kwargs["connection_pool"] = SentinelConnectionPoolProxy(
        connection_pool=pool,
        is_master=True,
        check_connection=False,
        service_name=address.service,
        sentinel_manager=Watch(address.hosts, sentinel_kwargs=own),  # type: ignore[no-untyped-call]  # the driver's
    )
    client = redis.Redis(connection_pool=pool)
    # Its pool is its own: closing the client closes the connections.
    client.auto_close_connection_pool = True
    return client
