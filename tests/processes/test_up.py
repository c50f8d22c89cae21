from __future__ import annotations

import http.client
import json
import signal
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.support.nightshift_process import nightshift
from tests.support.redis_server import running_server
from tests.support.small_child import is_alive
from tests.support.wait import wait_for

if TYPE_CHECKING:
    from pathlib import Path


def call(url: str, *, token: str = "", body: object = None) -> tuple[int, bytes]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    try:
        method = "GET" if body is None else "POST"
        text = None if body is None else json.dumps(body)
        target = f"{parts.path}?{parts.query}"
        connection.request(method, target, body=text, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_one_command_serves_jobs_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with nightshift("up", folder=tmp_path / "var") as command:
        command.wait_for("Try it:")
        api, token = command.value("API"), command.value("Token")
        family = command.family()

        echo = {"name": "echo", "data": {"msg": "hi"}}
        status, answer = call(f"{api}/jobs/demo", token=token, body=echo)
        job: dict[str, Any] = json.loads(answer)
        assert status == 202
        done = call(f"{api}/jobs/demo/{job['id']}?wait=20", token=token)[1]
        assert json.loads(done)["state"] == "completed"
        assert call(f"{api}/jobs/demo", body=echo)[0] == 401
        assert b"No mail yet" in call(command.value("Mail"))[1]

        assert command.end(signal.SIGINT) == 0

    assert len(family) >= 6
    assert not any(map(is_alive, family))
    assert (tmp_path / "var/admin-token").read_text().strip() == token
    panel = command.output.partition("╭")[2].partition("Try it:")[0]
    assert {len(line) for line in panel.splitlines()[1:]} == {80}
    assert "Traceback" not in command.output


def test_nothing_survives_when_the_command_itself_is_killed(tmp_path: Path) -> None:
    with nightshift("up", folder=tmp_path / "var") as command:
        command.wait_for("Try it:")
        family = command.family()
        command.end(signal.SIGKILL)

        wait_for(lambda: not any(map(is_alive, family)), within_s=30)


def test_a_second_run_in_the_same_folder_is_refused_and_the_first_goes_on(
    tmp_path: Path,
) -> None:
    with nightshift("up", folder=tmp_path / "var") as first:
        first.wait_for("Try it:")
        with nightshift("up", folder=tmp_path / "var") as second:
            assert second.process.wait(30) == 1
        assert "Another nightshift already works in" in second.output
        address = first.value("API").removesuffix("/api/v1")
        assert call(f"{address}/readyz")[0] == 200


def test_uses_the_server_of_redis_url(tmp_path: Path) -> None:
    with (
        running_server() as server,
        nightshift("up", folder=tmp_path / "var", redis_url=server.url) as command,
    ):
        command.wait_for("Try it:")
        assert "the server of REDIS_URL" in command.output
        assert command.end(signal.SIGTERM) == 0
        assert server.is_running

    assert not (tmp_path / "var/redis").exists()


def test_raw_logs_are_nothing_but_json(tmp_path: Path) -> None:
    with nightshift("up", "--json-logs", folder=tmp_path / "var") as command:
        command.wait_for("Try it:")
        command.end(signal.SIGTERM)

    raw = [line for line in command.output.splitlines() if line.startswith("{")]
    services = {json.loads(line).get("service") for line in raw}
    assert {"api", "worker", "scheduler", "mail"} <= services
