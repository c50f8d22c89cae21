"""Looks at a film before and after work: what is in it, and is it too much?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from services.worker import sandbox_program
from services.worker.media import tools
from shared.errors import UnrecoverableError

if TYPE_CHECKING:
    from pathlib import Path

    from services.worker.context import JobContext

#: Most pixels of one picture of a film.
MAX_PIXELS = 4096 * 2304
#: Longest film, in seconds.
MAX_DURATION_S = 4 * 3600


class _Stream(msgspec.Struct, frozen=True):
    codec_type: str = ""
    codec_name: str = ""
    width: int = 0
    height: int = 0
    disposition: dict[str, int] = {}

    @property
    def is_film(self) -> bool:
        # The cover of a song is a stream of pictures, too.
        return self.codec_type == "video" and not self.disposition.get("attached_pic")


class _Format(msgspec.Struct, frozen=True):
    duration: str = "0"


class _Answer(msgspec.Struct, frozen=True):
    streams: list[_Stream] = []
    format: _Format = _Format()


class Film(msgspec.Struct, frozen=True, kw_only=True):
    """What is in a film.

    Attributes:
        width: Pixels.
        height: Pixels.
        duration_s: How long it runs; 0 when the file doesn't say.
        video_codec: How its pictures are written.
        audio_codec: How its sound is written; None without sound.
    """

    width: int
    height: int
    duration_s: float
    video_codec: str
    audio_codec: str | None


def probe(path: Path, context: JobContext) -> Film:
    """Return what is in a film.

    Raises:
        UnrecoverableError: When it is none, or too large.
    """
    command = [
        tools.path_of("ffprobe"),
        *("-hide_banner", "-loglevel", "error", *tools.OPENING),
        *("-show_streams", "-show_format", "-of", "json", path.name),
    ]
    try:
        with sandbox_program.running(
            command,
            folder=path.parent,
            limits=tools.limits(context),
            deadline=context.deadline,
            is_cancelled=lambda: context.cancelled,
        ) as lines:
            answer = msgspec.json.decode("".join(lines), type=_Answer)
    except (sandbox_program.ProgramFailedError, msgspec.MsgspecError):
        message = "The file is no film that can be read."
        raise UnrecoverableError(message) from None
    return _checked(answer)


def _checked(answer: _Answer) -> Film:
    pictures = next((one for one in answer.streams if one.is_film), None)
    sound = next((one for one in answer.streams if one.codec_type == "audio"), None)
    if pictures is None or not pictures.width or not pictures.height:
        message = "The file has no moving pictures."
        raise UnrecoverableError(message)
    if pictures.width * pictures.height > MAX_PIXELS:
        message = (
            f"The film is {pictures.width} by {pictures.height} pixels; "
            "4096 by 2304 are taken."
        )
        raise UnrecoverableError(message)
    duration_s = _seconds(answer.format.duration)
    if duration_s > MAX_DURATION_S:
        hours = MAX_DURATION_S // 3600
        message = f"The film runs for more than {hours} hours."
        raise UnrecoverableError(message)
    return Film(
        width=pictures.width,
        height=pictures.height,
        duration_s=duration_s,
        video_codec=pictures.codec_name,
        audio_codec=sound.codec_name if sound else None,
    )


def _seconds(text: str) -> float:
    try:
        return max(0.0, float(text))
    except ValueError:
        return 0.0
