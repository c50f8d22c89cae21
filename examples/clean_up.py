"""Every clean-up, first as a rehearsal: clean_up.py [--for-good].

What needs a setting that the worker lacks is left out; `daily-cleanup` says which.
"""

from __future__ import annotations

import sys

import service

QUEUE = "cleanup"
#: Each task and what it is told, in the order in which they run.
CLEAN_UPS: dict[str, service.Document] = {
    "invalidate-cache": {"prefixes": ["page:"], "tags": ["product-17"]},
    "expired-sessions": {"daysOld": 30},
    "idempotency-keys": {},
    "old-logs": {"daysOld": 30},
    "finished-jobs": {"daysOld": 30},
    "orphaned-artifacts": {"daysOld": 30},
    "clean-database": {},
}


def main(*, for_good: bool) -> None:
    """Look, and remove when that is wanted."""
    skipped = service.run(QUEUE, "daily-cleanup", {"dryRun": True})["skipped"]
    if "expired-sessions" in skipped:
        skipped["invalidate-cache"] = skipped["expired-sessions"]
    for dry_run in (True, False)[: 1 + for_good]:
        for name, data in CLEAN_UPS.items():
            if name in skipped:
                print(f"{name}: left out. {skipped[name]}")
                continue
            done = service.run(QUEUE, name, {**data, "dryRun": dry_run})
            verb = "would remove" if dry_run else "removed"
            print(f"  {verb} {done['removed']}")
    healthy = service.run(QUEUE, "health-check", {})
    for check in healthy["checks"]:
        print(f"  {check['name']}: {check['detail']}")


if __name__ == "__main__":
    main(for_good="--for-good" in sys.argv)
