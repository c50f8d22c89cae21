"""`transcode-video`: a film in a format that browsers play."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from shared.contracts.contract import Model, TaskContract, TaskDefaults
from shared.contracts.fields import FileReference
from shared.contracts.picture_source import FromFileOrAddress
from shared.contracts.retry import Backoff


class TranscodeVideo(FromFileOrAddress):
    """Which film, and what to make of it.

    The film is turned upright, keeps its first picture and sound track, loses its
    metadata, and is never made larger than it is.

    Attributes:
        source: Id of the stored film: MP4, MOV, Matroska, WebM, AVI, MPEG, FLV or OGG.
        url: Web address of the film, instead of `source`.
        preset: `mp4` gives H.264 and AAC, which everything plays; `webm` gives VP9 and
            Opus, which is smaller and slower to make.
        max_height: Most pixels from top to bottom.
        quality: How much detail is worth its bytes.
        audio: Whether the sound is kept.
        start_s: Where the film begins, in seconds.
        length_s: How much of it is taken, in seconds; left out, all.
        poster: Whether a picture of the film is made, too.
        poster_at_s: Which moment of the new film it shows, in seconds; left out, a
            moment soon after the beginning.
    """

    preset: Literal["mp4", "webm"] = "mp4"
    max_height: int = Field(default=720, ge=144, le=2160)
    quality: Literal["small", "balanced", "fine"] = "balanced"
    audio: bool = True
    start_s: float = Field(default=0, ge=0, le=86_400)
    length_s: Annotated[float, Field(gt=0, le=86_400)] | None = None
    poster: bool = True
    poster_at_s: Annotated[float, Field(ge=0, le=86_400)] | None = None


class Poster(Model):
    """A picture of the film.

    Attributes:
        file: Where it is stored, a JPEG.
        width: Pixels.
        height: Pixels.
        bytes: Size.
    """

    file: FileReference
    width: int
    height: int
    bytes: int


class VideoTranscoded(Model):
    """The new film.

    Attributes:
        file: Where it is stored.
        width: Pixels.
        height: Pixels.
        duration_ms: How long it runs.
        bytes: Size.
        video_codec: How its pictures are written.
        audio_codec: How its sound is written; null without sound.
        poster: The picture of it, when one was asked for.
    """

    file: FileReference
    width: int
    height: int
    duration_ms: int
    bytes: int
    video_codec: str
    audio_codec: str | None
    poster: Poster | None = None


CONTRACT = TaskContract(
    name="transcode-video",
    queue="media",
    summary="Turns a film into MP4 or WebM for browsers, with a poster picture.",
    data=TranscodeVideo,
    result=VideoTranscoded,
    defaults=TaskDefaults(
        attempts=2,
        backoff=Backoff(type="exponential", delay=10_000, jitter=0.2),
        timeout_ms=1_800_000,
    ),
    idempotent_by="The source never changes; a second run stores an equal film.",
)
