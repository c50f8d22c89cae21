"""The entry point: whatever goes wrong, the user reads a sentence."""

from __future__ import annotations

import io
import os
import sys
import tempfile
import traceback
from pathlib import Path

from cli.errors import StoppedError
from shared.errors import NightshiftError

_FAILED, _MISUSED, _INTERRUPTED = 1, 2, 130


def main() -> None:
    """Run the command and end with its status: 0, 1 failed, 2 misused, 130 stopped."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal without Unicode gets question marks, not an error.
            stream.reconfigure(errors="replace")
    sys.exit(_run())


def _run() -> int:
    try:
        return _command()
    except StoppedError as error:
        return _say(str(error), status=_INTERRUPTED)
    except NightshiftError as error:
        return _say(str(error), status=_FAILED)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has left, as in `nightshift up | head`.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _FAILED
    except Exception as error:  # noqa: BLE001 - the process boundary
        return _say(
            f"This should not have happened: {error!r}. The details are in "
            f"{_crash_report()}; please report them.",
            status=_FAILED,
        )


def _command() -> int:
    try:
        import click  # noqa: PLC0415

        from cli.commands import nightshift  # noqa: PLC0415
    except ModuleNotFoundError as error:
        return _say(
            f"The package {error.name!r} is missing. Run `make setup` in Nightshift's "
            "folder, which installs the command with its parts.",
            status=_FAILED,
        )
    try:
        status = nightshift.main(standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return _MISUSED
    except click.ClickException as error:
        return _say(error.format_message(), status=_MISUSED)
    except click.exceptions.Abort:
        return _INTERRUPTED
    return status if isinstance(status, int) else 0


def _say(sentence: str, *, status: int) -> int:
    print(f"nightshift: {sentence}", file=sys.stderr)
    return status


def _crash_report() -> Path:
    handle, name = tempfile.mkstemp(prefix="nightshift-crash-", suffix=".txt")
    with os.fdopen(handle, "w") as file:
        file.write(traceback.format_exc())
    return Path(name)


if __name__ == "__main__":
    main()
