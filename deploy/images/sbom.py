"""List what an image is made of, as a CycloneDX document on standard output.

It describes the system it runs in, so it is run inside the image:
`docker run --rm --interactive --network none IMAGE python -I - < sbom.py`.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import re
import sys
from pathlib import Path
from typing import Any

DPKG = Path("/var/lib/dpkg/status")


def python_packages() -> list[dict[str, Any]]:
    """Return the Python packages of this interpreter."""
    found = {}
    for package in importlib.metadata.distributions():
        # One name in all spellings, as the package index has it.
        name = re.sub(r"[-_.]+", "-", package.metadata["Name"]).lower()
        licence = package.metadata.get("License-Expression")
        found[name] = component(f"pkg:pypi/{name}@{package.version}", licence=licence)
    return [found[name] for name in sorted(found)]


def system_packages(status: str) -> list[dict[str, Any]]:
    """Return Debian's packages, from dpkg's status file."""
    found = []
    for paragraph in status.split("\n\n"):
        fields = dict(re.findall(r"^([A-Z][\w-]*): (.*)$", paragraph, re.MULTILINE))
        if fields.get("Status", "").endswith(" installed"):
            name, version = fields["Package"], fields["Version"]
            arch = fields["Architecture"]
            found.append(component(f"pkg:deb/debian/{name}@{version}?arch={arch}"))
    return found


def component(purl: str, *, licence: str | None = None) -> dict[str, Any]:
    """Return one package, from its package URL."""
    name, _, version = purl.partition("?")[0].rpartition("/")[2].partition("@")
    licences = {"licenses": [{"expression": licence}]} if licence else {}
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "purl": purl,
        **licences,
    }


def document() -> dict[str, Any]:
    """Return the whole list; two runs in one image give the same."""
    status = DPKG.read_text(encoding="utf-8") if DPKG.exists() else ""
    interpreter = component(f"pkg:generic/python@{platform.python_version()}")
    components = [interpreter, *python_packages(), *system_packages(status)]
    refs = "\n".join(c["bom-ref"] for c in components)
    serial = hashlib.sha256(refs.encode()).hexdigest()
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": "urn:uuid:"
        f"{serial[:8]}-{serial[8:12]}-4{serial[13:16]}-8{serial[17:20]}-{serial[20:32]}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "container",
                "name": "nightshift",
                "version": os.environ.get("NIGHTSHIFT_VERSION", "dev"),
            }
        },
        "components": components,
    }


if __name__ == "__main__":
    json.dump(document(), sys.stdout, indent=1)
    sys.stdout.write("\n")
