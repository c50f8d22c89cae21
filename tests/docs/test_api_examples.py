"""Every block of the page on calling the API runs as printed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shared import ids
from shared.broker.connection import connect
from shared.broker.keys import QueueKeys
from shared.broker.orders import Completion
from shared.broker.scripts import Scripts
from shared.contracts.retention import Retention
from tests.support.api import TOKEN
from tests.support.api_process import running_service

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "call-the-api.md").read_text()
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(
    r"^```(bash|python|javascript)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL
)


@pytest.fixture
def url(redis_url: str, namespace: str, tmp_path: Path) -> Iterator[str]:
    """An api with something that completes every job of the queue demo."""
    done = threading.Event()

    def work() -> None:
        with connect(redis_url) as client:
            scripts = Scripts(client, QueueKeys(namespace, "demo"))
            keep = Retention(count=100)
            while not done.wait(0.02):
                claim = scripts.claim(
                    worker="w", operation=ids.new_id(), count=10, lease_ms=60_000
                )
                for job in claim.jobs:
                    result = Completion(job.job_id, job.token, b'{"msg":"hello"}', keep)
                    scripts.complete([result])

    thread = threading.Thread(target=work)
    with running_service(
        redis_url, namespace, tmp_path, NIGHTSHIFT_DEMO_ENDPOINTS="true"
    ) as service:
        thread.start()
        try:
            yield f"http://127.0.0.1:{service.port}"
        finally:
            done.set()
            thread.join()


def command(language: str, code: str, folder: Path) -> list[str]:
    if language == "bash":
        return ["bash", "-euo", "pipefail", "-c", code]
    if language == "python":
        return [sys.executable, "-c", code]
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    file = folder / "example.mjs"
    file.write_text(code)
    return [node, str(file)]


def test_there_are_examples_in_three_languages() -> None:
    assert {language for language, _ in BLOCKS} == {"bash", "python", "javascript"}


def test_every_example_runs_as_printed(url: str, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "NIGHTSHIFT_URL": url,
        "NIGHTSHIFT_TOKEN": TOKEN,
        "PYTHONPATH": str(ROOT / "clients" / "python"),
    }
    said = ""
    for language, code in BLOCKS:
        done = subprocess.run(
            command(language, code, tmp_path),
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, (code, done.stdout, done.stderr)
        said += done.stdout
    assert '"state":"completed"' in said
    assert "{'msg': 'hello'}" in said
    assert "event: " in said
    assert '"dryRun":true' in said


def test_the_first_job_of_the_readme_runs_as_printed(url: str, tmp_path: Path) -> None:
    section = README.partition("\n## A first job\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    (tmp_path / "var").mkdir(exist_ok=True)
    (tmp_path / "var" / "admin-token").write_text(TOKEN)
    # A reader sees a refusal; a script has to be told.
    script = "curl() { command curl -sS --fail-with-body -w '\\n' \"$@\"; }\n"
    said = ""
    for block in blocks:
        printed = block.replace("http://127.0.0.1:8000", url)
        if "/ID?" in printed:
            found = re.search(r'"id":"(\w+)"', said)
            assert found
            printed = printed.replace("/ID?", f"/{found[1]}?")
        script += printed
        done = subprocess.run(
            command("bash", script, tmp_path),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert done.returncode == 0, (printed, done.stdout, done.stderr)
        said = done.stdout
    assert len(blocks) == 2
    assert '"state":"completed"' in said
    assert '"type":"retry"' in said
