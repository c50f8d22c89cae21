"""Every job that a how-to page shows is one that its task takes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from shared import ids
from shared.contracts import catalogue

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "how-to"
BLOCK = re.compile(r"^```json\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: What stands for a value of the reader's own.
STAND_INS = {
    r"<id of an? [\w ]+>": ids.new_id(),
    r'(?<=")ID(?=")': ids.new_id(),
    r'https://\.\.\.(?=")': "https://example.com",
}


def jobs() -> list[tuple[str, dict[str, Any]]]:
    found = []
    for page in sorted(FOLDER.glob("*.md")):
        for block in BLOCK.findall(page.read_text(encoding="utf-8")):
            text = block
            for pattern, value in STAND_INS.items():
                text = re.sub(pattern, value, text)
            found += [
                (f"{page.stem}: {one['name']}", one)
                for one in documents(text)
                if isinstance(one, dict) and {"name", "data"} <= one.keys()
            ]
    return found


def documents(text: str) -> list[Any]:
    """Return the JSON values that follow each other in a text."""
    decoder, found, rest = json.JSONDecoder(), [], text.strip()
    while rest:
        value, end = decoder.raw_decode(rest)
        found.append(value)
        rest = rest[end:].strip()
    return found


@pytest.mark.parametrize(("where", "job"), jobs())
def test_a_job_of_a_page_fits_its_contract(where: str, job: dict[str, Any]) -> None:
    contract = catalogue.load().find(job["name"])

    assert contract.data.parse(json.dumps(job["data"]).encode()), where


def test_the_pages_show_jobs() -> None:
    assert len(jobs()) > 10
