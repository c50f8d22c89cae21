from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import redis

from cli import redis_program
from cli.errors import ServerError
from cli.redis_server import RedisServer

if TYPE_CHECKING:
    from pathlib import Path

PROGRAMS = [None, *redis_program.packaged()]


def client_of(server: RedisServer) -> redis.Redis:
    return redis.Redis.from_url(server.url, socket_timeout=5, decode_responses=True)


@pytest.mark.parametrize(
    "program", PROGRAMS, ids=["found", "packaged"][: len(PROGRAMS)]
)
def test_serves_with_durable_settings(tmp_path: Path, program: Path | None) -> None:
    with RedisServer(tmp_path, program=program) as server, client_of(server) as client:
        assert client.ping()
        settings = client.config_get("appendonly", "appendfsync", "maxmemory-policy")
        settings |= client.config_get("port", "save")

    assert settings == {
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
        "port": "0",
        "save": "",
    }


def test_options_replace_ours(tmp_path: Path) -> None:
    options = {"maxmemory": "50mb", "appendonly": "no"}
    with RedisServer(tmp_path, options=options) as server, client_of(server) as client:
        found = client.config_get("maxmemory", "appendonly")

    assert found == {"maxmemory": "52428800", "appendonly": "no"}


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_comes_back_at_the_same_address_with_its_data(tmp_path: Path, end: str) -> None:
    server = RedisServer(tmp_path, options={"appendfsync": "always"}).start()
    url, first_pid = server.url, server.pid
    with client_of(server) as client:
        client.set("answer", "42")

    getattr(server, end)()
    assert not server.is_running
    with server, client_of(server) as client:
        assert server.url == url
        assert server.pid != first_pid
        assert client.get("answer") == "42"


def test_works_in_a_folder_too_deep_for_a_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e f" * 20)
    with RedisServer(deep) as server, client_of(server) as client:
        assert client.ping()
        short = server._socket.parent
        assert short.stat().st_mode & 0o777 == 0o700

    assert not short.exists()


def test_refuses_a_folder_that_another_server_uses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.redis_server.STOP_TIMEOUT_S", 0.2)
    with (
        RedisServer(tmp_path),
        pytest.raises(ServerError, match="Another server already works in"),
    ):
        RedisServer(tmp_path).start()


def test_shows_the_log_of_a_server_that_did_not_start(tmp_path: Path) -> None:
    server = RedisServer(tmp_path, options={"maxmemory-policy": "nonsense"})

    with pytest.raises(ServerError, match=r"(?s)did not start.*nonsense"):
        server.start()
    assert not server.is_running


def test_says_which_servers_were_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "redis-server"
    old.write_text("#!/bin/sh\necho 'Redis server v=6.2.14 sha=0'\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(redis_program, "packaged", lambda: ())

    with pytest.raises(ServerError, match=r"redis-server is 6\.2\. Install"):
        redis_program.find()
