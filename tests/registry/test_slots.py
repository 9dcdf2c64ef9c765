"""R13: places taken, handed over, and what happens over the limit."""

from datetime import date, timedelta

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from core.access import system
from core.db import for_job
from registry import choosing, queries, slots
from registry.rules.policy import Dated, PolicyBook, Source, Step
from tests.conftest import RollbackDatabase
from tests.factories.premium import apply, granted, own, ready, show_card, slots_of, tier_of
from tests.factories.registry import (
    HIDA,
    IIDA,
    KESENNUMA,
    NAGANO_PREF,
    NOW,
    YOKOZE,
    SignedIn,
    create_person,
    join,
    policy_book,
)

JOB = system("test")


@pytest.fixture
def hanako(database: RollbackDatabase) -> SignedIn:
    """A registrant of age who lives in Tokyo and has shown her card."""
    someone = create_person(database)
    show_card(database, someone)
    return someone


def lowered(cap: int, **more: object) -> PolicyBook:
    """The nation's numbers after a change of the limit."""
    source = Source("law", "", confirmed=True)
    changes = {"premium.cap": cap, **more}
    return policy_book().reformed(
        {key: Dated((Step(date(2027, 1, 1), value, source),)) for key, value in changes.items()}
    )


def flagged(database: RollbackDatabase) -> list[str]:
    with database.owner() as owner:
        return list(
            owner.execute(
                text("select lg_code from registration where over_cap_since is not null")
            ).scalars()
        )


def over_the_limit(client: TestClient, database: RollbackDatabase, someone: SignedIn) -> PolicyBook:
    """The law lowers the limit; then the municipality goes that kept the prefecture outside."""
    granted(client, database, someone, HIDA, KESENNUMA, NAGANO_PREF, IIDA)
    book = lowered(2)
    with database.transaction(someone.context) as db:
        row = queries.registration_of(db, lg_code=IIDA, person_id=someone.id)
        assert row is not None
        choosing.give_up(db, actor=someone.actor, lg_code=IIDA, now=NOW, book=book)
    return book


def test_r13_over_the_limit_nothing_is_cancelled_and_the_person_is_asked(
    client: TestClient, database: RollbackDatabase, hanako: SignedIn
) -> None:
    over_the_limit(client, database, hanako)
    assert flagged(database) == [NAGANO_PREF]
    assert tier_of(database, hanako, NAGANO_PREF) == "premium"
    with database.owner() as owner:
        facts = owner.execute(text("select facts from notice where kind = 'over_cap'")).scalar_one()
    assert facts["day"] == "2027-07-01"


def test_r13_giving_one_up_settles_it(
    client: TestClient, database: RollbackDatabase, hanako: SignedIn
) -> None:
    over_the_limit(client, database, hanako)
    assert client.delete(own(HIDA, "premium"), headers=hanako.headers).status_code == 204
    assert tier_of(database, hanako, HIDA) == "basic"
    assert slots_of(database, hanako) == {KESENNUMA: "active", NAGANO_PREF: "active"}
    assert flagged(database) == []
    again = client.delete(own(HIDA, "premium"), headers=hanako.headers)
    assert (again.status_code, again.json()["code"]) == (409, "not_premium")


def test_r13_the_night_settles_it_when_room_came_another_way(
    client: TestClient, database: RollbackDatabase, hanako: SignedIn
) -> None:
    book = over_the_limit(client, database, hanako)

    def night() -> bool:
        with database.transaction(for_job("test", NAGANO_PREF)) as db:
            row = queries.registration_of(db, lg_code=NAGANO_PREF, person_id=hanako.id)
            assert row is not None
            later = NOW + timedelta(days=1)
            return choosing.settle(db, actor=JOB, registration=row, now=later, book=book)

    assert not night()
    with database.owner() as owner:
        owner.execute(text("delete from premium_slot where lg_code = :code"), {"code": HIDA})
    assert night()
    assert not night()
    assert flagged(database) == []


def test_r13_a_municipality_asked_for_again_lifts_the_flag(
    client: TestClient, database: RollbackDatabase, hanako: SignedIn
) -> None:
    over_the_limit(client, database, hanako)
    with database.owner() as owner:
        owner.execute(text("delete from premium_slot where lg_code = :code"), {"code": HIDA})
        owner.execute(text("update term set state = 'annulled' where lg_code = :c"), {"c": HIDA})
    assert apply(client, hanako, IIDA).json()["state"] == "granted"
    assert flagged(database) == []
    assert slots_of(database, hanako) == {KESENNUMA: "active", IIDA: "active"}


def test_r13_the_law_may_let_any_registration_inside_exempt(
    client: TestClient, database: RollbackDatabase, hanako: SignedIn
) -> None:
    join(database, hanako, IIDA)
    ready(database, hanako, NAGANO_PREF)
    book = lowered(3, **{"premium.prefecture_exempt_by": "any"})
    with database.transaction(hanako.context) as db:
        row = queries.registration_of(db, lg_code=NAGANO_PREF, person_id=hanako.id)
        assert row is not None
        assert slots.held_inside(db, row, by_any=True)
        assert not slots.held_inside(db, row)
        assert slots.take(db, registration=row, state="active", now=NOW, book=book)
        assert slots.slot_of(db, row) is None
    with database.transaction(for_job("test", NAGANO_PREF)) as db:
        row = queries.registration_of(db, lg_code=NAGANO_PREF, person_id=hanako.id)
        assert row is not None
        assert slots.held_inside(db, row, by_any=True)
        assert not slots.held_inside(db, row)


def test_r13_a_body_sees_its_own_place_only(
    client: TestClient, database: RollbackDatabase, hanako: SignedIn
) -> None:
    granted(client, database, hanako, HIDA, KESENNUMA, YOKOZE)
    with database.transaction(for_job("test", HIDA)) as db:
        seen = db.execute(text("select lg_code from premium_slot")).scalars().all()
    assert seen == [HIDA]
