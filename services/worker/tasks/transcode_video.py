"""Turns a film into one for browsers, with ffmpeg in a killable child."""

from __future__ import annotations

import tempfile
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from services.worker import artifacts
from services.worker.media import probing, sources, transcoding
from shared.contracts.tasks.transcode_video import (
    Poster,
    TranscodeVideo,
    VideoTranscoded,
)

if TYPE_CHECKING:
    from services.worker.context import JobContext
    from shared.contracts.fields import FileReference


def run(data: TranscodeVideo, context: JobContext) -> VideoTranscoded:
    """Make the film and its poster, then store both or neither."""
    with tempfile.TemporaryDirectory(prefix="nightshift-video-") as place:
        folder = Path(place)
        stem = _lay_out(data, folder / transcoding.SOURCE_FILE, context)
        before = probing.probe(folder / transcoding.SOURCE_FILE, context)
        result = transcoding.transcode(
            folder, data, before, context=context, on_progress=context.progress
        )
        after = probing.probe(result, context)
        poster = (
            transcoding.take_poster(
                result, after, at_s=data.poster_at_s, context=context
            )
            if data.poster
            else None
        )
        return _stored(result, poster, stem, after, context)


def _lay_out(data: TranscodeVideo, path: Path, context: JobContext) -> str:
    limit = context.storage.max_bytes
    with sources.opened(data, context, what="film", max_bytes=limit) as source:
        with path.open("wb") as file:
            for chunk in source.chunks:
                file.write(chunk)
        return PurePath(source.name).stem


def _stored(
    result: Path,
    poster: Path | None,
    stem: str,
    film: probing.Film,
    context: JobContext,
) -> VideoTranscoded:
    kind = result.suffix.removeprefix(".")
    file = artifacts.keep(
        result,
        name=f"{stem}.{kind}",
        content_type=f"video/{kind}",
        storage=context.storage,
    )
    picture = None
    if poster is not None:
        try:
            picture = artifacts.keep(
                poster,
                name=f"{stem}.jpg",
                content_type="image/jpeg",
                storage=context.storage,
            )
        except BaseException:
            artifacts.discard(file, storage=context.storage)
            raise
    return VideoTranscoded(
        file=file,
        width=film.width,
        height=film.height,
        duration_ms=round(film.duration_s * 1000),
        bytes=file.size,
        video_codec=film.video_codec,
        audio_codec=film.audio_codec,
        poster=None if picture is None else _poster(picture, film),
    )


def _poster(file: FileReference, film: probing.Film) -> Poster:
    return Poster(file=file, width=film.width, height=film.height, bytes=file.size)
