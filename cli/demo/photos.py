"""The photographs that the demo works on."""

from __future__ import annotations

from pathlib import Path

from cli.errors import CliError

_CLI = Path(__file__).resolve().parent.parent
#: Inside the installed package, or in a checkout.
_FOLDERS = (_CLI / "photos", _CLI.parent / "examples" / "photos")
ROCKET = "rocket.jpg"


def find(name: str = ROCKET) -> Path:
    """Return the photograph called `name`.

    Raises:
        CliError: When it was not installed.
    """
    for folder in _FOLDERS:
        if (folder / name).is_file():
            return folder / name
    raise CliError(
        f"The demo's photograph {name} is missing; install Nightshift again, or run "
        "the demo from a checkout."
    )
