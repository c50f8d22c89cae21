"""What we ask of our own pods: pod security `restricted`, and more than that."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.support import pod_security
from tests.support.k8s_manifests import SERVERS, of_kind, who, workloads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.k8s_manifests import Object, Workload

#: Seconds beyond the grace period that a worker may take (services/worker/__main__.py).
WORKER_MARGIN_S = 10
#: Seconds that the api gives to requests in flight (services/api/settings.py).
API_GRACE_S = 25
_SECRET = re.compile(r"PASSWORD|TOKEN|SECRET")


def problems(objects: list[Object]) -> Iterator[str]:
    """Say which object is less careful than ours have to be."""
    yield from _of_the_set(objects)
    for workload in workloads(objects):
        for refusal in pod_security.problems(workload.pod, workload.annotations):
            yield f"{workload.who}: {refusal}"
        for sentence in _of_pods(workload):
            yield f"{workload.who}: {sentence}"
        for container in workload.all_containers:
            for sentence in _of_a_container(workload, container):
                yield f"{workload.who}, container {container['name']}: {sentence}"
    yield from _each_has_a_budget(objects)


def _of_the_set(objects: list[Object]) -> Iterator[str]:
    spaces = {
        (o.get("metadata") or {}).get("namespace")
        for o in objects
        if o["kind"] != "Namespace"
    }
    if len(spaces) != 1 or None in spaces:
        yield "Put all objects into one namespace, with `namespace:` in the overlay."
    for space in of_kind(objects, "Namespace"):
        labels = space["metadata"].get("labels") or {}
        for mode in ("enforce", "audit", "warn"):
            if labels.get(f"pod-security.kubernetes.io/{mode}") != "restricted":
                yield f"{who(space)}: set pod security {mode} to restricted."
    for secret in of_kind(objects, "Secret"):
        yield f"{who(secret)}: secrets are made in the cluster, never in files."


def _of_pods(workload: Workload) -> Iterator[str]:
    pod = workload.pod
    if not pod.get("serviceAccountName"):
        yield "name a ServiceAccount of its own."
    if pod.get("automountServiceAccountToken") is not False:
        yield "set automountServiceAccountToken: false."
    if pod.get("enableServiceLinks") is not False:
        yield "set enableServiceLinks: false."
    for volume in pod.get("volumes", []):
        yield from _of_a_volume(volume)
    if workload.kind in SERVERS:
        yield from _drains(workload)
    if _has_replicas(workload) and not pod.get("topologySpreadConstraints"):
        yield "spread its pods over nodes: topologySpreadConstraints."


def _of_a_volume(volume: Object) -> Iterator[str]:
    if "emptyDir" in volume and not (volume["emptyDir"] or {}).get("sizeLimit"):
        yield f"volume {volume['name']}: give the emptyDir a sizeLimit."
    if "secret" in volume and volume["secret"].get("defaultMode") != 0o440:
        yield f"volume {volume['name']}: set defaultMode: 0440."


def _has_replicas(workload: Workload) -> bool:
    return workload.kind == "Deployment" and workload.spec.get("replicas", 2) > 1


def _drains(workload: Workload) -> Iterator[str]:
    grace_s = workload.pod.get("terminationGracePeriodSeconds", 30)
    for container in workload.containers:
        hook = (container.get("lifecycle") or {}).get("preStop") or {}
        needs_s = (hook.get("sleep") or {}).get("seconds", 0)
        given = {e["name"]: e.get("value", "") for e in container.get("env", [])}
        if container["name"] == "worker":
            needs_s += int(given.get("NIGHTSHIFT_GRACE_S", "25")) + WORKER_MARGIN_S
        if container["name"] == "api":
            needs_s += API_GRACE_S
            if not hook:
                yield "set a preStop sleep: the Service has to forget the pod first."
        if needs_s > grace_s:
            yield f"raise terminationGracePeriodSeconds from {grace_s} to {needs_s}."


def _of_a_container(workload: Workload, container: Object) -> Iterator[str]:
    image = container.get("image", "")
    tag = image.rpartition("/")[2].partition(":")[2]
    if "@sha256:" not in image and tag in {"", "latest"}:
        yield f"give the image {image} a tag that is not latest, or a digest."
    yield from _is_as_small_as_ours(workload.pod, container)
    resources = container.get("resources") or {}
    for part, name in (
        ("requests", "cpu"),
        ("requests", "memory"),
        ("limits", "memory"),
    ):
        if not (resources.get(part) or {}).get(name):
            yield f"set resources.{part}.{name}."
    for variable in container.get("env", []):
        is_file = variable["name"].endswith("_FILE")
        from_secret = "secretKeyRef" in (variable.get("valueFrom") or {})
        if from_secret or (_SECRET.search(variable["name"]) and not is_file):
            yield f"mount the secret {variable['name']} as a file."
    if any("secretRef" in source for source in container.get("envFrom", [])):
        yield "mount secrets as files, not with envFrom."
    if workload.kind in SERVERS and container in workload.containers:
        yield from _is_watched(container)


def _is_watched(container: Object) -> Iterator[str]:
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        if probe not in container:
            yield f"set a {probe}."
    path = ((container.get("livenessProbe") or {}).get("httpGet") or {}).get("path")
    if path == "/readyz":
        yield "ask /livez for liveness: an outage of Redis would restart every pod."


def _is_as_small_as_ours(pod: Object, container: Object) -> Iterator[str]:
    """Ask for what the pod security standard leaves open."""
    own = container.get("securityContext") or {}
    both = {**(pod.get("securityContext") or {}), **own}
    if not both.get("runAsUser"):
        yield "set runAsUser: the image's own user may change."
    if own.get("readOnlyRootFilesystem") is not True:
        yield "set readOnlyRootFilesystem: true."
    if (own.get("capabilities") or {}).get("add"):
        yield "add no capability."


def _each_has_a_budget(objects: list[Object]) -> Iterator[str]:
    budgets = [
        b["spec"].get("selector") for b in of_kind(objects, "PodDisruptionBudget")
    ]
    for workload in workloads(objects):
        single = workload.spec.get("strategy", {}).get("type") == "Recreate"
        if workload.kind not in SERVERS or single:
            continue
        count = sum(workload.is_selected_by(b) for b in budgets)
        if count != 1:
            yield f"{workload.who}: {count} PodDisruptionBudgets select it, not 1."
