from __future__ import annotations

import pytest

from shared.broker.connection import connect
from shared.errors import ConfigurationError
from shared.redis_address import SCHEMES, Topology, parse, with_passwords
from shared.settings import CommonSettings, load

HIDDEN = "hunter2"


@pytest.mark.parametrize("scheme", ["redis", "rediss", "unix"])
def test_the_url_of_a_server_is_the_drivers_own(scheme: str) -> None:
    url = f"{scheme}://ops:{HIDDEN}@somewhere/3?x=1"
    address = parse(url)

    assert address.topology is Topology.SERVER
    assert address.server_url == url


def test_sentinels_are_named_with_the_service_that_they_watch() -> None:
    address = parse(
        "redis+sentinel://ops:pw@one:1,two,[::1]:3/jobs/4"
        "?sentinel_username=guard&sentinel_password=a%2Fb&ssl_cert_reqs=none"
    )

    assert address.topology is Topology.SENTINEL
    assert address.hosts == (("one", 1), ("two", 26_379), ("::1", 3))
    assert address.service == "jobs"
    login = address.sentinel_username, address.sentinel_password
    assert login == ("guard", "a/b")
    assert address.server_url == "redis://ops:pw@one:1/4?ssl_cert_reqs=none"


def test_some_nodes_of_a_cluster_are_enough() -> None:
    address = parse("rediss+cluster://:pw@[fe80::1],two:7001/0")

    assert address.topology is Topology.CLUSTER
    assert address.hosts == (("fe80::1", 6_379), ("two", 7_001))
    assert address.server_url == "rediss://:pw@[fe80::1]:6379"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "must start with one of redis://"),
        (f"http://{HIDDEN}@redis", "must start with one of redis://"),
        (f"redis://:{HIDDEN}/x@host:{HIDDEN}", "port from 1 to 65535"),
        (f"redis://:{HIDDEN}@host:70000", "port from 1 to 65535"),
        ("redis+sentinel://one:1", "what the Sentinels call the master"),
        ("redis+sentinel://one:1/", "what the Sentinels call the master"),
        ("redis+sentinel://one:1/jobs/db", "what the Sentinels call the master"),
        ("redis+sentinel://one:1/jobs/0/1", "what the Sentinels call the master"),
        ("redis+sentinel:///jobs", "must name hosts"),
        ("redis+sentinel://one:1,,two:2/jobs", "must name hosts"),
        ("redis+sentinel://one:1,two:0/jobs", "ports from 1 to 65535"),
        ("redis+cluster://one:x", "ports from 1 to 65535"),
        ("redis+cluster://one:123456", "ports from 1 to 65535"),
        ("redis+cluster://one:1/2", "must name no database"),
        (
            f"redis+cluster://one:1?sentinel_password={HIDDEN}",
            "which only Sentinels understand",
        ),
    ],
)
def test_nonsense_is_one_clear_sentence_that_repeats_no_secret(
    url: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match=reason) as refusal:
        connect(url)
    assert HIDDEN not in str(refusal.value)

    monkeypatch.setenv("REDIS_URL", url)
    with pytest.raises(ConfigurationError, match=reason) as stop:
        load(CommonSettings)
    assert HIDDEN not in str(stop.value)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_nothing_is_sent_before_the_client_is_used(scheme: str) -> None:
    service = "/jobs" if "sentinel" in scheme else ""
    with connect(f"{scheme}127.0.0.1:1{service}") as client:
        assert client is not None


def test_an_address_shows_no_password() -> None:
    url = f"redis+sentinel://:{HIDDEN}@one/jobs?sentinel_password={HIDDEN}"
    assert HIDDEN not in repr(parse(url))


def test_passwords_are_put_in_where_they_belong() -> None:
    url = with_passwords("redis+sentinel://ops@one,two/jobs", redis="a/", sentinel="b&")
    address = parse(url)

    passwords = address.server_url, address.sentinel_password
    assert passwords == ("redis://ops:a%2F@one:26379", "b&")


def test_the_sentinels_password_may_come_from_a_setting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis+sentinel://one,two/jobs")
    monkeypatch.setenv("REDIS_SENTINEL_PASSWORD", HIDDEN)
    assert parse(load(CommonSettings).redis_url).sentinel_password == HIDDEN


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("redis://redis", "no use"),
        (f"redis+sentinel://one/jobs?sentinel_password={HIDDEN}", "not both"),
    ],
)
def test_a_password_of_sentinels_that_does_not_fit_is_refused(
    url: str, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason) as refusal:
        with_passwords(url, redis="", sentinel=HIDDEN)
    assert HIDDEN not in str(refusal.value)
