"""What holds of a queue's keys after every script, whatever it did."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from shared.broker import record as records
from shared.broker.keys import MEMBER_KEYS, QUEUE_KEYS
from shared.broker.scripts import Scripts
from tests.support.queue_probe import PLACES, STATES
from tests.support.snapshot import snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping

    import redis

    from shared.broker.keys import QueueKeys

#: Keys that no job owns; they must go away by themselves.
PASSING = ("gone", "claim", "sweep", "rate", "grouprate")
#: Keys that expire for some jobs and stay for others.
EITHER = ("dedup",)
#: Integers up to here are exact as the score of a sorted set.
EXACT = 2**53


class Stored(NamedTuple):
    """A queue's keys by name: those that exist once, and those per member.

    `places` names each job's state.
    """

    once: dict[str, Any]
    members: Mapping[str, dict[str, Any]]
    places: dict[str, str]

    def ids(self, name: str) -> set[str]:
        return {job_id.decode() for job_id, _ in self.once.get(name, [])}

    def group_of(self, job_id: str) -> str:
        return records.decode(self.members["job"][job_id]).group


def assert_consistent(client: redis.Redis, keys: QueueKeys) -> Stored:
    """Check a queue that no script is working on at the moment; return what it holds.

    Raises:
        AssertionError: When a job is lost, doubled or in two minds about its state, or
            a key has the wrong name, type or owner.
    """
    found = snapshot(client, keys.prefix)
    stored = _by_name(found, keys)
    places = stored.places
    stored.places.update(_places(stored))
    _check_jobs(stored, places)
    _check_owners(stored, places)
    _check_callbacks(stored, places)
    _check_groups(stored, places)
    _check_marks(stored, places)
    _check_deduplication(stored, places)
    _check_passing(found, keys)
    counts = dict(zip(STATES, Scripts(client, keys).read_counts(), strict=False))
    assert counts == {s: sum(p == s for p in places.values()) for s in STATES}
    assert len(stored.once.get("wake", [])) <= 1, "one wake token is enough"
    for name in ("waiting", "grouped"):
        for job_id, score in stored.once.get(name, []):
            assert score == int(score) < EXACT, f"{job_id.decode()} lost its place"
    return stored


def _by_name(found: dict[str, Any], keys: QueueKeys) -> Stored:
    once: dict[str, Any] = {}
    members: defaultdict[str, dict[str, Any]] = defaultdict(dict)
    for key, (kind, content, _) in found.items():
        name, colon, member = key.removeprefix(keys.prefix).partition(":")
        known = MEMBER_KEYS if colon else QUEUE_KEYS
        assert name in known, f"keys.py does not name {key}"
        assert kind == known[name], f"{key} is a {kind}, not a {known[name]}"
        if colon:
            members[name][member] = content
        else:
            once[name] = content
    return Stored(once, members, {})


def _places(stored: Stored) -> dict[str, str]:
    found = [
        (job_id, state) for name, state in PLACES.items() for job_id in stored.ids(name)
    ]
    doubled = [job_id for job_id, n in Counter(j for j, _ in found).items() if n > 1]
    assert not doubled, f"in more than one state: {doubled}"
    return dict(found)


def _check_jobs(stored: Stored, places: dict[str, str]) -> None:
    jobs = stored.members["job"]
    assert set(jobs) == set(places), "every job is in one state, and no other"
    for job_id, place in places.items():
        records.decode(jobs[job_id])
        run = stored.members["run"].get(job_id)
        if run is None:
            assert place in ("waiting", "delayed"), f"{job_id} is {place} without a run"
        else:
            assert run[b"state"].decode() == place, f"{job_id}'s run is in two minds"


def _check_owners(stored: Stored, places: dict[str, str]) -> None:
    for name in ("run", "attempts", "logs"):
        orphans = set(stored.members[name]) - set(places)
        assert not orphans, f"{name} keys without a job: {orphans}"


def _check_callbacks(stored: Stored, places: dict[str, str]) -> None:
    wishes = {job_id.decode() for job_id in stored.once.get("callbacks", {})}
    assert wishes <= set(places), f"callbacks of no job: {wishes - set(places)}"


def _check_groups(stored: Stored, places: dict[str, str]) -> None:
    grouped = stored.once.get("grouped", [])
    lines = {
        group: [(j, s) for j, s in grouped if stored.group_of(j.decode()) == group]
        for group in {stored.group_of(job_id) for job_id in stored.ids("grouped")}
    }
    assert stored.members["group"] == lines, "a group's line holds its waiting jobs"
    assert not {j for j in stored.ids("waiting") if stored.group_of(j)}
    running = Counter(stored.group_of(j) for j, p in places.items() if p == "active")
    running.pop("", None)
    told = {g.decode(): int(n) for g, n in stored.once.get("groupActive", {}).items()}
    assert told == dict(running), "running jobs per group"
    _check_lanes(stored, lines, told)


def _check_lanes(
    stored: Stored, lines: dict[str, Any], running: dict[str, int]
) -> None:
    """Check that a group waits in the round, for its time, or for a job of its own."""
    limits = stored.once.get("groupLimits", {})
    lanes, parked = stored.ids("lanes"), stored.ids("parked")
    assert not lanes & parked
    for group in set(lines) - lanes - parked:
        line = limits.get(group.encode(), limits.get(b"*", b"")).decode()
        told = re.search(r"c=(\d+)", line)
        assert running.get(group, 0) > 0, f"nothing will ever serve {group} ({told})"


def _check_marks(stored: Stored, places: dict[str, str]) -> None:
    for job_id in stored.ids("expiring"):
        assert places.get(job_id) in ("waiting", "delayed"), f"{job_id} can't expire"
    for job_id in stored.ids("leaving"):
        assert JOB_ENDED.get(places.get(job_id, "")), f"{job_id} must not be removed"
    for job_id in stored.once.get("cancelling", ()):
        assert places.get(job_id.decode()) == "active", f"{job_id} can't be cancelled"


def _check_deduplication(stored: Stored, places: dict[str, str]) -> None:
    dedup = stored.members["dedup"]
    for label, job in stored.members["next"].items():
        assert job[b"id"].decode() not in places, f"{label}: a job kept and created"
        holders = [
            job_id
            for job_id, place in places.items()
            if not JOB_ENDED[place]
            and f";d={label}\n".encode() in stored.members["job"][job_id]
        ]
        assert holders, f"{label}: nothing will ever create what was kept: {dedup}"


JOB_ENDED = {state: state in ("completed", "failed", "cancelled") for state in STATES}


def _check_passing(found: dict[str, Any], keys: QueueKeys) -> None:
    for key, (_, _, expires) in found.items():
        name = key.removeprefix(keys.prefix).partition(":")[0]
        assert name in EITHER or expires == (name in PASSING), f"{key}: {expires=}"
