"""R02, R13, R14, R16, C45: what premium leaves when it ends, and what moving does."""

from collections.abc import Sequence
from datetime import date, timedelta

import pytest
from sqlalchemy import delete, event, select

from core.access import system
from core.db import Database, for_body, for_person
from core.errors import Invalid
from core.models import AuditEvent, Notice
from registry.derived_links import Source, derived_expiry, refresh_sources
from registry.ending import end_premium, end_premiums, withdraw_applications
from registry.leaving import leave
from registry.models import Application, Card, Person, PremiumSlot, Registration, Term
from registry.queries import residence_of
from registry.residence import change_residence
from tests.factories import registry as make
from tests.factories.registry import (
    GIFU,
    HIDA,
    IIDA,
    NAGANO,
    NAGANO_PREF,
    NOW,
    SignedIn,
    registration_of,
)

BOOK = make.policy_book()
TAKAYAMA = "212032"
FIRST, LAST = date(2027, 3, 1), date(2028, 2, 29)


def premium(
    database: Database, someone: SignedIn, code: str, *, last: date = LAST, slot: int = 1
) -> Registration:
    make.join(database, someone, code)
    return make.grant(database, someone, code, first_day=FIRST, last_day=last, slot=slot)


def row_of(database: Database, someone: SignedIn, code: str) -> Registration:
    found = registration_of(database, someone, code)
    assert found is not None
    return found


def end(database: Database, someone: SignedIn, code: str, reason: str = "reversed") -> bool:
    with database.transaction(for_body(code, actor="staff:test")) as db:
        row = db.scalars(
            select(Registration).where(
                Registration.lg_code == code, Registration.person_id == someone.id
            )
        ).one()
        return end_premium(
            db, actor=system("test"), registration=row, reason=reason, now=NOW, book=BOOK
        )


def terms(database: Database, someone: SignedIn) -> Sequence[Term]:
    with database.transaction(someone.context) as db:
        return db.scalars(select(Term).order_by(Term.first_day)).all()


def add_card(database: Database, row: Registration) -> None:
    with database.transaction(for_body(row.lg_code, actor="staff:test")) as db:
        db.add(
            Card(
                lg_code=row.lg_code,
                card_ref="00" * 10,
                registration_id=row.id,
                person_id=row.person_id,
                kind="paper",
                issued_at=NOW,
                expires_on=LAST,
            )
        )


def test_r14_ended_premium_is_basic_and_leaves_nothing_behind(database: Database) -> None:
    someone = make.create_person(database)
    row = premium(database, someone, HIDA)
    add_card(database, row)
    assert row_of(database, someone, GIFU).tier == "premium"
    assert end(database, someone, HIDA)
    assert [row_of(database, someone, code).tier for code in (HIDA, GIFU)] == ["basic", "basic"]
    [term] = terms(database, someone)
    assert (term.state, term.last_day) == ("ended", date(2027, 5, 31))
    with database.transaction(someone.context) as db:
        assert db.scalars(select(PremiumSlot)).all() == []
        assert db.scalars(select(Card.revoked_reason)).all() == ["reversed"]
        assert "premium.end" in db.scalars(select(AuditEvent.action)).all()
        told = db.scalars(select(Notice).where(Notice.kind == "premium_ended")).all()
        assert [notice.facts["government"] for notice in told] == ["飛騨市"]
    assert not end(database, someone, HIDA)


def test_r14_a_term_granted_today_is_annulled_so_that_none_overlaps(database: Database) -> None:
    someone = make.create_person(database)
    make.join(database, someone, HIDA)
    today = date(2027, 6, 1)
    make.grant(database, someone, HIDA, first_day=today, last_day=date(2028, 5, 31))
    end(database, someone, HIDA)
    [term] = terms(database, someone)
    assert term.state == "annulled"


def test_r14_premium_can_begin_again_on_the_day_it_ended(database: Database) -> None:
    someone = make.create_person(database)
    premium(database, someone, HIDA)
    end(database, someone, HIDA)
    make.grant(database, someone, HIDA, first_day=date(2027, 6, 1), last_day=date(2028, 5, 31))
    assert [term.state for term in terms(database, someone)] == ["ended", "active"]


def end_all(database: Database, code: str) -> list[str]:
    """End everybody's premium there at once; the statements it took."""
    said: list[str] = []
    with database.transaction(for_body(code, actor="staff:test")) as db:
        rows = db.scalars(select(Registration).where(Registration.lg_code == code)).all()
        ends = [(row, ("lapsed", "reversed")[number % 2]) for number, row in enumerate(rows)]
        event.listen(db.connection(), "before_cursor_execute", lambda *given: said.append(given[2]))
        assert end_premiums(db, actor=system("test"), ends=ends, now=NOW, book=BOOK) == len(rows)
    return said


