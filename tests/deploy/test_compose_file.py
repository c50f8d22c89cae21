"""docker-compose.yml is hardened; each rule is shown to catch its mistake."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support import compose_rules

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text()
DOCUMENT: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES = DOCUMENT["services"]


def test_the_compose_file_keeps_every_rule() -> None:
    assert list(compose_rules.problems(DOCUMENT)) == []


def test_the_services_are_the_ones_of_the_design() -> None:
    assert {"redis", "api", "worker", "scheduler"} <= SERVICES.keys()


@pytest.mark.parametrize("name", ["redis", "scheduler"])
def test_who_needs_no_way_out_has_none(name: str) -> None:
    assert SERVICES[name]["networks"] == ["backend"]


def test_each_secret_reaches_only_who_needs_it() -> None:
    readers: dict[str, set[str]] = {}
    for name, service in SERVICES.items():
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            if source.endswith("-secret") and name != "secrets":
                readers.setdefault(source, set()).add(name)
                assert volume.endswith(":ro")
    assert readers == {
        "redis-secret": {"redis", "api", "worker", "scheduler", "redis-exporter"},
        "api-secret": {"api"},
        "worker-secret": {"worker"},
        "files-secret": {"api", "worker"},
        "alerts-secret": {"alertmanager"},
        "grafana-secret": {"grafana"},
    }


def test_the_example_explains_every_variable_and_no_other() -> None:
    used = dict(re.findall(r"\$\{(\w+):?-([^}]*)\}", TEXT))
    example = (ROOT / ".env.example").read_text()
    explained = set(re.findall(r"^#([A-Z_]+)=", example, flags=re.MULTILINE))
    of_compose = {"COMPOSE_PROJECT_NAME", "COMPOSE_PROFILES"}
    assert explained - of_compose == used.keys()


def test_a_worker_may_finish_before_it_is_killed() -> None:
    worker = SERVICES["worker"]
    environment = worker["environment"]
    drain_s = int(compose_rules.with_defaults(environment["NIGHTSHIFT_GRACE_S"]))
    assert int(worker["stop_grace_period"].removesuffix("s")) > drain_s


@pytest.mark.parametrize(
    ("plant", "sentence"),
    [
        (lambda d: d.pop("name"), "no name"),
        (lambda d: api(d).pop("read_only"), "api: set read_only"),
        (lambda d: api(d).update(cap_drop=["NET_RAW"]), "api: set cap_drop"),
        (lambda d: api(d).update(cap_add=["SYS_ADMIN"]), "api: set cap_drop"),
        (lambda d: api(d).update(security_opt=[]), "api: set security_opt"),
        (lambda d: api(d).update(privileged=True), "api: remove privileged"),
        (lambda d: api(d).update(user="root"), "api: set user"),
        (lambda d: api(d).update(user="0:0"), "api: set user"),
        (lambda d: api(d).update(network_mode="host"), "api: remove network_mode"),
        (lambda d: api(d).update(volumes=["/:/host"]), "api: mount a named volume"),
        (lambda d: api(d).pop("init"), "api: set init"),
        (lambda d: api(d).update(image="nightshift-api"), "api: pin the image"),
        (lambda d: api(d).update(image="host:5000/api"), "api: pin the image"),
        (lambda d: api(d).update(image="${X:-api:latest}"), "api: pin the image"),
        (
            lambda d: limits(d, "api").pop("pids"),
            "api: set deploy.resources.limits: pids",
        ),
        (lambda d: api(d).pop("logging"), "api: set logging"),
        (lambda d: api(d).update(ports=["8000:8000"]), "api: publish port 8000:8000"),
        (lambda d: api(d)["environment"].update(API_TOKEN="x"), "give API_TOKEN as"),
        (
            lambda d: api(d)["environment"].update(REDIS_URL="redis://:pw@redis"),
            "api: take the password out of REDIS_URL",
        ),
        (lambda d: api(d)["environment"].update(X="${X}"), "api: give X a default"),
        (lambda d: api(d).pop("healthcheck"), "api: set healthcheck: test"),
        (
            lambda d: api(d)["healthcheck"].pop("start_interval"),
            "api: set healthcheck: start_interval",
        ),
        (lambda d: api(d).update(restart="always"), "api: set restart"),
        (lambda d: api(d).pop("stop_grace_period"), "api: set stop_grace_period"),
        (lambda d: api(d).update(tmpfs=[]), "api: mount a tmpfs"),
        (lambda d: api(d).update(tmpfs=["/t:size=1m"]), "tmpfs /t noexec, nosuid"),
        (lambda d: api(d).update(depends_on=["redis"]), "give each depends_on"),
        (
            lambda d: api(d).update(depends_on={"redis": {}}),
            "api: wait until redis is healthy",
        ),
        (lambda d: redis(d).update(command="redis-server"), "add --appendonly yes"),
        (lambda d: redis(d).update(command="redis-server"), "--maxmemory-policy"),
        (lambda d: limits(d, "redis").update(memory="400M"), "two thirds"),
        (lambda d: redis(d).update(networks=["edge"]), "edge must be internal"),
        (lambda d: redis(d).update(ports=["127.0.0.1:6379:6379"]), "publish no port"),
    ],
)
def test_a_planted_mistake_is_named(
    plant: Callable[[dict[str, Any]], object], sentence: str
) -> None:
    document = copy.deepcopy(DOCUMENT)
    plant(document)
    assert sentence in "\n".join(compose_rules.problems(document))


def api(document: dict[str, Any]) -> dict[str, Any]:
    return document["services"]["api"]


def redis(document: dict[str, Any]) -> dict[str, Any]:
    return document["services"]["redis"]


def limits(document: dict[str, Any], name: str) -> dict[str, Any]:
    return document["services"][name]["deploy"]["resources"]["limits"]
