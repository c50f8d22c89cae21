"""Makes thumbnails in several sizes, in the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.worker import pictures
from services.worker.sandboxed.orders import ThumbnailsOrder
from shared.contracts.tasks.generate_thumbnails import (
    GenerateThumbnails,
    Thumbnail,
    ThumbnailsGenerated,
)

if TYPE_CHECKING:
    from services.worker.context import JobContext


def run(data: GenerateThumbnails, context: JobContext) -> ThumbnailsGenerated:
    """Make and store a picture per size; each one moves the progress on."""
    order = ThumbnailsOrder(
        sizes=tuple(data.sizes), format=data.format, quality=data.quality
    )
    with pictures.opened(data, context) as source:
        made = pictures.make(
            order,
            source=source,
            context=context,
            on_stored=lambda count: context.progress(
                round(100 * count / len(data.sizes))
            ),
        )
    by_size = {
        picture.part.size: Thumbnail(
            size=picture.part.size,
            file=picture.file,
            width=picture.part.width,
            height=picture.part.height,
            bytes=picture.file.size,
        )
        for picture in made
    }
    return ThumbnailsGenerated(thumbnails=[by_size[size] for size in data.sizes])
