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
from services.worker.sandboxed.orders import (
    MAX_FRAMES,
    MAX_KEPT_PIXELS,
    MAX_MOVING_PIXELS,
    MAX_PIXELS,
    ImageFormat,
)
from services.worker.sandboxed.rejection import Rejection

if TYPE_CHECKING:
    from collections.abc import Iterator

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

#: Those that may move.
_MOVING = ("PNG", "WEBP", "GIF")

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
#: How much larger than needed a JPEG is decoded at the least. libjpeg halves while it
#: decodes; at 1.25 the fine resize after it still has something to average.
_DECODING_GAP = 1.25
#: How much larger than needed the quick first reduction leaves a picture at the least.
_REDUCING_GAP = 1.5
#: Bytes that a decoder gets at a time; at Pillow's 64 kB the joints cost a tenth.
_BLOCK_BYTES = 256 * 1024

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
        # A JPEG that is read in a smaller size changes what it says of itself.
        self._size = self._image.size

    @property
    def size(self) -> Size:
        """Width and height of the upright picture."""
        return self._turned(self._size)

    @property
    def is_animated(self) -> bool:
        """Whether it moves; the second picture of a phone's JPEG is no movement."""
        if self._image.format not in _MOVING:
            return False
        try:
            return bool(getattr(self._image, "is_animated", False))
        except MemoryError:
            raise
        except Exception as error:
            raise _damaged(error) from error

    def frames(self, plan: Plan) -> Iterator[tuple[Image.Image, int]]:
        """Yield each frame, resized as planned, and its duration in milliseconds.

        Raises:
            Rejection: When the picture is damaged, or has too many frames.
        """
        try:
            count: int = getattr(self._image, "n_frames", 1)
            _check_frames(count, self._image.size, plan.target)
            for number in range(count):
                self._image.seek(number)
                self._image.load()
                duration = self._image.info.get("duration", 0)
                frame = self._cut(self._image.convert("RGBA"), plan)
                yield self._upright(frame), round(duration)
        except (MemoryError, Rejection):
            raise
        except Exception as error:
            raise _damaged(error) from error

    @property
    def loop(self) -> int:
        """How often an animation repeats; 0 means for ever."""
        value = self._image.info.get("loop", 1)
        return value if isinstance(value, int) else 1

    def part(self, plan: Plan) -> Image.Image:
        """Decode and resize as planned; upright, without metadata.

        Raises:
            Rejection: When the picture is damaged.
        """
        image, full = self._image, self._size
        region, target = self._turned(plan.region), self._turned(plan.target)
        needed = tuple(
            round(_DECODING_GAP * whole * new / used)
            for whole, new, used in zip(full, target, region, strict=True)
        )
        try:
            # A JPEG is decoded at a half, a quarter or an eighth when that suffices.
            image.draft(None, (needed[0], needed[1]))
            image.decodermaxblock = _BLOCK_BYTES
            image.load()
            # Odd palettes and see-through colours are only noticed here.
            plain = colours.plain(image)
        except MemoryError:
            raise
        except Exception as error:
            raise _damaged(error) from error
        plain.info.clear()
        return self._upright(self._cut(plain, plan))

    def _cut(self, image: Image.Image, plan: Plan) -> Image.Image:
        """Return the planned region in the planned size, still lying as it lay."""
        full, extent = self._size, image.size
        region, target = self._turned(plan.region), self._turned(plan.target)
        scales = (extent[0] / full[0], extent[1] / full[1])
        used = region[0] * scales[0], region[1] * scales[1]
        is_whole = used[0] == extent[0] and used[1] == extent[1]
        if is_whole and extent == target:
            return image
        return image.resize(
            target,
            Image.Resampling.LANCZOS,
            box=_centred(extent, used),
            reducing_gap=_REDUCING_GAP,
        )

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


def _centred(
    extent: Size, used: tuple[float, float]
) -> tuple[float, float, float, float]:
    left, top = (extent[0] - used[0]) / 2, (extent[1] - used[1]) / 2
    return left, top, left + used[0], top + used[1]


def _check_frames(count: int, size: Size, target: Size) -> None:
    if count > MAX_FRAMES:
        message = f"The animation has {count:,} frames; {MAX_FRAMES:,} are taken."
        raise Rejection(message)
    for each, most, when in (
        (size, MAX_MOVING_PIXELS, "have"),
        (target, MAX_KEPT_PIXELS, "would have"),
    ):
        if count * each[0] * each[1] > most:
            message = (
                f"The frames of the animation {when} more than "
                f"{most // 1_000_000} million pixels together."
            )
            raise Rejection(message)


def _damaged(error: Exception) -> Rejection:
    reason = str(error).split("\n", 1)[0][:200].rstrip(".")
    return Rejection(
        f"The image is damaged and can't be read{reason and f': {reason}'}."
    )
