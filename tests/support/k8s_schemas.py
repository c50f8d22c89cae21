"""Every field of every object is one that Kubernetes knows, of the right type."""

from __future__ import annotations

import functools
import json
import re
from typing import TYPE_CHECKING

import kubernetes_validate as schemas

from tests.support.k8s_manifests import name_of, of_kind, who, workloads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.k8s_manifests import Object

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_QUANTITY = re.compile(r"\d+(\.\d+)?(m|k|[MGTPE]|[KMGTPE]i|[eE]\d+)?")
_DURATION = re.compile(r"(\d+(ms|[smhdwy]))+")
_STRATEGIES = {"Deployment": {"RollingUpdate", "Recreate"}}
#: Groups whose schemas come with operators, and the fields that we know of them.
_SPECS = {
    "keda.sh/v1alpha1": {
        "ScaledObject": {
            "advanced", "cooldownPeriod", "fallback", "idleReplicaCount",
            "initialCooldownPeriod", "maxReplicaCount", "minReplicaCount",
            "pollingInterval", "scaleTargetRef", "triggers",
        },
    },
    "monitoring.coreos.com/v1": {
        "PodMonitor": {"jobLabel", "podMetricsEndpoints", "selector",
                       "namespaceSelector", "podTargetLabels", "sampleLimit"},
        "PrometheusRule": {"groups"},
    },
}  # fmt: skip
_TRIGGER = {"type", "name", "metricType", "metadata", "authenticationRef",
            "useCachedMetrics"}  # fmt: skip
_ENDPOINT = {"port", "path", "interval", "scrapeTimeout", "relabelings",
             "metricRelabelings", "honorLabels", "scheme"}  # fmt: skip
_GROUP = {"name", "interval", "rules", "limit", "labels", "query_offset"}
_RULE = {"alert", "record", "expr", "for", "keep_firing_for", "labels", "annotations"}


def problems(objects: list[Object], version: str) -> Iterator[str]:
    """Say which fields Kubernetes `version` would refuse."""
    for thing in objects:
        if not _NAME.fullmatch(name_of(thing)):
            yield f"{who(thing)}: rename it: lower case letters, digits, - and dots."
        if thing["apiVersion"] in _SPECS:
            yield from _of_an_operator(thing)
            continue
        if reason := _refusal(json.dumps(thing), version):
            yield f"{who(thing)}: {reason}"
    yield from _strategies(objects)
    yield from _quantities(objects)


@functools.cache
def _refusal(thing: str, version: str) -> str:
    """Return why the schema refuses an object; a tenth of a second is worth keeping."""
    value = json.loads(thing)
    try:
        schemas.validate(value, version, strict=True)
    except schemas.SchemaNotFoundError:
        return (
            f"Kubernetes {version} does not serve {value['apiVersion']}; "
            "use the version that replaced it."
        )
    except schemas.ValidationError as error:
        place = ".".join(str(part) for part in error.path)
        return f"{place or 'the object'}: {error.message}"
    return ""


def _strategies(objects: list[Object]) -> Iterator[str]:
    for thing in of_kind(objects, "Deployment"):
        strategy = thing["spec"].get("strategy") or {}
        kind = strategy.get("type", "RollingUpdate")
        if kind not in _STRATEGIES["Deployment"]:
            yield f"{who(thing)}: strategy {kind} does not exist; use RollingUpdate."
        rolling = strategy.get("rollingUpdate") or {}
        steps = {str(rolling.get(k, "25%")) for k in ("maxSurge", "maxUnavailable")}
        if steps <= {"0", "0%"}:
            yield f"{who(thing)}: maxSurge and maxUnavailable are both 0: raise one."


def _quantities(objects: list[Object]) -> Iterator[str]:
    for workload in workloads(objects):
        for container in workload.all_containers:
            for part in ("requests", "limits"):
                wanted = (container.get("resources") or {}).get(part) or {}
                for name, value in wanted.items():
                    if not _QUANTITY.fullmatch(str(value)):
                        yield (
                            f"{workload.who}: {part}.{name}: {value} is not a quantity"
                            " such as 200m or 512Mi."
                        )


def _of_an_operator(thing: Object) -> Iterator[str]:
    known = _SPECS[thing["apiVersion"]].get(thing["kind"])
    spec = thing.get("spec") or {}
    if known is None:
        yield f"{who(thing)}: {thing['apiVersion']} has no kind {thing['kind']}."
        return
    yield from _unknown(thing, "spec", spec, known)
    for trigger in spec.get("triggers", []):
        yield from _unknown(thing, "triggers", trigger, _TRIGGER)
    for endpoint in spec.get("podMetricsEndpoints", []):
        yield from _unknown(thing, "podMetricsEndpoints", endpoint, _ENDPOINT)
        yield from _durations(thing, endpoint, "interval", "scrapeTimeout")
    for group in spec.get("groups", []):
        yield from _unknown(thing, "groups", group, _GROUP)
        yield from _durations(thing, group, "interval")
        for rule in group.get("rules", []):
            yield from _unknown(thing, "rules", rule, _RULE)
            yield from _durations(thing, rule, "for", "keep_firing_for")


def _unknown(
    thing: Object, place: str, value: Object, known: set[str]
) -> Iterator[str]:
    for field in sorted(value.keys() - known):
        yield f"{who(thing)}: {place}: {field} is not a field: remove or rename it."


def _durations(thing: Object, value: Object, *fields: str) -> Iterator[str]:
    for field in fields:
        text = str(value.get(field, "0s"))
        if not _DURATION.fullmatch(text):
            yield f"{who(thing)}: {field}: {text} is not a duration such as 30s."
