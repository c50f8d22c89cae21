"""A picture file that is read with suspicion."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, BinaryIO, TypeVar

# Imported here so that a child needs no file any more: it may not open any.
from PIL import (
    ExifTags,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from services.worker.sandboxed import colours
from services.worker.sandboxed.orders import MAX_PIXELS, ImageFormat
from services.worker.sandboxed.rejection import Rejection

if TYPE_CHECKING:
    from services.worker.sandboxed.geometry import Plan, Size

#: The readers that a file may need; MPO is a JPEG with extras, TIFF reads its EXIF.
READERS = (
    GifImagePlugin,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
#: The formats that are read, and no other.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF")

_KEPT: dict[str | None, ImageFormat] = {"PNG": "png", "WEBP": "webp", "GIF": "png"}
#: EXIF orientations that lie on their side.
_TURNED = frozenset({5, 6, 7, 8})
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
#: How much larger than needed the quick first reduction may leave a picture.
_REDUCING_GAP = 2.0

# Pillow imports its common readers on first use, when a child may open no file.
Image.preinit()

_N = TypeVar("_N", int, float)


class Picture:
    """A picture whose header was read and found harmless; pixels follow on demand."""

    def __init__(self, source: BinaryIO) -> None:
        """Read the header.

        Raises:
            Rejection: When it is no picture, a broken one, or a too large one.
        """
        Image.MAX_IMAGE_PIXELS = MAX_PIXELS
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                self._image = Image.open(source, formats=FORMATS)
        except UnidentifiedImageError:
            message = "The file is not a JPEG, PNG, WebP or GIF image."
            raise Rejection(message) from None
        except (Image.DecompressionBombWarning, Image.DecompressionBombError):
            message = (
                f"The image has more than {MAX_PIXELS // 1_000_000} million pixels."
            )
            raise Rejection(message) from None
        except Exception as error:
            raise _damaged(error) from error
        self.format: ImageFormat = _KEPT.get(self._image.format, "jpeg")
        self.profile: bytes | None = self._image.info.get("icc_profile")
        self._orientation = self._read_orientation()

    @property
    def size(self) -> Size:
        """Width and height of the upright picture."""
        return self._turned(self._image.size)

    def part(self, plan: Plan) -> Image.Image:
        """Decode and resize as planned; upright, without metadata.

        Raises:
            Rejection: When the picture is damaged.
        """
        image, full = self._image, self._image.size
        region, target = self._turned(plan.region), self._turned(plan.target)
        needed = tuple(
            round(_REDUCING_GAP * whole * new / used)
            for whole, new, used in zip(full, target, region, strict=True)
        )
        try:
            # A JPEG is decoded at a half, a quarter or an eighth when that suffices.
            draft = image.draft(None, (needed[0], needed[1]))
            image.load()
        except MemoryError:
            raise
        except Exception as error:
            raise _damaged(error) from error
        extent = draft[1][2:] if draft else full
        scales = (extent[0] / full[0], extent[1] / full[1])
        wide, high = region[0] * scales[0], region[1] * scales[1]
        left, top = (extent[0] - wide) / 2, (extent[1] - high) / 2
        plain = colours.plain(image)
        plain.info.clear()
        if plain.size != target or (wide, high) != plain.size:
            plain = plain.resize(
                target,
                Image.Resampling.LANCZOS,
                box=(left, top, left + wide, top + high),
                reducing_gap=_REDUCING_GAP,
            )
        return self._upright(plain)

    def _turned(self, size: tuple[_N, _N]) -> tuple[_N, _N]:
        return (size[1], size[0]) if self._orientation in _TURNED else size

    def _upright(self, image: Image.Image) -> Image.Image:
        method = _UPRIGHT.get(self._orientation)
        return image if method is None else image.transpose(method)

    def _read_orientation(self) -> int:
        try:
            value = self._image.getexif().get(ExifTags.Base.Orientation, 1)
        except Exception:  # noqa: BLE001 - broken metadata doesn't spoil a picture
            return 1
        return value if isinstance(value, int) else 1


def _damaged(error: Exception) -> Rejection:
    reason = str(error).split("\n", 1)[0][:200] or type(error).__name__
    return Rejection(f"The image is damaged and can't be read: {reason}.")
