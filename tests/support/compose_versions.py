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
#: What the images are made of.
_CODE = ("shared", "services", "requirements")


@functools.cache
def before_this() -> str:
    """Return the newest commit whose code is not the one here; empty without one.

    NIGHTSHIFT_PREVIOUS names another.
    """
    if wanted := os.environ.get("NIGHTSHIFT_PREVIOUS"):
        return wanted
    try:
        changed = _git("status", "--porcelain", "--", *_CODE)
        commits = _git("log", "-2", "--format=%H", "--", *_CODE).split()
    except (FileNotFoundError, subprocess.CalledProcessError):
        return ""
    if changed:
        return commits[0]
    # The commit before the one that changed the code last, if the clone has it.
    return commits[1] if len(commits) > 1 else ""


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
            docker(
                "build", "--quiet", "--file", str(file),
                "--tag", f"nightshift-{service}:{tag}", folder,
            )  # fmt: skip
    for name in ("secrets", "mail"):
        version = os.environ.get("NIGHTSHIFT_VERSION", "dev")
        docker("tag", f"nightshift-{name}:{version}", f"nightshift-{name}:{tag}")
    try:
        yield tag
    finally:
        for name in (*SERVICES, "secrets", "mail"):
            docker("rmi", "--force", f"nightshift-{name}:{tag}")


def _git(*arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
