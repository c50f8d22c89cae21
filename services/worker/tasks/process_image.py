"""Resizes and converts a picture, in the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.worker import pictures
from services.worker.sandboxed.orders import ResizeOrder
from shared.contracts.tasks.process_image import ImageProcessed, ProcessImage

if TYPE_CHECKING:
    from services.worker.context import JobContext


def run(data: ProcessImage, context: JobContext) -> ImageProcessed:
    """Make one picture from the source and store it."""
    order = ResizeOrder(
        width=data.width,
        height=data.height,
        fit=data.fit,
        format=data.format,
        quality=data.quality,
        background=data.background,
    )
    [picture] = pictures.make(order, source_id=data.source, context=context)
    return ImageProcessed(
        file=picture.file, width=picture.part.width, height=picture.part.height
    )
