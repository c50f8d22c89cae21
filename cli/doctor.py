"""`nightshift doctor`: examines an installation and says what to do."""

from __future__ import annotations

import sys

import click

from shared import settings
from shared.broker.connection import connect
from shared.broker.doctor import Doctor, Severity
from shared.broker.inspector import Inspector
from shared.contracts import catalogue
from shared.errors import NightshiftError

_MARKS = {Severity.GOOD: "✓", Severity.WARNING: "!", Severity.BAD: "✗"}


@click.command()
@click.option(
    "--redis-url",
    help="Where Redis is; REDIS_URL and REDIS_PASSWORD when left out, as in a service.",
)
@click.option(
    "--namespace",
    envvar="NIGHTSHIFT_NAMESPACE",
    default="nightshift",
    show_default=True,
    help="Prefix of the installation's keys.",
)
@click.option("--repair", is_flag=True, help="Mend what the audit finds.")
def doctor(redis_url: str | None, namespace: str, *, repair: bool) -> int:
    """Examine Redis, the queues and every job's keys.

    The status is 1 when something is bad.
    """
    url = redis_url or settings.load(settings.CommonSettings).redis_url
    return 0 if _examine(url, namespace, repair=repair) else 1


def _examine(redis_url: str, namespace: str, *, repair: bool) -> bool:
    with connect(redis_url) as client:
        inspector = Inspector(client, namespace=namespace, catalogue=catalogue.load())
        physician = Doctor(client, namespace=namespace, inspector=inspector)
        findings = physician.examine()
        for finding in findings:
            mark = _MARKS[finding.severity]
            click.echo(f"{mark} {finding.subject}: {finding.detail}")
        is_well = all(f.severity is not Severity.BAD for f in findings)
        for queue in inspector.queues():
            problems = physician.audit(queue, mend=repair)
            for job_id, problem in problems:
                verb = "mended" if repair else "found"
                click.echo(f"✗ queue {queue}: {problem} job {job_id} ({verb})")
            if problems and not repair:
                is_well = False
                click.echo("  Run it again with --repair to mend that.")
    return is_well


def main() -> int:
    """Run the command by itself, where the rest of `nightshift` is not installed."""
    try:
        return int(doctor.main(standalone_mode=False) or 0)
    except click.ClickException as error:
        message = error.format_message()
    except NightshiftError as error:
        message = str(error)
    click.echo(f"doctor: {message}", err=True)
    return 2


if __name__ == "__main__":
    sys.exit(main())
