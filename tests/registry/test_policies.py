"""R07, R15, R33: a local government's own numbers and requirements, by its managers' hand."""

from datetime import date, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from core.access import Role
from core.clock import FixedClock
from core.db import Context, Database, for_body
from core.models import AuditEvent, Notice
from core.tenancy import Audience
from registry.models import BodyValue
from registry.policies import body_policy, requirement_id, rule_versions
from registry.rules.versions import version_for_term, versions_for_applicant
from tests.conftest import RollbackDatabase
from tests.factories import registry as make
from tests.factories.registry import HIDA, NAGANO, SignedIn

BOOK = make.policy_book()
TODAY = date(2027, 6, 1)
VISITOR = Context(Audience.PERSON, actor="anonymous:visitor")


def put(client: TestClient, staff: SignedIn, key: str, value: Any, since: str) -> Any:
    url = f"/api/v1/local-governments/{HIDA}/settings/{key}"
    return client.put(url, headers=staff.headers, json={"value": value, "since": since})


def announce(client: TestClient, staff: SignedIn, tree: Any, day: date) -> Any:
    url = f"/api/v1/local-governments/{HIDA}/requirement-versions"
    body = {"tree": tree, "effective_from": day.isoformat()}
    return client.post(url, headers=staff.headers, json=body)


@pytest.fixture
def second(database: Database) -> SignedIn:
    """Another manager, who confirms what the first one asks for."""
    return make.make_staff(database, HIDA, name="もう1人")


def agreed(client: TestClient, second: SignedIn, asked: Any) -> Any:
    """C47: what waited for a second person is done."""
    assert asked.status_code == 202, asked.text
    url = f"/api/v1/local-governments/{HIDA}/confirmations/{asked.json()['id']}/confirm"
    answer = client.post(url, headers=second.headers)
    assert answer.status_code == 200, answer.text
    return answer


def in_force(database: Database, key: str, day: date, lg_code: str = HIDA) -> Any:
    with database.transaction(VISITOR) as db:
        return body_policy(db, BOOK, lg_code, day).on(key, day, lg_code).value


def refusal(answer: Any) -> tuple[int, str, str | None]:
    first = answer.json()["problems"][0]
    return answer.status_code, first["code"], first.get("rule")


# --- settings -------------------------------------------------------------------------------


def test_r15_a_manager_chooses_the_mode_from_a_day_on(
    client: TestClient, database: Database
) -> None:
    staff = make.make_staff(database, HIDA)
    answer = put(client, staff, "decision.mode", "veto", "2027-07-01")
    assert answer.status_code == 200, answer.text
    assert answer.json()["in_force"]["value"] == "review"
    assert answer.json()["own"][0]["since"] == "2027-07-01"
    assert in_force(database, "decision.mode", date(2027, 6, 30)) == "review"
    assert in_force(database, "decision.mode", date(2027, 7, 1)) == "veto"
    assert in_force(database, "decision.mode", date(2027, 7, 1), NAGANO) == "review"
    with database.transaction(for_body(HIDA, actor=staff.actor.label)) as db:
        assert db.scalars(select(AuditEvent.subject_id)).all() == ["decision.mode"]


def test_r15_a_value_for_the_same_day_is_replaced_and_both_stay_on_record(
    client: TestClient, database: Database, clock: FixedClock, second: SignedIn
) -> None:
    staff = make.make_staff(database, HIDA)
    put(client, staff, "decision.mode", "veto", "2027-06-01")
    clock.advance(timedelta(minutes=1))
    agreed(client, second, put(client, staff, "decision.mode", "auto", "2027-06-01"))
    assert in_force(database, "decision.mode", TODAY) == "auto"
    with database.transaction(VISITOR) as db:
        assert len(db.scalars(select(BodyValue)).all()) == 2


@pytest.mark.parametrize(
    ("key", "value", "since", "refused"),
    [
        ("dormancy.months", 12, "2027-06-01", (409, "setting_national_only", "R06")),
        ("premium.cap", 4, "2027-06-01", (409, "setting_national_only", "R13")),
        ("decision.mode", "never", "2027-06-01", (409, "setting_invalid", "R15")),
        ("decision.mode", 3, "2027-06-01", (409, "setting_invalid", "R15")),
        ("rule.notice_days", 30, "2027-06-01", (409, "setting_below_national", "R33")),
        ("rule.notice_days", 366, "2027-06-01", (409, "setting_invalid", "R33")),
        ("survey.reminders", 3, "2027-06-01", (409, "setting_invalid", "R04")),
        ("decision.mode", "auto", "2027-05-31", (409, "in_the_past", "R33")),
        ("premium.rule", {"count": 2}, "2027-06-01", (409, "setting_by_requirement", "R33")),
        ("no.such.key", 1, "2027-06-01", (404, "not_found", None)),
    ],
)
def test_r15_what_a_body_may_not_set(
    client: TestClient,
    database: Database,
    key: str,
    value: Any,
    since: str,
    refused: tuple[int, str, str | None],
) -> None:
    staff = make.make_staff(database, HIDA)
    assert refusal(put(client, staff, key, value, since)) == refused
    with database.transaction(VISITOR) as db:
        assert db.scalars(select(BodyValue)).all() == []


