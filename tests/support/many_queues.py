"""More tasks and queues than we have, for real services: as files, beside ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_CONTRACT = '''\
"""A task of a test."""

from dataclasses import replace

from shared.contracts.tasks.echo import CONTRACT as ECHO

CONTRACT = replace(ECHO, name="{name}", queue="{queue}")
'''
_IMPLEMENTATION = '''\
"""A task of a test."""

from services.worker.tasks.echo import run

__all__ = ["run"]
'''
#: Python runs it at the start of every process that finds it on its path.
_START = """\
import pathlib

import services.worker.tasks
import shared.contracts.tasks

here = pathlib.Path(__file__).parent
shared.contracts.tasks.__path__.append(str(here / "contracts"))
services.worker.tasks.__path__.append(str(here / "implementations"))
"""


def write_tasks(folder: Path, *, queues: int) -> str:
    """Write `queues` tasks, each with a queue of its own, to `folder`.

    Returns:
        What PYTHONPATH must hold for a service to have them.
    """
    for part in ("contracts", "implementations"):
        (folder / part).mkdir(parents=True)
    (folder / "sitecustomize.py").write_text(_START)
    for number in range(queues):
        name = f"task_of_a_test_{number:03}"
        contract = _CONTRACT.format(
            name=name.replace("_", "-"), queue=f"queue-{number:03}"
        )
        (folder / "contracts" / f"{name}.py").write_text(contract)
        (folder / "implementations" / f"{name}.py").write_text(_IMPLEMENTATION)
    return str(folder)
