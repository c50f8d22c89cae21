"""The list of what an image is made of."""

from __future__ import annotations

import importlib.metadata
import json
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).parents[2] / "deploy/images/sbom.py"
STATUS = """\
Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.41-12

Package: gone
Status: deinstall ok config-files
Architecture: all
Version: 1
"""


def listed() -> dict[str, Any]:
    # As in an image: the script comes through standard input.
    text = subprocess.run(
        [sys.executable, "-I", "-"],
        input=SCRIPT.read_text(),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return json.loads(text)  # type: ignore[no-any-return]


def test_every_python_package_is_in_it_with_its_version() -> None:
    purls = {c["purl"] for c in listed()["components"]}
    assert f"pkg:pypi/pytest@{importlib.metadata.version('pytest')}" in purls
    assert f"pkg:pypi/pydantic@{importlib.metadata.version('pydantic')}" in purls


def test_it_is_a_cyclonedx_document_and_every_reference_is_unique() -> None:
    document = listed()
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    uuid = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}"
    assert re.fullmatch(f"urn:uuid:{uuid}", document["serialNumber"])
    references = [c["bom-ref"] for c in document["components"]]
    assert len(references) == len(set(references))


def test_only_installed_packages_of_debian_are_in_it() -> None:
    found = runpy.run_path(str(SCRIPT))["system_packages"](STATUS)
    assert [c["purl"] for c in found] == ["pkg:deb/debian/libc6@2.41-12?arch=amd64"]
    assert (found[0]["name"], found[0]["version"]) == ("libc6", "2.41-12")
