"""A PostgreSQL of Debian for the tests, on a Unix socket of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The server does not run as root.
_USERS = ("postgres", "nobody")


def programs() -> Path | None:
    """Return the folder of `initdb` and `postgres`; None when there is none."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = shutil.which("initdb")
    return next(iter(folders), Path(found).parent if found else None)


def require() -> Path:
    """Return the programs' folder, or skip; where CI runs, fail."""
    folder = programs()
    if folder is None:
        message = "PostgreSQL is not installed: `make test-tools` installs it."
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return folder


@contextmanager
def running_postgres() -> Iterator[str]:
    """Run a server until the block ends and give its SQLAlchemy URL."""
    folder = require()
    with tempfile.TemporaryDirectory(prefix="nightshift-pg-") as name:
        home = Path(name)
        options = _as_somebody_else(home)
        data = home / "data"
        _run(
            folder / "initdb",
            f"--pgdata={data}",
            "--username=tester",
            "--auth=trust",
            "--no-sync",
            "--locale=C",
            "--encoding=UTF8",
            options=options,
        )
        settings = f"-k {home} -c listen_addresses='' -c fsync=off"
        control = (folder / "pg_ctl", f"--pgdata={data}", "--wait", "--silent")
        _run(
            *control,
            f"--options={settings}",
            f"--log={home / 'log'}",
            "start",
            options=options,
        )
        try:
            yield f"postgresql+psycopg://tester@/postgres?host={home}"
        finally:
            _run(*control, "--mode=immediate", "stop", options=options)


def _as_somebody_else(home: Path) -> dict[str, object]:
    if os.geteuid() != 0:
        return {}
    known = {user.pw_name: user for user in pwd.getpwall()}
    user = next(known[name] for name in _USERS if name in known)
    os.chown(home, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _run(*arguments: object, options: dict[str, object]) -> None:
    # Into files: a server that inherits a pipe would keep it open.
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(
            [str(one) for one in arguments],
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            check=False,
            timeout=60,
            cwd="/",
            **options,  # type: ignore[call-overload]
        )
        output.seek(0)
        assert done.returncode == 0, output.read().decode()
