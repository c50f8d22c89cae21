"""What holds of a queue's keys after every script, whatever it did."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from shared.broker import record as records
from shared.broker.keys import MEMBER_KEYS, QUEUE_KEYS
from shared.broker.scripts import Scripts
from tests.support.queue_probe import STATES
from tests.support.snapshot import snapshot

if TYPE_CHECKING:
    import redis

    from shared.broker.keys import QueueKeys

#: Keys that no job owns; they must go away by themselves.
PASSING = ("gone", "claim", "sweep")
#: Integers up to here are exact as the score of a sorted set.
EXACT = 2**53


def assert_consistent(client: redis.Redis, keys: QueueKeys) -> None:
    """Check a queue that no script is working on at the moment.

    Raises:
        AssertionError: When a job is lost, doubled or in two minds about its state, or
            a key has the wrong name, type or owner.
    """
    stored = snapshot(client, keys.prefix)
    once, members = _by_name(stored, keys)
    places = _places(once)
    _check_jobs(members, places)
    _check_owners(members, places)
    _check_passing(stored, keys)
    counts = Scripts(client, keys).read_counts()[: len(STATES)]
    assert counts == [len(once.get(state, [])) for state in STATES]
    assert len(once.get("wake", [])) <= 1, "one wake token is enough"
    for job_id, score in once.get("waiting", []):
        assert score == int(score) < EXACT, f"{job_id.decode()} lost its exact place"


def _by_name(
    stored: dict[str, Any], keys: QueueKeys
) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    once: dict[str, Any] = {}
    members: defaultdict[str, dict[str, Any]] = defaultdict(dict)
    for key, (kind, content, _) in stored.items():
        name, colon, member = key.removeprefix(keys.prefix).partition(":")
        known = MEMBER_KEYS if colon else QUEUE_KEYS
        assert name in known, f"keys.py does not name {key}"
        assert kind == known[name], f"{key} is a {kind}, not a {known[name]}"
        if colon:
            members[name][member] = content
        else:
            once[name] = content
    return once, members


def _places(once: dict[str, Any]) -> dict[str, str]:
    found = [
        (job_id.decode(), state)
        for state in STATES
        for job_id, _ in once.get(state, [])
    ]
    doubled = [job_id for job_id, n in Counter(j for j, _ in found).items() if n > 1]
    assert not doubled, f"in more than one state: {doubled}"
    return dict(found)


def _check_jobs(members: dict[str, dict[str, Any]], places: dict[str, str]) -> None:
    assert set(members["job"]) == set(places), "every job is in one state, and no other"
    for job_id, place in places.items():
        records.decode(members["job"][job_id])
        run = members["run"].get(job_id)
        if run is None:
            assert place in ("waiting", "delayed"), f"{job_id} is {place} without a run"
        else:
            assert run[b"state"].decode() == place, f"{job_id}'s run is in two minds"


def _check_owners(members: dict[str, dict[str, Any]], places: dict[str, str]) -> None:
    for name in ("run", "attempts", "logs"):
        orphans = set(members[name]) - set(places)
        assert not orphans, f"{name} keys without a job: {orphans}"


def _check_passing(stored: dict[str, Any], keys: QueueKeys) -> None:
    for key, (_, _, expires) in stored.items():
        name = key.removeprefix(keys.prefix).partition(":")[0]
        assert expires == (name in PASSING), f"{key}: expires={expires}"
