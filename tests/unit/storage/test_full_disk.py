"""A disk that takes no more: the file does not exist, not even in part."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
#: A limit of the process stands for the end of the disk; both fail the same call.
WRITER = """
import resource, signal, sys
from pathlib import Path
from shared.errors import StorageError
from shared.storage.storage import Storage

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
storage = Storage(Path(sys.argv[1]), max_bytes=100_000_000)
small = storage.put(b"small", name="x", content_type="")
try:
    storage.put(b"x" * 30_000_000, name="x", content_type="")
except StorageError as error:
    print(error)
assert storage.read(small.id) == b"small"
"""


def test_a_file_for_which_there_is_no_room_leaves_nothing_behind(
    tmp_path: Path,
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WRITER, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("The file store can't be used:")
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert len(files) == 2
    assert not [file for file in files if "#" in file.name]
