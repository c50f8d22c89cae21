"""The memory limit is the container's, else the machine's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shared.memory_limit import memory_limit_bytes

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def machine(tmp_path: Path) -> int:
    return memory_limit_bytes((tmp_path / "missing",))


def test_without_a_limit_it_is_the_machine(machine: int) -> None:
    assert machine > 2**27


def test_a_container_s_limit_counts(tmp_path: Path) -> None:
    place = tmp_path / "memory.max"
    place.write_text("67108864\n")

    assert memory_limit_bytes((place,)) == 2**26


@pytest.mark.parametrize("text", ["max\n", "9223372036854771712\n", "", "nonsense\n"])
def test_a_limit_that_is_none_does_not(tmp_path: Path, machine: int, text: str) -> None:
    place = tmp_path / "memory.max"
    place.write_text(text)

    assert memory_limit_bytes((place,)) == machine
