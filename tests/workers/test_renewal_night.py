"""R12–R16, R18, R33: the renewal night on real rows (example 6 and its neighbours)."""

from datetime import date, timedelta
from typing import Any

import pytest

from core.access import Actor, ActorKind
from core.db import Database, for_body, for_job, for_person
from core.errors import Conflict, NotFound
from core.ids import new_id
from registry import identity_lapse, judging, renewal_reversal, renewal_staff
from tests.workers.nights import HIDA, at, do, rows
from tests.workers.renewing import (
    APPROVER,
    DAY,
    LAST,
    LEAP,
    NEXT,
    TWO,
    hida,
    night,
    notices,
    prepared,
    state_of,
    take_part,
    term_id,
    terms,
)
from workers.invariants import violated


def test_r14_example_6_three_counts_renew_without_a_human(own_database: Database) -> None:
    """auto: booked at D-60, begins the day after, the prefecture's row follows (R02)."""
    parts, _ = prepared(own_database, "auto")
    assert terms(own_database) == [(LEAP, LAST, "active", "none")]
    night(parts, LAST - timedelta(days=60))
    assert terms(own_database) == [(LEAP, LAST, "active", "booked"), (*NEXT, "booked", "none")]
    night(parts, LAST + DAY)
    assert terms(own_database) == [(LEAP, LAST, "ended", "done"), (*NEXT, "active", "none")]
    expiry = rows(
        own_database,
        "select derived_from -> 0 ->> 'expires_on', tier from registration where derived",
    )
    assert expiry == [("2030-02-28", "premium")]
    told = rows(own_database, "select kind, facts ->> 'until' from notice order by created_at")
    assert told == [("renewal_booked", "2030-02-28"), ("identity_recheck_renewal", None)]
    assert violated(parts) == {"violated": 0}


def test_r15_every_night_judgement_replays_equal(own_database: Database) -> None:
    """Inputs, numbers and reasons are stored as the replay wants them; so is the booked one."""
    parts, _ = prepared(own_database, "auto", hida(), hida(took_part=TWO))
    night(parts, LAST - timedelta(days=60))
    found = rows(own_database, "select id, outcome, allowed from judgement order by outcome")
    assert [row[1:] for row in found] == [("not_due", False), ("renewed", True)]
    for row in found:
        with own_database.transaction(for_job("test", HIDA)) as db:
            assert judging.replay_report(db, row[0]).equal


def test_r15_veto_waits_72_hours_then_renews(own_database: Database) -> None:
    parts, _ = prepared(own_database, "veto")
    night(parts, LAST - timedelta(days=60))
    assert terms(own_database) == [(LEAP, LAST, "active", "veto")]
    night(parts, LAST - timedelta(days=57), hour=11)
    assert terms(own_database) == [(LEAP, LAST, "active", "veto")]
    night(parts, LAST - timedelta(days=57), hour=13)
    assert terms(own_database) == [(LEAP, LAST, "active", "booked"), (*NEXT, "booked", "none")]
    assert notices(own_database) == ["renewal_veto", "renewal_booked"]


def test_r15_an_objection_brings_a_human_who_refuses(own_database: Database) -> None:
    """Refused: the year runs out, then its grace, then basic; never deleted."""
    parts, _ = prepared(own_database, "veto")
    night(parts, LAST - timedelta(days=60))
    term = term_id(own_database)
    given: dict[str, Any] = {"actor": APPROVER, "lg_code": HIDA, "term_id": term}
    given |= {"book": parts.book}
    now = parts.clock.now()
    with own_database.transaction(for_body(HIDA, actor=APPROVER.label)) as db:
        renewal_staff.object_renewal(db, reason="記録を確かめるため", now=now, **given)
    with own_database.transaction(for_body(HIDA, actor=APPROVER.label)) as db:
        waiting = renewal_staff.waiting_renewals(db, actor=APPROVER, lg_code=HIDA, now=now)
        assert [row[0].id for row in waiting] == [term]
        renewal_staff.decide_renewal_by_staff(
            db,
            approve=False,
            reason="名義だけの参加",
            now=now,
            evidence=parts.evidence,
            **given,
        )
    night(parts, LAST - timedelta(days=50))
    assert terms(own_database) == [(LEAP, LAST, "active", "refused")]
    night(parts, LAST)
    assert terms(own_database) == [(LEAP, LAST, "grace", "refused")]
    night(parts, LAST + timedelta(days=30))
    assert state_of(own_database) == ("premium", "active", 1)
    night(parts, LAST + timedelta(days=31))
    assert state_of(own_database) == ("basic", "active", 0)
    with (
        pytest.raises(Conflict, match="renewal_decided"),
        own_database.transaction(for_body(HIDA, actor=APPROVER.label)) as db,
    ):
        renewal_staff.object_renewal(db, reason="もう遅い", now=now, **given)


