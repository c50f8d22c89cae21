from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING, Any

import pytest
from PIL import ExifTags, Image, ImageCms, PngImagePlugin

from services.worker.sandboxed import images
from services.worker.sandboxed.orders import ResizeOrder, ThumbnailsOrder
from services.worker.sandboxed.rejection import Rejection
from tests.support.photos import corners, encoded, example, is_near, opened

if TYPE_CHECKING:
    from services.worker.sandboxed.orders import PicturePart

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def resize(source: bytes, **order: Any) -> tuple[PicturePart, Image.Image]:
    defaults: dict[str, Any] = {
        "width": None,
        "height": None,
        "fit": "inside",
        "format": None,
        "quality": 90,
        "background": None,
    }
    [(part, content)] = images.resized(
        io.BytesIO(source), ResizeOrder(**{**defaults, **order})
    )
    image = opened(content)
    assert (part.width, part.height) == image.size
    return part, image


@pytest.mark.parametrize("image_format", ["jpeg", "png", "webp", "avif"])
def test_a_photo_becomes_each_format_in_the_right_size(image_format: str) -> None:
    _, image = resize(example("rocket.jpg"), width=320, format=image_format)

    assert image.format == image_format.upper()
    assert image.width == 320


@pytest.mark.parametrize(
    ("source_format", "kept"),
    [("JPEG", "JPEG"), ("PNG", "PNG"), ("WEBP", "WEBP"), ("GIF", "PNG")],
)
def test_a_picture_keeps_its_format_unless_told_otherwise(
    source_format: str, kept: str
) -> None:
    _, image = resize(encoded(corners(), source_format), width=20)

    assert image.format == kept


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("source_format", ["JPEG", "PNG", "WEBP"])
def test_a_picture_is_turned_upright(orientation: int, source_format: str) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    lying = corners(320, 160)
    if orientation in undo:
        lying = lying.transpose(undo[orientation])
    source = encoded(lying, source_format, exif=exif, quality=95)

    _, image = resize(source, width=80, format="png")

    assert image.size == (80, 40)
    assert is_near(image.getpixel((10, 8)), RED)
    assert is_near(image.getpixel((70, 8)), GREEN)
    assert is_near(image.getpixel((10, 32)), BLUE)


def test_cover_of_a_turned_picture_fills_the_upright_box() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    lying = corners(320, 160).transpose(Image.Transpose.ROTATE_90)

    _, image = resize(
        encoded(lying, "JPEG", exif=exif, quality=95), width=60, height=60, fit="cover"
    )

    assert image.size == (60, 60)
    assert is_near(image.getpixel((4, 4)), RED)
    assert is_near(image.getpixel((56, 4)), GREEN)


@pytest.mark.parametrize("image_format", ["jpeg", "png", "webp", "avif"])
@pytest.mark.parametrize("width", [40, None])
def test_nothing_but_pixels_comes_out(image_format: str, width: int | None) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Secret Camera"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "Secret comment")
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    sources = (
        encoded(
            corners(),
            "JPEG",
            exif=exif,
            comment=b"Secret comment",
            xmp=b"<x:xmpmeta>Secret</x:xmpmeta>",
            icc_profile=profile,
        ),
        encoded(corners(), "PNG", exif=exif, pnginfo=text, icc_profile=profile),
        encoded(corners(), "WEBP", exif=exif, xmp=b"Secret", icc_profile=profile),
    )
    for source in sources:
        order = ResizeOrder(
            width=width,
            height=None,
            fit="inside",
            format=image_format,
            quality=80,
            background=None,
        )
        [(_, content)] = images.resized(io.BytesIO(source), order)

        image = opened(content)
        assert b"Secret" not in content
        assert not image.getexif()
        assert not {"exif", "xmp", "icc_profile", "comment"} & set(image.info)


def test_a_wide_gamut_picture_keeps_its_looks() -> None:
    # A profile whose red and green are exchanged: reading it right shows.
    swapped = swapped_profile()
    source = encoded(corners(), "PNG", icc_profile=swapped)

    _, image = resize(source)

    assert is_near(image.getpixel((10, 8)), GREEN, tolerance=24)
    assert is_near(image.getpixel((70, 8)), RED, tolerance=24)


def swapped_profile() -> bytes:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    count = struct.unpack(">I", profile[128:132])[0]
    table = bytearray(profile)
    places = {}
    for index in range(count):
        start = 132 + 12 * index
        places[bytes(table[start : start + 4])] = start
    red, green = places[b"rXYZ"], places[b"gXYZ"]
    table[red : red + 4], table[green : green + 4] = b"gXYZ", b"rXYZ"
    return bytes(table)


@pytest.mark.parametrize("profile", [b"", b"nonsense", b"\0" * 200])
def test_a_senseless_profile_is_ignored(profile: bytes) -> None:
    _, image = resize(encoded(corners(), "PNG", icc_profile=profile))

    assert is_near(image.getpixel((10, 8)), RED)


def test_no_picture_becomes_larger() -> None:
    source = encoded(corners(80, 40), "PNG")

    assert resize(source, width=800)[1].size == (80, 40)
    assert resize(source, width=800, height=800, fit="cover")[1].size == (40, 40)
    assert resize(source, width=100, height=100, fit="contain")[1].size == (100, 100)


def test_contain_fills_up_with_the_background() -> None:
    source = encoded(corners(), "PNG")
    box: dict[str, Any] = {"width": 100, "height": 100, "fit": "contain"}

    _, clear = resize(source, **box)
    _, white = resize(source, **box, format="jpeg")
    _, blue = resize(source, **box, background="#0000ff")

    assert clear.getpixel((50, 5)) == (0, 0, 0, 0)
    assert is_near(white.getpixel((50, 5)), WHITE)
    assert blue.getpixel((50, 5)) == BLUE
    assert is_near(clear.getpixel((20, 35)), (*RED, 255))