def test_r14_many_return_to_basic_in_as_few_statements_as_two(database: Database) -> None:
    """Each with its own reason; the place of a direct prefecture is its own again (R13)."""
    with_prefecture = make.create_person(database)
    for someone in (with_prefecture, make.create_person(database)):
        premium(database, someone, TAKAYAMA)
    few = end_all(database, TAKAYAMA)
    everybody = [with_prefecture, *(make.create_person(database) for _ in range(6))]
    for someone in everybody:
        premium(database, someone, HIDA)
    premium(database, with_prefecture, GIFU, slot=2)
    with database.transaction(for_body(GIFU, actor="staff:test")) as db:
        db.execute(delete(PremiumSlot).where(PremiumSlot.lg_code == GIFU))
    many = end_all(database, HIDA)
    assert len(many) <= len(few) + 12, "the prefecture's own premium takes a few of its own"
    for someone in everybody:
        assert row_of(database, someone, HIDA).tier == "basic"
        own = someone is with_prefecture
        assert row_of(database, someone, GIFU).tier == ("premium" if own else "basic")
        with database.transaction(someone.context) as db:
            assert db.scalars(select(PremiumSlot.lg_code)).all() == ([GIFU] if own else [])
            told = db.scalars(select(Notice.kind).where(Notice.lg_code == HIDA)).all()
            assert told.count("premium_ended") == 1


def test_r02_the_prefecture_has_the_highest_tier_and_the_latest_end(database: Database) -> None:
    someone = make.create_person(database)
    premium(database, someone, HIDA)
    premium(database, someone, TAKAYAMA, last=LAST + timedelta(days=30), slot=2)
    derived = row_of(database, someone, GIFU)
    assert (derived.tier, derived_expiry(derived)) == ("premium", LAST + timedelta(days=30))
    end(database, someone, TAKAYAMA)
    derived = row_of(database, someone, GIFU)
    assert (derived.tier, derived_expiry(derived)) == ("premium", LAST)
    end(database, someone, HIDA)
    derived = row_of(database, someone, GIFU)
    assert (derived.tier, derived_expiry(derived), derived.status) == ("basic", None, "active")


def test_r02_premium_of_its_own_stays_when_the_derived_one_goes(database: Database) -> None:
    someone = make.create_person(database)
    premium(database, someone, HIDA)
    premium(database, someone, GIFU, slot=2)
    end(database, someone, HIDA)
    assert row_of(database, someone, GIFU).tier == "premium"
    assert end(database, someone, GIFU)
    assert row_of(database, someone, GIFU).tier == "basic"


def test_r02_premium_of_its_own_ends_and_the_derived_one_stays(database: Database) -> None:
    someone = make.create_person(database)
    premium(database, someone, HIDA)
    premium(database, someone, GIFU, slot=2)
    assert end(database, someone, GIFU)
    assert row_of(database, someone, GIFU).tier == "premium"
    with database.transaction(someone.context) as db:
        assert db.scalars(select(PremiumSlot.lg_code)).all() == [HIDA]


def test_r02_a_renewed_source_moves_the_end_for_many_at_once(database: Database) -> None:
    people = [make.create_person(database) for _ in range(3)]
    for someone in people:
        premium(database, someone, HIDA)
    later = LAST + timedelta(days=365)
    with database.transaction(for_body(HIDA, actor="system:renewal")) as db:
        rows = db.scalars(select(Registration).where(Registration.lg_code == HIDA)).all()
        sources = [Source(row, later) for row in rows]
        refresh_sources(
            db, actor=system("renewal"), lg_code=HIDA, sources=sources, now=NOW, book=BOOK
        )
    for someone in people:
        assert derived_expiry(row_of(database, someone, GIFU)) == later


