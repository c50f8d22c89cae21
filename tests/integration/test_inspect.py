"""`nightshift inspect` tells how a queue and a job are stored."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from cli.commands import nightshift
from shared.broker import purposes
from shared.broker.anatomy import Anatomist
from shared.broker.keys import MEMBER_KEYS, QUEUE_KEYS, QueueKeys
from shared.broker.orders import RetryOrder
from shared.broker.producer import Producer, Request
from shared.broker.scripts import Scripts
from shared.contracts.retention import Retention
from shared.jobs.options import JobOptions

if TYPE_CHECKING:
    import redis
    from click.testing import Result

QUEUE = "mail"


class House:
    """A queue with jobs in it."""

    def __init__(self, client: redis.Redis, namespace: str) -> None:
        self.client = client
        self.keys = QueueKeys(namespace, QUEUE)
        self.scripts = Scripts(client, self.keys)
        self.anatomist = Anatomist(client, namespace=namespace)
        self._producer = Producer(client, namespace=namespace)

    def add(self, job_id: str, **options: Any) -> None:
        wish = JobOptions.model_validate({"jobId": job_id, **options})
        self._producer.enqueue(Request(QUEUE, "task", b'{"secret":"s3"}', wish))

    def take(self) -> tuple[str, str]:
        claim = self.scripts.claim(
            worker="w", operation="1", count=1, lease_ms=60_000
        ).jobs[0]
        return claim.job_id, claim.token


@pytest.fixture
def house(client: redis.Redis, namespace: str) -> House:
    return House(client, namespace)


@pytest.fixture
def run(redis_url: str, namespace: str) -> Any:
    def invoke(*words: str, **environment: str) -> Result:
        settings = {"REDIS_URL": redis_url, "NIGHTSHIFT_NAMESPACE": namespace}
        return CliRunner(env={**settings, **environment}).invoke(
            nightshift, ["inspect", *words]
        )

    return invoke


def test_every_kind_of_key_has_its_purpose() -> None:
    assert set(purposes.KEYS) >= {*QUEUE_KEYS, *MEMBER_KEYS}
    assert set(purposes.MEMBERS) >= set(MEMBER_KEYS)


def test_a_queue_shows_its_keys_with_their_sizes(house: House) -> None:
    house.add("a")
    house.add("b", group="g", deduplication={"id": "d"})
    house.add("c", delay=60_000)
    house.take()

    found = house.anatomist.queue(QUEUE)

    keys = {key.key.removeprefix(house.keys.prefix): key for key in found.keys}
    assert found.is_whole
    assert {name: (key.type, key.entries) for name, key in keys.items()} == {
        "grouped": ("zset", 1),
        "delayed": ("zset", 1),
        "active": ("zset", 1),
        "meta": ("hash", 2),
        "lanes": ("zset", 1),
        "events": ("stream", 4),
        "wake": ("list", 1),
    }
    assert all(key.bytes > 0 and key.purpose for key in found.keys)
    meta = {part.name: part for part in keys["meta"].parts}
    assert (meta["arrivals"].value, meta["tokens"].value) == ("2", "1")
    assert all(part.purpose for part in meta.values())
    kinds = {kind.pattern.removeprefix(house.keys.prefix): kind for kind in found.kinds}
    assert {name: kind.count for name, kind in kinds.items()} == {
        "job:<id>": 3,
        "run:<id>": 1,
        "claim:<worker>": 1,
        "group:<group>": 1,
        "dedup:<id>": 1,
    }
    assert all(kind.bytes > 0 for kind in found.kinds)


def test_a_jobs_bytes_are_those_that_redis_counts(house: House) -> None:
    house.add("a")

    found = house.anatomist.job(QUEUE, "a")

    assert found is not None
    (record,) = found.keys
    assert record.bytes == house.client.memory_usage(record.key, samples=0)
    header = {part.name: part.value for part in record.parts}
    assert (header["n"], header["p"], header["v"]) == ("task", "5", "1")
    assert all(part.purpose for part in record.parts)


def test_a_job_shows_every_place_that_names_it(house: House) -> None:
    house.add("a", group="g", deduplication={"id": "d"}, expiresIn=60_000)

    def places() -> dict[str, str]:
        found = house.anatomist.job(QUEUE, "a")
        assert found is not None
        return {
            place.key.removeprefix(house.keys.prefix): place.meaning
            for place in found.places
        }

    assert set(places()) == {"grouped", "group:g", "expiring", "dedup:d"}

    house.take()
    house.scripts.cancel(["a"], keep=Retention())

    assert set(places()) == {"active", "cancelling", "dedup:d"}
    assert places()["active"] == "lease expires, epoch ms"


def test_what_callers_and_tasks_wrote_is_measured_and_not_shown(
    house: House, run: Any
) -> None:
    house.add("a")
    job_id, token = house.take()
    house.scripts.progress(job_id, token, lease_ms=60_000, progress=b'"s3"')
    house.scripts.add_log(job_id, token, operation="1", lines=["s3"])
    order = RetryOrder(job_id, token, 0, "s3", "error", "s3", b'{"error":"s3"')
    house.scripts.retry([order])

    for words in ((), ("--json",)):
        shown = run(QUEUE, "a", *words)
        assert shown.exit_code == 0, shown.output
        assert "s3" not in shown.output
    document = json.loads(run(QUEUE, "a", "--json").output)
    sizes = {
        part["name"]: part["bytes"] for key in document["keys"] for part in key["parts"]
    }
    assert sizes["data"] == len('{"secret":"s3"}')
    assert sizes["failedReason"] == 2
    assert [key["type"] for key in document["keys"]] == [
        "string", "hash", "list", "list",
    ]  # fmt: skip
    assert all(part["purpose"] for key in document["keys"] for part in key["parts"])


def test_a_damaged_job_is_shown_as_far_as_it_goes(house: House, run: Any) -> None:
    house.add("a")
    house.client.set(house.keys.of("job", "a"), "no record")
    house.client.rpush(house.keys.of("run", "a"), "no run")

    shown = run(QUEUE, "a")

    assert shown.exit_code == 0, shown.output
    assert "damaged" in shown.output
    assert "list" in shown.output


def test_a_key_of_another_type_does_not_hide_the_others(house: House) -> None:
    house.add("a", group="g")
    house.client.delete(house.keys.one("grouped"))
    house.client.set(house.keys.one("grouped"), "x")
    house.client.set(house.keys.one("cancelling"), "x")
    house.client.set(house.keys.one("meta"), "x")

    job, queue = house.anatomist.job(QUEUE, "a"), house.anatomist.queue(QUEUE)

    assert job is not None
    assert [place.key for place in job.places] == [house.keys.of("group", "g")]
    meta = house.keys.one("meta")
    assert {key.key: key.type for key in queue.keys}[meta] == "string"


def test_a_long_walk_stops_and_says_so(house: House, run: Any) -> None:
    for number in range(20):
        house.add(f"j{number}")

    short = house.anatomist.queue(QUEUE, walk_limit=0)

    assert not short.is_whole
    assert short.kinds == ()
    assert house.anatomist.queue(QUEUE, walk_limit=None).is_whole
    assert "20" in run(QUEUE, "--all").output


def test_a_queues_table_names_its_keys(house: House, run: Any) -> None:
    house.add("a")

    shown = run(QUEUE)

    assert shown.exit_code == 0, shown.output
    assert house.keys.one("waiting") in shown.output
    assert "ids without a group by priority, then arrival" in shown.output
    assert "job:<id>" in shown.output


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("none",), "There is no queue 'none'"),
        ((QUEUE, "none"), "Nothing is stored about a job 'none'"),
    ],
)
def test_what_does_not_exist_is_named(
    house: House, run: Any, words: tuple[str, ...], sentence: str
) -> None:
    house.add("a")

    result = run(*words)

    assert result.exit_code == 1
    assert sentence in str(result.exception)


def test_an_installation_without_a_job_says_so(run: Any) -> None:
    assert "no job was ever added" in str(run(QUEUE).exception)


def test_without_a_server_it_says_how_to_get_one(run: Any, tmp_path: Any) -> None:
    local = run(QUEUE, "--state-dir", str(tmp_path), REDIS_URL="")
    remote = run(QUEUE, REDIS_URL="redis://127.0.0.1:1/0")
    wrong = run(QUEUE, REDIS_URL="http://127.0.0.1")

    assert "nightshift up" in str(local.exception)
    assert "REDIS_URL" in str(remote.exception)
    assert "redis://" in str(wrong.exception)
