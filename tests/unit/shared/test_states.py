from __future__ import annotations

from shared.jobs.events import FINAL_EVENTS, JobEvent
from shared.jobs.states import FINAL, TRANSITIONS, JobState


def test_a_job_ends_in_one_of_three_states() -> None:
    assert {s for s in JobState if s.is_final} == FINAL
    assert {s.value for s in FINAL} == {"completed", "failed", "cancelled"}


def test_every_way_in_has_a_way_out_but_from_the_end() -> None:
    left = {t.source for t in TRANSITIONS}
    entered = {target for t in TRANSITIONS for target in t.targets}
    assert entered - left <= FINAL
    assert not left & FINAL


def test_every_verb_is_one_arrow() -> None:
    names = [t.name for t in TRANSITIONS]
    assert len(names) == len(set(names))


def test_final_events_are_named_as_final_states() -> None:
    assert {event.value for event in FINAL_EVENTS} <= {state.value for state in FINAL}
    entered = {target for t in TRANSITIONS for target in t.targets}
    assert {state.value for state in entered} <= {event.value for event in JobEvent}