def test_r02_leaving_ends_premium_and_what_was_asked_for(database: Database) -> None:
    someone = make.create_person(database)
    row = premium(database, someone, HIDA)
    add_card(database, row)
    with database.transaction(for_body(HIDA, actor="staff:test")) as db:
        db.add(
            Application(
                lg_code=HIDA,
                registration_id=row.id,
                person_id=someone.id,
                state="review",
                mode="review",
                applied_at=NOW,
                applied_on=date(2027, 6, 1),
            )
        )
    with database.transaction(someone.context) as db:
        leave(db, actor=someone.actor, lg_code=HIDA, now=NOW, book=BOOK)
    left = row_of(database, someone, HIDA)
    assert (left.status, left.tier) == ("withdrawn", "basic")
    assert row_of(database, someone, GIFU).status == "ended"
    with database.transaction(someone.context) as db:
        assert db.scalars(select(Application.state)).all() == ["withdrawn"]
        assert db.scalars(select(Card).where(Card.revoked_at.is_(None))).all() == []
        assert db.scalars(select(PremiumSlot)).all() == []
        again = withdraw_applications(
            db, actor=someone.actor, registrations=[left], now=NOW, book=BOOK
        )
        assert again == 0


# --- R16: residence -------------------------------------------------------------------------


def move(database: Database, someone: SignedIn, code: str | None, *, verified: bool) -> None:
    with database.transaction(for_person(someone.id)) as db:
        change_residence(db, actor=someone.actor, code=code, verified=verified, now=NOW, book=BOOK)


def test_r16_basic_where_one_lives_is_allowed(database: Database) -> None:
    someone = make.create_person(database, residence=NAGANO)
    assert make.join(database, someone, NAGANO).residence_relation == "resident"
    derived = row_of(database, someone, NAGANO_PREF)
    assert (derived.residence_relation, derived.residence_related) == ("resident", True)


def test_r16_premium_in_the_next_town_never_makes_the_own_prefecture_premium(
    database: Database,
) -> None:
    """Example 5: lives in 長野市, premium with 飯田市."""
    someone = make.create_person(database, residence=NAGANO)
    row = premium(database, someone, IIDA)
    assert (row.residence_relation, row.tier) == ("related", "premium")
    derived = row_of(database, someone, NAGANO_PREF)
    assert (derived.tier, derived.residence_related, derived_expiry(derived)) == (
        "basic",
        True,
        None,
    )


def test_r16_moving_in_ends_premium_at_the_cards_word(database: Database) -> None:
    someone = make.create_person(database, residence="131016")
    premium(database, someone, IIDA)
    assert row_of(database, someone, NAGANO_PREF).tier == "premium"
    move(database, someone, IIDA, verified=False)
    row = row_of(database, someone, IIDA)
    assert (row.tier, row.residence_relation) == ("premium", "resident")
    assert row_of(database, someone, NAGANO_PREF).tier == "basic"
    move(database, someone, IIDA, verified=True)
    row = row_of(database, someone, IIDA)
    assert (row.tier, row.status) == ("basic", "active")
    with database.transaction(someone.context) as db:
        facts = {notice.kind: notice.facts for notice in db.scalars(select(Notice))}
    assert facts["premium_ended"]["reason"] == "moved_in"
    assert facts["supports_stop"]["until"] == "2027-06-30"


def test_r16_a_direct_prefecture_ends_when_the_card_shows_one_lives_there(
    database: Database,
) -> None:
    someone = make.create_person(database)
    premium(database, someone, NAGANO_PREF)
    make.join(database, someone, IIDA)
    move(database, someone, NAGANO, verified=True)
    row = row_of(database, someone, NAGANO_PREF)
    assert (row.tier, row.residence_related, row.direct) == ("basic", True, True)


def test_r16_moving_away_makes_the_prefecture_count_again(database: Database) -> None:
    someone = make.create_person(database, residence=NAGANO)
    premium(database, someone, IIDA)
    move(database, someone, "131016", verified=True)
    derived = row_of(database, someone, NAGANO_PREF)
    assert (derived.tier, derived.residence_related, derived.residence_relation) == (
        "premium",
        False,
        "elsewhere",
    )


def test_r16_a_verified_place_wins_over_a_declared_one(database: Database) -> None:
    someone = make.create_person(database, residence=NAGANO)
    make.join(database, someone, NAGANO)
    move(database, someone, "131016", verified=True)
    move(database, someone, NAGANO, verified=False)
    assert row_of(database, someone, NAGANO).residence_relation == "elsewhere"
    with database.transaction(someone.context) as db:
        home = residence_of(db, db.get_one(Person, someone.id))
    assert home is not None
    assert (home.municipality_code, home.verified) == ("131016", True)


def test_r16_a_prefecture_alone_leaves_the_town_open(database: Database) -> None:
    someone = make.create_person(database, residence=NAGANO_PREF)
    assert make.join(database, someone, IIDA).residence_relation == "unknown"
    assert row_of(database, someone, NAGANO_PREF).residence_related
    with pytest.raises(Invalid):
        move(database, someone, "999999", verified=True)
