"""Each control of the pod security standard `restricted` refuses what it should."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import pod_security

if TYPE_CHECKING:
    from collections.abc import Callable

SHARED: dict[str, Any] = {
    "runAsNonRoot": True,
    "runAsUser": 10001,
    "seccompProfile": {"type": "RuntimeDefault"},
}
OWN: dict[str, Any] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
}
GOOD: dict[str, Any] = {
    "securityContext": SHARED,
    "containers": [{"name": "c", "securityContext": OWN}],
}


def refused(plant: Callable[[Any, Any], object]) -> str:
    pod = copy.deepcopy(GOOD)
    plant(pod, pod["containers"][0])
    return "\n".join(pod_security.problems(pod, {}))


def test_a_good_pod_is_admitted() -> None:
    assert list(pod_security.problems(GOOD, {})) == []


@pytest.mark.parametrize(
    ("plant", "sentence"),
    [
        (lambda p, _: p.update(hostNetwork=True), "remove hostNetwork"),
        (lambda p, _: p.update(hostPID=True), "remove hostPID"),
        (lambda p, _: p.update(hostIPC=True), "remove hostIPC"),
        (
            lambda p, _: p["securityContext"].update(
                windowsOptions={"hostProcess": True}
            ),
            "remove windowsOptions.hostProcess",
        ),
        (
            lambda p, _: p["securityContext"].update(
                sysctls=[{"name": "kernel.msgmax", "value": "1"}]
            ),
            "remove the sysctls kernel.msgmax",
        ),
        (
            lambda p, _: p.update(volumes=[{"name": "v", "hostPath": {"path": "/"}}]),
            "volume v: hostPath",
        ),
        (
            lambda p, _: p.update(volumes=[{"name": "v", "nfs": {"path": "/"}}]),
            "volume v: nfs",
        ),
        (
            lambda p, _: p["securityContext"].update(seLinuxOptions={"type": "spc_t"}),
            "seLinuxOptions.type",
        ),
        (
            lambda p, _: p["securityContext"].update(seLinuxOptions={"role": "x"}),
            "seLinuxOptions.user and role",
        ),
        (
            lambda p, _: p["securityContext"].update(
                appArmorProfile={"type": "Unconfined"}
            ),
            "appArmorProfile: RuntimeDefault",
        ),
        (
            lambda p, _: p["securityContext"]["seccompProfile"].update(
                type="Unconfined"
            ),
            "seccompProfile: RuntimeDefault",
        ),
        (
            lambda p, _: p["securityContext"].pop("seccompProfile"),
            "container c: set se",
        ),
        (lambda p, _: p["securityContext"].update(runAsUser=0), "is not 0"),
        (lambda p, _: p["securityContext"].pop("runAsNonRoot"), "runAsNonRoot: true"),
        (lambda _, c: c["securityContext"].update(privileged=True), "privileged"),
        (
            lambda _, c: c["securityContext"].update(runAsUser=0),
            "container c: set runA",
        ),
        (lambda _, c: c["securityContext"].update(runAsNonRoot=False), "runAsNonRoot"),
        (lambda _, c: c["securityContext"].pop("capabilities"), "drop ALL"),
        (
            lambda _, c: c["securityContext"]["capabilities"].update(add=["SYS_TIME"]),
            "add no capability",
        ),
        (
            lambda _, c: c["securityContext"].pop("allowPrivilegeEscalation"),
            "allowPrivilegeEscalation: false",
        ),
        (lambda _, c: c["securityContext"].update(procMount="Unmasked"), "procMount"),
        (
            lambda _, c: c["securityContext"].update(
                seccompProfile={"type": "Unconfined"}
            ),
            "container c: set seccompProfile",
        ),
        (
            lambda _, c: c["securityContext"].update(
                seLinuxOptions={"user": "system_u"}
            ),
            "container c: remove seLinuxOptions.user",
        ),
        (lambda _, c: c.update(ports=[{"hostPort": 80}]), "remove hostPort"),
        (
            lambda _, c: c.update(livenessProbe={"httpGet": {"host": "10.0.0.1"}}),
            "remove host from its probes",
        ),
        (
            lambda p, c: (
                p.update(initContainers=[{**c, "name": "i"}])
                or c.pop("securityContext")
            ),
            "container c: drop ALL",
        ),
        (
            lambda p, _: p.update(initContainers=[{"name": "i"}]),
            "container i: drop ALL",
        ),
    ],
)
def test_a_pod_that_breaks_the_standard_is_refused(
    plant: Callable[[Any, Any], object], sentence: str
) -> None:
    assert sentence in refused(plant)


@pytest.mark.parametrize(
    "plant",
    [
        lambda _, c: c["securityContext"]["capabilities"].update(
            add=["NET_BIND_SERVICE"]
        ),
        lambda p, _: p.update(volumes=[{"name": "v", "emptyDir": {}}]),
        lambda p, c: c["securityContext"].update(
            seccompProfile=p["securityContext"].pop("seccompProfile")
        ),
        lambda p, c: c["securityContext"].update(
            runAsNonRoot=p["securityContext"].pop("runAsNonRoot")
        ),
        lambda p, _: p["securityContext"].update(
            sysctls=[{"name": "net.ipv4.tcp_syncookies", "value": "1"}]
        ),
        lambda p, _: p["securityContext"].pop("runAsUser"),
    ],
)
def test_a_pod_that_keeps_the_standard_in_another_way_is_admitted(
    plant: Callable[[Any, Any], object],
) -> None:
    assert refused(plant) == ""


def test_an_annotation_that_turns_apparmor_off_is_refused() -> None:
    name = "container.apparmor.security.beta.kubernetes.io/c"
    found = list(pod_security.problems(GOOD, {name: "unconfined"}))
    assert found == [f"pod security: set {name} to runtime/default."]
    assert list(pod_security.problems(GOOD, {name: "runtime/default"})) == []