def test_r15_review_waits_for_staff_whose_slowness_costs_nothing(own_database: Database) -> None:
    """The next year begins the day after the last one, however late the decision."""
    parts, _ = prepared(own_database, "review")
    for day in (LAST - timedelta(days=60), LAST, LAST + timedelta(days=50)):
        night(parts, day)
        assert terms(own_database) == [(LEAP, LAST, "active", "review")]
    assert violated(parts) == {"violated": 0}
    with own_database.transaction(for_body(HIDA, actor=APPROVER.label)) as db:
        renewal_staff.decide_renewal_by_staff(
            db,
            actor=APPROVER,
            lg_code=HIDA,
            term_id=term_id(own_database),
            approve=True,
            now=parts.clock.now(),
            book=parts.book,
            evidence=parts.evidence,
        )
    assert terms(own_database) == [(LEAP, LAST, "ended", "done"), (*NEXT, "active", "none")]
    assert notices(own_database) == [
        "renewal_review",
        "identity_recheck_renewal",
        "renewal_booked",
    ]


def test_r14_two_counts_thirty_days_of_grace_then_basic(own_database: Database) -> None:
    """Told at D-60 and D-30 what is missing; grace with a card's new day; basic, never deleted."""
    parts, person = prepared(own_database, "auto", hida(took_part=TWO))
    do(
        own_database,
        "insert into card (lg_code, id, card_ref, registration_id, person_id, kind, issued_at,"
        " expires_on) select lg_code, gen_random_uuid(), 'ref', id, person_id, 'paper', now(),"
        f" '{LAST}' from registration where lg_code = '{HIDA}'",
    )
    for before in (60, 30, 0):
        night(parts, LAST - timedelta(days=before))
    assert notices(own_database) == ["renewal_missing", "renewal_missing", "renewal_grace"]
    until = LAST + timedelta(days=30)
    assert rows(own_database, "select expires_on, revoked_at from card") == [(until, None)]
    night(parts, until)
    assert state_of(own_database) == ("premium", "active", 1)
    night(parts, until + DAY)
    assert state_of(own_database) == ("basic", "active", 0)
    assert terms(own_database) == [(LEAP, LAST, "ended", "none")]
    assert rows(own_database, "select revoked_reason from card") == [("lapsed",)]
    derived = rows(own_database, "select tier, status from registration where derived")
    assert derived == [("basic", "active")]
    with own_database.transaction(for_person(person)) as db:
        outcomes = db.connection().exec_driver_sql("select outcome from judgement order by as_of")
        assert list(outcomes.scalars()) == ["not_due", "not_due", "grace", "lapsed_to_basic"]
    assert violated(parts) == {"violated": 0}


def test_r14_late_evidence_in_grace_renews_without_a_gap(own_database: Database) -> None:
    parts, person = prepared(own_database, "auto", hida(took_part=TWO))
    night(parts, LAST + timedelta(days=5))
    take_part(own_database, person, LAST - DAY)
    night(parts, LAST + timedelta(days=6))
    assert terms(own_database) == [(LEAP, LAST, "ended", "done"), (*NEXT, "active", "none")]
    expiry = rows(own_database, "select derived_from -> 0 ->> 'expires_on' from registration")
    assert ("2030-02-28",) in expiry


def test_p06_forty_silent_days_begin_the_grace_before_anything_ends(own_database: Database) -> None:
    """Nobody loses premium by a machine's silence: the thirty days begin when they are told."""
    parts, _ = prepared(own_database, "auto", hida(took_part=TWO))
    night(parts, LAST - DAY)
    back = LAST + timedelta(days=40)
    night(parts, back)
    assert state_of(own_database)[0] == "premium"
    assert rows(own_database, "select grace_until from term") == [(back + timedelta(days=30),)]
    night(parts, back + timedelta(days=31))
    assert state_of(own_database)[0] == "basic"


