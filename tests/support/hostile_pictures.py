"""Files that mean harm to whoever opens them as pictures; made on the spot."""

from __future__ import annotations

import io
import random
import struct
import zipfile
import zlib
from typing import Any

from PIL import ExifTags, Image, PngImagePlugin

from tests.support.photos import corners, encoded, opened

_HUGE = 2**31 - 1


def sound() -> dict[str, bytes]:
    """Return one sound picture of each kind that is read."""
    photo = corners(96, 64)
    noise = _noise()
    frames = [photo.rotate(turn) for turn in (10, 20, 30)]
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    moving: dict[str, Any] = {"save_all": True, "append_images": frames}
    return {
        "jpeg": encoded(noise, "JPEG", quality=80, exif=exif),
        "jpeg-progressive": encoded(noise, "JPEG", progressive=True),
        "jpeg-cmyk": encoded(photo.convert("CMYK"), "JPEG"),
        "mpo": encoded(photo, "MPO", **moving),
        "png": encoded(noise, "PNG"),
        "png-palette": encoded(photo.quantize(16), "PNG"),
        "png-16-bit": encoded(Image.new("I;16", (40, 40), 4_000), "PNG"),
        "png-moving": encoded(photo, "PNG", **moving),
        "webp": encoded(noise, "WEBP", quality=70),
        "webp-lossless": encoded(photo.convert("RGBA"), "WEBP", lossless=True),
        "webp-moving": encoded(photo, "WEBP", **moving),
        "gif": encoded(photo, "GIF"),
        "gif-moving": encoded(photo, "GIF", **moving),
    }


def _noise() -> Image.Image:
    return Image.frombytes("RGB", (64, 48), random.Random(7).randbytes(64 * 48 * 3))


def mutated(content: bytes, seed: int) -> bytes:
    """Return the file with some bytes changed, cut out, doubled or swapped."""
    dice = random.Random(seed)
    data = bytearray(content)
    for _ in range(dice.choice((1, 1, 2, 4, 8, 32))):
        if len(data) < 8:
            break
        place = dice.randrange(len(data))
        match dice.randrange(6):
            case 0:
                data[place] ^= 1 << dice.randrange(8)
            case 1:
                data[place] = dice.choice((0, 1, 0x7F, 0x80, 0xFE, 0xFF))
            case 2:
                del data[place : place + dice.randrange(1, 64)]
            case 3:
                piece = data[place : place + dice.randrange(1, 64)]
                data[place:place] = piece * dice.choice((1, 2, 50))
            case 4:
                data[place : place + 4] = struct.pack(">I", dice.choice((0, 1, _HUGE)))
            case 5:
                del data[place:]
    return bytes(data)


def corpus() -> dict[str, bytes]:
    """Return all of them by name; the same at every call."""
    files = {**_of_other_kinds(), **_bad_pngs(), **_bad_jpegs(), **_bad_gifs()}
    files |= _bad_webps()
    for name, content in sound().items():
        for percent in (1, 5, 20, 50, 80, 95, 99):
            size = len(content) * percent // 100
            files[f"cut/{name}-{percent}"] = content[:size]
        for seed in range(5):
            files[f"mutated/{name}-{seed}"] = mutated(content, seed)
        files[f"followed/{name}"] = content + b"<svg onload='alert(1)'/>" * 9
        files[f"preceded/{name}"] = b"GIF89a" + content
        files[f"zeros/{name}"] = content[:64] + bytes(len(content) - 64)
    return files


def _of_other_kinds() -> dict[str, bytes]:
    photo = corners()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(zipfile.ZipInfo("picture.jpg"), encoded(photo, "JPEG"))
    files = {
        "empty": b"",
        "one-byte": b"\xff",
        "text": b"hello " * 50,
        "nul": bytes(4096),
        "html": b"<!doctype html><img src=x onerror=alert(1)>",
        "svg": b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>",
        "svg-entity": b"<!DOCTYPE s [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><s>&x;",
        "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc) run\n",
        "elf": b"\x7fELF\x02\x01\x01" + bytes(100),
        "zip": archive.getvalue(),
        "psd": b"8BPS\x00\x01" + bytes(100),
        "heic": b"\0\0\0\x18ftypheic" + bytes(100),
        "fits": b"SIMPLE  =                    T" + b" " * 2850,
        "pdf": b"%PDF-1.7\n" + bytes(100),
        "wmf": b"\xd7\xcd\xc6\x9a" + bytes(100),
    }
    for kind in ("TIFF", "BMP", "ICO", "JPEG2000", "PPM", "TGA", "PCX", "SGI"):
        files[kind.lower()] = encoded(photo, kind)
    return {f"other/{name}": content for name, content in files.items()}


