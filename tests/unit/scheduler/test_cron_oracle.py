"""Our cron beside one that walks through the minutes: no difference is allowed."""

from __future__ import annotations

import random
import zoneinfo
from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest

from shared.errors import InvalidDataError
from shared.schedules.cron import CronRule
from tests.support.cron_oracle import Oracle, Window

FIRST_YEAR, YEARS = 2017, 10
DAYS = 4
ZONES = 400
PATTERNS = 30


@cache
def zones() -> list[str]:
    names = sorted(
        name
        for name in zoneinfo.available_timezones()
        if not name.startswith(("Etc/", "posix", "right", "System"))
        and "/" in name
        and name != "Factory"
    )
    random.Random(0).shuffle(names)
    return names[:ZONES]


@cache
def jumps(zone: str) -> tuple[datetime, ...]:
    """Instants, to half a day, at which the zone's offset changes within ten years."""
    info = zoneinfo.ZoneInfo(zone)
    at = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC)
    end = at.replace(year=FIRST_YEAR + YEARS)
    found = []
    offset = at.astimezone(info).utcoffset()
    while at < end:
        before, at = at, at + timedelta(days=4)
        now = at.astimezone(info).utcoffset()
        while now != offset:
            before += timedelta(hours=12)
            if before.astimezone(info).utcoffset() != offset:
                found.append(before)
                offset = now
    return tuple(found)


def window_of(zone: str, dice: random.Random) -> Window:
    start = datetime(FIRST_YEAR, 1, 2, tzinfo=UTC)
    near = jumps(zone)
    if near and dice.random() < 0.75:
        begin = dice.choice(near) - timedelta(days=2)
    else:
        begin = start + timedelta(days=dice.randrange(365 * YEARS - DAYS))
    return Window(zone, begin.replace(hour=0, minute=0), days=DAYS)


def pattern_of(window: Window, dice: random.Random) -> str:
    wall = dice.choice(window.minutes)[1]
    minute = dice.choice(
        ["*", "0", "30", "15,45", "*/20", "*/7", "10-40/15", str(wall.minute)]
    )
    hour = dice.choice(
        ["*", "*/2", "0", "1", "2", "3", "0-4", "1,2", "22-23", str(wall.hour)]
    )
    day = dice.choice(["*"] * 6 + [str(wall.day), f"{wall.day},L"[:2].strip(","), "L"])
    month = dice.choice(["*"] * 4 + [str(wall.month), wall.strftime("%b").lower()])
    number = wall.isoweekday() % 7
    name = wall.strftime("%a")
    nth = (wall.day - 1) // 7 + 1
    weekday = dice.choice(
        ["*"] * 6 + [str(number), name, "0", "7", "mon-fri", f"{number}#{nth}"]
    )
    return f"{minute} {hour} {day} {month} {weekday}"


def differences(zone: str, seed: int, *, instants: int) -> tuple[int, list[str]]:
    """Compare both in one window of a zone; return the cases and what differs."""
    dice = random.Random(f"{zone} {seed}")
    window = window_of(zone, dice)
    cases, wrong = 0, []
    for _ in range(PATTERNS):
        pattern = pattern_of(window, dice)
        slots = Oracle(pattern).slots(window)
        try:
            rule = CronRule(pattern, zone)
        except InvalidDataError:
            assert not slots, f"{pattern} is refused"
            continue
        for _ in range(instants):
            minutes = dice.randrange(DAYS * 24 * 60 - 26 * 60)
            at = window.begin + timedelta(minutes=minutes, seconds=dice.randrange(60))
            place = bisect_right(slots, at)
            if place == len(slots):
                continue
            cases += 1
            if (got := rule.next_after(at)) != slots[place]:
                wrong.append(f"{pattern} {zone} {at}: {got}, not {slots[place]}")
    return cases, wrong


def test_there_are_zones_enough() -> None:
    assert len(zones()) == ZONES


@pytest.mark.parametrize("part", range(4))
def test_a_sample_of_all_zones_agrees_with_the_oracle(part: int) -> None:
    cases, wrong = 0, []
    for zone in zones()[part::40]:
        found = differences(zone, seed=0, instants=45)
        cases, wrong = cases + found[0], wrong + found[1]

    assert wrong == []
    assert cases > 5_000


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("part", range(20))
def test_a_million_cases_agree_with_the_oracle(part: int) -> None:
    cases, wrong = 0, []
    for zone in zones()[part::20]:
        for seed in (1, 2):
            found = differences(zone, seed, instants=160)
            cases, wrong = cases + found[0], wrong + found[1]

    print(f"{cases} cases")  # noqa: T201
    assert wrong == []
    assert cases >= 50_000, "twenty parts make a million"
