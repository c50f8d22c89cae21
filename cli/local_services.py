"""Which processes make up an installation on one machine, and their settings."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cli.child import ChildSpec
from cli.demo import heartbeat
from cli.errors import CliError
from cli.ports import LOOPBACK, Ports, is_free

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cli.state_folder import StateFolder

STOP_ORDER = ("api", "scheduler", "worker", "webhook", "mail", "redis")
DEFAULT_API_PORT = 8000
#: Seconds that jobs in flight get when everything stops.
GRACE_S = 10
#: Seconds on top of that until the worker's process is killed.
_SPARE_S = 8
#: Settings of ours that the user's environment must not contradict.
_OURS = ("NIGHTSHIFT_API_TOKEN",)


@dataclass(frozen=True, kw_only=True)
class LocalPorts:
    """Where everything listens, on the loopback interface."""

    api: int
    worker: int
    scheduler: int
    smtp: int
    mail_page: int
    webhook: int

    @classmethod
    def take(cls, api: int | None) -> LocalPorts:
        """Find free ports.

        Args:
            api: The port the user insists on; 0 means that any ports will do, None
                that the usual ones are nice to have.

        Raises:
            CliError: When the port the user insists on is taken.
        """
        if api and not is_free(api):
            raise CliError(
                f"Port {api} is taken by another program. Choose another one with "
                "--api-port, or leave it out to get a free one."
            )
        ports = Ports()
        any_port = api == 0
        return cls(
            api=ports.take(DEFAULT_API_PORT if api is None else api),
            worker=ports.take(0 if any_port else 9101),
            scheduler=ports.take(0 if any_port else 9102),
            smtp=ports.take(0 if any_port else 1025),
            mail_page=ports.take(0 if any_port else 8025),
            webhook=ports.take(0 if any_port else 8026),
        )

    @property
    def api_url(self) -> str:
        """The address of the api."""
        return f"http://{LOOPBACK}:{self.api}"

    @property
    def mail_url(self) -> str:
        """The address of the mail page."""
        return f"http://{LOOPBACK}:{self.mail_page}"

    @property
    def webhook_url(self) -> str:
        """The address of the demo's webhook receiver."""
        return f"http://{LOOPBACK}:{self.webhook}/hooks"


def specs(
    state: StateFolder, ports: LocalPorts, *, redis_url: str, with_receiver: bool
) -> list[ChildSpec]:
    """Return the children in start order.

    Args:
        state: Where they keep their files.
        ports: Where they listen.
        redis_url: The server they share.
        with_receiver: Whether the demo's webhook receiver runs, too.
    """
    token_file, secret = str(state.token_file), state.webhook_secret()
    state.admin_token()
    common = {"REDIS_URL": redis_url, "NIGHTSHIFT_STORAGE_DIR": str(state.files)}
    api = ChildSpec(
        name="api",
        arguments=_module("services.api"),
        environment=_environment(
            common,
            NIGHTSHIFT_API_HOST=LOOPBACK,
            NIGHTSHIFT_API_PORT=str(ports.api),
            NIGHTSHIFT_API_TOKEN_FILE=token_file,
            NIGHTSHIFT_DEMO_ENDPOINTS="true",
        ),
        probe_url=f"{ports.api_url}/readyz",
        folders=("services/api", "shared"),
    )
    worker = ChildSpec(
        name="worker",
        arguments=_module("services.worker"),
        environment=_environment(
            common,
            NIGHTSHIFT_GRACE_S=str(GRACE_S),
            NIGHTSHIFT_HEALTH_HOST=LOOPBACK,
            NIGHTSHIFT_HEALTH_PORT=str(ports.worker),
            NIGHTSHIFT_SMTP_URL=f"smtp://{LOOPBACK}:{ports.smtp}",
            NIGHTSHIFT_MAIL_FROM="Nightshift <nightshift@localhost.localdomain>",
            NIGHTSHIFT_WEBHOOK_SECRET=secret,
            NIGHTSHIFT_WEBHOOK_ALLOW_PRIVATE="true",
            **_to_try(state, ports, redis_url=redis_url),
        ),
        probe_url=f"http://{LOOPBACK}:{ports.worker}/readyz",
        grace_s=GRACE_S + _SPARE_S,
        folders=("services/worker", "shared"),
    )
    scheduler = ChildSpec(
        name="scheduler",
        arguments=_module("services.scheduler"),
        environment=_environment(
            common,
            NIGHTSHIFT_HEALTH_HOST=LOOPBACK,
            NIGHTSHIFT_HEALTH_PORT=str(ports.scheduler),
            NIGHTSHIFT_DEMO_SCHEDULE="true",
            NIGHTSHIFT_DEMO_EVERY_MS=str(heartbeat.EVERY_MS),
        ),
        probe_url=f"http://{LOOPBACK}:{ports.scheduler}/readyz",
        folders=("services/scheduler", "shared"),
    )
    receiver = [_receiver(state, ports, secret)] if with_receiver else []
    return [_mail(state, ports), *receiver, api, worker, scheduler]


