from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from cli.redis_server import RedisServer
from shared.contracts import catalogue
from tests.support import example_checks
from tests.support.example_checks import CANARY, Left
from tests.support.nightshift_process import nightshift

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
#: What the others stand on; they run nothing by themselves.
SUPPORT = {"service", "listener"}
RULES = [
    {
        "name": "audit",
        "table": "audit_log",
        "column": "at",
        "unit": "s",
        "days": 90,
        "archive": True,
    }
]


@pytest.mark.timeout(300)
def test_every_example_does_what_it_says(tmp_path: Path) -> None:
    names = {file.stem for file in EXAMPLES.glob("*.py")} - SUPPORT
    arguments = {
        "make_pictures": [str(secretive_picture(tmp_path))],
        "clean_up": ["--for-good"],
    }
    if shutil.which("ffmpeg"):
        arguments["transcode_film"] = [str(film(tmp_path))]
    else:
        names.remove("transcode_film")
    settings = {
        "NIGHTSHIFT_DATABASE_URL": f"sqlite:///{tmp_path}/team.db",
        "NIGHTSHIFT_DATABASE_RULES": json.dumps(RULES),
    }
    state = tmp_path / "var"
    with nightshift("up", folder=state, settings=settings) as command:
        command.wait_for("Try it:")
        url = command.value("API").removesuffix("/api/v1")
        for name in sorted(names):
            left = Left(
                said="",
                folder=tmp_path / name,
                state=state,
                redis_url=RedisServer(state / "redis").url,
                database=tmp_path / "team.db",
            )
            if name == "clean_up":
                example_checks.plant(left)
            said = run(name, arguments.get(name, ()), left, url=url)
            getattr(example_checks, name)(replace(left, said=said))

    if "transcode_film" not in names:
        pytest.skip("all but the film was tried: there is no ffmpeg here")


def test_every_task_is_in_an_example() -> None:
    files = [*EXAMPLES.glob("*.py"), ROOT / "cli" / "demo" / "orders.py"]
    text = "\n".join(file.read_text() for file in files)

    missing = [name for name in catalogue.load() if f'"{name}"' not in text]
    assert missing == []


def test_the_page_lists_every_example() -> None:
    page = (EXAMPLES / "README.md").read_text()

    listed = set(re.findall(r"^\| `(\w+)\.py", page, re.MULTILINE))
    assert listed == {file.stem for file in EXAMPLES.glob("*.py")} - SUPPORT


def run(name: str, arguments: Sequence[str], left: Left, *, url: str) -> str:
    environment = {
        **os.environ,
        "NIGHTSHIFT_URL": url,
        "NIGHTSHIFT_TOKEN": (left.state / "admin-token").read_text().strip(),
        "NIGHTSHIFT_EXAMPLES_DIR": str(left.folder),
    }
    done = subprocess.run(
        [sys.executable, EXAMPLES / f"{name}.py", *arguments],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"
    return done.stdout


def secretive_picture(folder: Path) -> Path:
    path = folder / "secretive.jpg"
    with Image.open(EXAMPLES / "photos" / "rocket.jpg") as photo:
        exif = photo.getexif()
        exif[0x013B] = CANARY.decode()
        exif.get_ifd(0x8825)[1] = "N"
        photo.save(path, exif=exif, comment=CANARY, xmp=CANARY)
    return path


def film(folder: Path) -> Path:
    path = folder / "film.mp4"
    pictures = "testsrc2=duration=2:size=640x480:rate=12"
    command = f"ffmpeg -v error -f lavfi -i {pictures} -f lavfi -i sine=duration=2"
    coding = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac"
    subprocess.run([*command.split(), *coding.split(), path], check=True)
    return path
