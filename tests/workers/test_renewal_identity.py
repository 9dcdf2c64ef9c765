"""R12, C37: who is asked for the card at a renewal, and what a waiting decision is taken on."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from core.access import Actor, ActorKind
from core.db import Database, for_body, for_person
from core.errors import Refused
from registry import identity_lapse, renewal_request, renewal_staff
from registry.models import Term
from tests.workers.nights import HIDA, body_value, do, rows
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
from workers.parts import Parts

BEGUN = NEXT[0]
GRACE = timedelta(days=60)
CHECK = LAST - timedelta(days=60)


def show_card(database: Database, day: date) -> None:
    """What a verified check leaves with the body."""
    do(
        database,
        "update registration set identity_checked_on = %s, identity_lapsed_on = null",
        day,
    )


def lapse(parts: Parts, person: UUID, day: date) -> None:
    with parts.database.transaction(for_person(person)) as db:
        identity_lapse.lapse_identity(
            db,
            actor=Actor(ActorKind.PERSON, id=person),
            person_id=person,
            lapsed_on=day,
            now=parts.clock.now(),
            book=parts.book,
        )


def annul_one(database: Database) -> None:
    do(
        database,
        "update participation set counted = false where id ="
        " (select id from participation order by day limit 1)",
    )


def approve(parts: Parts) -> Term:
    with parts.database.transaction(for_body(HIDA, actor=APPROVER.label)) as db:
        return renewal_staff.decide_renewal_by_staff(
            db,
            actor=APPROVER,
            lg_code=HIDA,
            term_id=term_id(parts.database),
            approve=True,
            now=parts.clock.now(),
            book=parts.book,
            evidence=parts.evidence,
        )


def asked(database: Database) -> list[Any]:
    query = "select identity_asked_on from term where state = 'active'"
    return [row[0] for row in rows(database, query)]


# --- asked once a year at most ------------------------------------------------------------------


def test_r12_a_renewed_year_asks_for_the_card_and_gives_sixty_days(own_database: Database) -> None:
    """Told on the first day; premium stands through the grace and ends the day after it."""
    parts, _ = prepared(own_database, "auto")
    night(parts, BEGUN)
    assert asked(own_database) == [BEGUN]
    day = rows(own_database, "select facts ->> 'day' from notice where kind like 'identity%%'")
    assert day == [((BEGUN + GRACE).isoformat(),)]
    night(parts, BEGUN + GRACE)
    assert state_of(own_database)[0] == "premium"
    night(parts, BEGUN + GRACE + DAY)
    assert state_of(own_database) == ("basic", "active", 0)
    events = "select facts ->> 'reason' from registration_event where kind = 'premium_ended'"
    assert rows(own_database, events) == [("identity_lapsed",)]


@pytest.mark.parametrize(
    ("shown_on", "is_asked"), [(LEAP - DAY, True), (LEAP, True), (LEAP + DAY, False)]
)
def test_r12_a_card_shown_in_the_year_that_ended_is_enough(
    own_database: Database, shown_on: date, is_asked: bool
) -> None:
    parts, _ = prepared(own_database, "auto")
    show_card(own_database, shown_on)
    night(parts, BEGUN)
    assert asked(own_database) == [BEGUN if is_asked else None]
    assert ("identity_recheck_renewal" in notices(own_database)) is is_asked


def test_r12_the_card_shown_within_the_grace_keeps_premium(own_database: Database) -> None:
    parts, _ = prepared(own_database, "auto")
    night(parts, BEGUN)
    show_card(own_database, BEGUN + GRACE)
    night(parts, BEGUN + GRACE + timedelta(days=30))
    assert state_of(own_database) == ("premium", "active", 1)
    assert terms(own_database)[-1] == (*NEXT, "active", "none")


def test_r12_a_night_that_ran_late_gives_the_full_grace(own_database: Database) -> None:
    parts, _ = prepared(own_database, "auto")
    night(parts, CHECK)
    told = BEGUN + timedelta(days=40)
    night(parts, told)
    assert asked(own_database) == [told]
    night(parts, told + GRACE)
    assert state_of(own_database)[0] == "premium"
    night(parts, told + GRACE + DAY)
    assert state_of(own_database)[0] == "basic"


def test_r12_a_renewal_out_of_grace_asks_too(own_database: Database) -> None:
    """The next year begins in the past; the days to show the card begin today."""
    parts, person = prepared(own_database, "auto", hida(took_part=TWO))
    night(parts, LAST)
    take_part(own_database, person, LAST - DAY)
    told = LAST + timedelta(days=20)
    night(parts, told)
    assert terms(own_database)[-1] == (*NEXT, "active", "none")
    assert asked(own_database) == [told]
    night(parts, told + GRACE + DAY)
    assert state_of(own_database)[0] == "basic"


def test_r12_an_early_renewal_needs_an_identity_that_holds(own_database: Database) -> None:
    """Asked for and not shown: the person cannot book the year after next by oneself."""
    parts, person = prepared(own_database, "auto")
    do(own_database, "update term set identity_asked_on = %s, due_on = %s", CHECK - DAY, LAST)
    do(own_database, "update person set birth_date = '1980-01-01', birth_year = 1980")
    night(parts, CHECK)
    actor = Actor(ActorKind.PERSON, id=person)
    with (
        pytest.raises(Refused) as refusal,
        own_database.transaction(for_person(person)) as db,
    ):
        renewal_request.request_renewal(
            db,
            actor=actor,
            lg_code=HIDA,
            now=parts.clock.now(),
            book=parts.book,
            evidence=parts.evidence,
        )
    assert [problem.code for problem in refusal.value.problems] == ["identity_lapsed"]


# --- what waits is judged again on its day (C37) ------------------------------------------------


def test_r12_a_term_in_review_ends_when_the_grace_of_identity_does(own_database: Database) -> None:
    """Nobody has to decide it: what the law itself ends waits for nobody."""
    parts, person = prepared(own_database, "review")
    night(parts, CHECK)
    lapse(parts, person, CHECK)
    night(parts, CHECK + GRACE)
    assert terms(own_database) == [(LEAP, LAST, "active", "review")]
    night(parts, CHECK + GRACE + DAY)
    assert state_of(own_database) == ("basic", "active", 0)


def test_c37_an_approval_is_refused_while_the_identity_has_lapsed(own_database: Database) -> None:
    parts, person = prepared(own_database, "review")
    night(parts, CHECK)
    lapse(parts, person, CHECK)
    with pytest.raises(Refused, match="renewal_not_met") as refusal:
        approve(parts)
    assert [problem.code for problem in refusal.value.problems] == ["identity_lapsed"]
    assert terms(own_database) == [(LEAP, LAST, "active", "review")]
    show_card(own_database, CHECK)
    assert approve(parts).renewal_state == "booked"


def test_c37_an_approval_looks_at_the_evidence_of_today(own_database: Database) -> None:
    parts, person = prepared(own_database, "review")
    night(parts, CHECK)
    annul_one(own_database)
    with pytest.raises(Refused, match="renewal_not_met") as refusal:
        approve(parts)
    assert [problem.code for problem in refusal.value.problems] == ["not_enough_count"]
    take_part(own_database, person, date(2028, 12, 1))
    assert approve(parts).renewal_state == "booked"


def test_c37_the_end_of_the_veto_gives_back_what_no_longer_holds(own_database: Database) -> None:
    """Annulled within the hours of objection: not booked, told what is missing, judged on."""
    parts, person = prepared(own_database, "veto")
    night(parts, CHECK)
    annul_one(own_database)
    night(parts, CHECK + timedelta(days=4))
    assert terms(own_database) == [(LEAP, LAST, "active", "none")]
    assert notices(own_database) == ["renewal_veto", "renewal_missing"]
    take_part(own_database, person, date(2029, 2, 1))
    night(parts, LAST - timedelta(days=20))
    assert terms(own_database) == [(LEAP, LAST, "active", "veto")]
    assert notices(own_database) == ["renewal_veto", "renewal_missing", "renewal_veto"]
    night(parts, LAST - timedelta(days=16))
    assert terms(own_database)[-1] == (*NEXT, "booked", "none")


def test_r15_staff_may_be_lenient_with_counts_but_not_with_identity(
    own_database: Database,
) -> None:
    """A return to basic that staff review: they may renew all the same, for a verified person."""
    body_value(own_database, "decision.mode.release", "review")
    parts, _ = prepared(own_database, "auto", hida(took_part=TWO))
    night(parts, LAST)
    over = LAST + timedelta(days=31)
    night(parts, over)
    assert terms(own_database) == [(LEAP, LAST, "grace", "review")]
    do(own_database, "update registration set identity_lapsed_on = %s", over - GRACE - DAY)
    with pytest.raises(Refused) as refusal:
        approve(parts)
    assert [problem.code for problem in refusal.value.problems] == ["identity_grace_over"]
    show_card(own_database, over)
    approve(parts)
    assert terms(own_database)[-1] == (*NEXT, "active", "none")
