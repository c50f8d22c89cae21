from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.broker.keys import MEMBER_KEYS, QUEUE_KEYS, QueueKeys, queues_key
from shared.errors import InvalidDataError, InvalidNameError
from shared.jobs.names import check_job_id, check_queue
from shared.jobs.options import JobOptions

GOOD_QUEUES = ["a", "Z", "email", "a.b-c_d", "e2", "waiting", "meta", "q" * 64]
BAD_QUEUES = [
    "",
    " ",
    "1a",
    "-a",
    ".a",
    "_a",
    "a b",
    "a:b",
    "a{b}",
    "{a}",
    "a}",
    "a/b",
    "a*",
    "a\n",
    "\na",
    "a\r\n",
    "a\x00",
    "é",
    "a\u0660",  # an Arabic digit
    "\uff41",  # a full-width letter
    "a\u200b",
    "q" * 65,
    "q" * 100_000,
]
GOOD_IDS = ["0", "a", "daily:2024-01-01T02:00", "a@b.c_d-e", "j" * 128]
BAD_IDS = [
    "",
    " ",
    ":a",
    "@a",
    "-a",
    ".",
    "..",
    "a b",
    "a=b",
    "a;b",
    "a\n",
    "a\r",
    "\na",
    "a\x00b",
    "a/b",
    "a{b}",
    "ä",
    "\u0661",
    "j" * 129,
]


@pytest.mark.parametrize("name", GOOD_QUEUES)
def test_a_good_queue_name_is_taken_as_it_is(name: str) -> None:
    assert check_queue(name) == name


@pytest.mark.parametrize("name", BAD_QUEUES)
def test_a_hostile_queue_name_is_refused_with_the_rule(name: str) -> None:
    with pytest.raises(InvalidNameError, match="starts with a letter and has at most"):
        check_queue(name)
    with pytest.raises(InvalidNameError):
        QueueKeys("ns", name)


@pytest.mark.parametrize("job_id", GOOD_IDS)
def test_a_good_job_id_is_taken_as_it_is(job_id: str) -> None:
    assert check_job_id(job_id) == job_id
    assert JobOptions(job_id=job_id).job_id == job_id


@pytest.mark.parametrize("job_id", BAD_IDS)
def test_a_hostile_job_id_is_refused_with_the_rule(job_id: str) -> None:
    with pytest.raises(InvalidNameError, match="letter or digit and has at most 128"):
        check_job_id(job_id)


@pytest.mark.parametrize("job_id", BAD_IDS)
def test_options_refuse_the_same_job_ids(job_id: str) -> None:
    document = JobOptions.model_construct(job_id=job_id).model_dump_json(
        include={"job_id"}, by_alias=True
    )
    with pytest.raises(InvalidDataError) as refusal:
        JobOptions.parse(document.encode())
    assert [problem.pointer for problem in refusal.value.problems] == ["/jobId"]


@given(st.text(max_size=70))
def test_what_is_taken_can_stand_in_a_key_an_event_and_a_header(name: str) -> None:
    for check in (check_queue, check_job_id):
        try:
            check(name)
        except InvalidNameError:
            continue
        assert name.isascii()
        assert not set(name) & set(" \n\r\t=;{}*?[]\\/\"'")


queue_names = st.from_regex(r"[A-Za-z][A-Za-z0-9_.-]{0,20}", fullmatch=True)
members = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.:@-]{0,20}", fullmatch=True)
places = st.one_of(
    st.tuples(queue_names, st.sampled_from(sorted(QUEUE_KEYS)), st.none()),
    st.tuples(queue_names, st.sampled_from(sorted(MEMBER_KEYS)), members),
)


def key_of(place: tuple[str, str, str | None]) -> str:
    queue, name, member = place
    keys = QueueKeys("ns", queue)
    return keys.one(name) if member is None else keys.of(name, member)


@given(places, places)
def test_no_two_things_share_a_key(
    one: tuple[str, str, str | None], other: tuple[str, str, str | None]
) -> None:
    assert (key_of(one) == key_of(other)) == (one == other)


@given(places)
def test_all_keys_of_a_queue_lie_in_one_slot(
    place: tuple[str, str, str | None],
) -> None:
    key, queue = key_of(place), place[0]
    tag = key[key.index("{") + 1 : key.index("}")]
    assert tag == queue
    assert key.startswith(QueueKeys("ns", queue).prefix)
    assert key != queues_key("ns")
