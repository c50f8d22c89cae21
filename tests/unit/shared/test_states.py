from __future__ import annotations

from shared.jobs.events import FINAL_EVENTS, JobEvent
from shared.jobs.states import FINAL, TRANSITIONS, JobState


def test_a_job_ends_in_one_of_three_states() -> None:
    assert {s for s in JobState if s.is_final} == FINAL
    assert {s.value for s in FINAL} == {"completed", "failed", "cancelled"}


def test_every_way_in_has_a_way_out() -> None:
    left = {t.source for t in TRANSITIONS}
    entered = {target for t in TRANSITIONS for target in t.targets}
    assert entered == left - {None} == set(JobState)


def test_a_job_that_has_ended_runs_again_only_when_somebody_asks_for_it() -> None:
    ways = {(t.name, t.source) for t in TRANSITIONS if t.source in FINAL}
    assert ways == {("rerun", state) for state in FINAL}


def test_a_verb_leads_out_of_a_state_by_one_arrow() -> None:
    arrows = [(t.name, t.source) for t in TRANSITIONS]
    assert len(arrows) == len(set(arrows))


def test_final_events_are_named_as_final_states_or_say_that_the_job_is_gone() -> None:
    names = {event.value for event in FINAL_EVENTS}
    assert names == {state.value for state in FINAL} | {"removed"}
    entered = {target for t in TRANSITIONS for target in t.targets}
    assert {state.value for state in entered} <= {event.value for event in JobEvent}
