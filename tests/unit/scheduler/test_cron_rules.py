from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from shared.errors import InvalidDataError
from shared.schedules.cron import CronRule, EveryRule, Rule


def at(text: str) -> datetime:
    """An instant in UTC; the zone may be left out."""
    instant = datetime.fromisoformat(text)
    return instant.replace(tzinfo=instant.tzinfo or UTC).astimezone(UTC)


def slots(rule: Rule, after: str, *, until: str) -> list[datetime]:
    found = []
    slot = rule.next_after(at(after))
    while slot <= at(until):
        found.append(slot)
        slot = rule.next_after(slot)
    return found


def slots_of_2026(pattern: str, tz: str = "UTC") -> list[datetime]:
    return slots(CronRule(pattern, tz), "2025-12-31T23:59:59", until="2026-12-31T23:59")


@pytest.mark.parametrize(
    "pattern", ["0 0 * * 0", "0 0 * * 7", "0 0 * * sun", "0 0 * * SUN", "@weekly"]
)
def test_a_sunday_is_a_sunday_in_every_spelling(pattern: str) -> None:
    found = slots_of_2026(pattern)

    assert len(found) == 52
    assert {slot.isoweekday() for slot in found} == {7}


@pytest.mark.parametrize(
    ("pattern", "count"),
    [
        ("@yearly", 1),
        ("@annually", 1),
        ("@monthly", 12),
        ("@daily", 365),
        ("@midnight", 365),
        ("@Hourly", 8760),
        ("0 12 * * 0,3", 104),
        ("0 0 * * 0-6", 365),
        ("0 9 * * mon-fri", 261),
        ("0 9 31 * *", 7),
        ("30 8 * jan,7 *", 62),
        ("0 0 L * *", 12),
        ("0 0 * * 1#1", 12),
        ("0 9 1 * 1", 63),
    ],
)
def test_a_year_has_the_slots_that_the_pattern_says(pattern: str, count: int) -> None:
    assert len(slots_of_2026(pattern)) == count


def test_a_time_that_spring_leaves_out_is_due_once_right_after_the_gap() -> None:
    rule = CronRule("30 2 * * *", "Europe/Paris")

    assert slots(rule, "2026-03-28T00:00", until="2026-03-30T12:00") == [
        at("2026-03-28T02:30+01:00"),
        at("2026-03-29T03:00+02:00"),
        at("2026-03-30T02:30+02:00"),
    ]


def test_a_time_that_autumn_repeats_is_due_the_first_time_only() -> None:
    rule = CronRule("30 2 * * *", "Europe/Paris")

    assert slots(rule, "2026-10-24T12:00", until="2026-10-26T12:00") == [
        at("2026-10-25T02:30+02:00"),
        at("2026-10-26T02:30+01:00"),
    ]


def test_the_repeated_hour_never_leads_back_in_time() -> None:
    rule = CronRule("50 2 * * *", "Europe/Paris")

    assert rule.next_after(at("2026-10-25T02:40+01:00")) == at("2026-10-26T02:50+01:00")


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_a_pattern_with_a_star_follows_elapsed_time(day: str) -> None:
    rule = CronRule("*/30 * * * *", "Europe/Paris")

    found = slots(rule, f"{day}T00:00", until=f"{day}T04:00")

    assert len(found) == 8
    assert {b - a for a, b in pairwise(found)} == {timedelta(minutes=30)}


@pytest.mark.parametrize("zone", ["Europe/Paris", "America/New_York", "Asia/Kathmandu"])
def test_a_daily_time_comes_every_day_of_the_year(zone: str) -> None:
    assert len(slots_of_2026("0 9 * * *", zone)) == 365


@pytest.mark.parametrize(
    ("pattern", "zone", "after", "slot"),
    [
        # The clock jumps by half an hour.
        (
            "*/20 10 * * 7",
            "Australia/Lord_Howe",
            "2022-04-02T10:00+00:00",
            "2022-04-02T23:30+00:00",
        ),
        (
            "30 * * * *",
            "Australia/Lord_Howe",
            "2026-10-03T15:25+00:00",
            "2026-10-03T15:30+00:00",
        ),
        # It jumps in the middle of an hour.
        (
            "* 3 * * *",
            "Pacific/Chatham",
            "2015-09-26T09:00+00:00",
            "2015-09-26T14:00+00:00",
        ),
        # It jumps at midnight: there is no hour 0 on that day.
        (
            "*/30 0-4 * * *",
            "America/Havana",
            "2023-03-12T04:36:04+00:00",
            "2023-03-12T05:00+00:00",
        ),
    ],
)
def test_odd_jumps_of_the_clock_hide_no_slot(
    pattern: str, zone: str, after: str, slot: str
) -> None:
    assert CronRule(pattern, zone).next_after(at(after)) == at(slot)


