"""R32: closing by the person, or by staff whom a family told; what ends, what stays, what is undone."""

from datetime import date, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from core.access import Role
from core.clock import FixedClock
from core.db import Database
from core.models import Account, AuditEvent, Notice
from registry import closing
from registry.models import Card, Guardianship, Registration, Term
from tests.factories import registry as make
from tests.factories.registry import GIFU, HIDA, IIDA, NOW, SignedIn, create_minor, registration_of

BOOK = make.policy_book()
FIRST, LAST = date(2027, 3, 1), date(2028, 2, 29)
DEATH = closing.Told(closing.ClosingReason.DECEASED, closing.ToldBy.FAMILY)
ILLNESS = closing.Told(closing.ClosingReason.LONG_ILLNESS, closing.ToldBy.OFFICE)


def url_of(row: Registration, verb: str) -> str:
    return f"/api/v1/local-governments/{row.lg_code}/registrations/{row.id}/{verb}"


def row_of(database: Database, someone: SignedIn, code: str) -> Registration:
    found = registration_of(database, someone, code)
    assert found is not None
    return found


def close(client: TestClient, row: Registration, staff: SignedIn, reason: str) -> dict[str, int]:
    answer = client.post(
        url_of(row, "closing"),
        headers=staff.headers,
        json={"reason": reason, "told_by": "family", "seen": "family_register"},
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, int] = answer.json()
    return found


def count_rows(database: Database, someone: SignedIn) -> tuple[int, int, int]:
    with database.transaction(someone.context) as db:
        return tuple(  # type: ignore[return-value] # three counts
            db.scalar(select(func.count()).select_from(table))
            for table in (Registration, Term, Card)
        )


def test_r32_closing_ones_own_account_ends_and_deletes_nothing(database: Database) -> None:
    someone = make.create_person(database, email="closing@example.jp")
    make.join(database, someone, HIDA)
    make.join(database, someone, GIFU)
    with database.transaction(someone.context) as db:
        ended = closing.close_own_account(db, actor=someone.actor, now=NOW, book=BOOK)
    assert ended.registrations == 2
    row = row_of(database, someone, HIDA)
    assert row.status == "closed"
    assert row_of(database, someone, GIFU).status != "active"
    with database.transaction(someone.context) as db:
        actions = set(db.scalars(select(AuditEvent.action)))
    assert {"person.close", "registration.closed"} <= actions
    anew = make.create_account(database, email="closing@example.jp")
    assert anew.id != someone.id


def test_r32_after_a_death_all_ends_and_nothing_is_deleted(
    client: TestClient, database: Database
) -> None:
    someone = make.create_person(database)
    staff = make.make_staff(database, HIDA, Role.APPROVER)
    make.join(database, someone, HIDA)
    make.join(database, someone, GIFU)
    make.join(database, someone, IIDA)
    row = make.grant(database, someone, HIDA, first_day=FIRST, last_day=LAST)
    before = count_rows(database, someone)

    assert close(client, row, staff, "deceased") == {"registrations": 3, "wards": 0}

    assert count_rows(database, someone) == before
    for code in (HIDA, GIFU, IIDA):
        found = row_of(database, someone, code)
        assert (found.status, found.tier, found.direct) == ("closed", "basic", False)
        assert found.ended_reason == "deceased"
        assert found.display_name == row.display_name
    with database.transaction(someone.context) as db:
        assert {term.state for term in db.scalars(select(Term))} == {"ended"}
        account = db.get_one(Account, someone.id)
        assert (account.closed_at, account.email_key) == (NOW, None)
        assert account.email is not None
        told = db.scalars(select(AuditEvent).where(AuditEvent.action == "person.close")).one()
    assert (told.actor, told.lg_code, told.purpose) == (
        staff.actor.label,
        HIDA,
        "deceased:family:family_register",
    )
    assert client.get("/api/v1/me", headers=someone.headers).status_code == 401


def test_r32_no_notice_says_that_basic_goes_on(client: TestClient, database: Database) -> None:
    someone = make.create_person(database)
    staff = make.make_staff(database, HIDA, Role.APPROVER)
    make.join(database, someone, HIDA)
    row = make.grant(database, someone, HIDA, first_day=FIRST, last_day=LAST)
    close(client, row, staff, "deceased")
    with database.transaction(someone.context) as db:
        kinds = set(db.scalars(select(Notice.kind)))
    assert "premium_ended" not in kinds
    assert "registration_closed" not in kinds


def test_r32_a_long_illness_ends_one_registration_only(
    client: TestClient, database: Database
) -> None:
    someone = make.create_person(database)
    staff = make.make_staff(database, HIDA, Role.APPROVER)
    make.join(database, someone, HIDA)
    make.join(database, someone, IIDA)
    row = row_of(database, someone, HIDA)
    assert close(client, row, staff, "long_illness")["registrations"] == 1
    assert row_of(database, someone, HIDA).status == "closed"
    assert row_of(database, someone, GIFU).status != "active"
    assert row_of(database, someone, IIDA).status == "active"
    assert client.get("/api/v1/me", headers=someone.headers).status_code == 200
    back = client.post("/api/v1/me/registrations", headers=someone.headers, json={"lg_code": HIDA})
    assert back.status_code in {200, 201}
    assert row_of(database, someone, HIDA).status == "active"
    again = client.post(
        url_of(row_of(database, someone, GIFU), "closing"),
        headers=make.make_staff(database, GIFU, Role.APPROVER).headers,
        json={"reason": "long_illness", "told_by": "family", "seen": "family_register"},
    )
    assert (again.status_code, again.json()["code"]) == (409, "derived_registration")