def _chunk(kind: bytes, body: bytes, *, length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return (
        struct.pack(">I", size)
        + kind
        + body
        + struct.pack(">I", zlib.crc32(kind + body))
    )


def _png(header: bytes, *chunks: bytes, end: bool = True) -> bytes:
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + b"".join(chunks)
        + (_chunk(b"IEND", b"") if end else b"")
    )


def _ihdr(
    wide: int, high: int, depth: int = 8, colour: int = 2, lace: int = 0
) -> bytes:
    return struct.pack(">IIBBBBB", wide, high, depth, colour, 0, 0, lace)


def _bad_pngs() -> dict[str, bytes]:
    pixels = _chunk(b"IDAT", zlib.compress(bytes(4 * 13)))
    bomb = zlib.compress(bytes(100_000_000), 9)
    files = {
        "1-bit-bomb": encoded(Image.new("1", (13_000, 13_000)), "PNG"),
        "wide-bomb": _png(_ihdr(_HUGE, 1), pixels),
        "text-bomb": _png(_ihdr(4, 4), _chunk(b"zTXt", b"a\0\0" + bomb), pixels),
        "international-text-bomb": _png(
            _ihdr(4, 4), _chunk(b"iTXt", b"a\0\1\0\0\0" + bomb), pixels
        ),
        "profile-bomb": _png(_ihdr(4, 4), _chunk(b"iCCP", b"a\0\0" + bomb), pixels),
        "pixels-bomb": _png(_ihdr(4, 4), _chunk(b"IDAT", bomb)),
        "no-pixels": _png(_ihdr(4, 4)),
        "no-end": _png(_ihdr(4, 4), end=False),
        "few-pixels": _png(_ihdr(5000, 5000), pixels),
        "garbage-pixels": _png(_ihdr(4, 4), _chunk(b"IDAT", b"no zlib at all")),
        "no-palette": _png(_ihdr(4, 4, 8, 3), pixels),
        "long-palette": _png(_ihdr(4, 4, 8, 3), _chunk(b"PLTE", bytes(3000)), pixels),
        "long-chunk": _png(_ihdr(4, 4), _chunk(b"IDAT", b"x", length=_HUGE)),
        "short-header": b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", b"\0\0"),
        "odd-transparency": _png(_ihdr(4, 4), _chunk(b"tRNS", b"\1"), pixels),
        "odd-exif": _png(
            _ihdr(4, 4), _chunk(b"eXIf", b"II*\0\xff\xff\xff\xff"), pixels
        ),
        "moving-for-ever": _png(
            _ihdr(4, 4), _chunk(b"acTL", struct.pack(">II", _HUGE, 0)), pixels
        ),
        "many-chunks": _png(
            _ihdr(4, 4), *([_chunk(b"tEXt", b"a\0b")] * 20_000), pixels
        ),
    }
    for wide, high in ((0, 4), (4, 0), (0, 0), (40_001, 1000), (2**31, 2**31)):
        files[f"{wide}x{high}"] = _png(_ihdr(wide, high), pixels)
    for depth, colour in ((3, 2), (0, 0), (64, 2), (8, 1), (8, 7), (1, 6)):
        files[f"depth-{depth}-colour-{colour}"] = _png(
            _ihdr(4, 4, depth, colour), pixels
        )
    comment = PngImagePlugin.PngInfo()
    comment.add_text("Comment", "x" * 1_000_000, zip=True)
    files["long-comment"] = encoded(corners(), "PNG", pnginfo=comment)
    return {f"png/{name}": content for name, content in files.items()}


