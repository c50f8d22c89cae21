"""schemathesis over the live service, every check on.

`NIGHTSHIFT_EXAMPLES` sets the examples per operation.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.api import TOKEN
from tests.support.api_process import running_service

if TYPE_CHECKING:
    from pathlib import Path as Folder

CONFIG = Path(__file__).parents[1] / "support" / "schemathesis.toml"
PROGRAM = Path(sys.executable).parent / "schemathesis"


@pytest.mark.slow
@pytest.mark.timeout(5400)
def test_the_service_is_as_its_description_says(
    redis_url: str, namespace: str, tmp_path: Folder
) -> None:
    examples = os.environ.get("NIGHTSHIFT_EXAMPLES", "100")
    with running_service(
        redis_url, namespace, tmp_path, NIGHTSHIFT_EVENT_STREAM_S="0.2"
    ) as service:
        done = subprocess.run(
            [
                str(PROGRAM),
                "--config-file",
                str(CONFIG),
                "run",
                f"http://127.0.0.1:{service.port}/api/v1/openapi.json",
                "-H",
                f"Authorization: Bearer {TOKEN}",
                "--checks",
                "all",
                "--max-examples",
                examples,
                "--request-timeout",
                "60",
                "--no-color",
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stdout[-8000:]