def test_r15_only_managers_of_the_body_set_and_all_its_staff_see(
    client: TestClient, database: Database
) -> None:
    viewer = make.make_staff(database, HIDA, Role.VIEWER)
    approver = make.make_staff(database, HIDA, Role.APPROVER)
    neighbour = make.make_staff(database, NAGANO)
    assert put(client, approver, "decision.mode", "auto", "2027-06-01").status_code == 403
    assert put(client, neighbour, "decision.mode", "auto", "2027-06-01").status_code == 404
    url = f"/api/v1/local-governments/{HIDA}/settings"
    assert client.get(url, headers=neighbour.headers).status_code == 404
    listed = client.get(url, headers=viewer.headers).json()["items"]
    assert len(listed) == len(BOOK.parameters)
    mode = next(one for one in listed if one["key"] == "decision.mode")
    assert (mode["national"]["value"], mode["may"]) == ("review", "any")


def test_r33_a_value_the_nation_no_longer_allows_rests(
    client: TestClient, database: RollbackDatabase
) -> None:
    staff = make.make_staff(database, HIDA)
    put(client, staff, "rule.notice_days", 90, "2027-06-01")
    assert in_force(database, "rule.notice_days", TODAY) == 90
    with database.owner() as connection:
        connection.execute(update(BodyValue).values(value=1000))
    assert in_force(database, "rule.notice_days", TODAY) == 60


# --- requirements ---------------------------------------------------------------------------


def test_r33_a_harder_requirement_needs_sixty_days_notice(
    client: TestClient, database: Database, second: SignedIn
) -> None:
    staff = make.make_staff(database, HIDA)
    early = announce(client, staff, {"count": 5}, TODAY + timedelta(days=59))
    assert refusal(early) == (409, "notice_too_short", "R33")
    first = early.json()["problems"][0]
    assert (first["found"], first["needed"], first["names"]) == (59, 60, ["2027-07-31"])
    day = TODAY + timedelta(days=60)
    agreed(client, second, announce(client, staff, {"count": 5}, day))
    assert in_force(database, "premium.rule", day - timedelta(days=1)) == {"count": 3}
    assert in_force(database, "premium.rule", day) == {"count": 5}
    assert refusal(announce(client, staff, {"count": 6}, day))[1] == "requirement_exists"


def test_r33_an_easier_step_in_between_does_not_shorten_the_notice(
    client: TestClient, database: Database, second: SignedIn
) -> None:
    """3 now, 8 announced; then 5 sooner than 8 is easier than what follows, but harder than 3."""
    staff = make.make_staff(database, HIDA)
    far = TODAY + timedelta(days=60)
    agreed(client, second, announce(client, staff, {"count": 8}, far))
    soon = announce(client, staff, {"count": 5}, TODAY + timedelta(days=30))
    assert refusal(soon)[1] == "notice_too_short"
    agreed(client, second, announce(client, staff, {"count": 5}, far + timedelta(days=1)))


def test_r07_below_the_national_base_is_allowed_and_shown(
    client: TestClient, database: Database, second: SignedIn
) -> None:
    staff = make.make_staff(database, HIDA)
    agreed(client, second, announce(client, staff, {"count": 2}, TODAY))
    shown = client.get(f"/api/v1/local-governments/{HIDA}").json()["requirement"]
    assert (shown["tree"], shown["below_national_base"]) == ({"count": 2}, True)
    url = f"/api/v1/local-governments/{HIDA}/requirement-versions"
    body = client.get(url, headers=staff.headers).json()
    assert [(one["tree"], one["below_national_base"]) for one in body["items"]] == [
        ({"count": 2}, True)
    ]


@pytest.mark.parametrize(
    "tree",
    [{}, {"count": 0}, {"count": -3}, {"count": "3"}, {"likes": 3}, [], None, {"all_of": []}],
)
def test_r07_a_tree_that_cannot_be_read_is_said_to_be(
    client: TestClient, database: Database, tree: Any
) -> None:
    staff = make.make_staff(database, HIDA)
    answer = announce(client, staff, tree, TODAY)
    assert (answer.status_code, answer.json()["code"]) == (422, "requirement_tree")


def test_r33_no_requirement_begins_in_the_past(client: TestClient, database: Database) -> None:
    staff = make.make_staff(database, HIDA)
    answer = announce(client, staff, {"count": 2}, TODAY - timedelta(days=1))
    assert refusal(answer) == (409, "in_the_past", "R33")


def test_r33_example_11_mid_term_by_the_old_one_applicants_by_the_better(
    client: TestClient, database: Database, second: SignedIn
) -> None:
    staff = make.make_staff(database, HIDA)
    day = TODAY + timedelta(days=60)
    agreed(client, second, announce(client, staff, {"count": 5}, day))
    with database.transaction(VISITOR) as db:
        versions = rule_versions(body_policy(db, BOOK, HIDA, day), HIDA)
        assert requirement_id(db, HIDA, day) is not None
        assert requirement_id(db, HIDA, TODAY) is None
    assert version_for_term(versions, TODAY).rule == {"count": 3}
    assert version_for_term(versions, day).rule == {"count": 5}
    soon = versions_for_applicant(versions, day + timedelta(days=90), 90)
    late = versions_for_applicant(versions, day + timedelta(days=91), 90)
    assert [version.rule for version in soon] == [{"count": 5}, {"count": 3}]
    assert [version.rule for version in late] == [{"count": 5}]


def test_r33_registrants_are_told_of_a_change(
    client: TestClient, database: Database, second: SignedIn
) -> None:
    staff = make.make_staff(database, HIDA)
    someone = make.create_person(database)
    make.join(database, someone, HIDA)
    asked = announce(client, staff, {"count": 5}, TODAY + timedelta(days=60))
    with database.transaction(someone.context) as db:
        assert "requirement_raised" not in db.scalars(select(Notice.kind)).all()
    agreed(client, second, asked)
    with database.transaction(someone.context) as db:
        told = db.scalars(select(Notice).where(Notice.kind == "requirement_raised")).one()
    assert told.facts == {"government": "飛騨市", "since": "2027-07-31"}
