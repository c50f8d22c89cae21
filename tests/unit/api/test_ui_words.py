"""How the dashboard puts numbers, times and actions into words."""

from __future__ import annotations

import doctest

import pytest

from services.api.ui import formats, sentences


@pytest.mark.parametrize("module", [formats, sentences])
def test_the_examples_hold(module: object) -> None:
    results = doctest.testmod(module)  # type: ignore[arg-type]

    assert results.attempted > 1
    assert results.failed == 0
