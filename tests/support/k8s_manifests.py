"""Rendered Kubernetes objects, and the pods that they make."""

from __future__ import annotations

import functools
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

Object = dict[str, Any]

K8S = Path(__file__).parents[2] / "deploy/k8s"
#: Kinds whose pods keep running.
SERVERS = ("Deployment", "StatefulSet", "DaemonSet")


class Loader(yaml.CSafeLoader):
    """Reads YAML and refuses a key that stands twice in one mapping."""


def _mapping(loader: Loader, node: yaml.MappingNode) -> dict[Hashable, Any]:
    seen = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        if key in seen:
            problem = f"the key {key!r} stands twice"
            raise yaml.MarkedYAMLError(
                problem=problem, problem_mark=key_node.start_mark
            )
        seen.add(key)
    return loader.construct_mapping(node, deep=True)


Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def parse(text: str) -> list[Object]:
    """Return the objects of a YAML stream.

    Raises:
        yaml.YAMLError: It is not YAML, or a key stands twice.
    """
    # A subclass of the safe loader.
    return [o for o in yaml.load_all(text, Loader) if o]


def kubectl_reason() -> str:
    """Return why manifests can't be rendered here; empty when they can."""
    if shutil.which("kubectl") is None:
        return (
            "kubectl is missing: `make test-tools` installs it where apt has a new one"
        )
    # Debian bookworm's 1.20 knows neither components nor `replacements`.
    version = _kubectl_version()
    if version < (1, 25):
        return f"kubectl {version[0]}.{version[1]} is too old, 1.25 is the oldest"
    return ""


def _kubectl_version() -> tuple[int, int]:
    text = subprocess.run(
        ["kubectl", "version", "--client", "--output", "yaml"],  # noqa: S607
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    version = yaml.safe_load(text)["clientVersion"]
    return int(version["major"]), int(version["minor"].rstrip("+"))


@functools.cache
def render(folder: Path) -> str:
    """Return what `kubectl kustomize` makes of a folder.

    Raises:
        AssertionError: It fails; with its reason.
    """
    answer = subprocess.run(
        ["kubectl", "kustomize", str(folder)],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr[:500]
    return answer.stdout


@dataclass(frozen=True)
class Workload:
    """An object that makes pods.

    Attributes:
        who: Its kind and name, as in messages.
        kind: Such as `Deployment`.
        name: Its name.
        labels: Those of its pods.
        annotations: Those of its pods.
        pod: The specification of its pods.
        spec: Its own specification.
    """

    who: str
    kind: str
    name: str
    labels: dict[str, str]
    annotations: dict[str, str]
    pod: Object
    spec: Object

    @property
    def containers(self) -> list[Object]:
        """Those that run, without the ones that prepare."""
        return list(self.pod.get("containers", []))

    @property
    def all_containers(self) -> list[Object]:
        """All, with the ones that prepare."""
        return self.containers + list(self.pod.get("initContainers", []))

    @property
    def port_names(self) -> set[str | int]:
        """What a Service, a probe or a policy may call the ports of these pods."""
        ports = [p for c in self.containers for p in c.get("ports", [])]
        return {p[key] for p in ports for key in ("name", "containerPort") if key in p}

    def is_selected_by(self, selector: Object | None) -> bool:
        """Whether a label selector selects these pods; an empty one selects all."""
        if selector is None:
            return False
        if any(self.labels.get(k) != v for k, v in labels_of(selector).items()):
            return False
        return all(self._meets(e) for e in selector.get("matchExpressions", []))

    def _meets(self, expression: Object) -> bool:
        value = self.labels.get(expression["key"])
        match expression["operator"]:
            case "In":
                return value in expression["values"]
            case "NotIn":
                return value not in expression["values"]
            case "Exists":
                return value is not None
        return value is None


def labels_of(selector: Object) -> dict[str, str]:
    """Return the labels a selector wants, whether it is a plain or a matching one."""
    if selector.keys() & {"matchLabels", "matchExpressions"}:
        return dict(selector.get("matchLabels") or {})
    return dict(selector)


def name_of(thing: Object) -> str:
    """Return the name of an object."""
    return str((thing.get("metadata") or {}).get("name"))


def who(thing: Object) -> str:
    """Return kind and name of an object, as messages give them."""
    return f"{thing.get('kind')}/{name_of(thing)}"


def of_kind(objects: list[Object], *kinds: str) -> Iterator[Object]:
    """Yield the objects of some kinds."""
    return (o for o in objects if o.get("kind") in kinds)


def workloads(objects: list[Object]) -> list[Workload]:
    """Return what makes pods."""
    found = []
    for thing in of_kind(objects, *SERVERS, "Job", "CronJob", "Pod"):
        spec = {"template": thing} if thing["kind"] == "Pod" else thing["spec"]
        if thing["kind"] == "CronJob":
            spec = spec["jobTemplate"]["spec"]
        template = spec.get("template") or {}
        about = template.get("metadata") or {}
        found.append(
            Workload(
                who=who(thing),
                kind=thing["kind"],
                name=name_of(thing),
                labels=about.get("labels") or {},
                annotations=about.get("annotations") or {},
                pod=template.get("spec") or {},
                spec=spec,
            )
        )
    return found
