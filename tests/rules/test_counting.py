"""R07, R08: properties of counting that no example can show."""

from collections import Counter
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.rules.calendars import JST
from registry.rules.counting import (
    Counting,
    counted,
    evidence,
    overnight_counts_next_day,
    window_for,
    window_rolling,
)
from registry.rules.facts import Participation, Period
from tests.rules.making import body, ident, presence

HIDA = body("飛騨市").code
START = date(2027, 10, 1)
PERIOD = Period(START, date(2027, 10, 10))


@st.composite
def presences(draw: st.DrawFn) -> list[Participation]:
    """Up to a dozen presences in and around the period, at two bodies, of three activities."""
    made = []
    for number in range(draw(st.integers(0, 12))):
        activity = draw(st.sampled_from(["稲刈り", "草刈り", "祭り"]))
        made.append(
            presence(
                START + timedelta(days=draw(st.integers(-2, 11))),
                draw(st.sampled_from(["飛騨市", "飛騨市", "飛騨市", "気仙沼市"])),
                activity=activity,
                id=UUID(int=number + 1),
                minutes=draw(st.sampled_from([20, 40, 60, 600])),
                counted=draw(st.sampled_from([True, True, False])),
                designated=draw(st.sampled_from([True, True, True, False])),
                annulled=draw(st.sampled_from([False, False, False, True])),
                overnight_next_day=draw(st.sampled_from([False, False, True])),
                category=activity,
            )
        )
    return made


LIMITS = st.fixed_dictionaries(
    {
        "per_day": st.integers(1, 2),
        "min_minutes": st.sampled_from([0, 60]),
        "per_activity": st.integers(0, 2),
    }
)


@given(presences(), LIMITS, st.randoms())
def test_r08_the_order_of_the_records_does_not_matter(
    records: list[Participation], limits: dict[str, Any], random: Any
) -> None:
    shuffled = list(records)
    random.shuffle(shuffled)
    assert counted(shuffled, HIDA, PERIOD, **limits) == counted(records, HIDA, PERIOD, **limits)


@given(presences(), LIMITS)
def test_r08_counting_again_and_hearing_twice_change_nothing(
    records: list[Participation], limits: dict[str, Any]
) -> None:
    once = counted(records, HIDA, PERIOD, **limits)
    assert counted([*records, *records], HIDA, PERIOD, **limits) == once
    again = counted(once, HIDA, PERIOD, **limits)
    assert len(again) == len(once)
    if not limits["per_activity"]:
        assert again == once


@given(presences(), LIMITS)
def test_r08_no_limit_is_ever_passed(records: list[Participation], limits: dict[str, Any]) -> None:
    result = counted(records, HIDA, PERIOD, **limits)
    days = Counter(record.day for record in result)
    assert all(number <= limits["per_day"] for number in days.values())
    if limits["per_activity"]:
        activities = Counter(record.activity_id for record in result)
        assert all(number <= limits["per_activity"] for number in activities.values())
    assert all(record.day in PERIOD and record.lg_code == HIDA for record in result)
    assert all(record.designated and not record.annulled for record in result)


@given(presences(), presences(), LIMITS)
def test_r08_doing_more_never_counts_less(
    records: list[Participation], more: list[Participation], limits: dict[str, Any]
) -> None:
    renamed = [
        presence(r.day, activity="植樹", id=UUID(int=100 + n), counted=r.counted)
        for n, r in enumerate(more)
    ]
    few = counted(records, HIDA, PERIOD, **limits)
    many = counted([*records, *renamed], HIDA, PERIOD, **limits)
    assert len(many) >= len(few)


