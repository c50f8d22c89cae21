"""The pods of the local overlay, run from their manifests: ready, working, replaced."""

from __future__ import annotations

import json
import os
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import pods
from tests.support.compose_load import Load, free_port
from tests.support.compose_stack import ROOT, Stack, docker, docker_runs
from tests.support.k8s_manifests import (
    K8S,
    kubectl_reason,
    parse,
    render,
    workloads,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.containers,
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not docker_runs(), reason="needs a Docker engine"),
    pytest.mark.skipif(bool(kubectl_reason()), reason=kubectl_reason()),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can own secrets as a node"),
]

PORT = free_port()
BUILT = os.environ.get("NIGHTSHIFT_VERSION", "dev")
TOKEN = "/run/nightshift/api/token"  # noqa: S105 - where it lies


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pods.Node]:
    Stack().compose("build", "--quiet")
    plain = f"nightshift-worker:{BUILT}"
    dockerfile = "services/worker/Dockerfile"
    docker(
        "build", "--quiet", "--file", f"{ROOT}/{dockerfile}", "--tag", plain, str(ROOT)
    )
    text = render(K8S / "overlays/local")
    with pods.node(text, folder(tmp_path_factory), images(text)) as ours:
        for workload in pods.workloads_of(ours):
            publish = f"127.0.0.1:{PORT}:8000" if workload.name.endswith("-api") else ""
            ours.start(workload, publish=publish)
        yield ours


def folder(factory: pytest.TempPathFactory) -> Path:
    # pytest's own folder lets nobody else in.
    path = factory.mktemp("node")
    for place in (path, *path.parents[:2]):
        place.chmod(0o755)
    return path


def images(text: str) -> dict[str, str]:
    """Return the built image for each of ours, whatever tag the manifests give."""
    wanted = {
        container["image"]
        for workload in workloads(parse(text))
        for container in workload.containers
    }
    return {
        image: f"{image.partition(':')[0]}:{BUILT}"
        for image in wanted
        if image.startswith("nightshift-")
    }


def post(node: pods.Node, queue: str, order: dict[str, Any]) -> Any:
    """Post a job from the host and return it when it has ended."""
    token = node.pods["nightshift-api"].inside("cat", TOKEN)
    place = f"http://127.0.0.1:{PORT}/api/v1/jobs/{queue}"
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(
        place, data=json.dumps(order).encode(), headers=headers
    )
    with urllib.request.urlopen(request, timeout=40) as answer:  # noqa: S310
        job_id = json.load(answer)["id"]
    request = urllib.request.Request(  # noqa: S310
        f"{place}/{job_id}?wait=25", headers=headers
    )
    with urllib.request.urlopen(request, timeout=40) as answer:  # noqa: S310
        return json.load(answer)


def test_every_pod_gets_ready(node: pods.Node) -> None:
    assert len(node.pods) == 8
    for pod in node.pods.values():
        node.wait_until_ready(pod)


def test_a_job_of_each_class_of_workers_completes(node: pods.Node) -> None:
    context = {"name": "Ada", "link": "https://example.com/start"}
    mail = {"to": ["a@b.example"], "template": "welcome", "context": context}
    report = {"format": "csv", "title": "Amounts", "rows": [{"amount": 3}]}
    ended = [
        post(node, "demo", {"name": "echo", "data": {"msg": "hello"}}),
        post(node, "cleanup", {"name": "health-check", "data": {}}),
        post(node, "email", {"name": "send-email", "data": mail}),
        post(node, "report", {"name": "generate-report", "data": report}),
    ]
    unfinished = [job for job in ended if job["state"] != "completed"]
    assert unfinished == [], pods.logs(node.pods["nightshift-mail"])
    film = node.pods["nightshift-worker-media"].inside("ffmpeg", "-version")
    assert "ffmpeg version" in film


def test_workers_replaced_one_by_one_under_load_lose_no_job(node: pods.Node) -> None:
    api = node.pods["nightshift-api"]
    with Load(Inside(api), port=PORT, name="pods") as load:
        load.wait_for(20)
        for name, old in list(node.pods.items()):
            if name.startswith(("nightshift-worker", "nightshift-scheduler")):
                # maxUnavailable 0: the new one is ready before the old one goes.
                node.wait_until_ready(node.start(old.workload))
                assert old.stop() == 0, pods.logs(old)
                load.wait_for(10)
    assert load.states() == {"completed": len(load.accepted)}


def test_redis_comes_back_with_its_jobs(node: pods.Node) -> None:
    job = post(node, "demo", {"name": "echo", "data": {"msg": "still here"}})
    redis = node.pods["nightshift-redis"]
    assert redis.stop() == 0
    docker("rm", redis.name)
    node.wait_until_ready(node.start(redis.workload))
    for name in ("nightshift-api", "nightshift-worker-default"):
        node.wait_until_ready(node.pods[name])
    again = Load(Inside(node.pods["nightshift-api"]), port=PORT).job(job["id"])
    assert again["returnvalue"] == job["returnvalue"]


class Inside:
    """What a load needs of a stack."""

    def __init__(self, api: pods.Pod) -> None:
        self._api = api

    def inside(self, service: str, *command: str) -> str:
        """Run a command in the api's pod."""
        assert service == "api"
        return self._api.inside(*command)
