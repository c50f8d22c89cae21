"""A file system that is really full: jobs are tried again, no half of a file stays."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
#: Room of the file system, in kilobytes.
ROOM_KB = 1_500
#: Runs in a mount namespace of its own: what it mounts is gone when it ends.
PROGRAM = """
import sys, tempfile
from pathlib import Path
from services.worker import sandbox
from services.worker.sandbox_conversation import SandboxError
from services.worker.tasks import export_data, generate_thumbnails, process_image
from shared.contracts.tasks.export_data import ExportData
from shared.contracts.tasks.generate_thumbnails import GenerateThumbnails
from shared.contracts.tasks.process_image import ProcessImage
from shared.errors import StorageError, UnrecoverableError
from tests.support.contexts import make_context
from tests.support.photos import example

disk = Path(sys.argv[1])
tempfile.tempdir = sys.argv[2]
context = make_context(disk / "files")
photo = context.storage.put(example("rocket.jpg"), name="x.jpg", content_type="")
rows = b"id\\n" + b"12345678\\n" * 20_000
table = context.storage.put(rows, name="x.csv", content_type="")
before = {file for file in disk.rglob("*") if file.is_file()}
(disk / "filler").write_bytes(b"x" * (int(sys.argv[3]) - sum(
    file.stat().st_size for file in before
) - 100_000))

def fails(work, *errors):
    try:
        work()
    except errors as error:
        print(type(error).__name__, error)
    else:
        raise SystemExit("It did not fail.")

order = {"source": photo.id, "format": "png"}
fails(lambda: process_image.run(ProcessImage(**order), context), StorageError)
order = {"source": photo.id, "sizes": [64, 640], "format": "png"}
fails(
    lambda: generate_thumbnails.run(GenerateThumbnails(**order), context), StorageError
)
fails(
    lambda: export_data.run(ExportData(source=table.id, format="csv"), context),
    StorageError,
)
tempfile.tempdir = str(disk)
fails(
    lambda: export_data.run(ExportData(source=table.id, format="csv"), context),
    OSError, SandboxError, UnrecoverableError,
)
sandbox.SHARED.close()
left = {file for file in disk.rglob("*") if file.is_file()} - before
assert left == {disk / "filler"}, left
assert context.storage.read(photo.id) == example("rocket.jpg")
(disk / "filler").unlink()
order = {"source": photo.id, "width": 64}
assert process_image.run(ProcessImage(**order), context).width == 64
print("It goes on when there is room again.")
"""


def in_a_small_disk(folder: Path, *command: str) -> list[str]:
    disk = folder / "disk"
    disk.mkdir()
    mount = f'mount -t tmpfs -o size={ROOM_KB}k tmpfs "$0" && exec "$@"'
    return ["unshare", "-rm", "sh", "-c", mount, str(disk), *command]


@pytest.mark.timeout(300)
def test_jobs_on_a_full_disk_can_be_tried_again_and_leave_nothing(
    tmp_path: Path,
) -> None:
    if shutil.which("unshare") is None:
        pytest.skip("there is no unshare here")
    (tmp_path / "try").mkdir()
    tried = subprocess.run(
        in_a_small_disk(tmp_path / "try", "true"), capture_output=True, check=False
    )
    if tried.returncode:
        pytest.skip(f"no file system can be mounted here: {tried.stderr!r}")
    (tmp_path / "temporary").mkdir()
    disk, elsewhere = tmp_path / "disk", tmp_path / "temporary"
    program = [sys.executable, "-c", PROGRAM, disk, elsewhere, ROOM_KB * 1024]

    done = subprocess.run(
        in_a_small_disk(tmp_path, *map(str, program)),
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        timeout=250,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    *failures, end = done.stdout.splitlines()
    assert end == "It goes on when there is room again."
    assert len(failures) == 4
    assert all("space" in failure for failure in failures[:3]), failures
