"""Runs the pods of rendered manifests in Docker, as a node would, without a cluster.

What a manifest says about a pod is done: image, arguments, environment, secrets and
settings as files, user, capabilities, read-only root, memory, volumes, the names of
Services, probes. What only a cluster does is not: scheduling, admission, Services that
spread calls, network policies.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.support.compose_stack import ROOT, docker
from tests.support.k8s_manifests import Workload, name_of, of_kind, parse, workloads

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.k8s_manifests import Object

_PROBES = ("startupProbe", "readinessProbe")
_POLL_S = 0.2


@dataclass
class Pod:
    """A running pod: here, one container.

    Attributes:
        workload: What it is made of.
        name: The container's name.
    """

    workload: Workload
    name: str

    @property
    def container(self) -> Object:
        """What the manifest says of it."""
        return self.workload.containers[0]

    def inside(self, *command: str) -> str:
        """Run a command in it and return what it printed."""
        return docker("exec", self.name, *command)

    def stop(self) -> int:
        """End it as a node does, and return its exit status."""
        grace_s = self.workload.pod.get("terminationGracePeriodSeconds", 30)
        docker("stop", "--time", str(grace_s), self.name)
        return int(docker("inspect", "--format", "{{.State.ExitCode}}", self.name))


@dataclass
class Node:
    """Where pods run.

    Attributes:
        objects: The rendered set.
        folder: Where settings and secrets lie as files.
        images: What stands for an image of the manifests.
        pods: What runs now, by the name of its workload.
    """

    objects: list[Object]
    folder: Path
    images: dict[str, str]
    pods: dict[str, Pod] = field(default_factory=dict)
    _mark: str = field(default_factory=lambda: f"pods-{uuid.uuid4().hex[:8]}")

    def start(self, workload: Workload, *, publish: str = "") -> Pod:
        """Start one pod; `publish` is a port of Docker's form."""
        pod = Pod(workload, f"{self._mark}-{workload.name}-{uuid.uuid4().hex[:4]}")
        options = [
            *self._place(workload),
            *_rights(workload),
            *self._environment(pod.container),
            *self._volumes(workload),
            *(["--publish", publish] if publish else []),
        ]
        image = str(pod.container["image"])
        command: list[str] = pod.container.get("command", [])
        if command:
            options += ["--entrypoint", command[0]]
        arguments = [*command[1:], *pod.container.get("args", [])]
        started = ("run", "--detach", "--name", pod.name, *options)
        docker(*started, self.images.get(image, image), *arguments)
        self.pods[workload.name] = pod
        return pod

    def wait_until_ready(self, pod: Pod) -> None:
        """Ask the pod's probes as often as the manifest allows.

        Raises:
            AssertionError: It did not get ready; with its log.
        """
        for probe in _PROBES:
            check = pod.container.get(probe)
            if check is None:
                continue
            allowed_s = check.get("periodSeconds", 10) * check.get(
                "failureThreshold", 3
            )
            # A node asks again for as long as it takes to be ready; here is an end.
            end = time.monotonic() + max(allowed_s, 60)
            while not self._passes(pod, check):
                if time.monotonic() > end:
                    raise AssertionError(f"{pod.name}: {probe}\n{logs(pod)}")
                time.sleep(_POLL_S)

    def remove(self) -> None:
        """Remove all that was made."""
        for kind in ("container", "volume", "network"):
            listed = ["ls", "--quiet", "--filter", f"name={self._mark}"]
            listed += ["--all"] if kind == "container" else []
            if found := docker(kind, *listed).split():
                force = ["--force"] if kind != "network" else []
                docker(kind, "rm", *force, *found)

    def make_network(self) -> None:
        """Make the network of the pods."""
        docker("network", "create", self._mark)

    def _place(self, workload: Workload) -> Iterator[str]:
        yield from ("--network", self._mark)
        for service in of_kind(self.objects, "Service"):
            if workload.is_selected_by(service["spec"].get("selector")):
                yield from ("--network-alias", name_of(service))

    def _environment(self, container: Object) -> Iterator[str]:
        given: dict[str, str] = {}
        for source in container.get("envFrom", []):
            given |= self._config(source["configMapRef"]["name"])
        given |= {e["name"]: e["value"] for e in container.get("env", [])}
        for name, value in given.items():
            yield from ("--env", f"{name}={value}")

    def _volumes(self, workload: Workload) -> Iterator[str]:
        volumes = {v["name"]: v for v in workload.pod.get("volumes", [])}
        for mount in workload.containers[0].get("volumeMounts", []):
            volume = volumes.get(mount["name"], {})
            target = f"dst={mount['mountPath']}"
            if "emptyDir" in volume:
                # A node gives it to the group; runc keeps the mode of the folder.
                context = workload.pod["securityContext"]
                rights = f"uid={context['runAsUser']},gid={context['fsGroup']}"
                yield from ("--tmpfs", f"{mount['mountPath']}:{rights}")
            elif source := self._files(volume, workload):
                yield from ("--mount", f"type=bind,src={source},{target},readonly")
            else:
                # A claim; of a StatefulSet when the pod does not name it.
                claim = volume.get("persistentVolumeClaim", {}).get("claimName", "own")
                yield from ("--mount", f"type=volume,src={self._mark}-{claim},{target}")

    def _files(self, volume: Object, workload: Workload) -> Path | None:
        """Write the files of a Secret or ConfigMap, owned as on a node."""
        if "secret" in volume:
            kind, name = volume["secret"], volume["secret"]["secretName"]
            content = {k: base64.b64decode(v) for k, v in self._secret(name).items()}
        elif "configMap" in volume:
            kind, name = volume["configMap"], volume["configMap"]["name"]
            content = {k: v.encode() for k, v in self._config(name).items()}
        else:
            return None
        folder = self.folder / f"{workload.name}-{volume['name']}"
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
        for item in kind.get("items") or [{"key": k, "path": k} for k in content]:
            file = folder / item["path"]
            file.unlink(missing_ok=True)
            file.write_bytes(content[item["key"]])
            os.chown(file, 0, workload.pod["securityContext"]["fsGroup"])
            file.chmod(kind.get("defaultMode", 0o644))
        return folder

    def _config(self, name: str) -> dict[str, str]:
        return dict(self._named("ConfigMap", name)["data"])

    def _secret(self, name: str) -> dict[str, str]:
        return dict(self._named("Secret", name)["data"])

    def _named(self, kind: str, name: str) -> Object:
        return next(o for o in of_kind(self.objects, kind) if name_of(o) == name)

    def _passes(self, pod: Pod, check: dict[str, Any]) -> bool:
        timeout_s = check.get("timeoutSeconds", 1)
        try:
            if "exec" in check:
                pod.inside(*check["exec"]["command"])
            elif "httpGet" in check:
                wanted = check["httpGet"]
                url = (
                    f"http://{address(pod)}:{port(pod, wanted['port'])}{wanted['path']}"
                )
                urllib.request.urlopen(url, timeout=timeout_s).close()
            else:
                number = port(pod, check["tcpSocket"]["port"])
                socket.create_connection((address(pod), number), timeout_s).close()
        except (OSError, urllib.error.URLError, subprocess.CalledProcessError):
            return False
        return True


