"""Has ffmpeg make a film out of a film, and a picture of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.worker import sandbox_program
from services.worker.media import tools

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from services.worker.context import JobContext
    from services.worker.media.probing import Film
    from shared.contracts.tasks.transcode_video import TranscodeVideo

SOURCE_FILE, POSTER_FILE = "source", "poster.jpg"
_PROGRESS = "out_time_us="
#: How bad a picture may be, by quality; each encoder has its own scale.
_H264_CRF = {"small": 28, "balanced": 23, "fine": 19}
_VP9_CRF = {"small": 40, "balanced": 34, "fine": 28}
#: Where a poster is taken when nobody says, as a part of the film.
_POSTER_AT = 0.1
_QUIET = ("-nostdin", "-hide_banner", "-loglevel", "error", "-y")


def transcode(
    folder: Path,
    data: TranscodeVideo,
    film: Film,
    *,
    context: JobContext,
    on_progress: Callable[[int], None],
) -> Path:
    """Make the new film beside the source, and return where it is.

    Args:
        folder: Where the source is.
        data: What to make.
        film: What the source is.
        context: The job.
        on_progress: Called with how far it is, in percent, when that changes.

    Raises:
        UnrecoverableError: When the film can't be worked on.
        SandboxError: When it was stopped, or ffmpeg failed otherwise.
    """
    result = folder / f"result.{data.preset}"
    command = [
        *(tools.path_of("ffmpeg"), *_QUIET, *tools.OPENING),
        *_excerpt(data),
        *("-i", SOURCE_FILE, "-map", "0:V:0", *_sound(data)),
        *("-map_metadata", "-1", "-map_chapters", "-1", "-sn", "-dn"),
        *("-vf", _size(data.max_height)),
        *(_mp4(data) if data.preset == "mp4" else _webm(data)),
        *("-threads", str(tools.THREADS)),
        *("-progress", "pipe:1", "-stats_period", "0.5", result.name),
    ]
    length_s = max(0.0, film.duration_s - data.start_s)
    length_s = min(length_s, data.length_s or length_s)
    with _running(command, folder, context) as lines:
        _follow(lines, length_s, on_progress)
    return result


def take_poster(
    result: Path, film: Film, *, at_s: float | None, context: JobContext
) -> Path:
    """Take a picture out of the new film, and return where it is.

    Args:
        result: The new film.
        film: What it is.
        at_s: Which moment, in seconds; None for one soon after the beginning.
        context: The job.

    Raises:
        UnrecoverableError: When the film can't be read.
        SandboxError: When it was stopped, or ffmpeg failed otherwise.
    """
    wanted_s = film.duration_s * _POSTER_AT if at_s is None else at_s
    # The last moments may hold no picture.
    moment_s = max(0.0, min(wanted_s, film.duration_s - 0.5))
    poster = result.with_name(POSTER_FILE)
    command = [
        *(tools.path_of("ffmpeg"), *_QUIET, *tools.OPENING),
        *("-ss", f"{moment_s:.3f}", "-i", result.name),
        *("-frames:v", "1", "-update", "1", "-q:v", "3", "-threads", "1"),
        # Else the picture names the very version of its encoder in a comment.
        *("-flags:v", "+bitexact", poster.name),
    ]
    with _running(command, result.parent, context) as lines:
        list(lines)
    return poster


def _running(
    command: list[str], folder: Path, context: JobContext
) -> AbstractContextManager[Iterator[str]]:
    return sandbox_program.running(
        command,
        folder=folder,
        limits=tools.limits(context),
        deadline=context.deadline,
        is_cancelled=lambda: context.cancelled,
    )


def _follow(
    lines: Iterable[str], length_s: float, on_progress: Callable[[int], None]
) -> None:
    shown = -1
    for line in lines:
        if not line.startswith(_PROGRESS):
            continue
        done_us = line.removeprefix(_PROGRESS)
        if length_s and done_us.isdecimal():
            percent = min(99, round(int(done_us) / (length_s * 10_000)))
            if percent > shown:
                shown = percent
                on_progress(percent)


def _excerpt(data: TranscodeVideo) -> tuple[str, ...]:
    start = ("-ss", f"{data.start_s:.3f}") if data.start_s else ()
    length = ("-t", f"{data.length_s:.3f}") if data.length_s else ()
    return (*start, *length)


def _sound(data: TranscodeVideo) -> tuple[str, ...]:
    return ("-map", "0:a:0?") if data.audio else ("-an",)


def _size(max_height: int) -> str:
    # Both sides even, as the encoders want them; square pixels; never larger.
    return f"scale=w=-2:h='min({max_height // 2 * 2},max(2,trunc(ih/2)*2))',setsar=1"


def _mp4(data: TranscodeVideo) -> tuple[str, ...]:
    return (
        *("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p"),
        *("-crf", str(_H264_CRF[data.quality]), "-movflags", "+faststart"),
        *("-c:a", "aac", "-b:a", "128k", "-ac", "2"),
    )


def _webm(data: TranscodeVideo) -> tuple[str, ...]:
    return (
        *("-c:v", "libvpx-vp9", "-pix_fmt", "yuv420p", "-b:v", "0"),
        *("-crf", str(_VP9_CRF[data.quality]), "-row-mt", "1"),
        *("-deadline", "good", "-cpu-used", "5"),
        *("-c:a", "libopus", "-b:a", "96k", "-ac", "2"),
    )
