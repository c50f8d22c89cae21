"""Makes a moving picture out of a moving picture."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from services.worker.sandboxed import colours, encoding
from services.worker.sandboxed.orders import PicturePart

if TYPE_CHECKING:
    from PIL import Image

    from services.worker.sandboxed.geometry import Plan
    from services.worker.sandboxed.orders import ResizeOrder
    from services.worker.sandboxed.picture import Picture


def resized(
    picture: Picture, plan: Plan, order: ResizeOrder
) -> tuple[PicturePart, bytes, Image.Image]:
    """Return an animated WebP, and its first frame.

    Raises:
        Rejection: When the source is damaged or too large.
    """
    frames: list[Image.Image] = []
    durations: list[int] = []
    for frame, duration_ms in picture.frames(plan):
        image = colours.to_srgb(frame, picture.profile)
        frames.append(encoding.laid_on(plan.canvas, image, order.background, "webp"))
        durations.append(duration_ms)
    first = frames[0]
    encoding.check_size(first.size, "webp")
    content = io.BytesIO()
    with encoding.webp_errors():
        first.save(
            content,
            "WEBP",
            save_all=True,
            append_images=frames[1:],
            duration=durations,
            loop=picture.loop,
            quality=order.quality,
            method=2,
        )
    part = PicturePart(
        width=first.width, height=first.height, format="webp", frames=len(frames)
    )
    return part, content.getvalue(), first