def _rights(workload: Workload) -> Iterator[str]:
    shared = workload.pod["securityContext"]
    own = workload.containers[0]["securityContext"]
    yield from ("--user", f"{shared['runAsUser']}:{shared['runAsGroup']}")
    yield from ("--group-add", str(shared["fsGroup"]))
    if own.get("readOnlyRootFilesystem"):
        yield "--read-only"
    for capability in own["capabilities"]["drop"]:
        yield from ("--cap-drop", capability)
    if own.get("allowPrivilegeEscalation") is False:
        yield from ("--security-opt", "no-new-privileges:true")
    limit = workload.containers[0]["resources"]["limits"]["memory"]
    yield from ("--memory", limit.removesuffix("i"))


def address(pod: Pod) -> str:
    """Return the address of a pod on its network."""
    networks = json.loads(docker("inspect", pod.name))[0]["NetworkSettings"]["Networks"]
    return str(next(iter(networks.values()))["IPAddress"])


def port(pod: Pod, name: str | int) -> int:
    """Return the number of a port that the manifest gives by name."""
    ports = {p["name"]: p["containerPort"] for p in pod.container["ports"]}
    return ports[name] if isinstance(name, str) else name


def logs(pod: Pod) -> str:
    """Return the last lines of a pod."""
    answer = subprocess.run(
        ["docker", "logs", "--tail", "40", pod.name],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    return answer.stdout + answer.stderr


@contextmanager
def node(text: str, folder: Path, images: dict[str, str]) -> Iterator[Node]:
    """Lend a node for the objects of a rendered overlay, with secrets made for it."""
    script = ROOT / "deploy/k8s/make-secrets.sh"
    secrets = subprocess.run(
        [str(script), "--print"], capture_output=True, text=True, check=True
    ).stdout
    ours = Node(parse(text) + parse(secrets), folder, images)
    try:
        ours.make_network()
        yield ours
    finally:
        ours.remove()


def workloads_of(ours: Node) -> list[Workload]:
    """Return what makes pods, Redis first: a cluster starts all at once."""
    return sorted(workloads(ours.objects), key=lambda w: w.kind != "StatefulSet")
