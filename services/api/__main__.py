"""`python -m services.api`: serve the API until told to end."""

from __future__ import annotations

import sys

from services.api.settings import ApiSettings
from shared import logging, settings
from shared.errors import ConfigurationError


def main() -> int:
    """Return the exit status: 0 after an orderly end, 2 when a setting is unusable."""
    try:
        ours = settings.load(ApiSettings)
        logging.configure(service="api", level=ours.nightshift_log_level)
        from services.api import server  # noqa: PLC0415 - after the settings hold

        server.serve(ours)
    except ConfigurationError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the person who starts it reads it
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
