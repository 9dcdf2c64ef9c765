"""R07: following a plan leads the judgement itself to yes; without one, nothing on offer does."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import combinations
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from activities.rules.goals import FirstPremium, Goal, Numbers, Renewal
from activities.rules.outings import (
    Offer,
    Outing,
    Plan,
    PlanState,
    Promised,
    Route,
)
from activities.rules.planning import plan
from registry.rules.calendars import JST
from registry.rules.eligibility import decide_premium
from registry.rules.facts import (
    Applicant,
    DecisionMode,
    HoldingState,
    IdentityLevel,
    Participation,
    Period,
)
from registry.rules.renewal import RenewalOutcome, decide_renewal
from registry.rules.terms import term_for
from registry.rules.versions import RequirementVersion, versions_from
from tests.rules.making import applicant, body, book, held, ident, living_in, presence

HIDA = body("飛騨市")
TODAY = date(2027, 10, 1)
NOW = datetime(2027, 10, 1, 7, tzinfo=JST)
LEEWAY = timedelta(minutes=30)
BASE = {"count": 3}
RULES: tuple[dict[str, Any], ...] = (
    BASE,
    {"count": 1},
    {"hours": 6},
    {"all_of": [{"count": 2}, {"projects": 2}]},
    {"any_of": [{"count": 4}, {"all_of": [{"count": 2}, {"stay_days": 4}]}]},
    {"stay_days": 5},
    {"all_of": [{"count": 2}, {"category": {"name": "festival", "count": 1}}]},
)


def on(number: int) -> date:
    return TODAY + timedelta(days=number)


def outing(
    number: int, start: float = 9, hours: float = 3, *, activity: str = "稲刈り", **more: Any
) -> Outing:
    """A session so many days from today, from an hour of the day on."""
    starts_at = datetime.combine(on(number), datetime.min.time(), tzinfo=JST)
    starts_at += timedelta(hours=start)
    values: dict[str, Any] = {
        "session_id": ident(f"{number}{start}{hours}{activity}"),
        "activity_id": ident(activity),
        "starts_at": starts_at,
        "ends_at": starts_at + timedelta(hours=hours),
        "category": "festival" if activity == "祭り" else "agriculture",
    }
    return Outing(**{**values, **more})


def first(
    asking: Applicant, rule: dict[str, Any] | None = None, numbers: dict[str, Any] | None = None
) -> FirstPremium:
    """A first premium with 飛騨市."""
    given_book = book({"premium.rule": rule or BASE} | (numbers or {}))
    return FirstPremium(
        asking,
        HIDA,
        Numbers.of(given_book, HIDA.code),
        versions_from(given_book.history("premium.rule", HIDA.code)),
        TODAY,
    )


def planned(goal: Goal, outings: Iterable[Outing], **more: Any) -> Plan:
    return plan(goal, Offer(tuple(outings), **more), NOW, goal.policy(TODAY))


def received(goal: Goal, chosen: Sequence[Outing], stays: Iterable[date]) -> Applicant:
    """What the reception and the stay places will have written, told apart from the planner."""
    given_before = goal.applicant
    stood = {one.day for one in given_before.participations if one.counted}
    new = []
    for one in sorted(chosen, key=lambda each: (each.starts_at, each.ends_at)):
        day = one.starts_at.astimezone(JST).date()
        midnight = datetime.combine(day + timedelta(days=1), datetime.min.time(), tzinfo=JST)
        new.append(
            Participation(
                id=one.session_id,
                lg_code=HIDA.code,
                activity_id=one.activity_id,
                day=day,
                designated=True,
                counted=day not in stood,
                minutes=int((one.ends_at - one.starts_at) / timedelta(minutes=1)),
                category=one.category,
                overnight_next_day=one.ends_at - midnight > timedelta(hours=6),
                min_minutes=one.min_minutes,
                max_counts=one.max_counts,
            )
        )
        stood.add(day)
    return replace(
        given_before,
        participations=(*given_before.participations, *new),
        stay_days=(*given_before.stay_days, *stays),
    )


def willing(asking: Applicant) -> Applicant:
    """Somebody who has done everything but activities."""
    return replace(
        asking,
        identity_level=IdentityLevel.MNC_SIGN,
        identity_valid=True,
        identity_lapsed_on=None,
        residence=asking.residence or living_in("abroad"),
        guardian_consent=True,
    )


def granted(goal: FirstPremium, shown: Applicant, day: date, choices: Sequence[str] = ()) -> bool:
    """Whether the judgement says yes to somebody who gives one of the choices in exchange."""
    options: list[UUID | None] = [None]
    options += [one.registration_id for one in shown.holdings if one.body.code in choices]
    policy = goal.policy(day)
    return any(
        decide_premium(willing(shown), HIDA, policy, goal.versions, day, replaces=option).allowed
        for option in options
    )


def together(chosen: Sequence[Outing], promised: Sequence[Promised] = ()) -> bool:
    """Whether one person can be at all of them."""
    everything: list[Outing | Promised] = [*chosen, *promised]
    spans = [(one.session_id, one.starts_at, one.ends_at) for one in everything]
    return all(
        min(a[2], b[2]) - max(a[1], b[1]) <= LEEWAY or a[0] == b[0]
        for a, b in combinations(spans, 2)
    )


def open_to(one: Outing, offer: Offer) -> bool:
    at_night = one.late_night and offer.minor_until is not None and one.day < offer.minor_until
    return one.starts_at > NOW and (one.mine or (one.free and not at_night))


# --- what hypothesis draws ------------------------------------------------------------------------


@st.composite
def outings(draw: st.DrawFn) -> tuple[Outing, ...]:
    made = {}
    for _ in range(draw(st.integers(0, 5))):
        one = outing(
            draw(st.integers(0, 9)),
            draw(st.sampled_from([8, 9, 11, 20])),
            draw(st.sampled_from([0.5, 2, 3, 14])),
            activity=draw(st.sampled_from(["稲刈り", "草刈り", "祭り"])),
            free=draw(st.sampled_from([True, True, True, False])),
            late_night=draw(st.sampled_from([False, False, True])),
            max_counts=draw(st.sampled_from([None, None, 1])),
            min_minutes=draw(st.sampled_from([None, None, 20])),
        )
        made[one.session_id] = one
    return tuple(made.values())


@st.composite
def people(draw: st.DrawFn) -> Applicant:
    days = draw(st.lists(st.integers(-370, 0), max_size=3, unique=True))
    places = ["気仙沼市", "横瀬町", "飯田市", "長野県"][: draw(st.integers(0, 4))]
    since = TODAY - timedelta(days=20)
    return applicant(
        [presence(on(number)) for number in days],
        [held(name, since, draw(st.sampled_from(tuple(HoldingState)))) for name in places],
        birth_date=draw(st.sampled_from([date(1985, 5, 5), date(2012, 10, 5)])),
        residence=living_in(draw(st.sampled_from(["新宿区", "高山市", None, "飛騨市"]))),
        identity_level=draw(st.sampled_from(tuple(IdentityLevel))),
        identity_valid=draw(st.booleans()),
        stay_days=tuple(on(n) for n in draw(st.lists(st.integers(-30, -1), max_size=3))),
    )


NUMBERS = st.fixed_dictionaries(
    {
        "premium.window": st.sampled_from(["rolling365", "fiscal_year"]),
        "count.per_activity": st.sampled_from([0, 0, 1]),
    }
)


@st.composite
def offers(draw: st.DrawFn, asking: Applicant) -> Offer:
    found: tuple[Outing, ...] = draw(outings())
    promised: tuple[Promised, ...] = ()
    if found and draw(st.sampled_from([True, False])):
        mine = replace(found[0], mine=True, free=False)
        found = (mine, *found[1:])
        promised = (Promised(mine.session_id, mine.starts_at, mine.ends_at),)
    adult = date(2030, 10, 5) if asking.birth_date == date(2012, 10, 5) else None
    stay_places = draw(st.sampled_from([True, False]))
    return Offer(found, promised, stay_places, adult)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data(), people(), st.sampled_from(RULES), NUMBERS)
def test_r07_whoever_follows_a_plan_gets_premium_and_without_one_nobody_can(
    data: st.DataObject, asking: Applicant, rule: dict[str, Any], numbers: dict[str, Any]
) -> None:
    goal = first(asking, rule, numbers)
    offer = data.draw(offers(asking))
    found = plan(goal, offer, NOW, goal.policy(TODAY))
    if found.state is PlanState.NONE:
        assert found.soonest is None
        assert found.trip is None
        assert found.why is not None
        assert found.changes
        assert not _anything_helps(goal, offer)
        return
    assert found.soonest is not None
    for route in filter(None, (found.soonest, found.trip)):
        _follow(goal, offer, found, route)
    if found.trip is not None:
        assert found.trip.ready_on >= found.soonest.ready_on


def _follow(goal: FirstPremium, offer: Offer, found: Plan, route: Route) -> None:
    chosen = [one for one in offer.outings if one.session_id in route.sessions]
    assert len(chosen) == len(route.sessions)
    assert all(open_to(one, offer) for one in chosen)
    assert together(chosen, offer.promised)
    assert all(one.done_on <= route.ready_on for one in chosen)
    assert all(TODAY < day <= route.ready_on for day in route.stay_days)
    assert offer.stay_places or not route.stay_days
    shown = received(goal, chosen, route.stay_days)
    choices = [code for step in goal.steps(route.ask_from) for code in step.choices]
    assert granted(goal, shown, route.ask_from, choices)
    assert not goal.missing(shown, route.ask_by)
    for one in chosen:  # nothing is asked of people that is not needed
        rest = [other for other in chosen if other != one]
        less = received(goal, rest, route.stay_days)
        assert one.mine or goal.missing(less, route.ask_from)


def _anything_helps(goal: FirstPremium, offer: Offer) -> bool:
    """Every set of sessions that one person can attend, on every day of the coming weeks."""
    usable = [one for one in offer.outings if open_to(one, offer)]
    choices = [one.body.code for one in goal.applicant.holdings]
    for number in range(40):
        day = on(number)
        stays = [on(n) for n in range(1, number + 1)] if offer.stay_places else []
        done = [one for one in usable if one.done_on <= day]
        if goal.missing(received(goal, done, stays), day):
            continue
        for size in range(len(done) + 1):
            for chosen in combinations(done, size):
                fits = together(chosen, offer.promised)
                if fits and granted(goal, received(goal, chosen, stays), day, choices):
                    return True
    return False


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(outings(), st.lists(st.integers(-200, 0), max_size=3, unique=True), st.integers(-3, 80))
@example((), [], -1)
def test_r14_whoever_follows_a_plan_is_renewed(
    found: tuple[Outing, ...], days: list[int], left: int
) -> None:
    """`left`: how many days of the term are left."""
    term = Period(term_for(on(left) - timedelta(days=364)).first, on(left))
    goal = Renewal(
        applicant([presence(on(number)) for number in days if on(number) in term]),
        HIDA,
        Numbers.of(book(), HIDA.code),
        RequirementVersion(date(2025, 4, 1), BASE),
        term,
    )
    way = planned(goal, found)
    if way.soonest is None:
        inside = [one for one in found if one.free and one.starts_at > NOW and one.day <= term.last]
        sets = [c for n in range(len(inside) + 1) for c in combinations(inside, n)]
        assert (
            not any(
                together(c) and not goal.missing(received(goal, c, ()), term.last) for c in sets
            )
            or left < 0
        )
        assert [one.code for one in way.changes][-1] == "more_sessions"
        return
    chosen = [one for one in found if one.session_id in way.soonest.sessions]
    shown = received(goal, chosen, ())
    judged = decide_renewal(
        shown,
        term,
        goal.policy(TODAY),
        goal.version,
        way.soonest.ask_from,
        DecisionMode.AUTO,
        body=HIDA,
    )
    assert judged.outcome is RenewalOutcome.RENEWED
    assert all(one.day <= term.last for one in chosen)


# --- examples -------------------------------------------------------------------------------------


def test_r08_three_days_of_one_harvest_are_the_shortest_trip() -> None:
    scattered = [outing(number) for number in (2, 9, 16)]
    harvest = [outing(number, activity="祭り") for number in (20, 21, 22)]
    found = planned(first(applicant()), [*scattered, *harvest])
    assert found.soonest is not None
    assert found.trip is not None
    assert found.soonest.sessions == tuple(one.session_id for one in scattered)
    assert found.soonest.ask_from == on(16)
    assert found.trip.sessions == tuple(one.session_id for one in harvest)
    assert (found.trip.first_day, found.trip.length) == (on(20), 3)


def test_r07_the_window_that_moves_on_names_the_last_day() -> None:
    before = [presence(on(-360)), presence(on(-10))]
    found = planned(first(applicant(before)), [outing(3), outing(30), outing(31)])
    assert found.soonest is not None
    assert found.keep_until == on(4)
    assert found.soonest.sessions == (outing(3).session_id,)
    assert (found.soonest.ask_from, found.soonest.ask_by) == (on(3), on(4))


def test_r08_an_activity_that_counts_once_is_not_proposed_twice() -> None:
    goal = first(applicant(), {"count": 2})
    once = [outing(number, max_counts=1) for number in (2, 3, 4)]
    found = planned(goal, once)
    assert found.state is PlanState.NONE
    assert found.why is not None
    assert (found.why.code, found.why.found, found.why.needed) == ("plan_too_few_sessions", 1, 2)
    both = planned(goal, [*once, outing(6, activity="祭り")])
    assert both.soonest is not None
    assert both.soonest.sessions[-1] == outing(6, activity="祭り").session_id


def test_c33_a_full_session_is_named_as_what_would_change_it() -> None:
    full = outing(5, free=False)
    found = planned(first(applicant(), {"count": 2}), [outing(2), full])
    assert found.why is not None
    assert found.why.code == "plan_sessions_full"
    assert (found.changes[0].code, found.changes[0].session_id) == ("free_place", full.session_id)


def test_r16_nobody_plans_premium_where_they_live() -> None:
    asking = applicant(residence=living_in("飛騨市"))
    found = planned(first(asking), [outing(number) for number in range(1, 9)])
    assert found.why is not None
    assert found.why.code == "resident"
    assert [one.code for one in found.changes] == ["residence_changes"]


def test_r13_the_exchange_names_only_places_that_make_room() -> None:
    """長野県 stands outside while 飯田市 is held: giving 飯田市 alone makes no room."""
    places = [held(name) for name in ("飯田市", "長野県", "気仙沼市", "横瀬町")]
    found = planned(first(applicant((), places), {"count": 1}), [outing(2)])
    assert found.soonest is not None
    (step,) = found.steps
    assert step.action == "exchange"
    assert set(step.choices) == {body("気仙沼市").code, body("横瀬町").code}


def test_r13_a_pending_place_that_falls_free_sets_the_day() -> None:
    since = TODAY - timedelta(days=20)
    places = [held(name, since, HoldingState.PENDING) for name in ("飯田市", "気仙沼市", "横瀬町")]
    found = planned(first(applicant((), places), {"count": 1}), [outing(2)])
    assert found.soonest is not None
    assert found.soonest.ready_on == on(11)


def test_r33_a_harder_requirement_to_come_is_planned_for() -> None:
    given_book = book({"premium.rule": {"count": 1}, "rule.favour_days": 0})
    versions = (
        *versions_from(given_book.history("premium.rule", HIDA.code)),
        RequirementVersion(on(5), {"count": 2}),
    )
    goal = FirstPremium(applicant(), HIDA, Numbers.of(given_book, HIDA.code), versions, TODAY)
    found = planned(goal, [outing(9), outing(12)])
    assert found.soonest is not None
    assert found.soonest.sessions == (outing(9).session_id, outing(12).session_id)


def test_r11_days_of_stay_are_planned_only_where_a_stay_can_be_proved() -> None:
    goal = first(applicant(), {"stay_days": 3})
    assert planned(goal, ()).why is not None
    found = planned(goal, (), stay_places=True)
    assert found.soonest is not None
    assert found.soonest.stay_days == (on(1), on(2), on(3))
    assert found.trip is not None
    assert found.trip.length == 3


def test_r07_whoever_has_enough_needs_only_the_steps() -> None:
    before = [presence(on(number)) for number in (-3, -2, -1)]
    found = planned(first(applicant(before, identity_level=IdentityLevel.EMAIL)), [outing(2)])
    assert found.state is PlanState.READY
    assert [step.action for step in found.steps] == ["verify_identity"]
    assert found.soonest is not None
    assert found.soonest.sessions == ()


def test_many_sessions_at_once_are_planned_in_good_time() -> None:
    crowd = [
        outing(number, start, activity=activity)
        for number in range(1, 40)
        for start, activity in ((8, "稲刈り"), (9, "草刈り"), (10, "祭り"))
    ]
    goal = first(applicant(), {"all_of": [{"count": 12}, {"projects": 3}]})
    found = planned(goal, crowd)
    assert found.soonest is not None
    assert len(found.soonest.sessions) == 12