def test_r12_a_lapsed_certificate_has_sixty_days(own_database: Database) -> None:
    """Told at once, ended the day after the grace, on whatever day of the term that is."""
    parts, person = prepared(own_database, "auto")
    start = LAST - timedelta(days=61)
    with own_database.transaction(for_person(person)) as db:
        identity_lapse.lapse_identity(
            db,
            actor=Actor(ActorKind.PERSON, id=person),
            person_id=person,
            lapsed_on=start,
            now=parts.clock.now(),
            book=parts.book,
        )
    night(parts, start + timedelta(days=60))
    assert state_of(own_database)[0] == "premium"
    night(parts, start + timedelta(days=61))
    assert state_of(own_database) == ("basic", "active", 0)
    assert notices(own_database) == [
        "identity_recheck",
        "renewal_missing",
        "renewal_missing",
        "premium_ended",
    ]


@pytest.mark.parametrize(("consent", "tier"), [(True, "premium"), (False, "basic")])
def test_r18_a_minor_keeps_premium_by_living_consent_only(
    own_database: Database, consent: bool, tier: str
) -> None:
    minor = hida(minor_until=date(2032, 1, 1), consent=consent)
    parts, _ = prepared(own_database, "auto", minor)
    night(parts, LAST - timedelta(days=59))
    assert state_of(own_database)[0] == tier


def test_r33_a_term_is_judged_by_the_version_of_its_first_day(own_database: Database) -> None:
    """Example 11: a raise in mid-term binds the next term, and not this one."""
    parts, _ = prepared(own_database, "auto")
    do(
        own_database,
        "insert into requirement_version (lg_code, id, effective_from, announced_on, tree,"
        " decided_by) values (%s, gen_random_uuid(), '2028-09-01', '2028-06-01',"
        """ '{"count": 5}', 't')""",
        HIDA,
    )
    night(parts, LAST + DAY)
    assert [row[2] for row in terms(own_database)] == ["ended", "active"]
    versions = rows(
        own_database,
        "select t.first_day, v.effective_from from term t left join requirement_version v"
        " on v.id = t.requirement_version_id order by 1",
    )
    assert versions == [(LEAP, None), (NEXT[0], date(2028, 9, 1))]
    stored = rows(own_database, "select inputs -> 'requirement' ->> 'rule' from judgement")
    assert stored == [('{"count": 3}',)]


def test_r15_staff_undo_a_renewal_within_ninety_days(own_database: Database) -> None:
    parts, _ = prepared(own_database, "auto")
    night(parts, LAST - timedelta(days=60))
    given: dict[str, Any] = {
        "actor": APPROVER,
        "lg_code": HIDA,
        "judgement_id": rows(own_database, "select id from judgement")[0][0],
        "reason": "別人の参加だったため",
        "book": parts.book,
    }
    context = for_body(HIDA, actor=APPROVER.label)
    late = at(LAST + timedelta(days=31))
    with pytest.raises(Conflict, match="reversal_over"), own_database.transaction(context) as db:
        renewal_reversal.reverse(db, now=late, **given)
    with own_database.transaction(context) as db:
        renewal_reversal.reverse(db, now=parts.clock.now(), **given)
    assert terms(own_database) == [(LEAP, LAST, "active", "refused"), (*NEXT, "annulled", "none")]
    night(parts, LAST)
    night(parts, LAST + timedelta(days=31))
    assert state_of(own_database)[0] == "basic"


def test_r15_staff_give_back_what_a_night_ended(own_database: Database) -> None:
    parts, _ = prepared(own_database, "auto", hida(took_part=TWO))
    night(parts, LAST)
    night(parts, LAST + timedelta(days=31))
    assert state_of(own_database)[0] == "basic"
    query = "select id from judgement where outcome = 'lapsed_to_basic'"
    judgement = rows(own_database, query)[0][0]
    context = for_body(HIDA, actor=APPROVER.label)
    given: dict[str, Any] = {"actor": APPROVER, "lg_code": HIDA, "reason": "名簿の記録もれ"}
    given |= {"book": parts.book, "now": parts.clock.now()}
    with own_database.transaction(context) as db:
        renewal_reversal.reverse(db, judgement_id=judgement, **given)
    assert terms(own_database)[-1] == (*NEXT, "active", "none")
    assert state_of(own_database) == ("premium", "active", 1)
    with pytest.raises(NotFound), own_database.transaction(context) as db:
        renewal_reversal.reverse(db, judgement_id=new_id(), **given)
