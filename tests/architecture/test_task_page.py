"""The page of the tasks says what the contracts say."""

from __future__ import annotations

import pytest

from shared.contracts import catalogue
from tests.support import task_table


def test_the_page_is_what_the_contracts_say() -> None:
    written = task_table.PAGE.read_text(encoding="utf-8")

    assert written == task_table.rendered(), "run: python -m tests.support.task_table"


@pytest.mark.parametrize("name", sorted(catalogue.load()))
def test_every_task_has_its_row_and_its_section(name: str) -> None:
    page = task_table.rendered()

    assert f"[`{name}`](#{name})" in page
    assert f"\n## {name}\n" in page
