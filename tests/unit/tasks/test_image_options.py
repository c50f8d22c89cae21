from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image, ImageSequence

from services.worker.sandboxed import compression, images
from services.worker.sandboxed.orders import CompressOrder, ResizeOrder
from services.worker.sandboxed.rejection import Rejection
from tests.support.photos import corners, encoded, example, is_near, opened

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def resize(source: bytes, **order: Any) -> list[tuple[Any, bytes]]:
    defaults: dict[str, Any] = {
        "width": None,
        "height": None,
        "fit": "inside",
        "format": None,
        "quality": 90,
        "background": None,
    }
    full = ResizeOrder(**{**defaults, **order})
    return list(images.resized(io.BytesIO(source), full))


def moving(image_format: str, *, frames: int = 3, **options: Any) -> bytes:
    pictures = [
        Image.new("RGB", (40, 20), (RED, GREEN, BLUE)[number % 3])
        for number in range(frames)
    ]
    return encoded(
        pictures[0],
        image_format,
        save_all=True,
        append_images=pictures[1:],
        duration=[100 * (1 + number % 3) for number in range(frames)],
        loop=0,
        **options,
    )


@pytest.mark.parametrize("fit", ["inside", "cover", "contain"])
def test_a_small_picture_becomes_larger_when_that_is_asked_for(fit: str) -> None:
    source = encoded(corners(80, 40), "PNG")

    [(part, content)] = resize(source, width=400, height=400, fit=fit, enlarge=True)

    expected = (400, 200) if fit == "inside" else (400, 400)
    assert opened(content).size == (part.width, part.height) == expected


def test_a_result_that_would_be_enormous_is_refused() -> None:
    thin = encoded(Image.new("L", (2, 9_000)), "PNG")

    with pytest.raises(Rejection, match="more than 40 million pixels"):
        resize(thin, width=10_000, enlarge=True)


@pytest.mark.parametrize("progressive", [True, False])
def test_a_jpeg_comes_in_passes_unless_told_otherwise(*, progressive: bool) -> None:
    [(_, content)] = resize(example("rocket.jpg"), width=64, progressive=progressive)

    assert ("progressive" in opened(content).info) is progressive


def test_a_thumbnail_comes_beside_the_result() -> None:
    [(whole, _), (small, content)] = resize(
        example("rocket.jpg"), width=300, thumbnail=50
    )

    image = opened(content)
    assert whole.width == 300
    assert small.size == 50
    assert image.format == "WEBP"
    assert max(image.size) == 50


@pytest.mark.parametrize("source_format", ["GIF", "WEBP", "PNG"])
def test_an_animation_that_is_kept_still_moves(source_format: str) -> None:
    options = {"lossless": True} if source_format == "WEBP" else {}

    [(part, content)] = resize(
        moving(source_format, **options), width=20, animation="keep", quality=95
    )

    image = Image.open(io.BytesIO(content))
    assert image.format == "WEBP"
    assert image.info["loop"] == 0
    assert (part.width, part.height, part.frames) == (20, 10, 3)
    shown = []
    for frame in ImageSequence.Iterator(image):
        frame.load()
        shown.append((frame.convert("RGB").getpixel((10, 5)), frame.info["duration"]))
    assert [duration for _, duration in shown] == [100, 200, 300]
    for (pixel, _), colour in zip(shown, (RED, GREEN, BLUE), strict=True):
        assert is_near(pixel, colour, tolerance=24)


def test_a_still_picture_is_no_animation() -> None:
    [(part, _)] = resize(encoded(corners(), "PNG"), animation="keep")
    [(phone, _)] = resize(
        encoded(corners(), "MPO", save_all=True, append_images=[corners()]),
        animation="refuse",
    )

    assert (part.frames, part.format) == (1, "png")
    assert phone.frames == 1


def test_an_animation_is_refused_when_none_is_wanted() -> None:
    with pytest.raises(Rejection, match="is animated"):
        resize(moving("GIF"), animation="refuse")


def test_an_animation_with_too_many_frames_or_pixels_is_refused() -> None:
    with pytest.raises(Rejection, match="1,200 frames; 1,000 are taken"):
        resize(moving("GIF", frames=1_200), animation="keep")
    with pytest.raises(Rejection, match="more than 30 million pixels together"):
        resize(moving("GIF", frames=40), width=4_000, animation="keep", enlarge=True)


def compress(source: bytes, **order: Any) -> tuple[Any, bytes]:
    defaults: dict[str, Any] = {
        "format": "webp",
        "max_side": None,
        "min_quality": 40,
        "max_quality": 90,
        "may_shrink": True,
    }
    full = CompressOrder(**{**defaults, **order})
    return compression.compressed(io.BytesIO(source), full)


@pytest.mark.parametrize("image_format", ["jpeg", "webp", "avif"])
@pytest.mark.parametrize("budget", [4_000, 12_000])
def test_a_picture_is_fitted_into_its_budget(image_format: str, budget: int) -> None:
    part, content = compress(
        example("rocket.jpg"), max_bytes=budget, format=image_format
    )

    image = opened(content)
    assert len(content) <= budget
    assert len(content) > budget * 0.6
    assert image.format == image_format.upper()
    assert (part.width, part.height) == image.size


def test_the_best_quality_that_fits_is_found() -> None:
    source = example("rocket.jpg")
    part, content = compress(source, max_bytes=15_000, format="jpeg", max_side=400)

    _, better = compress(
        source,
        max_bytes=10_000_000,
        format="jpeg",
        max_side=400,
        min_quality=part.quality + 1,
        max_quality=part.quality + 1,
    )

    assert 40 < part.quality < 90
    assert len(content) <= 15_000 < len(better)


def test_a_picture_that_must_not_shrink_and_does_not_fit_is_refused() -> None:
    with pytest.raises(Rejection, match="does not fit into 1,000 bytes at quality 40"):
        compress(example("rocket.jpg"), max_bytes=1_000, may_shrink=False)