def _to_try(state: StateFolder, ports: LocalPorts, *, redis_url: str) -> dict[str, str]:
    """Return what lets every task be tried here, but for what the user has set."""
    domain = "localhost.localdomain"
    # A notification becomes a mail in the mail catcher.
    address = (
        f"mailto://{LOOPBACK}:{ports.smtp}"
        f"?from=nightshift@{domain}&to=you@{domain}&mode=insecure"
    )
    wishes = {
        "NIGHTSHIFT_HTTP_ALLOWED_HOSTS": LOOPBACK,
        "NIGHTSHIFT_LOG_DIR": str(state.logs),
        "NIGHTSHIFT_REPORT_TO": f"team@{domain}",
        "NIGHTSHIFT_REPORT_LINK": f"{ports.api_url}/admin/queues",
    }
    if not _is_set("NIGHTSHIFT_NOTIFY_CHANNELS", "NIGHTSHIFT_NOTIFY_SCHEMES"):
        wishes["NIGHTSHIFT_NOTIFY_SCHEMES"] = "mailto"
        wishes["NIGHTSHIFT_NOTIFY_CHANNELS"] = json.dumps({"local": address})
    if not _is_set("REDIS_URL"):
        # The embedded server is nobody else's: its other keys may be cleaned.
        wishes["NIGHTSHIFT_CACHE_URL"] = redis_url
    return {name: value for name, value in wishes.items() if not _is_set(name)}


def _is_set(*names: str) -> bool:
    return any(name in os.environ or f"{name}_FILE" in os.environ for name in names)


def _mail(state: StateFolder, ports: LocalPorts) -> ChildSpec:
    options = (f"--folder={state.mail}", f"--smtp-port={ports.smtp}")
    return ChildSpec(
        name="mail",
        arguments=_module(
            "cli.mail_catcher", *options, f"--page-port={ports.mail_page}"
        ),
        environment=_environment({}),
        probe_url=f"{ports.mail_url}/",
    )


def _receiver(state: StateFolder, ports: LocalPorts, secret: str) -> ChildSpec:
    options = (f"--folder={state.webhooks}", f"--port={ports.webhook}")
    return ChildSpec(
        name="webhook",
        arguments=_module("cli.webhook_receiver", *options),
        environment=_environment({}, NIGHTSHIFT_WEBHOOK_SECRET=secret),
        probe_url=f"http://{LOOPBACK}:{ports.webhook}/",
    )


def _module(name: str, *options: str) -> tuple[str, ...]:
    return (sys.executable, "-m", name, *options)


def _environment(common: Mapping[str, str], **own: str) -> dict[str, str]:
    inherited = {k: v for k, v in os.environ.items() if k not in _OURS}
    return {**inherited, "PYTHONUNBUFFERED": "1", **common, **own}
