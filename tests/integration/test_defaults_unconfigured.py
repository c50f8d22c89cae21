"""What the scheduler starts by itself, on an installation that configured nothing."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import pytest

from services.scheduler.schedules import DATA
from services.worker.tasks import clean_database, invalidate_cache
from shared.contracts import catalogue
from shared.contracts.tasks.clean_database import CleanDatabase
from shared.contracts.tasks.invalidate_cache import InvalidateCache
from shared.errors import UnrecoverableError
from tests.support.contexts import make_context

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("task", sorted(DATA))
def test_there_is_nothing_to_clean_and_no_failure(task: str, tmp_path: Path) -> None:
    contract = catalogue.load()[task]
    run = import_module(f"services.worker.tasks.{task.replace('-', '_')}").run

    cleaned = run(contract.data.model_validate(DATA[task]), make_context(tmp_path))

    assert cleaned.removed == 0


def test_whoever_names_what_to_clean_hears_that_it_is_not_there(tmp_path: Path) -> None:
    context = make_context(tmp_path)

    with pytest.raises(UnrecoverableError, match="NIGHTSHIFT_CACHE_URL"):
        invalidate_cache.run(InvalidateCache(prefixes=["page:"]), context)
    with pytest.raises(UnrecoverableError, match="NIGHTSHIFT_DATABASE"):
        clean_database.run(CleanDatabase(), context)
