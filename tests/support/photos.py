"""Pictures for tests, made on the spot or taken from the examples."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from PIL import Image

_FOLDER = Path(__file__).parents[2] / "examples" / "photos"


def example(name: str) -> bytes:
    """Return a photograph of the examples."""
    return (_FOLDER / name).read_bytes()


def encoded(image: Image.Image, image_format: str, **options: Any) -> bytes:
    """Return the picture in a format."""
    content = io.BytesIO()
    image.save(content, image_format, **options)
    return content.getvalue()


def opened(content: bytes) -> Image.Image:
    """Return the picture, all of it decoded."""
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def corners(wide: int = 80, high: int = 40) -> Image.Image:
    """Return a picture with a red top left, a green top right and a blue rest."""
    image = Image.new("RGB", (wide, high), (0, 0, 255))
    image.paste((255, 0, 0), (0, 0, wide // 2, high // 2))
    image.paste((0, 255, 0), (wide // 2, 0, wide, high // 2))
    return image


def is_near(pixel: Any, colour: tuple[int, ...], *, tolerance: int = 12) -> bool:
    """Whether a pixel has a colour but for what a lossy format changes."""
    return len(pixel) == len(colour) and all(
        abs(one - other) <= tolerance for one, other in zip(pixel, colour, strict=True)
    )
