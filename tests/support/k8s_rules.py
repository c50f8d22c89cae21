"""Checks a rendered set of Kubernetes objects without a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from tests.support import k8s_policy, k8s_references, k8s_schemas
from tests.support.k8s_manifests import parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.k8s_manifests import Object

#: The oldest and the newest Kubernetes that we support.
VERSIONS = ("1.30", "1.37")


def problems(text: str, version: str = VERSIONS[-1]) -> Iterator[str]:
    """Say what is wrong, naming the object and the fix."""
    try:
        objects = parse(text)
    except yaml.YAMLError as error:
        yield f"The set is not YAML: {error}"
        return
    yield from problems_of(objects, version)


def problems_of(objects: list[Object], version: str = VERSIONS[-1]) -> Iterator[str]:
    """Say what is wrong with objects that are parsed."""
    yield from k8s_schemas.problems(objects, version)
    yield from k8s_references.problems(objects)
    yield from k8s_policy.problems(objects)
