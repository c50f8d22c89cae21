"""Brings pixels of every kind into grey or RGB, and colours into sRGB."""

from __future__ import annotations

import io

from PIL import Image, ImageCms

#: Kinds of pixels that are resized and written as they are.
_PLAIN = frozenset({"L", "LA", "RGB", "RGBA", "CMYK"})
_WITH_ALPHA = {"L": "LA", "RGB": "RGBA"}
_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
_INTENT = ImageCms.Intent.PERCEPTUAL
#: 16-bit grey to 8-bit grey.
_TO_8_BITS = 1 / 256


def plain(image: Image.Image) -> Image.Image:
    """Return the picture in a kind of pixels that can be resized well."""
    if image.mode in _PLAIN:
        if image.mode in _WITH_ALPHA and image.has_transparency_data:
            return image.convert(_WITH_ALPHA[image.mode])
        return image
    if image.mode == "1":
        return image.convert("L")
    if image.mode == "I" or image.mode.startswith("I;16"):
        return _to_8_bits(image)
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _to_8_bits(image: Image.Image) -> Image.Image:
    wide = image.convert("I")
    return wide.point(lambda value: value * _TO_8_BITS + 0).convert("L")


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Return the picture in sRGB, read with its ICC profile when it has a good one."""
    converted = _through_profile(image, profile) if profile else None
    if converted is not None:
        converted.info.clear()
        return converted
    return image.convert("RGB") if image.mode == "CMYK" else image


def _through_profile(image: Image.Image, profile: bytes) -> Image.Image | None:
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.profileToProfile(
            image,
            source,
            _SRGB,
            renderingIntent=_INTENT,
            outputMode="RGBA" if image.mode == "RGBA" else "RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        # A profile that makes no sense is as good as none.
        return None
