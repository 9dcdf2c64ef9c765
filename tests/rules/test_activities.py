"""R09, R10, R11, R19: designation, places, stays, and arrivals beyond the case files."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.rules.capacity import (
    Overlap,
    Place,
    Seats,
    Waiting,
    may_accept_offer,
    next_offers,
    overlap,
    place_for,
)
from activities.rules.checkin import CheckinFacts, judge
from activities.rules.designation import (
    TRANSITIONS,
    ActivityState,
    Pattern,
    Proposal,
    Trust,
    audit_sampled,
    checklist_of,
    may_designate,
    may_move,
    pattern_for,
    still_designated,
    trust_until,
    trusts,
)
from activities.rules.presence import (
    CodeProblem,
    Direction,
    Method,
    Outcome,
    OutcomeKind,
    PersonFacts,
    RegistrationState,
    SessionFacts,
    SignUpState,
)
from activities.rules.stays import StayEvidence, StayKind, long_stay, proves, stay_days
from registry.rules.facts import Period
from tests.rules.making import DAY, japan, policy

POLICY = policy()
NINE = japan("2027-10-01 09:00")
SESSION = SessionFacts("212172", NINE, NINE + timedelta(hours=3), NINE - timedelta(days=30))
HERE = CheckinFacts(Method.PHONE, SESSION, PersonFacts(), NINE, NINE)


def _judged(facts: CheckinFacts = HERE, **changed: Any) -> Outcome:
    """The outcome after some change; names of the session, person or scanner go to them."""
    for part in ("session", "person", "scanner"):
        held = getattr(facts, part)
        own = {k: changed.pop(k) for k in list(changed) if k in held.to_json()}
        facts = replace(facts, **{part: replace(held, **own)})
    return judge(replace(facts, **changed), POLICY)


@pytest.mark.parametrize(
    ("changed", "kind", "code"),
    [
        ({}, "accepted", "counted"),
        ({"cancelled": True}, "refused", "session_cancelled"),
        ({"designated_from": None}, "refused", "not_designated"),
        ({"designated_from": NINE + timedelta(minutes=1)}, "refused", "not_designated"),
        ({"designated_until": NINE}, "refused", "not_designated"),
        ({"designated_until": NINE + timedelta(minutes=1)}, "accepted", "counted"),
        ({"registration": RegistrationState.NONE}, "refused", "not_registered"),
        ({"registration": RegistrationState.ENDED}, "refused", "registration_ended"),
        ({"minor": True, "late_night": True}, "refused", "minor_at_night"),
        ({"minor": True}, "accepted", "counted"),
        ({"organiser_ended_at": NINE}, "refused", "organiser_revoked"),
        ({"serves_session": False}, "refused", "device_not_for_session"),
        ({"sign_up": SignUpState.WAITING, "walk_in": False}, "refused", "not_signed_up"),
        ({"sign_up": SignUpState.NONE, "walk_in_confirmed": True}, "accepted", "counted"),
        ({"sign_up": SignUpState.NONE, "places_left": 0}, "refused", "session_full"),
        ({"sign_up": SignUpState.NONE, "places_left": 1}, "needs_input", "confirm_walk_in"),
        (
            {
                "sign_up": SignUpState.NONE,
                "places_left": 0,
                "offline": True,
                "walk_in_confirmed": True,
            },
            "accepted",
            "counted",
        ),
        ({"direction": Direction.OUT}, "refused", "not_arrived"),
        ({"direction": Direction.OUT, "arrived": True}, "accepted", "left"),
        ({"direction": Direction.OUT, "arrived": True, "left": True}, "already", "already_left"),
        ({"method": Method.TYPED}, "needs_input", "confirm_name"),
        ({"certifies_self": True, "attestations": 2}, "accepted", "counted"),
        ({"code_problems": (CodeProblem.UNKNOWN_CODE,)}, "refused", "unknown_code"),
    ],
)
def test_r19_arrivals(changed: dict[str, Any], kind: str, code: str) -> None:
    outcome = _judged(**changed)
    assert (outcome.kind.value, outcome.code) == (kind, code)
    assert outcome.counts == (kind == "accepted" and code == "counted")
    assert [reason.code for reason in outcome.reasons] == ([] if kind == "accepted" else [code])
    assert Outcome.from_json(outcome.to_json()) == outcome


@pytest.mark.parametrize(
    ("changed", "action"),
    [
        (
            {
                "scanned_at": NINE - timedelta(hours=2),
                "received_at": NINE - timedelta(hours=2),
            },
            "come_back",
        ),
        ({"registration": RegistrationState.NONE}, "register"),
        ({"registration": RegistrationState.ENDED}, "restore"),
        ({"code_problems": (CodeProblem.EXPIRED,)}, "renew_card"),
        ({"method": Method.POSTER}, "second_factor"),
        ({"cancelled": True}, ""),
    ],
)
def test_r19_a_refusal_says_what_can_be_done(changed: dict[str, Any], action: str) -> None:
    assert [reason.action for reason in _judged(**changed).reasons] == [action]


def test_r19_c22_what_could_not_be_checked_is_said() -> None:
    assert _judged(offline=True).notes == ("capacity_not_checked", "clock_not_measured")
    assert _judged(offline=True, clock_offset_s=2.0).notes == ("capacity_not_checked",)
    assert _judged().notes == ()


@given(st.sets(st.sampled_from(list(CodeProblem)), min_size=1))
def test_r19_a_code_with_a_problem_never_counts(problems: set[CodeProblem]) -> None:
    outcome = _judged(code_problems=tuple(problems))
    assert outcome.kind is OutcomeKind.REFUSED
    assert not outcome.counts
    assert outcome.code == next(p.value for p in CodeProblem if p in problems)


@given(
    st.integers(-240, 240),
    st.integers(-3600, 3600),
    st.integers(0, 600),
    st.integers(0, 9 * 24 * 60),
)
def test_r19_only_the_corrected_time_decides(
    minutes: int, offset: int, uncertainty: int, upload: int
) -> None:
    true_time = NINE + timedelta(minutes=minutes)
    outcome = _judged(
        scanned_at=true_time + timedelta(seconds=offset),
        received_at=true_time + timedelta(minutes=upload),
        clock_offset_s=float(offset),
        uncertainty_s=float(uncertainty),
        offline=True,
    )
    slack = timedelta(seconds=min(uncertainty, 120))
    in_time = NINE - timedelta(hours=1) - slack <= true_time <= NINE + timedelta(hours=3.5) + slack
    expected = abs(offset) <= 600 and upload <= 7 * 24 * 60 and in_time
    assert outcome.counts == expected
    assert outcome.scanned_at == true_time


@pytest.mark.parametrize("given_state", list(ActivityState))
@pytest.mark.parametrize("wanted", list(ActivityState))
def test_r09_the_course_of_a_proposal(given_state: ActivityState, wanted: ActivityState) -> None:
    reason = may_move(given_state, wanted, "説明")
    assert (reason is None) == (wanted in TRANSITIONS[given_state])


def test_r09_rejected_and_withdrawn_are_the_end() -> None:
    assert not TRANSITIONS[ActivityState.REJECTED]
    assert not TRANSITIONS[ActivityState.WITHDRAWN]


@pytest.mark.parametrize(
    ("given_state", "wanted", "needed"),
    [
        (ActivityState.SUBMITTED, ActivityState.RETURNED, True),
        (ActivityState.SUBMITTED, ActivityState.REJECTED, True),
        (ActivityState.DESIGNATED, ActivityState.WITHDRAWN, True),
        (ActivityState.DRAFT, ActivityState.WITHDRAWN, False),
        (ActivityState.SUBMITTED, ActivityState.DESIGNATED, False),
    ],
)
def test_r09_who_says_no_says_why(
    given_state: ActivityState, wanted: ActivityState, *, needed: bool
) -> None:
    reason = may_move(given_state, wanted, " ")
    assert (reason is not None and reason.code == "reason_needed") is needed


QUESTIONS = POLICY.texts("designation.checklist")
YES = tuple((question, True) for question in QUESTIONS)


def test_r09_a_sound_proposal_may_be_designated() -> None:
    assert may_designate(Proposal("agriculture", YES, "host", "staff"), POLICY) == ()


@pytest.mark.parametrize("category", ["purchase", "donation", "visit"])
def test_r09_every_reason_against_is_told(category: str) -> None:
    proposal = Proposal(category, (*YES[:2], (QUESTIONS[2], False)), "host", "host")
    reasons = may_designate(proposal, POLICY)
    assert [reason.code for reason in reasons] == [
        "never_counts",
        "checklist_incomplete",
        "own_proposal",
    ]
    assert reasons[1].names == QUESTIONS[2:]


def test_r09_an_unanswered_question_is_stored_as_no() -> None:
    stored = checklist_of({QUESTIONS[0]: True}, QUESTIONS)
    assert stored == {question: question == QUESTIONS[0] for question in QUESTIONS}


@pytest.mark.parametrize(
    ("granted_on", "until"),
    [
        (date(2027, 4, 1), date(2028, 4, 30)),
        (date(2028, 3, 31), date(2028, 4, 30)),
        (date(2028, 4, 1), date(2029, 4, 30)),
    ],
)
def test_r10_trust_lasts_to_the_fiscal_years_end_and_a_month(granted_on: date, until: date) -> None:
    assert trust_until(granted_on, POLICY) == until


TRUST = Trust(date(2027, 4, 1), date(2028, 4, 30), ("agriculture", "festival"))


@pytest.mark.parametrize(
    ("trust", "category", "day", "code"),
    [
        (TRUST, "agriculture", date(2027, 4, 1), None),
        (TRUST, "agriculture", date(2028, 4, 30), None),
        (TRUST, "agriculture", date(2028, 5, 1), "trust_not_in_force"),
        (TRUST, "agriculture", date(2027, 3, 31), "trust_not_in_force"),
        (TRUST, "forest", date(2027, 5, 1), "category_not_trusted"),
        (replace(TRUST, withdrawn_on=DAY), "festival", DAY, "trust_withdrawn"),
        (replace(TRUST, withdrawn_on=DAY), "festival", DAY - timedelta(days=1), None),
        (replace(TRUST, anomaly_on=DAY), "festival", DAY, "trust_suspended"),
    ],
)
def test_r10_trust_holds_for_its_categories_and_days(
    trust: Trust, category: str, day: date, code: str | None
) -> None:
    reason = trusts(trust, category, day)
    assert (reason.code if reason else None) == code
    expected = Pattern.PROJECT if code else Pattern.ORGANISATION
    assert pattern_for(trust, category, day) is expected


def test_r10_without_trust_each_project_is_looked_at() -> None:
    assert pattern_for(None, "agriculture", DAY) is Pattern.PROJECT


def test_r10_withdrawal_is_not_retroactive() -> None:
    days = [DAY + timedelta(days=n) for n in range(-1, 4)]
    assert still_designated(days, DAY, DAY + timedelta(days=2)) == tuple(days[1:3])
    assert still_designated(days, DAY, None) == tuple(days[1:])


def test_r10_one_in_twenty_is_sampled_and_always_the_same_ones() -> None:
    ids = [UUID(int=number) for number in range(20_000)]
    sampled = [activity for activity in ids if audit_sampled(activity, 0.05)]
    assert 900 < len(sampled) < 1100
    assert [activity for activity in ids if audit_sampled(activity, 0.05)] == sampled
    assert all(audit_sampled(activity, 0.5) for activity in sampled)
    assert not any(audit_sampled(activity, 0.0) for activity in ids)
    assert all(audit_sampled(activity, 1.0) for activity in ids)


MOMENT = datetime(2027, 10, 1, tzinfo=UTC)
START = MOMENT + timedelta(days=10)


@pytest.mark.parametrize(
    ("seats", "place"),
    [
        (Seats(None, 500), Place.TAKEN),
        (Seats(10, 9), Place.TAKEN),
        (Seats(10, 10), Place.WAITING),
        (Seats(10, 12), Place.WAITING),
        (Seats(10, 9, offered=1), Place.WAITING),
        (Seats(10, 5, waiting=1), Place.WAITING),
    ],
)
def test_c33_a_place_or_the_line(seats: Seats, place: Place) -> None:
    assert place_for(seats) is place


def _line(entries: Iterable[tuple[int, int | None]]) -> list[Waiting]:
    """Pairs of the hour since which somebody waits and the hour until which an offer holds."""
    return [
        Waiting(
            UUID(int=number + 1),
            MOMENT - timedelta(hours=100 - since),
            None if until is None else MOMENT + timedelta(hours=until),
        )
        for number, (since, until) in enumerate(entries)
    ]


def test_c33_who_waits_longest_is_offered_first() -> None:
    line = _line([(3, None), (1, None), (2, None)])
    offers = next_offers(Seats(10, 8, 0, 3), line, MOMENT, 24, START)
    assert offers.offered == (UUID(int=2), UUID(int=3))
    assert offers.offer_until == MOMENT + timedelta(hours=24)


def test_c33_an_offer_that_ran_out_passes_to_the_next() -> None:
    line = _line([(1, -1), (2, 5), (3, None), (4, None)])
    offers = next_offers(Seats(10, 8, 2, 2), line, MOMENT, 24, START)
    assert offers.expired == (UUID(int=1),)
    assert offers.offered == (UUID(int=3),)


def test_c33_an_offer_holds_to_its_last_instant_and_not_past_the_start() -> None:
    entry = _line([(1, 0)])[0]
    assert may_accept_offer(entry, MOMENT)
    assert not may_accept_offer(entry, MOMENT + timedelta(seconds=1))
    assert not may_accept_offer(_line([(1, None)])[0], MOMENT)
    line = _line([(1, None)])
    soon = MOMENT + timedelta(hours=2)
    assert next_offers(Seats(10, 8), line, MOMENT, 24, soon).offer_until == soon
    assert next_offers(Seats(10, 8), line, soon, 24, soon).offered == ()


def test_c33_without_limit_the_whole_line_is_offered() -> None:
    assert len(next_offers(Seats(None, 8), _line([(1, None)] * 3), MOMENT, 24, START).offered) == 3


@given(
    st.integers(0, 20),
    st.integers(0, 20),
    st.lists(st.tuples(st.integers(0, 99), st.one_of(st.none(), st.integers(-5, 5))), max_size=12),
)
def test_c33_offers_never_overfill(
    capacity: int, taken: int, entries: list[tuple[int, int | None]]
) -> None:
    taken = min(taken, capacity)
    line = _line(entries)
    offered = sum(1 for _, until in entries if until is not None)
    offers = next_offers(Seats(capacity, taken, offered), line, MOMENT, 24, START)
    open_offers = offered - len(offers.expired)
    assert taken + open_offers + len(offers.offered) <= max(capacity, taken + open_offers)
    assert not set(offers.offered) & set(offers.expired)


@pytest.mark.parametrize(
    ("start", "expected"),
    [(180, Overlap.NONE), (150, Overlap.SOFT), (149, Overlap.HARD), (-180, Overlap.NONE)],
)
def test_c34_overlaps(start: int, expected: Overlap) -> None:
    first = (NINE, NINE + timedelta(minutes=180))
    other = NINE + timedelta(minutes=start)
    assert overlap(first, (other, other + timedelta(minutes=180)), 30) is expected
    assert overlap((other, other + timedelta(minutes=180)), first, 30) is expected


KINDS = POLICY.texts("stay.evidence")


@pytest.mark.parametrize(
    ("proof", "expected"),
    [
        (StayEvidence("212172", DAY, StayKind.CHECK_IN), True),
        (StayEvidence("212172", DAY, StayKind.CHECK_IN, annulled=True), False),
        (StayEvidence("212172", DAY, StayKind.STAY_CHECK_IN), True),
        (StayEvidence("212172", DAY, StayKind.STAY_CHECK_IN, designated_place=False), False),
        (StayEvidence("212172", DAY, StayKind.APPROVED_REPORT), False),
        (StayEvidence("212172", DAY, StayKind.APPROVED_REPORT, approved=True), True),
    ],
)
def test_r11_what_proves_a_stay(proof: StayEvidence, *, expected: bool) -> None:
    assert proves(proof, KINDS) is expected
    assert not proves(proof, ())


def test_r11_a_stay_day_is_a_date_with_any_evidence() -> None:
    proofs = [
        StayEvidence("212172", DAY, StayKind.CHECK_IN),
        StayEvidence("212172", DAY, StayKind.STAY_CHECK_IN),
        StayEvidence("212172", DAY - timedelta(days=1), StayKind.STAY_CHECK_IN),
        StayEvidence("212172", DAY - timedelta(days=400), StayKind.STAY_CHECK_IN),
        StayEvidence("042056", DAY - timedelta(days=2), StayKind.CHECK_IN),
    ]
    year = Period(DAY - timedelta(days=364), DAY)
    assert stay_days(proofs, "212172", year, KINDS) == (DAY - timedelta(days=1), DAY)


def test_r11_ten_days_give_the_mark() -> None:
    days = [DAY - timedelta(days=n) for n in range(10)]
    assert long_stay(days, POLICY) is None
    missing = long_stay([*days[:9], days[0]], POLICY)
    assert missing is not None
    assert (missing.found, missing.needed) == (9, 10)