def test_r32_a_guardians_death_leaves_the_minor_basic_and_asked(
    client: TestClient, database: Database
) -> None:
    minor, guardian = create_minor(database)
    staff = make.make_staff(database, HIDA, Role.APPROVER)
    make.join(database, guardian, HIDA)
    make.join(database, minor, HIDA)
    make.grant(database, minor, HIDA, first_day=FIRST, last_day=LAST)
    done = close(client, row_of(database, guardian, HIDA), staff, "deceased")
    assert done["wards"] == 1
    row = row_of(database, minor, HIDA)
    assert (row.status, row.tier) == ("active", "basic")
    with database.transaction(minor.context) as db:
        consents = db.scalars(select(Guardianship)).all()
        kinds = set(db.scalars(select(Notice.kind)))
    assert {(one.state, one.ended_reason) for one in consents} == {("ended", "guardian_gone")}
    assert "guardian_gone" in kinds


def test_r32_a_minors_consents_end_with_them(client: TestClient, database: Database) -> None:
    minor, _ = create_minor(database)
    staff = make.make_staff(database, HIDA, Role.APPROVER)
    make.join(database, minor, HIDA)
    close(client, row_of(database, minor, HIDA), staff, "deceased")
    with database.transaction(minor.context) as db:
        assert {one.state for one in db.scalars(select(Guardianship))} == {"ended"}


def test_r32_a_mistake_is_put_right(
    client: TestClient, database: Database, clock: FixedClock
) -> None:
    someone = make.create_person(database, email="alive@example.jp")
    staff = make.make_staff(database, HIDA, Role.APPROVER)
    for code in (HIDA, GIFU, IIDA):
        make.join(database, someone, code)
    row = row_of(database, someone, HIDA)
    close(client, row, staff, "deceased")
    clock.advance(timedelta(days=3))
    staff = make.make_staff(database, HIDA, Role.APPROVER, now=clock.now())
    answer = client.post(url_of(row, "reopening"), headers=staff.headers)
    assert answer.json() == {"registrations": 3}
    gifu = row_of(database, someone, GIFU)
    assert (gifu.status, gifu.direct, gifu.derived) == ("active", True, True)
    assert row_of(database, someone, IIDA).status == "active"
    token = make.sign_in(database, "alive@example.jp", now=clock.now())
    me = client.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})
    assert me.status_code == 200
    with database.transaction(someone.context) as db:
        assert "account_reopened" in set(db.scalars(select(Notice.kind)))
    assert client.post(url_of(row, "reopening"), headers=staff.headers).json() == {
        "registrations": 0
    }


def test_r32_a_mistake_cannot_be_put_right_for_ever_nor_over_somebody_else(
    client: TestClient, database: Database, clock: FixedClock
) -> None:
    someone = make.create_person(database, email="same@example.jp")
    staff = make.make_staff(database, HIDA, Role.APPROVER)
    make.join(database, someone, HIDA)
    row = row_of(database, someone, HIDA)
    close(client, row, staff, "deceased")
    make.create_account(database, email="same@example.jp")
    taken = client.post(url_of(row, "reopening"), headers=staff.headers)
    assert (taken.status_code, taken.json()["code"]) == (409, "address_taken")
    days = BOOK.on("decision.reverse_days", FIRST).value
    clock.advance(timedelta(days=days, seconds=1))
    late = client.post(
        url_of(row, "reopening"),
        headers=make.make_staff(database, HIDA, Role.APPROVER, now=clock.now()).headers,
    )
    assert (late.status_code, late.json()["code"]) == (410, "reversal_over")


@pytest.mark.parametrize(("role", "status"), [(Role.CLERK, 403), (Role.APPROVER, 404)])
def test_r32_only_approvers_of_the_town_may(
    client: TestClient, database: Database, role: Role, status: int
) -> None:
    someone = make.create_person(database)
    make.join(database, someone, HIDA)
    row = row_of(database, someone, HIDA)
    code = HIDA if role is Role.CLERK else IIDA
    staff = make.make_staff(database, code, role)
    url = f"/api/v1/local-governments/{code}/registrations/{row.id}/closing"
    answer = client.post(
        url,
        headers=staff.headers,
        json={"reason": "deceased", "told_by": "family", "seen": "family_register"},
    )
    assert answer.status_code == status
    assert row_of(database, someone, HIDA).status == "active"


def test_r32_a_family_shows_a_paper_and_an_office_is_believed(
    client: TestClient, database: Database
) -> None:
    """Which kind of paper is kept with the act; nothing of what it says."""
    someone = make.create_person(database)
    make.join(database, someone, HIDA)
    row = row_of(database, someone, HIDA)
    staff = make.make_staff(database, HIDA, Role.APPROVER)

    def ask(**told: str) -> Any:
        return client.post(url_of(row, "closing"), headers=staff.headers, json=told)

    unseen = ask(reason="deceased", told_by="family")
    assert (unseen.status_code, unseen.json()["problems"][0]["field"]) == (422, "seen")
    assert row_of(database, someone, HIDA).status == "active"
    assert ask(reason="deceased", told_by="family", seen="a letter").status_code == 422
    assert ask(reason="long_illness", told_by="office").status_code == 200
    assert row_of(database, someone, HIDA).status == "closed"
