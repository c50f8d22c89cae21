"""Turns a film into one for browsers, with ffmpeg in a killable child."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from services.worker.media import probing, sources, transcoding
from shared.contracts.fields import FileReference
from shared.contracts.tasks.transcode_video import (
    Poster,
    TranscodeVideo,
    VideoTranscoded,
)
from shared.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.worker.context import JobContext

_CHUNK_BYTES = 1024 * 1024


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
    file = _put(result, f"{stem}.{kind}", f"video/{kind}", context)
    picture = None
    if poster is not None:
        try:
            picture = _put(poster, f"{stem}.jpg", "image/jpeg", context)
        except BaseException:
            # What can't be removed wastes space; the first error matters more.
            with suppress(StorageError):
                context.storage.delete(file.id)
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


def _put(
    path: Path, name: str, content_type: str, context: JobContext
) -> FileReference:
    file = context.storage.put(_chunks(path), name=name, content_type=content_type)
    return FileReference(
        id=file.id, name=file.name, content_type=file.content_type, size=file.size
    )


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
