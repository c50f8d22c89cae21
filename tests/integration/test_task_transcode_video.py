"""Films are made on the spot with ffmpeg's own test pictures."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from services.worker.media import probing, tools
from services.worker.sandbox_conversation import (
    SandboxStoppedError,
    SandboxTimeoutError,
)
from services.worker.tasks import transcode_video
from shared.contracts.tasks.transcode_video import TranscodeVideo
from shared.errors import StorageError, UnrecoverableError
from tests.support.contexts import Notebook, make_context
from tests.support.file_server import Page, serving
from tests.support.photos import opened
from tests.support.wait import wait_for

if TYPE_CHECKING:
    from services.worker.context import JobContext

needs_ffmpeg = pytest.mark.skipif(
    shutil.which("ffmpeg") is None and not os.environ.get("CI"),
    reason="FFMPEG IS MISSING, films are not tested: run 'make test-tools'",
)


pytestmark = pytest.mark.usefixtures("work_folder")


def film(
    folder: Path, *, seconds: float = 2, size: str = "320x240", **more: Any
) -> bytes:
    """Return a film with moving pictures and a tone."""
    target = folder / more.get("name", "film.mp4")
    subprocess.run(
        [
            *("ffmpeg", "-nostdin", "-loglevel", "error", "-y"),
            *("-f", "lavfi", "-i", f"testsrc2=size={size}:rate=25:duration={seconds}"),
            *("-f", "lavfi", "-i", f"sine=frequency=440:duration={seconds}"),
            *("-metadata", "title=Secret title", "-metadata", "location=+1-1/"),
            *more.get("options", ()),
            str(target),
        ],
        check=True,
    )
    content = target.read_bytes()
    target.unlink()
    return content


@pytest.fixture(scope="module")
def long_film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return a film that takes seconds to work on."""
    return film(
        tmp_path_factory.mktemp("long"),
        seconds=15,
        size="640x360",
        options=("-preset", "ultrafast"),
    )


def stored(context: JobContext, content: bytes) -> str:
    file = context.storage.put(content, name="holiday.mov", content_type="video/mp4")
    return file.id


def transcode(context: JobContext, content: bytes, **data: Any) -> Any:
    order = TranscodeVideo.model_validate({"source": stored(context, content), **data})
    return transcode_video.run(order, context)


def confirmed(context: JobContext, file_id: str, folder: Path) -> dict[str, Any]:
    """Return what ffprobe says of a stored file."""
    path = folder / "look"
    path.write_bytes(context.storage.read(file_id))
    answer = subprocess.run(
        [
            *("ffprobe", "-loglevel", "error", "-show_streams", "-show_format"),
            *("-of", "json", str(path)),
        ],
        check=True,
        capture_output=True,
    )
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


@needs_ffmpeg
@pytest.mark.parametrize(
    ("preset", "codecs"), [("mp4", ["h264", "aac"]), ("webm", ["vp9", "opus"])]
)
def test_a_film_is_made_for_browsers_with_a_poster(
    tmp_path: Path, preset: str, codecs: list[str]
) -> None:
    notebook = Notebook()
    context = make_context(tmp_path / "files", notebook=notebook)

    done = transcode(context, film(tmp_path), preset=preset, max_height=144)

    found = confirmed(context, done.file.id, tmp_path)
    assert [stream["codec_name"] for stream in found["streams"]] == codecs
    assert (found["streams"][0]["width"], found["streams"][0]["height"]) == (192, 144)
    assert (done.width, done.height) == (192, 144)
    assert [done.video_codec, done.audio_codec] == codecs
    assert abs(float(found["format"]["duration"]) - 2) < 0.2
    assert abs(done.duration_ms - 2000) < 200
    assert "Secret" not in json.dumps(found)
    assert done.file.name == f"holiday.{preset}"
    assert done.bytes == done.file.size
    poster = opened(context.storage.read(done.poster.file.id))
    assert (poster.format, poster.size) == ("JPEG", (192, 144))
    assert len(poster.convert("RGB").getcolors(1_000_000) or ()) > 100
    assert notebook.reports == sorted(set(notebook.reports))
    assert notebook.reports[-1] <= 99


@needs_ffmpeg
def test_a_film_is_cut_silenced_and_never_enlarged(tmp_path: Path) -> None:
    context = make_context(tmp_path / "files")

    done = transcode(
        context,
        film(tmp_path, seconds=3, size="161x121", name="film.mkv"),
        start_s=1,
        length_s=1.0,
        audio=False,
        poster=False,
        max_height=2160,
    )

    found = confirmed(context, done.file.id, tmp_path)
    [stream] = found["streams"]
    assert (stream["width"], stream["height"]) == (160, 120)
    assert abs(float(found["format"]["duration"]) - 1) < 0.2
    assert (done.audio_codec, done.poster) == (None, None)


