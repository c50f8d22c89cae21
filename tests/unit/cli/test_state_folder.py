from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from cli.errors import CliError
from cli.state_folder import StateFolder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    folder = StateFolder(tmp_path / "var")
    folder.create()
    return folder


def test_keeps_its_secrets_for_the_owner_and_for_the_next_run(
    state: StateFolder,
) -> None:
    token, secret = state.admin_token(), state.webhook_secret()

    again = StateFolder(state.root)
    assert (again.admin_token(), again.webhook_secret()) == (token, secret)
    assert state.token_file.stat().st_mode & 0o777 == 0o600
    assert state.webhook_secret_file.stat().st_mode & 0o777 == 0o600
    assert state.root.stat().st_mode & 0o777 == 0o700
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32


def test_closes_a_token_file_that_others_could_read(state: StateFolder) -> None:
    state.token_file.write_text("a-token-that-somebody-wrote\n")
    state.token_file.chmod(0o644)

    assert state.admin_token() == "a-token-that-somebody-wrote"
    assert state.token_file.stat().st_mode & 0o777 == 0o600


def test_refuses_a_short_token(state: StateFolder) -> None:
    state.token_file.write_text("short")

    with pytest.raises(CliError, match="shorter than 16 characters"):
        state.admin_token()


def test_refuses_a_second_run_in_the_same_folder(state: StateFolder) -> None:
    with (
        state.locked(),
        pytest.raises(CliError, match="Another nightshift already works in"),
        StateFolder(state.root).locked(),
    ):
        pass


def test_says_when_the_folder_can_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(CliError, match="choose another one with --state-dir"):
        StateFolder(tmp_path / "file" / "var").create()
