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
    with running_service(redis_url, namespace, tmp_path) as service:
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
