"""What `up` says when everything runs."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from rich import box
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from cli.state_folder import describe

if TYPE_CHECKING:
    from rich.console import Console

    from cli.installation import Installation
    from cli.local_services import LocalPorts
    from cli.state_folder import StateFolder

_WIDTH = 80


def show(console: Console, installation: Installation) -> None:
    """Print the addresses, the token, a first request and how to stop."""
    state, ports = installation.state, installation.ports
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style="dim", no_wrap=True)
    rows.add_column(overflow="fold")
    dashboard = Text(f"{ports.api_url}/admin/queues", style="bold cyan")
    rows.add_row("Dashboard", dashboard)
    rows.add_row("API", Text(f"{ports.api_url}/api/v1", style="bold cyan"))
    rows.add_row("Token", Text(state.admin_token(), style="bold"))
    rows.add_row("", Text(f"kept in {describe(state.token_file)}", style="dim"))
    rows.add_row("Mail", Text(f"{ports.mail_url}/", style="cyan"))
    rows.add_row("Files", describe(state.files))
    rows.add_row("Logs", describe(state.logs))
    rows.add_row("Redis", installation.server)
    rows.add_row("Stop", "Ctrl-C; a second one stops without waiting for jobs")
    console.print()
    console.print(
        Panel(
            rows,
            title="[bold green]Nightshift is up[/]",
            title_align="left",
            border_style="green",
            box=box.ROUNDED,
            width=min(_WIDTH, console.width),
        )
    )
    console.print("Try it:\n", style="dim")
    console.out(textwrap.indent(curl_example(state, ports), "  "), highlight=False)
    console.print()


def curl_example(state: StateFolder, ports: LocalPorts) -> str:
    """Return a first request that can be pasted into a shell."""
    return (
        f"curl {ports.api_url}/api/v1/jobs/demo \\\n"
        f'  -H "Authorization: Bearer $(cat {describe(state.token_file)})" \\\n'
        "  -H 'Content-Type: application/json' \\\n"
        '  -d \'{"name": "echo", "data": {"msg": "hello"}}\''
    )
