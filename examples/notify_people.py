"""A message through a channel, and a reminder that comes a second later.

NIGHTSHIFT_NOTIFY_CHANNELS of the worker must have a channel `local`; that of `make up`
has one, which writes a mail.
"""

from __future__ import annotations

import service


def main() -> None:
    """Send both."""
    service.run(
        "notification",
        "send-notification",
        {
            "channels": ["local"],
            "title": "Backup",
            "body": "The backup of tonight is complete.",
            "kind": "success",
        },
    )
    service.run(
        "notification",
        "send-notification",
        {"channels": ["local"], "title": "Reminder", "body": "The tea is ready."},
        delay=1000,
    )


if __name__ == "__main__":
    main()
