"""A film for browsers, with a poster: transcode_film.py FILM.

The worker needs ffmpeg.
"""

from __future__ import annotations

import sys
from pathlib import Path

import service


def main(film: Path) -> None:
    """Make an MP4 of at most 240 lines, and a picture of its middle."""
    made = service.run(
        "media",
        "transcode-video",
        {
            "source": service.upload(film.read_bytes(), film.name, "video/mp4"),
            "preset": "mp4",
            "maxHeight": 240,
            "posterAtS": 1,
        },
    )
    service.save(made["file"], "film.mp4")
    service.save(made["poster"]["file"], "poster.jpg")
    print(f"  {made['width']}x{made['height']}, {made['durationMs']} ms")


if __name__ == "__main__":
    if len(sys.argv) != 2:  # noqa: PLR2004 - the program and the film
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