def test_february_29_waits_for_a_leap_year() -> None:
    rule = CronRule("0 0 29 2 *")

    assert rule.next_after(at("2026-01-01")) == at("2028-02-29")
    assert rule.next_after(at("2096-03-01")) == at("2104-02-29")


@pytest.mark.parametrize(
    "start", ["2026-01-01", "2026-03-20", "2026-05-31T23:59:59", "2026-06-01"]
)
def test_mondays_in_june_do_not_depend_on_where_one_starts(start: str) -> None:
    found = slots(CronRule("30 0 * 6 1"), start, until="2026-12-31")

    assert [slot.day for slot in found] == [1, 8, 15, 22, 29]


@pytest.mark.parametrize("start", ["2026-06-01T08:20", "2026-06-01T08:59:59.999"])
def test_the_slots_of_an_hour_do_not_depend_on_where_one_starts(start: str) -> None:
    assert CronRule("*/20 9 * * *").next_after(at(start)) == at("2026-06-01T09:00")


def test_a_slot_is_later_than_its_instant() -> None:
    rule = CronRule("0 9 * * *")

    assert rule.next_after(at("2026-06-01T09:00")) == at("2026-06-02T09:00")
    assert rule.next_after(at("2026-06-01T08:59:59.999")) == at("2026-06-01T09:00")
    assert rule.next_after(at("2026-06-01T09:00:00.001")) == at("2026-06-02T09:00")


@pytest.mark.parametrize(
    ("pattern", "part"),
    [
        ("61 * * * *", "field 1, the minute, can't be '61'; allowed are 0-59"),
        ("0 24 * * *", "field 2, the hour, can't be '24'"),
        ("0 25 * * *", "field 2, the hour"),
        ("0 0 32 * *", "field 3, the day-of-month, can't be '32'"),
        ("0 0 * 13 *", "field 4, the month"),
        ("0 0 * * 8", "field 5, the day-of-week, can't be '8'"),
        ("0 0 30 2 *", "the months '2' never have the day-of-month '30'"),
        ("0 0 31 4,6,9 *", "never have the day-of-month '31'"),
        ("* * * * * *", "it has 6 fields instead of five"),
        ("", "it has 0 fields"),
        ("*/0 * * * *", "field 1, the minute"),
        ("1-0 * * * *", "field 1, the minute"),
        (", * * * *", "field 1, the minute"),
        ("0 0 * foo *", "field 4, the month, can't be 'foo'"),
        ("0 0 * * mon#6", "field 5, the day-of-week"),
        ("0 0 ² * *", "field 3, the day-of-month"),
        ("@reboot", "the known aliases are @annually, @daily"),
        ("0 0 * * 0 ; rm", "it has 7 fields"),
        ("0 " * 200, "longer than 256 characters"),
    ],
)
def test_nonsense_is_refused_with_the_reason(pattern: str, part: str) -> None:
    with pytest.raises(InvalidDataError) as caught:
        CronRule(pattern)

    assert caught.value.problems[0].pointer == "/pattern"
    assert part in caught.value.problems[0].detail


@pytest.mark.parametrize(
    "zone", ["Mars/Olympus", "", "../UTC", "/etc/localtime", "Europe", "x" * 5000, "\0"]
)
def test_an_unknown_zone_is_refused(zone: str) -> None:
    with pytest.raises(InvalidDataError, match="no time zone; use an IANA name"):
        CronRule("* * * * *", zone)


def test_intervals_are_aligned_to_the_epoch() -> None:
    rule = EveryRule(5_000)

    assert rule.next_after(at("2026-06-01T09:00:01.2")) == at("2026-06-01T09:00:05")
    assert rule.next_after(at("2026-06-01T09:00:05")) == at("2026-06-01T09:00:10")
    assert EveryRule(100).next_after(at("2026-06-01T09:00:00.1999")) == at(
        "2026-06-01T09:00:00.2"
    )


@pytest.mark.parametrize("every", [0, -5, 99, 10**12, True, 1000.5, "5"])
def test_an_interval_that_is_none_is_refused(every: int) -> None:
    with pytest.raises(InvalidDataError, match="whole number of milliseconds"):
        EveryRule(every)


def test_rules_say_what_they_are() -> None:
    assert str(CronRule("0 9 * * 1", "Europe/Paris")) == "0 9 * * 1 (Europe/Paris)"
    assert str(EveryRule(250)) == "every 250 ms"
    assert CronRule("@daily") == CronRule("@daily", "UTC")
    assert EveryRule(250) != EveryRule(251)
