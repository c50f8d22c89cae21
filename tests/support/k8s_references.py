"""What one object says of another is true."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from tests.support.k8s_manifests import SERVERS, name_of, of_kind, who, workloads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.k8s_manifests import Object, Workload

_PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


def problems(objects: list[Object]) -> Iterator[str]:
    """Say which references lead nowhere."""
    present = {(o["kind"], name_of(o)): o for o in objects}
    pods = workloads(objects)
    present |= {("PersistentVolumeClaim", name): {} for name in _own_claims(objects)}
    for (kind, name), count in Counter(
        (o["kind"], name_of(o)) for o in objects
    ).items():
        if count > 1:
            yield f"{kind}/{name}: it is in the set {count} times."
    for workload in pods:
        yield from _of_pods(workload, present)
        for container in workload.all_containers:
            yield from _of_a_container(workload, container, present)
    yield from _services(objects, pods)
    yield from _disruption_budgets(objects, pods)
    yield from _autoscalers(objects, present)
    yield from _ingresses(objects, present)
    yield from _network_policies(objects, pods)
    yield from _pod_monitors(objects, pods)


def _own_claims(objects: list[Object]) -> Iterator[str]:
    """Yield the names of the claims that a StatefulSet makes for its first pod."""
    for thing in of_kind(objects, "StatefulSet"):
        for claim in thing["spec"].get("volumeClaimTemplates", []):
            yield f"{name_of(claim)}-{name_of(thing)}-0"


def _of_pods(workload: Workload, present: dict[Any, Object]) -> Iterator[str]:
    selector = workload.spec.get("selector")
    chooses = workload.kind in SERVERS
    if chooses and not workload.is_selected_by(selector):
        yield f"{workload.who}: its selector does not match the labels of its pods."
    account = workload.pod.get("serviceAccountName")
    if account and ("ServiceAccount", account) not in present:
        yield f"{workload.who}: ServiceAccount {account} is not in the set."
    for volume in workload.pod.get("volumes", []):
        for key, kind, field in (
            ("configMap", "ConfigMap", "name"),
            ("persistentVolumeClaim", "PersistentVolumeClaim", "claimName"),
        ):
            name = (volume.get(key) or {}).get(field)
            if name and (kind, name) not in present:
                yield f"{workload.who}: {kind} {name} is not in the set."
    for constraint in workload.pod.get("topologySpreadConstraints", []):
        if not workload.is_selected_by(constraint.get("labelSelector")):
            yield f"{workload.who}: its topology spread does not select its own pods."


def _of_a_container(
    workload: Workload, container: Object, present: dict[Any, Object]
) -> Iterator[str]:
    place = f"{workload.who}, container {container.get('name')}"
    volumes = {v["name"] for v in workload.pod.get("volumes", [])}
    volumes |= {name_of(c) for c in workload.spec.get("volumeClaimTemplates", [])}
    for mount in container.get("volumeMounts", []):
        if mount["name"] not in volumes:
            yield f"{place}: there is no volume {mount['name']} to mount."
    for probe in _PROBES:
        check = container.get(probe) or {}
        port = (check.get("httpGet") or check.get("tcpSocket") or {}).get("port")
        named = {p.get("name") for p in container.get("ports", [])}
        if isinstance(port, str) and port not in named:
            yield f"{place}: its {probe} asks port {port}, which it has not."
    sources = [s.get("configMapRef") or {} for s in container.get("envFrom", [])]
    keys = [
        (e.get("valueFrom") or {}).get("configMapKeyRef") or {}
        for e in container.get("env", [])
    ]
    for reference in filter(None, sources + keys):
        config = present.get(("ConfigMap", reference["name"]))
        if config is None:
            yield f"{place}: ConfigMap {reference['name']} is not in the set."
        elif "key" in reference and reference["key"] not in (config.get("data") or {}):
            yield f"{place}: {who(config)} has no key {reference['key']}."


def _services(objects: list[Object], pods: list[Workload]) -> Iterator[str]:
    for service in of_kind(objects, "Service"):
        selector = service["spec"].get("selector")
        chosen = [p for p in pods if selector and p.is_selected_by(selector)]
        if not chosen:
            yield f"{who(service)}: it selects no pod of the set."
        for port in service["spec"].get("ports", []):
            target = port.get("targetPort", port["port"])
            for workload in chosen:
                if target not in workload.port_names:
                    yield f"{who(service)}: {workload.who} has no port {target}."


def _disruption_budgets(objects: list[Object], pods: list[Workload]) -> Iterator[str]:
    for budget in of_kind(objects, "PodDisruptionBudget"):
        spec = budget["spec"]
        if ("minAvailable" in spec) == ("maxUnavailable" in spec):
            yield f"{who(budget)}: set one of minAvailable and maxUnavailable."
        if not any(p.is_selected_by(spec.get("selector")) for p in pods):
            yield f"{who(budget)}: it selects no pod of the set."


def _autoscalers(objects: list[Object], present: dict[Any, Object]) -> Iterator[str]:
    owners: dict[str, str] = {}
    for scaler in of_kind(objects, "HorizontalPodAutoscaler", "ScaledObject"):
        spec = scaler["spec"]
        target = spec["scaleTargetRef"]
        key = (target.get("kind", "Deployment"), target["name"])
        if key not in present:
            yield f"{who(scaler)}: {'/'.join(key)} is not in the set."
            continue
        if present[key]["spec"].get("replicas") is not None:
            yield f"{'/'.join(key)}: leave out replicas: {who(scaler)} sets them."
        if key[1] in owners:
            yield f"{'/'.join(key)}: {owners[key[1]]} and {who(scaler)} fight over it."
        owners[key[1]] = who(scaler)
        least = spec.get("minReplicas", spec.get("minReplicaCount", 1))
        most = spec.get("maxReplicas", spec.get("maxReplicaCount", 100))
        if least > most:
            yield f"{who(scaler)}: its minimum {least} is above its maximum {most}."


def _ingresses(objects: list[Object], present: dict[Any, Object]) -> Iterator[str]:
    for ingress in of_kind(objects, "Ingress"):
        spec = ingress["spec"]
        secured = {h for tls in spec.get("tls", []) for h in tls.get("hosts", [])}
        for rule in spec.get("rules", []):
            if rule.get("host") not in secured:
                yield f"{who(ingress)}: host {rule.get('host')} has no TLS."
            for path in rule["http"]["paths"]:
                wanted = path["backend"]["service"]
                service = present.get(("Service", wanted["name"]))
                ports = service["spec"]["ports"] if service else []
                known = {p.get("name") for p in ports} | {p["port"] for p in ports}
                if not known & set(wanted["port"].values()):
                    yield f"{who(ingress)}: Service {wanted['name']} has no such port."


def _network_policies(objects: list[Object], pods: list[Workload]) -> Iterator[str]:
    for policy in of_kind(objects, "NetworkPolicy"):
        spec = policy["spec"]
        chosen = [p for p in pods if p.is_selected_by(spec["podSelector"])]
        if not chosen:
            yield f"{who(policy)}: it selects no pod of the set."
        ports = {p["port"] for r in spec.get("ingress", []) for p in r.get("ports", [])}
        for workload in chosen:
            for port in ports - workload.port_names:
                yield f"{who(policy)}: {workload.who} has no port {port}."
        for selector in _peers(spec):
            if not any(p.is_selected_by(selector) for p in pods):
                yield f"{who(policy)}: a peer selects no pod of the set."


def _peers(policy: Object) -> Iterator[Object]:
    for rule in policy.get("ingress", []) + policy.get("egress", []):
        for peer in rule.get("from", []) + rule.get("to", []):
            if "podSelector" in peer and "namespaceSelector" not in peer:
                yield peer["podSelector"]


def _pod_monitors(objects: list[Object], pods: list[Workload]) -> Iterator[str]:
    for monitor in of_kind(objects, "PodMonitor"):
        chosen = [p for p in pods if p.is_selected_by(monitor["spec"]["selector"])]
        if not chosen:
            yield f"{who(monitor)}: it selects no pod of the set."
        ports = {e["port"] for e in monitor["spec"]["podMetricsEndpoints"]}
        for workload in chosen:
            for port in ports - workload.port_names:
                yield f"{who(monitor)}: {workload.who} has no port {port}."
