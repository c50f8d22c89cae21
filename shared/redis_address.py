"""What REDIS_URL says: one server, a master that Sentinels watch, or a Cluster."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

if TYPE_CHECKING:
    from urllib.parse import SplitResult

SENTINEL_PORT = 26_379
CLUSTER_PORT = 6_379
_HIGHEST_PORT = 65_535
#: Options of the URL that are meant for the Sentinels, not for Redis.
_FOR_SENTINEL = ("sentinel_username", "sentinel_password")


class Topology(StrEnum):
    """How the servers belong together."""

    SERVER = "server"
    SENTINEL = "sentinel"
    CLUSTER = "cluster"


_SCHEMES = {
    "redis": (Topology.SERVER, "redis"),
    "rediss": (Topology.SERVER, "rediss"),
    "unix": (Topology.SERVER, "unix"),
    "redis+sentinel": (Topology.SENTINEL, "redis"),
    "rediss+sentinel": (Topology.SENTINEL, "rediss"),
    "redis+cluster": (Topology.CLUSTER, "redis"),
    "rediss+cluster": (Topology.CLUSTER, "rediss"),
}
SCHEMES = tuple(f"{scheme}://" for scheme in _SCHEMES)


@dataclass(frozen=True)
class RedisAddress:
    """Where Redis is.

    Attributes:
        topology: How the servers belong together.
        server_url: The URL of one server, for the driver: login, database and options
            are those of all servers.
        hosts: Host and port of every Sentinel, or of some nodes of the Cluster.
        service: What the Sentinels call the master.
        sentinel_username: The Sentinels' own login; empty for none.
        sentinel_password: Its password; empty for none.
    """

    topology: Topology
    server_url: str = field(repr=False)
    hosts: tuple[tuple[str, int], ...] = ()
    service: str = ""
    sentinel_username: str = ""
    sentinel_password: str = field(default="", repr=False)


def parse(url: str) -> RedisAddress:
    """Read a URL.

    Raises:
        ValueError: With what is wrong; the value is not repeated, it may be a secret.
    """
    if not url.startswith(SCHEMES):
        message = f"must start with one of {', '.join(SCHEMES)}"
        raise ValueError(message)
    parts = urlsplit(url)
    topology, scheme = _SCHEMES[parts.scheme]
    if topology is Topology.SERVER:
        _check_port(parts)
        return RedisAddress(topology, url)
    default_port = SENTINEL_PORT if topology is Topology.SENTINEL else CLUSTER_PORT
    login, _, places = parts.netloc.rpartition("@")
    hosts = tuple(_host(place, default_port) for place in places.split(","))
    service, database = _path(topology, parts)
    options = parse_qsl(parts.query, keep_blank_values=True)
    own = dict(pair for pair in options if pair[0] in _FOR_SENTINEL)
    if own and topology is Topology.CLUSTER:
        message = f"has {' and '.join(own)}, which only Sentinels understand"
        raise ValueError(message)
    return RedisAddress(
        topology,
        parts._replace(
            scheme=scheme,
            netloc=f"{login}@{_place(hosts[0])}" if login else _place(hosts[0]),
            path=f"/{database}" if database else "",
            query=urlencode([pair for pair in options if pair[0] not in own]),
        ).geturl(),
        hosts,
        service,
        own.get("sentinel_username", ""),
        own.get("sentinel_password", ""),
    )


def with_passwords(url: str, *, redis: str, sentinel: str) -> str:
    """Return a URL with passwords that it left out; an empty one changes nothing.

    Raises:
        ValueError: When it has such a password already, or no use for one.
    """
    parts = urlsplit(url)
    if redis:
        user, _, places = parts.netloc.rpartition("@")
        name, _, present = user.partition(":")
        if present:
            message = "it has a password already; give that or REDIS_PASSWORD, not both"
            raise ValueError(message)
        parts = parts._replace(netloc=f"{name}:{quote(redis, safe='')}@{places}")
    if sentinel:
        if _SCHEMES[parts.scheme][0] is not Topology.SENTINEL:
            message = "it names no Sentinels, so REDIS_SENTINEL_PASSWORD has no use"
            raise ValueError(message)
        if "sentinel_password" in dict(parse_qsl(parts.query)):
            message = (
                "it has a sentinel_password already; give that or "
                "REDIS_SENTINEL_PASSWORD, not both"
            )
            raise ValueError(message)
        given = f"sentinel_password={quote(sentinel, safe='')}"
        query = f"{parts.query}&{given}" if parts.query else given
        parts = parts._replace(query=query)
    return parts.geturl() if redis or sentinel else url


def _check_port(parts: SplitResult) -> None:
    try:
        _ = parts.port
    except ValueError:
        # The driver would find it, too, and repeat what may be half of a password.
        message = "must name a port from 1 to 65535, or none"
        raise ValueError(message) from None


def _host(place: str, default_port: int) -> tuple[str, int]:
    if place.startswith("["):
        host, _, rest = place[1:].partition("]")
        port_text = rest.removeprefix(":")
    else:
        host, _, port_text = place.partition(":")
    if not host:
        message = "must name hosts, as host:port,host:port"
        raise ValueError(message)
    if not port_text:
        return unquote(host), default_port
    # A number of more digits is no port, whatever it is.
    is_number = port_text.isascii() and port_text.isdigit() and len(port_text) <= 5  # noqa: PLR2004
    if not is_number or not 0 < int(port_text) <= _HIGHEST_PORT:
        message = "must name hosts as host:port, with ports from 1 to 65535"
        raise ValueError(message)
    return unquote(host), int(port_text)


def _place(host: tuple[str, int]) -> str:
    name, port = host
    return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"


def _path(topology: Topology, parts: SplitResult) -> tuple[str, str]:
    """Return the service and the database that the path names."""
    words = [unquote(word) for word in parts.path.split("/")[1:]]
    if topology is Topology.CLUSTER:
        if words not in ([], [""], ["0"]):
            message = "must name no database: a Cluster has only one"
            raise ValueError(message)
        return "", ""
    service, database = (*words, "", "")[:2]
    has_sense = len(words) <= 2 and (not database or database.isdecimal())  # noqa: PLR2004
    if not service or not has_sense:
        message = (
            "must name what the Sentinels call the master, and may name a database: "
            "redis+sentinel://host:port,host:port/service/0"
        )
        raise ValueError(message)
    return service, database
