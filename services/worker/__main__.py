"""`python -m services.worker`: Dramatiq's own command line with our settings."""

from __future__ import annotations

import os
import sys

from services.worker.settings import WorkerSettings
from shared import settings
from shared.errors import ConfigurationError

#: Beyond the grace period: interruption, hand-back and the last commit, in seconds.
SHUTDOWN_MARGIN_S = 5
#: How often idle threads look whether they should end, in milliseconds; Dramatiq's own
#: second would make every stop take several.
STEP_MS = 250


def main(boot: str = "services.worker.main:boot") -> int:
    """Run one worker process until a signal ends it; return the exit status.

    `boot` names the function that makes the broker, as `module:function`.
    """
    try:
        worker_settings = settings.load(WorkerSettings)
    except ConfigurationError as error:
        print(error, file=sys.stderr)  # noqa: T201 - there is no logging yet
        return 2
    os.environ.setdefault("dramatiq_worker_timeout", str(STEP_MS))
    # Not before: Dramatiq reads the variable when it is imported.
    from dramatiq import cli  # noqa: PLC0415

    shutdown_s = worker_settings.nightshift_grace_s + SHUTDOWN_MARGIN_S
    arguments = [
        boot,
        "--processes=1",
        f"--threads={worker_settings.nightshift_worker_threads}",
        f"--worker-shutdown-timeout={int(shutdown_s * 1000)}",
        "--skip-logging",
    ]
    return int(cli.main(cli.make_argument_parser().parse_args(arguments)) or 0)


if __name__ == "__main__":
    sys.exit(main())
