"""Images of the code as it was before, for tests that run two versions at once."""

from __future__ import annotations

import functools
import io
import os
import subprocess
import tarfile
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.compose_stack import ROOT, docker

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVICES = ("api", "worker", "scheduler")
#: What is deployed somewhere while the code here is rolled out: a release moves it on.
BASELINE = "cf79baf7d3b7654bba22f053db6788c5b1756662"


@functools.cache
def baseline() -> str:
    """Return the commit that the code here has to work beside; empty without it.

    NIGHTSHIFT_PREVIOUS names another.
    """
    wanted = os.environ.get("NIGHTSHIFT_PREVIOUS", BASELINE)
    try:
        return _git("rev-parse", "--verify", "--quiet", f"{wanted}^{{commit}}").strip()
    except (FileNotFoundError, subprocess.CalledProcessError):
        return ""


@contextmanager
def built(commit: str) -> Iterator[str]:
    """Build the images of a commit, and yield their tag."""
    tag = f"previous-{commit[:12]}"
    with tempfile.TemporaryDirectory() as folder:
        archive = subprocess.run(
            ["git", "archive", commit],  # noqa: S607
            cwd=ROOT,
            capture_output=True,
            check=True,
        ).stdout
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            files.extractall(folder, filter="data")
        for service in SERVICES:
            file = Path(folder, "services", service, "Dockerfile")
            image = "worker-media" if service == "worker" else service
            docker(
                "build", "--quiet", "--file", str(file),
                "--tag", f"nightshift-{image}:{tag}", folder,
            )  # fmt: skip
    for name in ("secrets", "mail"):
        version = os.environ.get("NIGHTSHIFT_VERSION", "dev")
        docker("tag", f"nightshift-{name}:{version}", f"nightshift-{name}:{tag}")
    try:
        yield tag
    finally:
        for name in ("api", "worker-media", "scheduler", "secrets", "mail"):
            docker("rmi", "--force", f"nightshift-{name}:{tag}")


def _git(*arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
