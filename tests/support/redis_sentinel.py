"""A real master with two replicas, and three Sentinels that watch over them."""

from __future__ import annotations

import subprocess
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import redis

from cli import launch, redis_program
from shared.broker.connection import connect
from tests.support.redis_nodes import RedisNode
from tests.support.wait import wait_for
from tests.support.worker_process import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVICE = "jobs"
SENTINELS = 3
QUORUM = 2


class Sentinel:
    """One Sentinel process."""

    def __init__(self, folder: Path, master: RedisNode, *, down_after_ms: int) -> None:
        """Start it and wait until it answers."""
        folder.mkdir()
        self.port = free_port()
        settings = folder / "sentinel.conf"
        settings.write_text(
            f"port {self.port}\n"
            "bind 127.0.0.1\n"
            f"dir {folder}\n"
            f"sentinel monitor {SERVICE} 127.0.0.1 {master.port} {QUORUM}\n"
            f"sentinel down-after-milliseconds {SERVICE} {down_after_ms}\n"
            f"sentinel failover-timeout {SERVICE} 10000\n"
        )
        program = [str(redis_program.find()), str(settings), "--sentinel"]
        with (folder / "sentinel.log").open("ab") as log:
            self._process = subprocess.Popen(
                launch.command(program),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.client = redis.Redis(port=self.port, socket_timeout=5)

    def is_ready(self) -> bool:
        """Whether it knows the replicas and the other Sentinels."""
        assert self._process.poll() is None, "the Sentinel did not start"
        try:
            state = self.client.sentinel_master(SERVICE)
        except redis.exceptions.ConnectionError:
            return False
        return bool(
            state["num-slaves"] == 2 and state["num-other-sentinels"] == SENTINELS - 1
        )

    def master_port(self) -> int:
        """Return the port of the master that it names."""
        address = self.client.sentinel_get_master_addr_by_name(SERVICE)
        assert address is not None
        return int(address[1])

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()
        self.client.close()


class RedisWithSentinels:
    """The whole of it; `url` is what REDIS_URL would be."""

    def __init__(self, stack: ExitStack, folder: Path, *, down_after_ms: int) -> None:
        """Start everything; `stack` ends it."""
        quick = {"repl-diskless-sync-delay": "0", "repl-ping-replica-period": "1"}

        def node(name: str, **options: str) -> RedisNode:
            started = RedisNode(folder / name, {**quick, **options})
            stack.callback(started.server.kill)
            return started

        master = node("master")
        self.nodes = [master]
        for name in ("replica-1", "replica-2"):
            self.nodes.append(node(name, replicaof=f"127.0.0.1 {master.port}"))
        self.sentinels = []
        for number in range(SENTINELS):
            place = folder / f"sentinel-{number}"
            sentinel = Sentinel(place, master, down_after_ms=down_after_ms)
            stack.callback(sentinel.kill)
            self.sentinels.append(sentinel)
        wait_for(
            lambda: all(sentinel.is_ready() for sentinel in self.sentinels),
            within_s=60,
            what="Sentinels that know each other",
        )
        wait_for(
            lambda: self._replicas_in_sync() == 2,
            within_s=60,
            what="replicas in sync",
        )

    @property
    def url(self) -> str:
        """What REDIS_URL would be."""
        places = ",".join(f"127.0.0.1:{s.port}" for s in self.sentinels)
        return f"redis+sentinel://{places}/{SERVICE}"

    @property
    def master(self) -> RedisNode:
        """The master that the Sentinels name."""
        port = self.sentinels[0].master_port()
        return next(node for node in self.nodes if node.port == port)

    @property
    def replicas(self) -> list[RedisNode]:
        """The others."""
        master = self.master
        return [node for node in self.nodes if node is not master]

    def _replicas_in_sync(self) -> int:
        with connect(self.nodes[0].server.url) as client:
            info = client.info("replication")
        replicas = [value for name, value in info.items() if name.startswith("slave")]
        return sum(replica["state"] == "online" for replica in replicas)


@contextmanager
def running_sentinels(*, down_after_ms: int = 30_000) -> Iterator[RedisWithSentinels]:
    """Run them in temporary folders; a silent master is replaced `down_after_ms` on."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="sentinel-"))
        yield RedisWithSentinels(stack, Path(folder), down_after_ms=down_after_ms)
