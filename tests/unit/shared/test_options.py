from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.contract import GENERAL_DEFAULTS, TaskDefaults
from shared.contracts.retention import Retention
from shared.contracts.retry import Backoff
from shared.errors import InvalidDataError
from shared.jobs.options import JobOptions, resolve

DEFAULTS = TaskDefaults(
    attempts=7,
    backoff=Backoff(type="fixed", delay=11),
    timeout_ms=13_000,
    priority=17,
    keep_completed=Retention(age=19),
    keep_failed=Retention(count=23),
)
retentions = st.builds(
    Retention,
    age=st.none() | st.integers(0, 1_000),
    count=st.none() | st.integers(0, 1_000),
)
options = st.builds(
    JobOptions,
    delay=st.none() | st.integers(0, 1_000),
    priority=st.none() | st.integers(1, 1000),
    attempts=st.none() | st.integers(1, 1000),
    backoff=st.none() | st.builds(Backoff, delay=st.integers(0, 1_000)),
    timeout=st.none() | st.integers(100, 1_000),
    job_id=st.none() | st.just("a:b"),
    remove_on_complete=st.none() | retentions,
    remove_on_fail=st.none() | retentions,
)


def parsed(**document: Any) -> JobOptions:
    return JobOptions.parse(json.dumps(document).encode(), pointer="/opts")


def test_what_is_left_out_the_task_decides() -> None:
    policy = resolve(JobOptions(), DEFAULTS)
    assert policy.delay_ms == 0
    assert policy.attempts == 7
    assert policy.backoff == DEFAULTS.backoff
    assert policy.timeout_ms == 13_000
    assert policy.priority == 17
    assert policy.keep_completed == Retention(age=19)
    assert policy.keep_failed == Retention(count=23)


def test_without_a_known_task_general_defaults_hold() -> None:
    policy = resolve(JobOptions())
    assert policy.attempts == GENERAL_DEFAULTS.attempts == 3
    assert policy.timeout_ms == 60_000
    assert policy.priority == 5


@given(options)
def test_what_the_caller_says_holds(given_options: JobOptions) -> None:
    policy, said = resolve(given_options, DEFAULTS), given_options
    pairs = [
        (policy.delay_ms, said.delay, 0),
        (policy.priority, said.priority, DEFAULTS.priority),
        (policy.attempts, said.attempts, DEFAULTS.attempts),
        (policy.backoff, said.backoff, DEFAULTS.backoff),
        (policy.timeout_ms, said.timeout, DEFAULTS.timeout_ms),
        (policy.keep_completed, said.remove_on_complete, DEFAULTS.keep_completed),
        (policy.keep_failed, said.remove_on_fail, DEFAULTS.keep_failed),
    ]
    for holds, wish, default in pairs:
        assert holds == (default if wish is None else wish)


@given(options)
def test_what_is_stored_reads_the_same(given_options: JobOptions) -> None:
    stored = JobOptions.parse(given_options.dump())
    assert stored == given_options
    assert resolve(stored, DEFAULTS) == resolve(given_options, DEFAULTS)


def test_nothing_said_is_stored_as_nothing() -> None:
    assert JobOptions().dump() == b"{}"


def test_the_short_forms_of_bullmq_are_understood() -> None:
    short = parsed(backoff=500, removeOnComplete=True, removeOnFail=50)
    policy = resolve(short, DEFAULTS)
    assert policy.backoff == Backoff(type="fixed", delay=500)
    assert policy.keep_completed.count == 0
    assert policy.keep_failed.count == 50
    assert resolve(JobOptions.parse(short.dump()), DEFAULTS) == policy
    assert resolve(parsed(removeOnFail=False), DEFAULTS).keep_failed == Retention()


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ({"delay": -1}, "/opts/delay"),
        ({"delay": 31_536_000_001}, "/opts/delay"),
        ({"delay": "5"}, "/opts/delay"),
        ({"delay": 5.5}, "/opts/delay"),
        ({"priority": 0}, "/opts/priority"),
        ({"priority": 1001}, "/opts/priority"),
        ({"attempts": 0}, "/opts/attempts"),
        ({"attempts": 1001}, "/opts/attempts"),
        ({"timeout": 99}, "/opts/timeout"),
        ({"timeout": 86_400_001}, "/opts/timeout"),
        ({"backoff": True}, "/opts/backoff"),
        ({"backoff": -1}, "/opts/backoff"),
        ({"backoff": {"type": "never"}}, "/opts/backoff/type"),
        ({"jobId": ""}, "/opts/jobId"),
        ({"jobId": 5}, "/opts/jobId"),
        ({"removeOnFail": -1}, "/opts/removeOnFail/count"),
        ({"removeOnFail": {"age": -1}}, "/opts/removeOnFail/age"),
        ({"lifo": True}, "/opts/lifo"),
    ],
)
def test_senseless_options_are_refused_where_they_stand(
    document: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(InvalidDataError) as refusal:
        parsed(**document)
    pointers = [problem.pointer for problem in refusal.value.problems]
    assert all(
        found.startswith(pointer.split("/count", maxsplit=1)[0]) for found in pointers
    )
