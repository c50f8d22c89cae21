"""Make the secrets that are still missing, show one, or replace one.

Usage: keep_secrets.py              make what is missing
       keep_secrets.py show NAME    print a secret
       keep_secrets.py set NAME     read the new value from standard input
       keep_secrets.py renew NAME   make a new value

Each secret is a file in a volume that only the services that need it mount. They
read it at their start: `docker compose up -d --force-recreate` after a change.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(os.environ.get("SECRETS_ROOT", "/run/nightshift"))
SHORTEST = 16
#: What goes into a file of Redis or into a header.
PLAIN = ("redis/password", "api/token")


def token() -> str:
    """Return 256 random bits, in characters that are safe in URLs and Redis files."""
    return secrets.token_urlsafe(32)


def webhook_secret() -> str:
    """Return a key in the form of Standard Webhooks."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


#: What makes each secret; nothing makes one that only its owner can know.
MAKERS: dict[str, Callable[[], str] | None] = {
    "redis/password": token,
    "api/token": token,
    "worker/webhook-secret": webhook_secret,
    "worker/smtp-url": None,
    "worker/database-url": None,
    "worker/cache-url": None,
    "worker/http-headers": None,
    "worker/notify-channels": None,
    "files/s3-secret-access-key": None,
    "grafana/admin-password": token,
    "alerts/default-url": None,
    "alerts/pager-url": None,
    "alerts/watchdog-url": None,
}


def write(path: Path, text: str) -> None:
    """Put `text` in place of `path` at once: a reader sees the old or the new value."""
    draft = path.with_name(f".{path.name}.draft")
    path.parent.mkdir(exist_ok=True)  # a volume in Compose
    draft.unlink(missing_ok=True)
    draft.write_text(text, encoding="utf-8")
    draft.chmod(0o444)
    draft.replace(path)


def keep(name: str, value: str) -> None:
    """Store `value` under `name`, and for Redis in its own words too."""
    if len(value) < SHORTEST or not value.isprintable():
        sys.exit(f"{name} must have at least {SHORTEST} printable characters.")
    if name in PLAIN and set(value) & set(" \"'\\"):
        sys.exit(f"{name} must not hold spaces, quotes and backslashes.")
    write(ROOT / name, value)
    if name == "redis/password":
        retell(value)


def retell(password: str) -> None:
    """Store Redis's password in the words of Redis and of its exporter."""
    write(ROOT / "redis/auth.conf", f'requirepass "{password}"\n')
    # In Compose it asks another container, in Kubernetes its own pod.
    known = {f"redis://{host}:6379": password for host in ("redis", "localhost")}
    write(ROOT / "redis/exporter.json", json.dumps(known))


def shown(name: str) -> str:
    """Return the secret called `name`."""
    try:
        return (ROOT / name).read_text(encoding="utf-8")
    except FileNotFoundError:
        sys.exit(f"{name} is not set.")


def main(arguments: list[str]) -> None:
    """Do what the arguments ask for."""
    match arguments:
        case []:
            for name, make in MAKERS.items():
                if make and not (ROOT / name).exists():
                    keep(name, make())
            retell(shown("redis/password"))
        case ["show", name] if name in MAKERS:
            sys.stdout.write(shown(name) + "\n")
        case ["set", name] if name in MAKERS:
            keep(name, sys.stdin.read().strip())
        case ["renew", name] if make := MAKERS.get(name):
            keep(name, make())
        case _:
            sys.exit(f"{__doc__}\nNAME is one of: {', '.join(MAKERS)}")


if __name__ == "__main__":
    main(sys.argv[1:])
