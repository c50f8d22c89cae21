from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from PIL import Image

from cli.mailbox import Mailbox
from tests.support.nightshift_process import nightshift

if TYPE_CHECKING:
    from pathlib import Path


def test_the_demo_does_and_verifies_one_job_of_each_kind(tmp_path: Path) -> None:
    var = tmp_path / "var"
    with nightshift("demo", "--exit", folder=var) as command:
        status = command.process.wait(110)

    assert "All 8 results are verified." in command.output, command.output
    assert status == 0
    for size in (150, 300, 600):
        with Image.open(var / f"demo/thumbnail-{size}.webp") as thumbnail:
            assert max(thumbnail.size) == size
    (mail,) = Mailbox(var / "mail").newest(10)
    assert mail.text
    assert mail.html
    assert max(map(len, command.output.splitlines())) <= 80


def test_the_demo_goes_on_serving_until_it_is_stopped(tmp_path: Path) -> None:
    with nightshift("demo", folder=tmp_path / "var") as command:
        command.wait_for("Try it:", within_s=110)

        assert command.end(signal.SIGINT) == 0


def test_a_demo_that_is_stopped_early_does_not_claim_success(tmp_path: Path) -> None:
    with nightshift("demo", "--exit", folder=tmp_path / "var") as command:
        command.wait_for("Posting jobs")

        assert command.end(signal.SIGINT) == 130

    assert "Stopped before the results were verified." in command.output
    assert "results are verified" not in command.output
    assert "Traceback" not in command.output
