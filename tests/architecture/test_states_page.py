"""docs/reference/states.md shows the table of states.py; UPDATE_DOCS=1 writes it."""

from __future__ import annotations

import os
from pathlib import Path

from shared.jobs.states import TRANSITIONS, JobState

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "states.md"
BEGIN, END = "<!-- table -->\n", "<!-- end of table -->\n"
NONE = "no job"


def table() -> str:
    sources = [None, *JobState]
    names = list(dict.fromkeys(transition.name for transition in TRANSITIONS))
    rows = [
        "| command | " + " | ".join(s.value if s else NONE for s in sources) + " |",
        "|---" * (len(sources) + 1) + "|",
    ]
    for name in names:
        cells = []
        for source in sources:
            targets = [
                target.value
                for t in TRANSITIONS
                if (t.name, t.source) == (name, source)
                for target in sorted(t.targets)
            ]
            cells.append(" or ".join(targets) or "-")
        rows.append(f"| `{name}` | " + " | ".join(cells) + " |")
    return "\n".join(rows) + "\n"


def test_the_page_shows_the_table_of_the_code() -> None:
    before, rest = PAGE.read_text().split(BEGIN)
    shown, after = rest.split(END)
    if os.environ.get("UPDATE_DOCS"):
        PAGE.write_text(before + BEGIN + table() + END + after)
        return
    assert shown == table(), "run it with UPDATE_DOCS=1"