def test_transparency_stays_where_it_can_and_turns_white_where_not() -> None:
    half = Image.new("RGBA", (40, 40), (255, 0, 0, 255))
    half.paste((0, 0, 0, 0), (0, 0, 20, 40))
    source = encoded(half, "PNG")

    assert resize(source, width=20)[1].getpixel((3, 10)) == (0, 0, 0, 0)
    assert resize(source, format="webp")[1].getpixel((3, 10))[3] == 0
    assert is_near(resize(source, format="jpeg")[1].getpixel((3, 10)), WHITE)
    assert resize(source, background="#00ff00")[1].getpixel((3, 10)) == GREEN


def test_a_gif_with_a_see_through_colour_keeps_it() -> None:
    half = Image.new("RGBA", (40, 40), (255, 0, 0, 255))
    half.paste((0, 0, 0, 0), (0, 0, 20, 40))

    _, image = resize(encoded(half, "GIF"))

    assert image.getpixel((3, 10))[3] == 0
    assert image.getpixel((30, 10)) == (255, 0, 0, 255)


@pytest.mark.parametrize(
    ("mode", "colour"),
    [("1", 1), ("L", 255), ("LA", (255, 255)), ("P", 0), ("I;16", 65_535)],
)
def test_every_kind_of_pixels_can_be_read(mode: str, colour: Any) -> None:
    image = Image.new(mode, (40, 40), colour)
    if mode == "P":
        image.putpalette([255, 255, 255])

    _, made = resize(encoded(image, "PNG"), width=20, format="jpeg")

    assert is_near(made.convert("RGB").getpixel((10, 10)), WHITE)


def test_print_colours_become_screen_colours() -> None:
    cmyk = Image.new("CMYK", (40, 40), (0, 255, 255, 0))

    _, image = resize(encoded(cmyk, "JPEG", quality=95))

    assert image.mode == "RGB"
    assert is_near(image.getpixel((10, 10)), RED, tolerance=40)


def test_an_animation_gives_its_first_frame() -> None:
    frames = [Image.new("RGB", (40, 40), colour) for colour in (RED, GREEN, BLUE)]
    for image_format in ("GIF", "WEBP", "PNG"):
        source = encoded(
            frames[0], image_format, save_all=True, append_images=frames[1:]
        )

        _, image = resize(source, format="png")

        assert is_near(image.convert("RGB").getpixel((10, 10)), RED)
        assert getattr(image, "n_frames", 1) == 1


def test_a_phone_s_picture_with_a_second_one_inside_is_a_jpeg() -> None:
    source = encoded(corners(), "MPO", save_all=True, append_images=[corners()])

    _, image = resize(source)

    assert image.format == "JPEG"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        encoded(Image.new("RGB", (9, 9)), "TIFF"),
        encoded(Image.new("RGB", (9, 9)), "BMP"),
        encoded(Image.new("RGB", (9, 9)), "ICO"),
        encoded(Image.new("RGB", (9, 9)), "JPEG2000"),
    ],
    ids=["empty", "text", "svg", "eps", "tiff", "bmp", "ico", "jpeg2000"],
)
def test_a_file_of_another_kind_is_refused(content: bytes) -> None:
    with pytest.raises(Rejection, match="not a JPEG, PNG, WebP or GIF image"):
        resize(content)


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
def test_a_cut_off_picture_is_refused(image_format: str) -> None:
    content = encoded(Image.effect_noise((200, 200), 80), image_format)

    with pytest.raises(Rejection, match="damaged"):
        resize(content[: len(content) // 2])


def test_a_picture_that_only_claims_to_be_huge_is_refused_at_once() -> None:
    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"")

    with pytest.raises(Rejection, match="more than 40 million pixels"):
        resize(content)


def test_a_picture_a_little_too_large_is_refused_too() -> None:
    with pytest.raises(Rejection, match="more than 40 million pixels"):
        resize(encoded(Image.new("1", (8_001, 5_000)), "PNG"), width=10)


def chunk(kind: bytes, content: bytes) -> bytes:
    checked = kind + content
    return (
        struct.pack(">I", len(content))
        + checked
        + struct.pack(">I", zlib.crc32(checked))
    )


@pytest.mark.parametrize(
    ("size", "image_format", "message"),
    [
        ((20_000, 10), "webp", "16,383 pixels"),
        ((4_000, 3_000), "avif", "8 million pixels"),
    ],
)
def test_a_result_that_its_format_can_t_hold_is_refused(
    size: tuple[int, int], image_format: str, message: str
) -> None:
    with pytest.raises(Rejection, match=message):
        resize(encoded(Image.new("1", size), "PNG"), format=image_format)


def test_thumbnails_come_largest_first_and_true_to_the_source() -> None:
    order = ThumbnailsOrder(sizes=(150, 600, 300), format="webp", quality=90)

    made = list(images.thumbnails(io.BytesIO(example("rocket.jpg")), order))

    assert [part.size for part, _ in made] == [600, 300, 150]
    for part, content in made:
        image = opened(content)
        assert image.format == "WEBP"
        assert (part.width, part.height) == image.size
        assert max(image.size) == part.size


def test_thumbnails_of_a_small_picture_are_as_large_as_it_is() -> None:
    order = ThumbnailsOrder(sizes=(150, 300), format="png", quality=90)

    made = list(images.thumbnails(io.BytesIO(encoded(corners(), "PNG")), order))

    assert [opened(content).size for _, content in made] == [(80, 40), (80, 40)]
