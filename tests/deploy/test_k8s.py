"""deploy/k8s: every overlay keeps every rule, and agrees with the rest of the house."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from shared.contracts import catalogue
from tests.support import k8s_rules
from tests.support.compose_rules import with_defaults
from tests.support.k8s_manifests import (
    K8S,
    Object,
    kubectl_reason,
    of_kind,
    parse,
    render,
    workloads,
)

ROOT = Path(__file__).parents[2]
OVERLAYS = sorted(p.name for p in (K8S / "overlays").iterdir())
COMPONENTS = sorted(
    str(p.parent.relative_to(K8S / "components"))
    for p in (K8S / "components").glob("**/kustomization.yaml")
)
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]

pytestmark = pytest.mark.skipif(bool(kubectl_reason()), reason=kubectl_reason())


def overlay(name: str) -> list[Object]:
    return parse(render(K8S / "overlays" / name))


def images() -> dict[str, str]:
    """Return the image of each workload of the base, without its registry."""
    return {
        workload.name.removeprefix("nightshift-"): container["image"].rpartition("/")[2]
        for workload in workloads(parse(render(K8S / "base")))
        for container in workload.containers
    }


@pytest.mark.parametrize("version", k8s_rules.VERSIONS)
@pytest.mark.parametrize("name", OVERLAYS)
def test_an_overlay_keeps_every_rule(name: str, version: str) -> None:
    text = render(K8S / "overlays" / name)
    assert list(k8s_rules.problems(text, version)) == []


@pytest.mark.parametrize("name", COMPONENTS)
def test_a_component_alone_on_the_base_keeps_every_rule(
    name: str, tmp_path: Path
) -> None:
    combined(tmp_path, "base", name)
    assert list(k8s_rules.problems(render(tmp_path))) == []


def test_the_pod_that_restores_a_backup_keeps_every_rule() -> None:
    pod = (K8S / "restore-pod.yaml").read_text()
    text = render(K8S / "overlays/production") + "\n---\n" + pod
    assert list(k8s_rules.problems(text)) == []
    assert images()["redis"] in pod


def test_every_queue_belongs_to_exactly_one_class_of_workers() -> None:
    served: list[str] = []
    for workload in workloads(overlay("production")):
        if workload.name.startswith("nightshift-worker"):
            given = variables(workload.containers[0])
            served += given["NIGHTSHIFT_WORKER_QUEUES"].split(",")
    assert len(served) == len(set(served))
    assert set(catalogue.load().queues()) <= set(served)


def test_the_backlog_that_scales_workers_is_the_one_of_their_queues() -> None:
    objects = overlay("production-operators")
    queues = {
        w.name: variables(w.containers[0])["NIGHTSHIFT_WORKER_QUEUES"]
        for w in workloads(objects)
        if w.name.startswith("nightshift-worker")
    }
    asked = {
        (scaler["spec"]["scaleTargetRef"]["name"], found)
        for scaler in of_kind(objects, "ScaledObject")
        for trigger in scaler["spec"]["triggers"]
        for found in re.findall(r'queue=~"(.*?)"', trigger["metadata"]["query"])
    }
    assert asked == {(n, q.replace(",", "|")) for n, q in queues.items()}


def test_our_images_have_the_version_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    ours = {image for image in images().values() if image.startswith("nightshift-")}
    assert len(ours) == 4
    assert {image.partition(":")[2] for image in ours} == {project["version"]}


def test_kubernetes_and_compose_run_the_same_redis() -> None:
    assert images()["redis"] == with_defaults(COMPOSE["redis"]["image"])


def test_kubernetes_and_compose_run_the_same_exporter() -> None:
    wanted = with_defaults(COMPOSE["redis-exporter"]["image"])
    found = [
        container["image"]
        for workload in workloads(overlay("production-operators"))
        for container in workload.containers
        if container["name"] == "exporter"
    ]
    assert found == [wanted]


def test_redis_refuses_jobs_before_its_container_is_killed() -> None:
    objects = overlay("production")
    redis = next(w for w in workloads(objects) if w.kind == "StatefulSet")
    limit = redis.containers[0]["resources"]["limits"]["memory"]
    config = (K8S / "base/redis/redis.conf").read_text()
    own = re.search(r"^maxmemory (\d+)mb$", config, re.MULTILINE)
    assert own is not None
    assert limit == "1Gi"
    assert int(own[1]) * 3 <= 1024 * 2
    assert "\nappendonly yes\n" in config
    assert "\nmaxmemory-policy noeviction\n" in config


def test_every_variable_is_a_setting_that_is_documented() -> None:
    known = set(
        re.findall(r"`([A-Z_]+)`", (ROOT / "docs/reference/settings.md").read_text())
    )
    for name in OVERLAYS:
        objects = overlay(name)
        given = {
            variable
            for workload in workloads(objects)
            for container in workload.containers
            if container["image"].rpartition("/")[2].startswith("nightshift-")
            for variable in variables(container)
        }
        for config in of_kind(objects, "ConfigMap"):
            given |= {k for k in config["data"] if k.isupper()}
        # A secret named X may come from the file that X_FILE names.
        unknown = {v for v in given if not {v, v.removesuffix("_FILE")} & known}
        assert unknown == set()


def test_only_workers_reach_the_outside_world() -> None:
    objects = overlay("production")
    wide = [
        policy
        for policy in of_kind(objects, "NetworkPolicy")
        if "ipBlock" in str(policy["spec"].get("egress"))
    ]
    assert len(wide) == 1
    reached = {
        w.name.rpartition("-")[0]
        for policy in wide
        for w in workloads(objects)
        if w.is_selected_by(policy["spec"]["podSelector"])
    }
    assert reached == {"nightshift-worker"}


def test_what_keda_asks_prometheus_is_known_to_it() -> None:
    objects = overlay("production-operators")
    known = set(
        re.findall(
            r"`(nightshift_\w+)", (ROOT / "docs/reference/metrics.md").read_text()
        )
    )
    known |= {
        rule["record"]
        for group in of_kind(objects, "PrometheusRule")
        for part in group["spec"]["groups"]
        for rule in part["rules"]
        if "record" in rule
    }
    triggers = [
        trigger
        for scaler in of_kind(objects, "ScaledObject")
        for trigger in scaler["spec"]["triggers"]
    ]
    asked = set()
    for trigger in triggers:
        query = trigger["metadata"]["query"]
        promql_parser.parse(query)
        asked |= set(re.findall(r"nightshift[_:][\w:]+", query))
    assert {t["name"] for t in triggers} == {"oldest-waiting-age", "backlog-seconds"}
    assert asked <= known


def test_keda_wants_a_minute_of_work_for_each_thread_of_a_worker() -> None:
    objects = overlay("production-operators")
    wanted = {
        scaler["spec"]["scaleTargetRef"]["name"]: int(trigger["metadata"]["threshold"])
        for scaler in of_kind(objects, "ScaledObject")
        for trigger in scaler["spec"]["triggers"]
        if trigger["name"] == "backlog-seconds"
    }
    threads = {
        w.name: int(variables(w.containers[0])["NIGHTSHIFT_WORKER_THREADS"])
        for w in workloads(objects)
        if w.name in wanted
    }
    assert wanted == {name: 60 * count for name, count in threads.items()}


def test_production_with_everything_of_others_keeps_every_rule(tmp_path: Path) -> None:
    # Redis behind Sentinels, a bucket, and a mail server that wants a password.
    text = render(
        combined(
            tmp_path,
            "overlays/production-operators",
            "redis-external",
            "redis-sentinel-login",
            "storage-s3",
            "mail-login",
        )
    )
    # The scraper of our own Redis has nothing to do then.
    found = [p for p in k8s_rules.problems(text) if "redis" not in p.lower()]
    assert found == []
    objects = parse(text)
    assert not list(of_kind(objects, "StatefulSet", "PersistentVolumeClaim"))
    for name in ("nightshift-api", "nightshift-worker-media"):
        pod = next(w.pod for w in workloads(objects) if w.name == name)
        mounts = {m["mountPath"] for m in pod["containers"][0]["volumeMounts"]}
        assert "/run/nightshift/files" in mounts
        assert "/run/nightshift/sentinel" in mounts
        assert "/var/lib/nightshift/files" not in mounts


def combined(folder: Path, resource: str, *components: str) -> Path:
    """Write an overlay of a resource and some components, and return its folder."""
    # kustomize takes relative paths only.
    depth = "/".join([".."] * len(folder.parts[1:]))
    k8s = f"{depth}{K8S}"
    text = yaml.safe_dump(
        {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "namespace": "nightshift",
            "resources": [f"{k8s}/{resource}"],
            "components": [f"{k8s}/components/{name}" for name in components],
        }
    )
    (folder / "kustomization.yaml").write_text(text)
    return folder


def test_an_external_redis_leaves_none_of_ours() -> None:
    text = (K8S / "components/redis-external/kustomization.yaml").read_text()
    removed = len(re.findall(r"\$patch: delete", text))
    ours = [o for o in parse(render(K8S / "base")) if is_of_redis(o)]
    assert removed == len(ours)


def is_of_redis(thing: Object) -> bool:
    name = thing["metadata"]["name"]
    return re.fullmatch(r"nightshift-redis(-[0-9a-z]{10})?", name) is not None


def test_the_rules_of_prometheus_are_those_of_compose(tmp_path: Path) -> None:
    written = tmp_path / "rules.yaml"
    script = K8S / "components/monitoring/make-rules.sh"
    subprocess.run([str(script), str(written)], check=True)
    committed = (K8S / "components/monitoring/prometheus-rules.yaml").read_text()
    assert written.read_text() == committed, f"Run {script.relative_to(ROOT)}."
    groups = [
        group
        for file in sorted((ROOT / "deploy/prometheus/rules").glob("*.yml"))
        for group in yaml.safe_load(file.read_text())["groups"]
    ]
    rules = of_kind(overlay("production-operators"), "PrometheusRule")
    shipped = [group for rule in rules for group in rule["spec"]["groups"]]
    assert sorted(shipped, key=str) == sorted(groups, key=str)


def test_the_dashboards_are_those_of_compose() -> None:
    shipped = {
        key: text
        for config in of_kind(overlay("production-operators"), "ConfigMap")
        if (config["metadata"].get("labels") or {}).get("grafana_dashboard")
        for key, text in config["data"].items()
    }
    files = (ROOT / "deploy/grafana/dashboards").glob("*.json")
    assert shipped == {file.name: file.read_text() for file in files}


def test_prometheus_names_its_targets_as_in_compose() -> None:
    config = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    known = {job["job_name"] for job in config["scrape_configs"]}
    given = {
        relabeling["replacement"]
        for monitor in of_kind(overlay("production-operators"), "PodMonitor")
        for endpoint in monitor["spec"]["podMetricsEndpoints"]
        for relabeling in endpoint["relabelings"]
    }
    assert given == {
        "nightshift-api",
        "nightshift-worker",
        "nightshift-scheduler",
        "redis",
    }
    assert given <= known


def test_the_secrets_script_makes_every_secret_that_is_mounted() -> None:
    made = {
        secret["metadata"]["name"]: secret["data"].keys()
        for secret in parse(secrets("--print"))
    }
    for name in OVERLAYS:
        for workload in workloads(overlay(name)):
            for volume in workload.pod.get("volumes", []):
                if secret := volume.get("secret"):
                    wanted = {item["key"] for item in secret.get("items", [])}
                    assert wanted <= made[secret["secretName"]]


def test_the_secrets_script_never_makes_the_same_twice() -> None:
    assert secrets("--print") != secrets("--print")


def test_the_secrets_script_leaves_no_file(tmp_path: Path) -> None:
    secrets("--print", temporary=tmp_path)
    assert list(tmp_path.iterdir()) == []


def secrets(*arguments: str, temporary: Path | None = None) -> str:
    answer = subprocess.run(
        [str(K8S / "make-secrets.sh"), *arguments],
        env={**os.environ, **({"TMPDIR": str(temporary)} if temporary else {})},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def variables(container: Object) -> dict[str, Any]:
    return {e["name"]: e.get("value", "") for e in container.get("env", [])}
