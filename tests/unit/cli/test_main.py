from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from cli import main
from shared.errors import ConfigurationError

ROOT = Path(__file__).resolve().parents[3]


def nightshift(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cli.main", *arguments],
        capture_output=True,
        check=False,
        text=True,
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", **environment},
        timeout=60,
    )


def test_tells_its_version() -> None:
    answer = nightshift("version")

    assert (answer.returncode, answer.stdout) == (0, "nightshift 0.1.0\n")


@pytest.mark.parametrize("command", [(), ("up",), ("demo",)])
def test_explains_itself(command: tuple[str, ...]) -> None:
    answer = nightshift(*command, "--help")

    assert answer.returncode == 0
    assert "Usage:" in answer.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("fly",),
        ("up", "--nonsense"),
        ("up", "--api-port", "x"),
        ("up", "--api-port=-1"),
    ],
)
def test_wrong_usage_is_one_sentence(arguments: tuple[str, ...]) -> None:
    answer = nightshift(*arguments)

    assert answer.returncode == 2
    assert answer.stdout == ""
    assert answer.stderr.startswith("nightshift: ")
    assert len(answer.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("redis://127.0.0.1:1/0", "The server of REDIS_URL is not usable"),
        ("http://127.0.0.1:1", "it must start with one of redis://"),
    ],
)
def test_a_useless_redis_url_is_one_sentence(
    tmp_path: Path, url: str, sentence: str
) -> None:
    answer = nightshift(
        "up", "--api-port=0", "--state-dir", str(tmp_path), REDIS_URL=url
    )

    assert answer.returncode == 1
    assert sentence in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ConfigurationError("Set X."), "nightshift: Set X.\n"),
        (RuntimeError("boom"), "This should not have happened: RuntimeError('boom')"),
    ],
)
def test_no_error_reaches_the_user_as_a_traceback(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    error: Exception,
    said: str,
) -> None:
    def fail() -> int:
        raise error

    monkeypatch.setattr(main, "_command", fail)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(SystemExit) as ended:
        main.main()

    shown = capsys.readouterr().err
    assert ended.value.code == 1
    assert said in shown
    assert "Traceback" not in shown


def test_ctrl_c_ends_with_the_status_of_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(main, "_command", interrupted)
    with pytest.raises(SystemExit) as ended:
        main.main()

    assert ended.value.code == 130