@st.composite
def attended(draw: st.DrawFn) -> list[Participation]:
    """Presences in the order in which a person came, of activities whose numbers change."""
    many = draw(st.integers(1, 6))
    return [
        presence(
            START + timedelta(days=draw(st.integers(0, 4))),
            activity=draw(st.sampled_from(["稲刈り", "草刈り", "祭り"])),
            id=UUID(int=number + 1),
            minutes=draw(st.sampled_from([600, 600, 60, 20])),
            overnight_next_day=draw(st.booleans()),
            category=draw(st.sampled_from(["agriculture", "agriculture", "forest", "purchase"])),
            matched=draw(st.sampled_from([True, True, True, False])),
            min_minutes=draw(st.sampled_from([None, None, None, 30, 120])),
            max_counts=draw(st.sampled_from([None, None, None, 1, 3])),
        )
        for number in range(many)
    ]


def recorded(came: list[Participation]) -> list[Participation]:
    """As the platform stores them: the first of a day is marked as counted, no other one."""
    days: set[date] = set()
    made = []
    for one in came:
        made.append(replace(one, counted=one.day not in days))
        days.add(one.day)
    return made


@given(attended(), st.data(), LIMITS)
def test_r08_one_more_presence_never_lowers_what_counts(
    came: list[Participation], data: st.DataObject, limits: dict[str, Any]
) -> None:
    """Wherever in time it comes: it may make the others the second ones of their days."""
    rule = Counting(**limits, excluded=frozenset({"purchase"}))
    left_out = data.draw(st.integers(0, len(came) - 1))
    fewer = recorded([one for n, one in enumerate(came) if n != left_out])
    few = evidence(fewer, (), HIDA, PERIOD, rule)
    many = evidence(recorded(came), (), HIDA, PERIOD, rule)
    assert many.count >= few.count
    assert many.minutes >= few.minutes
    assert many.projects >= few.projects
    assert many.stay_days >= few.stay_days
    assert all(dict(many.categories)[name] >= days for name, days in few.categories)


def test_r11_the_morning_after_is_a_day_of_stay_whatever_a_limit_lets_count() -> None:
    """Coming a third time must not take the morning away that the second night gave."""
    rule = Counting(per_day=2, per_activity=2)
    nights = [
        presence(START + timedelta(days=n), id=UUID(int=n + 1), overnight_next_day=n > 0)
        for n in range(3)
    ]
    stays = [evidence(nights[:n], (), HIDA, PERIOD, rule).stay_days for n in (1, 2, 3)]
    assert stays == [1, 3, 4]


def test_r08_a_category_loses_no_day_when_another_activity_takes_its_place() -> None:
    """One count an activity: a day more at the harvest changes which days are chosen, no more."""
    first, second, third = (START + timedelta(days=n) for n in range(3))
    festival: dict[str, Any] = {"activity": "祭り", "category": "festival", "max_counts": 1}
    harvest: dict[str, Any] = {"activity": "稲刈り", "category": "agriculture", "max_counts": 1}
    came = [
        presence(second, id=UUID(int=1), **harvest),
        presence(second, id=UUID(int=2), **festival),
        presence(third, id=UUID(int=3), **festival),
    ]
    more = [*came, presence(first, id=UUID(int=4), **harvest)]
    for records in (came, more):
        shown = evidence(recorded(records), (), HIDA, PERIOD, Counting())
        assert (shown.count, shown.categories) == (2, (("agriculture", 1), ("festival", 1)))


def test_r08_the_days_of_a_category_keep_to_the_limits_of_its_activities() -> None:
    harvest = [
        presence(START + timedelta(days=n), id=UUID(int=n + 1), max_counts=1) for n in range(3)
    ]
    other = presence(START + timedelta(days=1), activity="祭り", category="festival")
    shown = evidence([*harvest, other], (), HIDA, PERIOD, Counting())
    assert shown.count == 2
    assert shown.categories == (("agriculture", 1), ("festival", 1))


def test_r08_a_night_counts_its_morning_though_the_day_had_a_presence_before() -> None:
    night = presence(START, activity="祭り", id=UUID(int=2), minutes=700, overnight_next_day=True)
    alone = counted(recorded([night]), HIDA, PERIOD)
    both = counted(recorded([presence(START, id=UUID(int=1)), night]), HIDA, PERIOD)
    next_day = START + timedelta(days=1)
    assert [one.day for one in alone] == [one.day for one in both] == [START, next_day]


