"""Pictures in other sizes and formats: make_pictures.py [PICTURE]."""

from __future__ import annotations

import sys
from pathlib import Path

import service


def main(picture: Path) -> None:
    """Resize it, make thumbnails of it, and press it into 20 kB."""
    source = service.upload(picture.read_bytes(), picture.name, "image/jpeg")
    for fit, image_format in (("cover", "webp"), ("contain", "avif")):
        made = service.run(
            "image",
            "process-image",
            {
                "source": source,
                "width": 400,
                "height": 300,
                "fit": fit,
                "format": image_format,
                "background": "#eeeeee",
            },
        )
        service.save(made["file"], f"{fit}.{image_format}")

    thumbnails = service.run(
        "image", "generate-thumbnails", {"source": source, "sizes": [150, 300, 600]}
    )
    for thumbnail in thumbnails["thumbnails"]:
        service.save(thumbnail["file"], f"thumbnail-{thumbnail['size']}.webp")

    small = service.run(
        "image",
        "compress-image",
        {"source": source, "maxBytes": 20_000, "format": "jpeg"},
    )
    service.save(small["file"], "compressed.jpg")
    print(f"  {small['wasBytes']:,} bytes before, quality {small['quality']} now")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else service.PHOTOS / "rocket.jpg")
