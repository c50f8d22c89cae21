"""The JSON shape of a job: BullMQ's words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.jobs.job import Attempt, Job
from shared.jobs.options import JobOptions, resolve
from shared.jobs.states import JobState


def job(**changes: Any) -> Job:
    options = changes.pop("options", JobOptions())
    fields = {
        "id": "j1",
        "queue": "mail",
        "name": "echo",
        "data": b'{"msg":"hi"}',
        "options": options,
        "policy": resolve(options),
        "state": JobState.WAITING,
        "timestamp": 1_700_000_000_000,
    }
    return Job(**{**fields, **changes})


def shown(**changes: Any) -> dict[str, Any]:
    return json.loads(job(**changes).to_json())


def test_a_new_job() -> None:
    assert shown() == {
        "id": "j1",
        "queue": "mail",
        "name": "echo",
        "state": "waiting",
        "data": {"msg": "hi"},
        "opts": {},
        "progress": 0,
        "attempts": 3,
        "attemptsMade": 0,
        "attemptsStarted": 0,
        "stalledCounter": 0,
        "retrying": False,
        "priority": 5,
        "delay": 0,
        "group": None,
        "tags": [],
        "due": None,
        "timestamp": 1_700_000_000_000,
        "processedOn": None,
        "processedBy": None,
        "finishedOn": None,
        "returnvalue": None,
        "failedReason": None,
        "failureKind": None,
        "stacktrace": [],
        "history": [],
    }


def test_a_failed_job() -> None:
    attempt = Attempt("w1", started=1, finished=2, outcome="retried", error="Boom.")
    document = shown(
        state=JobState.FAILED,
        options=JobOptions(attempts=2, job_id="j1", priority=1, delay=9),
        attempts_made=2,
        attempts_started=3,
        stalled_counter=1,
        processed_on=5,
        processed_by="w1",
        finished_on=6,
        failed_reason="Boom.",
        failure_kind="timeout",
        stacktrace="line 1\nline 2\n",
        attempts=(attempt,),
    )
    assert document["opts"] == {
        "attempts": 2,
        "jobId": "j1",
        "priority": 1,
        "delay": 9,
    }
    assert (document["priority"], document["delay"], document["attempts"]) == (1, 9, 2)
    assert document["failedReason"] == "Boom."
    assert document["failureKind"] == "timeout"
    assert document["stacktrace"] == ["line 1", "line 2"]
    assert document["history"] == [
        {
            "worker": "w1",
            "started": 1,
            "finished": 2,
            "outcome": "retried",
            "error": "Boom.",
        }
    ]


@pytest.mark.parametrize(
    "raw",
    [
        b'{"big":12345678901234567890,"exact":1.10}',
        '{"é":"\u2028"}'.encode(),
        b'"text"',
        b"[1, 2]",
    ],
)
def test_data_progress_and_result_pass_untouched(raw: bytes) -> None:
    written = job(data=raw, progress=raw, returnvalue=raw).to_json()
    assert written.count(raw) == 3


@pytest.mark.parametrize(
    ("state", "attempts_made", "expected"),
    [
        (JobState.WAITING, 0, False),
        (JobState.WAITING, 1, True),
        (JobState.DELAYED, 1, True),
        (JobState.ACTIVE, 1, True),
        (JobState.COMPLETED, 1, False),
        (JobState.FAILED, 3, False),
        (JobState.CANCELLED, 1, False),
    ],
)
def test_retrying_is_between_two_attempts(
    state: JobState, attempts_made: int, expected: object
) -> None:
    assert shown(state=state, attempts_made=attempts_made)["retrying"] is expected


def test_an_attempt_without_an_error_has_none_to_show() -> None:
    attempt = Attempt("w1", started=1, finished=2, outcome="stalled")
    assert "error" not in shown(attempts=(attempt,))["history"][0]