@given(presences())
def test_r07_evidence_never_contradicts_itself(records: list[Participation]) -> None:
    shown = evidence(records, (), HIDA, PERIOD, Counting(min_minutes=60))
    assert shown.count <= PERIOD.days
    assert all(days <= shown.count for _, days in shown.categories)
    assert (shown.count > 0) == (shown.projects > 0)
    assert shown.stay_days >= shown.count


def test_r08_moving_a_day_to_another_activity_makes_room() -> None:
    """One count an activity: the first day could take either, the second only one of them."""
    records = [
        presence(START, activity="稲刈り", id=UUID(int=1)),
        presence(START, activity="草刈り", id=UUID(int=2), counted=False),
        presence(START + timedelta(days=1), activity="稲刈り", id=UUID(int=3)),
    ]
    result = counted(records, HIDA, PERIOD, per_activity=1)
    assert [record.activity_id for record in result] == [ident("草刈り"), ident("稲刈り")]


def test_r08_a_short_night_does_not_borrow_the_minutes_of_the_day_before() -> None:
    day = [
        presence(START, id=UUID(int=1), minutes=20, overnight_next_day=True),
        presence(START, id=UUID(int=2), minutes=60, counted=False),
    ]
    once = counted(day, HIDA, PERIOD, min_minutes=60)
    assert [record.day for record in once] == [START]
    assert counted(once, HIDA, PERIOD, min_minutes=60) == once


def test_r08_an_activity_with_its_own_limit() -> None:
    harvest = [
        presence(START + timedelta(days=n), id=UUID(int=n + 1), max_counts=2) for n in range(4)
    ]
    other = presence(START + timedelta(days=5), activity="草刈り")
    assert len(counted([*harvest, other], HIDA, PERIOD)) == 3
    assert len(counted([*harvest, other], HIDA, PERIOD, per_activity=1)) == 3


def test_r08_an_activity_with_its_own_minimum() -> None:
    short = presence(START, minutes=45, min_minutes=30)
    long = presence(START, minutes=100, min_minutes=120, activity="森づくり")
    assert len(counted([short], HIDA, PERIOD, min_minutes=60)) == 1
    assert counted([long], HIDA, PERIOD, min_minutes=60) == ()


@pytest.mark.parametrize(("ends", "expected"), [((6, 0), False), ((6, 1), True), ((23, 0), True)])
def test_r08_overnight_work_must_last_beyond_six_hours(
    ends: tuple[int, int], *, expected: bool
) -> None:
    start = datetime(2027, 10, 1, 22, tzinfo=JST)
    end = datetime(2027, 10, 2, *ends, tzinfo=JST)
    assert overnight_counts_next_day(start, end, 6) is expected


def test_r08_work_that_ends_before_midnight_is_not_overnight() -> None:
    start = datetime(2027, 10, 1, 9, tzinfo=JST)
    assert not overnight_counts_next_day(start, start + timedelta(hours=12), 6)


def test_r07_windows() -> None:
    day, joined = date(2028, 3, 31), date(2026, 5, 10)
    assert window_rolling(day).days == 365
    assert window_for("rolling365", day) == window_rolling(day)
    assert window_for("fiscal_year", day) == Period(date(2027, 4, 1), day)
    assert window_for("registration_year", day, joined) == Period(
        date(2027, 5, 10), date(2028, 5, 9)
    )
    assert window_for("registration_year", date(2028, 5, 10), joined).first == date(2028, 5, 10)
    for unknown in ("rolling", "year"):
        with pytest.raises(ValueError, match="Unknown counting window"):
            window_for(unknown, day, joined)
    with pytest.raises(ValueError, match="no day of registration"):
        window_for("registration_year", day)
