"""A cancelled job that works in a child ends, with its child, within two seconds."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from shared.broker.operator import Answer, Operator
from shared.storage.storage import Storage
from tests.support.wait import wait_for
from tests.support.whole_worker import working

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis

    from tests.support.jobs import Jobs

WITHIN_S = 2.0


@pytest.fixture
def storage(
    redis_url: str, namespace: str, tmp_path: Path, work_folder: Path
) -> Iterator[Storage]:
    """Run the worker, and give its store."""
    files = tmp_path / "files"
    queues = "image, media, report"
    with working(redis_url, namespace, files, queues=queues, threads=2):
        yield Storage(files, max_bytes=200_000_000)


def film(storage: Storage) -> tuple[str, dict[str, Any]]:
    if shutil.which("ffmpeg") is None:
        pytest.skip("there is no ffmpeg here")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        pictures = "testsrc2=duration=20:size=1280x720:rate=25"
        command = f"ffmpeg -v error -f lavfi -i {pictures} -preset ultrafast"
        subprocess.run([*command.split(), path], check=True)
        file = storage.put(path.read_bytes(), name="x.mp4", content_type="video/mp4")
    return "transcode-video", {"source": file.id, "preset": "webm", "quality": "fine"}


def pdf(storage: Storage) -> tuple[str, dict[str, Any]]:
    rows = [{f"c{n}": f"{row} of {n}" for n in range(8)} for row in range(5_000)]
    lines = "".join(f"{json.dumps(row)}\n" for row in rows).encode()
    file = storage.put(lines, name="x.jsonl", content_type="")
    return "generate-report", {"source": file.id, "format": "pdf", "title": "Large"}


def workbook(storage: Storage) -> tuple[str, dict[str, Any]]:
    lines = b"id,name\n" + b"1,somebody\n" * 2_000_000
    file = storage.put(lines, name="x.csv", content_type="text/csv")
    return "export-data", {"source": file.id, "format": "xlsx"}


def picture(storage: Storage) -> tuple[str, dict[str, Any]]:
    content = io.BytesIO()
    Image.effect_noise((6000, 4000), 90).convert("RGB").save(content, "JPEG")
    file = storage.put(content.getvalue(), name="x.jpg", content_type="image/jpeg")
    order = {"source": file.id, "width": 3300, "format": "avif", "quality": 100}
    return "process-image", order


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks into /proc")
@pytest.mark.parametrize(
    ("kind", "reports_progress"),
    [(film, True), (pdf, False), (workbook, True), (picture, False)],
)
def test_a_cancelled_job_ends_with_its_child_within_two_seconds(
    client: redis.Redis,
    namespace: str,
    jobs: Jobs,
    storage: Storage,
    work_folder: Path,
    kind: Any,
    *,
    reports_progress: bool,
) -> None:
    name, data = kind(storage)
    operator = Operator(client, namespace=namespace, catalogue=jobs.catalogue)
    files = {held.id for held in storage.holdings.contents()}
    before = wait_for(lambda: below(os.getpid()), what="the process that forks")
    job = jobs.add(name, data)
    wait_for(lambda: below(os.getpid()) - before, what="a child at work")
    if reports_progress:
        jobs.wait_until(job, lambda found: found.progress not in (b"0", b"null"))

    asked = time.monotonic()
    answers = operator.cancel(job.queue, [job.id])
    ended = jobs.wait_for_end(job)
    wait_for(lambda: below(os.getpid()) <= before, what="the child's end")
    taken_s = time.monotonic() - asked

    assert answers == {job.id: Answer.PENDING}
    assert ended.state == "cancelled"
    assert taken_s < WITHIN_S
    assert list(work_folder.iterdir()) == []
    assert {held.id for held in storage.holdings.contents()} == files


def below(process_id: int) -> set[int]:
    """Return all processes that a process has started, and theirs."""
    found: set[int] = set()
    for children in Path(f"/proc/{process_id}/task").glob("*/children"):
        try:
            started = {int(word) for word in children.read_text().split()}
        except FileNotFoundError:
            continue
        for child in started:
            found |= {child} | below(child)
    return found