@needs_ffmpeg
def test_a_film_is_fetched_from_its_address(tmp_path: Path) -> None:
    context = make_context(tmp_path / "files", nightshift_webhook_allow_private=True)
    with serving({"/clip.mp4": Page(film(tmp_path, seconds=0.5))}) as web:
        done = transcode_video.run(
            TranscodeVideo(url=web.url("/clip.mp4"), max_height=144), context
        )

    assert done.file.name == "clip.mp4"


@needs_ffmpeg
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no film"),
        (b"hello" * 100, "no film"),
        (b"#EXTM3U\n#EXTINF:9,\nfile:///etc/passwd\n", "no film"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "no film"),
        (b"<?xml version='1.0'?><MPD><BaseURL>file:///etc/</BaseURL></MPD>", "no film"),
        (b"\0\0\0\x18ftypmp42" + b"\xff" * 5000, "no film"),
    ],
    ids=["empty", "text", "playlist", "concat", "dash", "garbage"],
)
def test_what_is_no_film_fails_for_good(
    tmp_path: Path, work_folder: Path, content: bytes, reason: str
) -> None:
    context = make_context(tmp_path / "files")

    with pytest.raises(UnrecoverableError, match=reason):
        transcode(context, content)

    assert list(work_folder.iterdir()) == []


@needs_ffmpeg
def test_a_song_and_a_giant_are_refused(tmp_path: Path) -> None:
    context = make_context(tmp_path / "files")
    song = film(tmp_path, options=("-vn",), name="film.m4a")
    giant = film(
        tmp_path,
        seconds=0.04,
        size="4098x2306",
        options=("-c:v", "mjpeg"),
        name="film.avi",
    )

    with pytest.raises(UnrecoverableError, match="no moving pictures"):
        transcode(context, song)
    with pytest.raises(UnrecoverableError, match="4098 by 2306 pixels"):
        transcode(context, giant)


@needs_ffmpeg
def test_a_damaged_film_leaves_nothing(tmp_path: Path) -> None:
    context = make_context(tmp_path / "files", max_file_bytes=60_000)
    content = film(tmp_path, options=("-crf", "45"))[:60_000]
    source = stored(context, content)

    with pytest.raises((UnrecoverableError, StorageError)):
        transcode_video.run(
            TranscodeVideo(source=source, quality="fine", poster=False), context
        )

    assert len(os.listdir(tmp_path / "files" / "content")) == 1  # noqa: PTH208


def children_of(process_id: int) -> list[int]:
    tasks = Path(f"/proc/{process_id}/task")
    text = " ".join((task / "children").read_text() for task in tasks.iterdir())
    return [int(word) for word in text.split()]


@needs_ffmpeg
def test_a_cancelled_film_ends_within_two_seconds(
    tmp_path: Path, work_folder: Path, long_film: bytes
) -> None:
    notebook = Notebook()
    context = make_context(tmp_path / "files", notebook=notebook, timeout_s=100)
    failures: list[BaseException] = []

    def work() -> None:
        try:
            transcode(context, long_film, preset="webm")
        except BaseException as error:  # noqa: BLE001 - looked at below
            failures.append(error)

    before = set(children_of(os.getpid()))
    thread = threading.Thread(target=work)
    thread.start()
    wait_for(lambda: notebook.reports, within_s=60)
    notebook.is_cancelled = True
    stopped = time.monotonic()
    thread.join(timeout=30)

    assert time.monotonic() - stopped < 2
    assert isinstance(failures[0], SandboxStoppedError)
    assert set(children_of(os.getpid())) <= before
    assert list(work_folder.iterdir()) == []


@needs_ffmpeg
def test_a_film_that_takes_too_long_is_killed(tmp_path: Path, long_film: bytes) -> None:
    context = make_context(tmp_path / "files", timeout_s=1)
    started = time.monotonic()

    with pytest.raises(SandboxTimeoutError):
        transcode(context, long_film, preset="webm")

    assert time.monotonic() - started < 3.5


@needs_ffmpeg
def test_a_film_that_takes_too_much_processor_time_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, long_film: bytes
) -> None:
    context = make_context(tmp_path / "files", timeout_s=60)
    generous = tools.limits(context)
    source = stored(context, long_film)

    def strict(_: JobContext) -> Any:
        return type(generous)(
            memory_bytes=generous.memory_bytes, cpu_s=1, file_bytes=10_000_000
        )

    monkeypatch.setattr(tools, "limits", strict)
    with pytest.raises(UnrecoverableError, match="1 s of processor time"):
        transcode_video.run(TranscodeVideo(source=source, preset="webm"), context)


def test_a_worker_without_ffmpeg_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    context = make_context(tmp_path / "files")

    with pytest.raises(UnrecoverableError, match="ffprobe is not installed"):
        transcode(context, b"x")


@pytest.mark.parametrize("text", ["N/A", "", "-5"])
def test_a_film_may_not_know_how_long_it_runs(text: str) -> None:
    assert probing._seconds(text) == 0
