"""What a file under requirements/ must and must not hold."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}\b")
_OPTION = re.compile(r"\s--hash=\S+")


def entries(text: str) -> Iterator[str]:
    """Give each requirement with its hashes, as one line; comments are left out."""
    lines = [line for line in text.splitlines() if not line.strip().startswith("#")]
    for entry in "\n".join(lines).replace("\\\n", " ").splitlines():
        if entry.strip():
            yield entry.strip()


def pins(text: str) -> dict[str, str]:
    """Return the version of each package, by its canonical name."""
    found: dict[str, str] = {}
    for entry in entries(text):
        requirement = Requirement(_OPTION.sub("", entry))
        version = str(requirement.specifier).removeprefix("==")
        found[canonicalize_name(requirement.name)] = version
    return found


def problems(name: str, text: str) -> Iterator[str]:
    """Say what makes the file called `name` unsafe to install from."""
    if "://" in text:
        yield f"{name} names a host; run `make lock`, which leaves indexes out."
    for entry in entries(text):
        package = re.split(r"[\s=<>@;\[]", entry, maxsplit=1)[0]
        if entry.startswith("-"):
            yield f"{name} has the option {package}; only requirements belong there."
            continue
        if package == "nightshift":
            yield f"{name} requires nightshift itself; the code is not a package here."
        if not _HASH.search(entry):
            yield f"{name}: {package} has no hash; run `make lock`."
        if not re.match(r"[\w.-]+==[\w.]+(\s|$)", entry):
            yield f"{name}: {package} is not pinned with ==; run `make lock`."


def unmet(name: str, text: str, wanted: Iterable[str]) -> Iterator[str]:
    """Say which requirements of pyproject.toml the pins in `text` do not meet."""
    have = pins(text)
    for requirement in map(Requirement, wanted):
        version = have.get(canonicalize_name(requirement.name))
        if version is None or not requirement.specifier.contains(version):
            yield (
                f"{name} has {requirement.name} {version or 'not at all'}, but"
                f" pyproject.toml wants {requirement.specifier}; run `make lock`."
            )
