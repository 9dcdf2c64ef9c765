"""P19, C47: where one person alone may not decide; the database refuses the same one."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from core.access import Role
from core.clock import FixedClock
from core.db import Database, for_body
from core.ids import new_id
from core.models import AuditEvent
from registry.models import BodyValue, Confirmation, RequirementVersion, StaffRole
from tests.conftest import RollbackDatabase
from tests.factories.registry import HIDA, NOW, SignedIn, make_operator, make_staff

AREA = f"/api/v1/local-governments/{HIDA}"
AUTO = {"value": "auto", "since": "2027-06-01"}
EASIER = {"tree": {"count": 2}, "effective_from": "2027-06-01"}


@pytest.fixture
def first(database: RollbackDatabase) -> SignedIn:
    return make_staff(database, HIDA)


@pytest.fixture
def second(database: RollbackDatabase) -> SignedIn:
    return make_staff(database, HIDA, Role.APPROVER)


def ask(client: TestClient, someone: SignedIn, leaf: str, body: Any, method: str = "POST") -> Any:
    answer = client.request(method, f"{AREA}/{leaf}", headers=someone.headers, json=body)
    assert answer.status_code == 202, answer.text
    return answer.json()


def answered(client: TestClient, someone: SignedIn, wish: Any, act: str = "confirm") -> Any:
    return client.post(f"{AREA}/confirmations/{wish['id']}/{act}", headers=someone.headers)


def stored(database: Database, statement: Any) -> list[Any]:
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        return list(db.scalars(statement))


def refusal(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_deciding_by_machine_alone_needs_two(
    client: TestClient, database: RollbackDatabase, first: SignedIn, second: SignedIn
) -> None:
    wish = ask(client, first, "settings/decision.mode", AUTO, "PUT")
    assert (wish["kind"], wish["state"], wish["subject"]) == ("auto_mode", "open", "decision.mode")
    assert not stored(database, select(BodyValue))
    again = client.put(f"{AREA}/settings/decision.mode", headers=first.headers, json=AUTO)
    assert refusal(again) == (409, "confirmation_waits")
    assert refusal(answered(client, first, wish)) == (409, "own_wish")
    listed = client.get(f"{AREA}/confirmations", headers=second.headers).json()["items"]
    assert [one["id"] for one in listed] == [wish["id"]]
    assert answered(client, second, wish).json()["state"] == "confirmed"
    (value,) = stored(database, select(BodyValue))
    assert (value.value, value.decided_by) == ("auto", f"staff:{first.id}")
    assert refusal(answered(client, second, wish)) == (409, "confirmation_over")
    acts = stored(
        database, select(AuditEvent.action).where(AuditEvent.action.startswith("confirmation."))
    )
    assert sorted(acts) == ["confirmation.ask", "confirmation.confirm"]


def test_another_manager_needs_two_managers(
    client: TestClient, database: RollbackDatabase, first: SignedIn, second: SignedIn
) -> None:
    new = {"email": "new@city.example.jp", "name": "新しい管理者", "role": "manager"}
    alone = client.post(f"{AREA}/staff", headers=first.headers, json=new)
    assert refusal(alone) == (409, "second_person_missing")
    other = make_staff(database, HIDA)
    wish = ask(client, first, "staff", new)
    assert answered(client, second, wish).status_code == 403
    assert answered(client, other, wish).status_code == 200
    (row,) = stored(database, select(StaffRole).where(StaffRole.name == "新しい管理者"))
    assert (row.role, row.ended_at, row.confirmation_id) == ("manager", None, UUID(wish["id"]))
    clerk = {"email": "clerk@city.example.jp", "name": "担当", "role": "clerk"}
    assert client.post(f"{AREA}/staff", headers=first.headers, json=clerk).status_code == 201


def test_nobody_is_the_second_person_for_their_own_role(
    client: TestClient, database: RollbackDatabase, first: SignedIn, second: SignedIn
) -> None:
    third = make_staff(database, HIDA)
    mine = {"email": third.email, "name": "自分", "role": "manager"}
    alone = client.post(f"{AREA}/staff", headers=first.headers, json=mine)
    assert refusal(alone) == (409, "second_person_missing")


def test_a_single_member_of_staff_is_told_what_to_do_and_the_operator_helps(
    client: TestClient, database: RollbackDatabase, first: SignedIn
) -> None:
    alone = client.post(f"{AREA}/requirement-versions", headers=first.headers, json=EASIER)
    assert refusal(alone) == (409, "second_person_missing")
    assert alone.json()["problems"][0]["action"] == "second_manager"
    operator = make_operator(database)
    made = client.post(
        f"/api/v1/operator/local-governments/{HIDA}/staff",
        headers=operator.headers,
        json={"email": "two@city.example.jp", "name": "2人目", "role": "manager"},
    )
    assert made.status_code == 201, made.text
    ask(client, first, "requirement-versions", EASIER)


def test_a_wish_can_be_taken_back_declined_and_runs_out(
    client: TestClient,
    database: RollbackDatabase,
    clock: FixedClock,
    first: SignedIn,
    second: SignedIn,
) -> None:
    wish = ask(client, first, "requirement-versions", EASIER)
    assert answered(client, first, wish, "decline").json()["state"] == "cancelled"
    assert refusal(answered(client, second, wish)) == (409, "confirmation_over")
    wish = ask(client, first, "requirement-versions", EASIER)
    assert answered(client, second, wish, "decline").json()["state"] == "declined"
    later = {"tree": {"count": 2}, "effective_from": "2027-12-01"}
    wish = ask(client, first, "requirement-versions", later)
    clock.advance(timedelta(days=15))
    late = make_staff(database, HIDA, now=clock.now())
    assert refusal(answered(client, late, wish)) == (409, "confirmation_over")
    anew = ask(client, make_staff(database, HIDA, now=clock.now()), "requirement-versions", later)
    assert answered(client, late, anew).status_code == 200
    states = stored(database, select(Confirmation.state).order_by(Confirmation.asked_at))
    assert sorted(states) == ["cancelled", "confirmed", "declined", "expired"]


def test_r33_the_notice_is_reckoned_from_the_confirmation(
    client: TestClient, database: RollbackDatabase, clock: FixedClock, first: SignedIn
) -> None:
    make_staff(database, HIDA)
    harder = {"tree": {"count": 5}, "effective_from": "2027-07-31"}
    wish = ask(client, first, "requirement-versions", harder)
    clock.advance(timedelta(days=1))
    second = make_staff(database, HIDA, now=clock.now())
    assert refusal(answered(client, second, wish)) == (409, "notice_too_short")
    (row,) = stored(database, select(Confirmation))
    assert row.state == "open"


# --- the database alone -----------------------------------------------------------------------------


def run(database: Database, actor: str, statement: str, **values: Any) -> int:
    """One statement as the login role of the local government, by somebody."""
    with database.transaction(for_body(HIDA, actor=actor)) as db:
        return getattr(db.execute(text(statement), values), "rowcount", 0)


ASK = (
    "insert into confirmation (lg_code, id, kind, subject, facts, state, asked_by, asked_at,"
    " expires_at, answered_by, answered_at) values (:lg, :id, 'requirement', '2027-06-01',"
    """ '{"tree": {"count": 2}}', :state, :asked, :at, :until, :answered, :answered_at)"""
)
ANSWER = (
    "update confirmation set state = 'confirmed', answered_by = :by, answered_at = :at"
    " where id = :id"
)
ANNOUNCE = (
    "insert into requirement_version (lg_code, id, effective_from, announced_on, tree, decided_by,"
    " confirmation_id) values (:lg, :new, '2027-06-01', '2027-06-01', :tree, :by, :wish)"
)
ONE, TWO = "staff:one", "staff:two"


@pytest.fixture
def wish(database: RollbackDatabase) -> UUID:
    """What `one` asked for, as the login role writes it."""
    found = new_id()
    values: dict[str, Any] = {"lg": HIDA, "id": found, "at": NOW, "until": NOW + timedelta(days=14)}
    run(database, ONE, ASK, **values, asked=ONE, state="open", answered=None, answered_at=None)
    return found


def announce(database: Database, actor: str, wish: UUID | None, tree: str, by: str = ONE) -> int:
    return run(database, actor, ANNOUNCE, lg=HIDA, new=new_id(), tree=tree, by=by, wish=wish)


SAME = '{"count": 2}'


def test_the_database_knows_who_asks_and_who_answers(
    database: RollbackDatabase, wish: UUID
) -> None:
    values: dict[str, Any] = {"lg": HIDA, "id": new_id(), "at": NOW, "until": NOW}
    confirmed = {"answered": TWO, "answered_at": NOW, "state": "confirmed"}
    refused: tuple[Callable[[], int], ...] = (
        # In a colleague's name; born confirmed; answered by whoever asked, or in another's name.
        lambda: run(
            database, TWO, ASK, **values, asked=ONE, state="open", answered=None, answered_at=None
        ),
        lambda: run(database, ONE, ASK, **values, asked=ONE, **confirmed),
        lambda: run(database, ONE, ANSWER, by=ONE, at=NOW, id=wish),
        lambda: run(database, ONE, ANSWER, by=TWO, at=NOW, id=wish),
        lambda: run(database, TWO, ANSWER, by=TWO, at=NOW + timedelta(days=15), id=wish),
        lambda: run(
            database, TWO, "update confirmation set asked_by = :by where id = :id", by=TWO, id=wish
        ),
        lambda: run(database, TWO, "delete from confirmation where id = :id", id=wish),
    )
    for act in refused:
        with pytest.raises(DBAPIError):
            act()
    assert run(database, TWO, ANSWER, by=TWO, at=NOW, id=wish) == 1
    with pytest.raises(DBAPIError):
        run(database, TWO, "update confirmation set state = 'open', answered_by = null")


def test_the_database_wants_the_second_person_for_what_two_decide(
    database: RollbackDatabase, wish: UUID
) -> None:
    for given in (None, wish, new_id()):
        with pytest.raises(DBAPIError):
            announce(database, ONE, given, SAME)
    run(database, TWO, ANSWER, by=TWO, at=NOW, id=wish)
    for actor, tree, by in ((ONE, SAME, ONE), (TWO, '{"count": 1}', ONE), (TWO, SAME, TWO)):
        with pytest.raises(DBAPIError):
            announce(database, actor, wish, tree, by)
    assert announce(database, TWO, wish, SAME) == 1
    (row,) = stored(database, select(RequirementVersion))
    assert row.confirmation_id == wish


def test_the_database_lets_nobody_be_made_a_manager_or_a_machine_by_one(
    database: RollbackDatabase, first: SignedIn, second: SignedIn
) -> None:
    value = (
        "insert into body_value (lg_code, key, since, decided_at, value, decided_by)"
        " values (:lg, :key, '2027-06-01', :at, :value, :by)"
    )
    me = f"staff:{first.id}"
    given: dict[str, Any] = {"lg": HIDA, "at": NOW, "by": me}
    for key in ("decision.mode", "decision.mode.renewal"):
        with pytest.raises(DBAPIError):
            run(database, me, value, key=key, value='"auto"', **given)
        assert run(database, me, value, key=key, value='"review"', **given) == 1
    promote = "update staff_role set role = 'manager' where account_id = :who"
    with pytest.raises(DBAPIError):
        run(database, me, promote, who=second.id)
    with pytest.raises(DBAPIError):
        run(
            database,
            me,
            "insert into staff_role (lg_code, account_id, role, name, granted_at)"
            " values (:lg, :who, 'manager', 'x', :at)",
            lg=HIDA,
            who=second.id,
            at=NOW,
        )
    run(database, me, "update staff_role set ended_at = :at where account_id = :who", at=NOW, who=first.id)  # fmt: skip
    with pytest.raises(DBAPIError):
        run(database, me, "update staff_role set ended_at = null where account_id = :who", who=first.id)  # fmt: skip
