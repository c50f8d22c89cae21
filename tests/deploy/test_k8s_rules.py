"""Each mistake that can be made in a manifest is found, and named."""

from __future__ import annotations

import copy
import functools
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import k8s_rules
from tests.support.k8s_manifests import K8S, Object, kubectl_reason, parse, render

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.skipif(bool(kubectl_reason()), reason=kubectl_reason())


@functools.cache
def good() -> tuple[Object, ...]:
    return tuple(parse(render(K8S / "overlays/production-operators")))


class Planted:
    """A copy of the good set, to make mistakes in."""

    def __init__(self) -> None:
        self.objects = copy.deepcopy(list(good()))

    def get(self, kind: str, name: str) -> Object:
        return next(
            o
            for o in self.objects
            if o["kind"] == kind and o["metadata"]["name"].startswith(name)
        )

    def drop(self, kind: str, name: str) -> None:
        self.objects.remove(self.get(kind, name))

    @property
    def api(self) -> Any:
        return self.get("Deployment", "nightshift-api")["spec"]

    @property
    def pod(self) -> Any:
        return self.api["template"]["spec"]

    @property
    def container(self) -> Any:
        return self.pod["containers"][0]

    def spec(self, kind: str, name: str) -> Any:
        return self.get(kind, name)["spec"]


def env(name: str, value: Any) -> Callable[[Planted], object]:
    return lambda p: p.container["env"].append({"name": name, **value})


