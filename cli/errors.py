"""The errors of the command.

NightshiftError
└── CliError
    ├── ServerError
    ├── ChildError
    ├── ApiError
    └── StoppedError
"""

from __future__ import annotations

from shared.errors import NightshiftError


class CliError(NightshiftError):
    """Raised when the command can't go on; its message is all the user sees."""


class ServerError(CliError):
    """Raised when no Redis server can be found or started."""


class ChildError(CliError):
    """Raised when a service can't be started or does not get ready."""


class ApiError(CliError):
    """Raised when the api answers a request of the demo with a refusal."""


class StoppedError(CliError):
    """Raised when the user asked to stop before the work was done."""