def _bad_jpegs() -> dict[str, bytes]:
    good = encoded(_noise(), "JPEG")
    frame = good.index(b"\xff\xc0")
    scan = good.index(b"\xff\xda")

    def sized(wide: int, high: int) -> bytes:
        size = struct.pack(">HH", high, wide)
        return good[: frame + 5] + size + good[frame + 9 :]

    loop = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x69\x87\x04\0\x01\0\0\0\x08\0\0\0\x08\0\0\0"
    files = {
        "65535x65535": sized(65_535, 65_535),
        "6000x6000": sized(6000, 6000),
        "0x0": sized(0, 0),
        "1x65535": sized(1, 65_535),
        "no-components": good[: frame + 9] + b"\0" + good[frame + 10 :],
        "many-components": good[: frame + 9] + b"\xff" + good[frame + 10 :],
        "no-tables": good[:2] + good[frame:],
        "no-scan": good[:scan] + b"\xff\xd9",
        "odd-precision": good[: frame + 4] + b"\x0c" + good[frame + 5 :],
        "lossless": good[:frame] + b"\xff\xc3" + good[frame + 2 :],
        "arithmetic": good[:frame] + b"\xff\xc9" + good[frame + 2 :],
        "twice-the-scan": good[:-2] + good[scan:],
        "many-scans": good[:-2] + good[scan:-2] * 500 + b"\xff\xd9",
        "endless-markers": good[:2] + b"\xff" * 100_000,
        "only-restarts": good[: scan + 14] + b"\xff\xd0" * 10_000,
        "exif-loop": good[:2]
        + b"\xff\xe1"
        + struct.pack(">H", len(loop) + 2)
        + loop
        + good[2:],
        "many-comments": good[:2] + b"\xff\xfe\xff\xff" * 1 + b"x" * 65_533 + good[2:],
    }
    return {f"jpeg/{name}": content for name, content in files.items()}


def _bad_gifs() -> dict[str, bytes]:
    head = b"GIF89a" + struct.pack("<HH", 8, 8) + b"\x80\0\0" + bytes(6)
    place = b"," + struct.pack("<HHHHB", 0, 0, 8, 8, 0)
    huge = b"GIF89a" + struct.pack("<HH", 65_535, 65_535) + b"\x80\0\0" + bytes(6)
    moving = [Image.new("P", (16, 16), number % 256) for number in range(1500)]
    files = {
        "65535x65535": huge + place + b"\x02\x02L\x01\0;",
        "odd-code-size": head + place + b"\xff\x02L\x01\0;",
        "no-code-size": head + place,
        "endless-blocks": head + place + b"\x08" + (b"\xff" + bytes(255)) * 2000,
        "no-frames": head + b";",
        "outside": head
        + b","
        + struct.pack("<HHHHB", 60_000, 60_000, 8, 8, 0)
        + b"\x02\x02L\x01\0;",
        "empty-frame": head + b"," + struct.pack("<HHHHB", 0, 0, 0, 0, 0) + b"\x02\0;",
        "endless-extension": head + b"!\xfe" + (b"\xff" + b"x" * 255) * 2000,
        "many-frames": encoded(
            moving[0], "GIF", save_all=True, append_images=moving[1:]
        ),
        "garbage-frames": head + (place + b"\x02\x02\xff\xff\0") * 200 + b";",
    }
    return {f"gif/{name}": content for name, content in files.items()}


def _bad_webps() -> dict[str, bytes]:
    good = encoded(_noise(), "WEBP")

    def riff(*chunks: bytes) -> bytes:
        body = b"WEBP" + b"".join(chunks)
        return b"RIFF" + struct.pack("<I", len(body)) + body

    wide = b"VP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + b"\xff" * 6
    moving = b"ANIM" + struct.pack("<IIH", 6, 0, 0)
    files = {
        "only-the-head": good[:12],
        "wide-canvas": riff(wide, moving),
        "wide-canvas-with-pixels": riff(wide, good[12:]),
        "long-riff": b"RIFF\xff\xff\xff\xff" + good[8:],
        "no-riff": b"RIFF\0\0\0\0" + good[8:],
        "long-chunk": good[:16] + b"\xff\xff\xff\x7f" + good[20:],
        "lossless-16383": riff(
            b"VP8L" + struct.pack("<I", 8) + b"\x2f\xff\xff\xff\x0f" + bytes(3)
        ),
        "no-key-frame": good[:20] + b"\xff" + good[21:],
        "many-chunks": riff(*([b"EXIF\0\0\0\0"] * 20_000), good[12:]),
    }
    return {f"webp/{name}": content for name, content in files.items()}


def is_readable(content: bytes) -> bool:
    """Whether Pillow reads a file that came out of the worker."""
    return opened(content).width > 0