MISTAKES: list[tuple[str, Callable[[Planted], object], str]] = [
    # Those of the reference list.
    (
        "unknown field",
        lambda p: p.api.update(replica=2),
        "Deployment/nightshift-api: spec",
    ),
    ("wrong type", lambda p: p.api.update(revisionHistoryLimit="5"), "revisionHistory"),
    (
        "bad enum",
        lambda p: p.api["strategy"].update(type="Rolling"),
        "Rolling does not",
    ),
    (
        "selector without its labels",
        lambda p: p.api["selector"]["matchLabels"].update(a="b"),
        "its selector does not match",
    ),
    (
        "service that selects nothing",
        lambda p: p.spec("Service", "nightshift-api")["selector"].update(a="b"),
        "Service/nightshift-api: it selects no pod",
    ),
    (
        "service port that no pod has",
        lambda p: p.spec("Service", "nightshift-api")["ports"][0].update(
            targetPort="web"
        ),
        "Deployment/nightshift-api has no port web",
    ),
    (
        "no memory limit",
        lambda p: p.container["resources"].pop("limits"),
        "limits.memory",
    ),
    (
        "root",
        lambda p: p.pod["securityContext"].update(runAsNonRoot=False),
        "container api: set runAsNonRoot",
    ),
    ("uid 0", lambda p: p.pod["securityContext"].update(runAsUser=0), "not 0"),
    (
        "bad quantity",
        lambda p: p.container["resources"]["limits"].update(memory="512MB"),
        "512MB is not a quantity",
    ),
    (
        "probe of a missing port",
        lambda p: p.container["livenessProbe"]["httpGet"].update(port="web"),
        "livenessProbe asks port web",
    ),
    (
        "ConfigMap missing",
        lambda p: p.container["envFrom"][0]["configMapRef"].update(name="x"),
        "ConfigMap x is not in the set",
    ),
    (
        "mounted ConfigMap missing",
        lambda p: p.drop("ConfigMap", "nightshift-redis"),
        "StatefulSet/nightshift-redis: ConfigMap nightshift-redis",
    ),
    (
        "autoscaler of nothing",
        lambda p: p.spec("HorizontalPodAutoscaler", "nightshift-api")[
            "scaleTargetRef"
        ].update(name="web"),
        "Deployment/web is not in the set",
    ),
    (
        "budget with both",
        lambda p: p.spec("PodDisruptionBudget", "nightshift-api").update(
            minAvailable=1
        ),
        "one of minAvailable and maxUnavailable",
    ),
    (
        "budget of nothing",
        lambda p: p.spec("PodDisruptionBudget", "nightshift-api")["selector"].update(
            matchLabels={"a": "b"}
        ),
        "PodDisruptionBudget/nightshift-api: it selects no pod",
    ),
    (
        "API version removed",
        lambda p: p.get("PodDisruptionBudget", "nightshift-api").update(
            apiVersion="policy/v1beta1"
        ),
        "does not serve policy/v1beta1",
    ),
    (
        "mount without a volume",
        lambda p: p.container["volumeMounts"].append({"name": "x", "mountPath": "/x"}),
        "there is no volume x",
    ),
    (
        "privilege escalation",
        lambda p: p.container["securityContext"].update(allowPrivilegeEscalation=True),
        "allowPrivilegeEscalation: false",
    ),
    (
        "latest",
        lambda p: p.container.update(image="nightshift-api:latest"),
        "a tag that is not latest",
    ),
    ("no tag", lambda p: p.container.update(image="host:5000/api"), "not latest"),
    (
        "invalid name",
        lambda p: p.get("Service", "nightshift-api")["metadata"].update(name="Api_1"),
        "Service/Api_1: rename it",
    ),
    (
        "ServiceAccount missing",
        lambda p: p.pod.update(serviceAccountName="x"),
        "ServiceAccount x is not in the set",
    ),
    (
        "minimum above maximum",
        lambda p: p.spec("HorizontalPodAutoscaler", "nightshift-api").update(
            minReplicas=99
        ),
        "99 is above its maximum",
    ),
    (
        "a rollout that can't move",
        lambda p: p.api["strategy"]["rollingUpdate"].update(maxSurge=0),
        "both 0",
    ),
    # Beyond it: between objects.
    (
        "twice",
        lambda p: p.objects.append(p.get("Service", "nightshift-api")),
        "2 times",
    ),
    (
        "two autoscalers",
        lambda p: p.spec("HorizontalPodAutoscaler", "nightshift-api")[
            "scaleTargetRef"
        ].update(name="nightshift-worker-io"),
        "fight over it",
    ),
    (
        "replicas that are scaled",
        lambda p: p.api.update(replicas=2),
        "leave out replicas",
    ),
    (
        "volume claim missing",
        lambda p: p.drop("PersistentVolumeClaim", "nightshift-files"),
        "PersistentVolumeClaim nightshift-files is not in the set",
    ),
    (
        "spread of other pods",
        lambda p: p.pod["topologySpreadConstraints"][0]["labelSelector"].update(
            matchLabels={"a": "b"}
        ),
        "does not select its own pods",
    ),
    (
        "ingress to nowhere",
        lambda p: p.drop("Service", "nightshift-api"),
        "Service nightshift-api has no such port",
    ),
    (
        "host without TLS",
        lambda p: p.spec("Ingress", "nightshift").pop("tls"),
        "has no TLS",
    ),
    (
        "policy for nothing",
        lambda p: p.spec("NetworkPolicy", "nightshift-api")["podSelector"].update(
            matchLabels={"a": "b"}
        ),
        "NetworkPolicy/nightshift-api: it selects no pod",
    ),
    (
        "policy for a missing port",
        lambda p: p.spec("NetworkPolicy", "nightshift-api")["ingress"][0]["ports"][
            0
        ].update(port="web"),
        "has no port web",
    ),
    (
        "policy towards nothing",
        lambda p: p.spec("NetworkPolicy", "nightshift-to-redis")["egress"][0]["to"][0][
            "podSelector"
        ].update(matchLabels={"a": "b"}),
        "a peer selects no pod",
    ),
    # Beyond it: what we ask of our own.
    (
        "another namespace",
        lambda p: p.get("Service", "nightshift-api")["metadata"].update(namespace="x"),
        "all objects into one namespace",
    ),
    (
        "pod security",
        lambda p: p.get("Namespace", "")["metadata"]["labels"].update(
            {"pod-security.kubernetes.io/enforce": "baseline"}
        ),
        "pod security enforce",
    ),
    (
        "secret in a file",
        lambda p: p.objects.append(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": "x", "namespace": "nightshift"},
            }
        ),
        "never in files",
    ),
    (
        "secret in the environment",
        env("X", {"valueFrom": {"secretKeyRef": {"name": "x", "key": "y"}}}),
        "mount the secret X",
    ),
    ("password as a value", env("REDIS_PASSWORD", {"value": "x"}), "REDIS_PASSWORD as"),
    (
        "no account",
        lambda p: p.pod.pop("serviceAccountName"),
        "a ServiceAccount of its",
    ),
    ("token", lambda p: p.pod.pop("automountServiceAccountToken"), "automountService"),
    ("service links", lambda p: p.pod.pop("enableServiceLinks"), "enableServiceLinks"),
    ("host network", lambda p: p.pod.update(hostNetwork=True), "remove hostNetwork"),
    (
        "host path",
        lambda p: p.pod["volumes"].append({"name": "x", "hostPath": {"path": "/"}}),
        "volume x: hostPath",
    ),
    (
        "unbounded folder",
        lambda p: p.pod["volumes"].append({"name": "x", "emptyDir": {}}),
        "sizeLimit",
    ),
    (
        "readable secret",
        lambda p: next(v for v in p.pod["volumes"] if "secret" in v)["secret"].update(
            defaultMode=0o444
        ),
        "defaultMode: 0440",
    ),
    ("no spread", lambda p: p.pod.pop("topologySpreadConstraints"), "spread its pods"),
    ("killed early", lambda p: p.pod.update(terminationGracePeriodSeconds=20), "to 30"),
    ("cut off", lambda p: p.container.pop("lifecycle"), "preStop sleep"),
    ("no startup probe", lambda p: p.container.pop("startupProbe"), "a startupProbe"),
    (
        "liveness that needs Redis",
        lambda p: p.container["livenessProbe"]["httpGet"].update(path="/readyz"),
        "ask /livez",
    ),
    (
        "writable root",
        lambda p: p.container["securityContext"].pop("readOnlyRootFilesystem"),
        "readOnlyRootFilesystem",
    ),
    (
        "capability",
        lambda p: p.container["securityContext"]["capabilities"].update(
            add=["SYS_TIME"]
        ),
        "container api: add no capability",
    ),
    (
        "seccomp",
        lambda p: p.pod["securityContext"].pop("seccompProfile"),
        "seccompProfile",
    ),
    (
        "no budget",
        lambda p: p.drop("PodDisruptionBudget", "nightshift-api"),
        "0 PodDisruptionBudgets",
    ),
    # Beyond it: objects of operators, whose schemas Kubernetes does not know.
    (
        "field KEDA does not know",
        lambda p: p.spec("ScaledObject", "nightshift-worker-io").update(maxReplicas=3),
        "maxReplicas is not a field",
    ),
    (
        "trigger KEDA does not know",
        lambda p: p.spec("ScaledObject", "nightshift-worker-io")["triggers"][0].update(
            limit="3"
        ),
        "limit is not a field",
    ),
    (
        "field the Prometheus operator does not know",
        lambda p: p.spec("PodMonitor", "nightshift-api").update(endpoints=[]),
        "endpoints is not a field",
    ),
    (
        "scrape of a missing port",
        lambda p: p.spec("PodMonitor", "nightshift-api")["podMetricsEndpoints"][
            0
        ].update(port="web"),
        "PodMonitor/nightshift-api: Deployment/nightshift-api has no port web",
    ),
    (
        "bad duration",
        lambda p: p.spec("PrometheusRule", "nightshift-queues")["groups"][0]["rules"][
            0
        ].update({"for": "5 minutes"}),
        "5 minutes is not a duration",
    ),
    (
        "scrape of nothing",
        lambda p: p.spec("PodMonitor", "nightshift-api")["selector"].update(
            matchLabels={"a": "b"}
        ),
        "PodMonitor/nightshift-api: it selects no pod",
    ),
]


def found_in(objects: list[Object]) -> str:
    return "\n".join(k8s_rules.problems_of(objects))


def test_the_good_set_has_no_problem() -> None:
    assert found_in(Planted().objects) == ""


@pytest.mark.parametrize(
    ("plant", "sentence"),
    [(plant, sentence) for _, plant, sentence in MISTAKES],
    ids=[name for name, _, _ in MISTAKES],
)
def test_a_planted_mistake_is_named(
    plant: Callable[[Planted], object], sentence: str
) -> None:
    planted = Planted()
    plant(planted)
    assert sentence in found_in(planted.objects)


def test_a_key_that_stands_twice_is_named() -> None:
    text = "apiVersion: v1\nkind: Namespace\nkind: Namespace\n"
    assert "'kind' stands twice" in " ".join(k8s_rules.problems(text))
