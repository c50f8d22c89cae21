from __future__ import annotations

import pytest
from pydantic import SecretStr

from services.api.auth import Guard

TOKEN = "correct-horse-battery"  # noqa: S105 - guards nothing


@pytest.fixture
def guard() -> Guard:
    return Guard(SecretStr(TOKEN))


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        TOKEN,
        f"Basic {TOKEN}",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN[:-1]}x",
        f"Bearer {TOKEN.upper()}",
        f"Bearer {TOKEN} {TOKEN}",
        # What a server makes of two headers:
        f"Bearer {TOKEN},Bearer {TOKEN}",
        f"Bearer {TOKEN}\x00",
        "Bearer " + "x" * 100_000,
        "Bearer é\udcff",
    ],
)
def test_admits_nobody_else(guard: Guard, header: str | None) -> None:
    assert not guard.admits(header)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_admits_the_bearer(guard: Guard, scheme: str) -> None:
    assert guard.admits(f"{scheme} {TOKEN}")


def test_keeps_no_copy_of_the_token(guard: Guard) -> None:
    assert TOKEN not in str(vars(guard))
