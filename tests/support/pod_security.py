"""Kubernetes' pod security standard `restricted`, as its documentation puts it.

A cluster refuses a pod that breaks it, though its Deployment was accepted. One function
is one control of the standard: baseline first, then what restricted adds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.k8s_manifests import Object

_APPARMOR = "container.apparmor.security.beta.kubernetes.io/"
_SELINUX_TYPES = {"", "container_t", "container_init_t", "container_kvm_t"}
_SYSCTLS = {
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
}
_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
_PROFILES = {"RuntimeDefault", "Localhost"}
_HANDLERS = ("httpGet", "tcpSocket")


def problems(pod: Object, annotations: dict[str, str]) -> Iterator[str]:
    """Say what admission would refuse, and where.

    Args:
        pod: The specification of a pod.
        annotations: Those of its metadata.
    """
    for rule in _OF_PODS:
        if sentence := rule(pod, annotations):
            yield f"pod security: {sentence}."
    for container in _containers(pod):
        for of_container in _OF_CONTAINERS:
            if sentence := of_container(pod, container):
                name = container.get("name")
                yield f"pod security: container {name}: {sentence}."


def _containers(pod: Object) -> Iterator[Object]:
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        yield from pod.get(kind) or []


def _context(thing: Object) -> dict[str, Any]:
    return thing.get("securityContext") or {}


def _host_namespaces(pod: Object, _: dict[str, str]) -> str | None:
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(field):
            return f"remove {field}"
    return None


def _sysctls(pod: Object, _: dict[str, str]) -> str | None:
    given = {s["name"] for s in _context(pod).get("sysctls") or []}
    unsafe = sorted(given - _SYSCTLS)
    return f"remove the sysctls {', '.join(unsafe)}" if unsafe else None


def _volume_types(pod: Object, _: dict[str, str]) -> str | None:
    for volume in pod.get("volumes") or []:
        for kind in sorted(volume.keys() - {"name"} - _VOLUMES):
            return f"volume {volume['name']}: {kind} is not allowed"
    return None


def _apparmor_annotations(_: Object, annotations: dict[str, str]) -> str | None:
    for name, value in annotations.items():
        is_ours = name.startswith(_APPARMOR)
        if (
            is_ours
            and value != "runtime/default"
            and not value.startswith("localhost/")
        ):
            return f"set {name} to runtime/default"
    return None


def _of_the_pod(rule: Callable[[dict[str, Any]], str | None]) -> Any:
    """Make a rule about a security context one about the pod's own."""
    return lambda pod, _: rule(_context(pod))


def _of_the_container(rule: Callable[[dict[str, Any]], str | None]) -> Any:
    """Make a rule about a security context one about a container's."""
    return lambda _, container: rule(_context(container))


def _host_process(context: dict[str, Any]) -> str | None:
    is_set = (context.get("windowsOptions") or {}).get("hostProcess")
    return "remove windowsOptions.hostProcess" if is_set else None


def _selinux(context: dict[str, Any]) -> str | None:
    options = context.get("seLinuxOptions") or {}
    if options.get("type", "") not in _SELINUX_TYPES:
        return "remove seLinuxOptions.type, or use container_t"
    if options.get("user") or options.get("role"):
        return "remove seLinuxOptions.user and role"
    return None


def _apparmor(context: dict[str, Any]) -> str | None:
    kind = (context.get("appArmorProfile") or {}).get("type", "RuntimeDefault")
    return None if kind in _PROFILES else "set appArmorProfile: RuntimeDefault"


def _seccomp_is_not_off(context: dict[str, Any]) -> str | None:
    kind = (context.get("seccompProfile") or {}).get("type", "RuntimeDefault")
    return None if kind in _PROFILES else "set seccompProfile: RuntimeDefault"


def _is_not_uid_0(context: dict[str, Any]) -> str | None:
    return (
        "set runAsUser to one that is not 0" if context.get("runAsUser") == 0 else None
    )


def _privileged(_: Object, container: Object) -> str | None:
    return "remove privileged" if _context(container).get("privileged") else None


def _capabilities(_: Object, container: Object) -> str | None:
    own = _context(container).get("capabilities") or {}
    if "ALL" not in (own.get("drop") or []):
        return "drop ALL capabilities"
    if set(own.get("add") or []) - {"NET_BIND_SERVICE"}:
        return "add no capability"
    return None


def _host_ports(_: Object, container: Object) -> str | None:
    used = any(p.get("hostPort") for p in container.get("ports") or [])
    return "remove hostPort" if used else None


def _probed_hosts(_: Object, container: Object) -> str | None:
    hooks = container.get("lifecycle") or {}
    checks = [
        *(
            container.get(p)
            for p in ("startupProbe", "livenessProbe", "readinessProbe")
        ),
        *(hooks.get(h) for h in ("postStart", "preStop")),
    ]
    for check in filter(None, checks):
        if any((check.get(handler) or {}).get("host") for handler in _HANDLERS):
            return "remove host from its probes and hooks"
    return None


def _proc_mount(_: Object, container: Object) -> str | None:
    kind = _context(container).get("procMount", "Default")
    return None if kind == "Default" else "remove procMount"


def _escalation(_: Object, container: Object) -> str | None:
    if _context(container).get("allowPrivilegeEscalation") is False:
        return None
    return "set allowPrivilegeEscalation: false"


def _runs_as_non_root(pod: Object, container: Object) -> str | None:
    own = _context(container).get("runAsNonRoot")
    if own is True or (own is None and _context(pod).get("runAsNonRoot") is True):
        return None
    return "set runAsNonRoot: true"


def _has_seccomp(pod: Object, container: Object) -> str | None:
    for place in (container, pod):
        if profile := _context(place).get("seccompProfile"):
            return None if profile.get("type") in _PROFILES else _seccomp_text()
    return _seccomp_text()


def _seccomp_text() -> str:
    return "set seccompProfile: RuntimeDefault"


_OF_PODS: tuple[Callable[[Object, dict[str, str]], str | None], ...] = (
    _host_namespaces,
    _sysctls,
    _volume_types,
    _apparmor_annotations,
    _of_the_pod(_host_process),
    _of_the_pod(_selinux),
    _of_the_pod(_apparmor),
    _of_the_pod(_seccomp_is_not_off),
    _of_the_pod(_is_not_uid_0),
)
_OF_CONTAINERS: tuple[Callable[[Object, Object], str | None], ...] = (
    _privileged,
    _capabilities,
    _host_ports,
    _probed_hosts,
    _proc_mount,
    _escalation,
    _runs_as_non_root,
    _has_seccomp,
    _of_the_container(_host_process),
    _of_the_container(_selinux),
    _of_the_container(_apparmor),
    _of_the_container(_is_not_uid_0),
)
