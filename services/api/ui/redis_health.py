"""What a Redis server tells about itself, picked out and put into words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from services.api.ui import formats
from shared import clock

if TYPE_CHECKING:
    from collections.abc import Mapping

_OK = "ok"


class Fact(NamedTuple):
    """One line: what, and its value; `is_wrong` when it asks for attention."""

    label: str
    value: str
    is_wrong: bool = False


@dataclass(frozen=True, kw_only=True)
class Health:
    """A server at one instant.

    Attributes:
        product: Name and version.
        used: Bytes that its data take.
        peak: The most they ever took.
        limit: Its `maxmemory`, 0 for none.
        ops: Commands per second just now.
        clients: Connections.
        blocked: Connections that wait for something to come.
        hold: How data come to the disk, in lines.
        memory: More about its memory.
        traffic: More about its work.
    """

    product: str
    used: int
    peak: int
    limit: int
    ops: int
    clients: int
    blocked: int
    hold: list[Fact]
    memory: list[Fact]
    traffic: list[Fact]

    @property
    def share(self) -> float | None:
        """The part of the limit that is used, None without a limit."""
        return self.used / self.limit if self.limit else None


def read(info: Mapping[str, Any]) -> Health:
    """Return the health that the answer to INFO describes."""
    name = "Valkey" if "valkey_version" in info else "Redis"
    version = info.get("valkey_version") or info.get("redis_version", "?")
    return Health(
        product=f"{name} {version}",
        used=_int(info, "used_memory"),
        peak=_int(info, "used_memory_peak"),
        limit=_int(info, "maxmemory"),
        ops=_int(info, "instantaneous_ops_per_sec"),
        clients=_int(info, "connected_clients"),
        blocked=_int(info, "blocked_clients"),
        hold=_hold(info),
        memory=_memory(info),
        traffic=_traffic(info),
    )


def _hold(info: Mapping[str, Any]) -> list[Fact]:
    has_aof = bool(_int(info, "aof_enabled"))
    facts = [Fact("Append-only file", "on" if has_aof else "off", not has_aof)]
    if has_aof:
        for label, field in (
            ("Last write", "aof_last_write_status"),
            ("Last rewrite", "aof_last_bgrewrite_status"),
        ):
            status = str(info.get(field, _OK))
            facts.append(Fact(label, status, status != _OK))
        facts += [
            Fact("Size", formats.size(_int(info, "aof_current_size"))),
            Fact("Delayed writes", formats.number(_int(info, "aof_delayed_fsync"))),
        ]
    status = str(info.get("rdb_last_bgsave_status", _OK))
    saved = _int(info, "rdb_last_save_time") * 1000
    return [
        *facts,
        Fact("Last snapshot", formats.ago(saved, clock.now_ms()) if saved else "never"),
        Fact("Snapshot status", status, status != _OK),
        Fact("Role", str(info.get("role", "?"))),
        Fact("Replicas", str(_int(info, "connected_slaves"))),
    ]


def _memory(info: Mapping[str, Any]) -> list[Fact]:
    policy = str(info.get("maxmemory_policy", "?"))
    evicted = _int(info, "evicted_keys")
    return [
        Fact("When full", policy, policy != "noeviction"),
        Fact("Peak", formats.size(_int(info, "used_memory_peak"))),
        Fact("Resident", formats.size(_int(info, "used_memory_rss"))),
        Fact("Fragmentation", f"{float(info.get('mem_fragmentation_ratio', 0)):.2f}"),
        Fact("Scripts", formats.size(_int(info, "used_memory_scripts"))),
        Fact("Evicted keys", formats.number(evicted), evicted > 0),
    ]


def _traffic(info: Mapping[str, Any]) -> list[Fact]:
    rejected = _int(info, "rejected_connections")
    errors = _int(info, "total_error_replies")
    most = _int(info, "maxclients")
    return [
        Fact("Connections, at most", formats.number(most) if most else "?"),
        Fact("Refused connections", formats.number(rejected), rejected > 0),
        Fact("Commands since start", formats.number(_commands(info))),
        Fact("Error replies", formats.number(errors)),
        Fact("In", _rate(info, "instantaneous_input_kbps")),
        Fact("Out", _rate(info, "instantaneous_output_kbps")),
        Fact("Up for", formats.duration(_int(info, "uptime_in_seconds") * 1000)),
    ]


def _commands(info: Mapping[str, Any]) -> int:
    return _int(info, "total_commands_processed")


def _rate(info: Mapping[str, Any], field: str) -> str:
    return f"{formats.size(float(info.get(field, 0)) * 1024)}/s"


def _int(info: Mapping[str, Any], field: str) -> int:
    try:
        return int(info.get(field, 0))
    except (TypeError, ValueError):
        return 0
