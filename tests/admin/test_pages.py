"""Every page of the desk opens for the right role, and for nobody else."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient

from admin import approving
from core.access import Role
from core.db import Database, for_body
from registry.staff import appoint
from tests.factories.activities import (
    create_activity,
    create_designated_activity,
    create_organisation,
    create_session,
    sign_up,
)
from tests.factories.registry import (
    GIFU,
    HIDA,
    KESENNUMA,
    NOW,
    SignedIn,
    create_person,
    join,
    make_operator,
    make_staff,
)


@dataclass(frozen=True, slots=True)
class Place:
    """A local government with one of everything."""

    proposal: UUID
    activity: UUID
    organisation: UUID
    session: UUID
    registration: UUID


@pytest.fixture
def place(database: Database) -> Place:
    organisation = create_organisation(database)
    proposal = create_activity(database, organisation)
    activity = create_designated_activity(database, organisation)
    session = create_session(database, activity)
    someone = create_person(database, name="山田 花子", kana="ヤマダ ハナコ")
    row = join(database, someone, HIDA)
    sign_up(database, session, someone.id)
    return Place(proposal.id, activity.id, organisation.id, session.id, row.id)


def pages(place: Place) -> list[tuple[str, Role]]:
    """Every page of one body's desk with the least role that opens it."""
    return [
        ("", Role.VIEWER),
        ("/approvals", Role.VIEWER),
        ("/preview", Role.VIEWER),
        ("/preview?count=4&mode=auto", Role.VIEWER),
        ("/activities", Role.VIEWER),
        ("/activities/new", Role.CLERK),
        (f"/activities/{place.proposal}", Role.VIEWER),
        (f"/activities/{place.activity}", Role.VIEWER),
        (f"/sessions/{place.session}", Role.VIEWER),
        (f"/sessions/{place.session}?q=花子さん", Role.VIEWER),
        (f"/sessions/{place.session}/poster", Role.VIEWER),
        ("/organisations", Role.VIEWER),
        (f"/organisations/{place.organisation}", Role.VIEWER),
        ("/members", Role.VIEWER),
        ("/members?q=ヤマダ&tier=basic", Role.VIEWER),
        (f"/members/{place.registration}", Role.VIEWER),
        ("/news", Role.VIEWER),
        ("/figures", Role.VIEWER),
        ("/settings", Role.VIEWER),
        ("/settings/requirement", Role.MANAGER),
        ("/confirmations", Role.APPROVER),
        ("/audit", Role.MANAGER),
    ]


def test_each_page_opens_for_its_role_and_those_above(
    http: TestClient, database: Database, place: Place
) -> None:
    people = {role: make_staff(database, HIDA, role) for role in Role}
    for path, least in pages(place):
        for role, someone in people.items():
            answer = http.get(f"/staff/{HIDA}{path}", headers=someone.headers)
            expected = 200 if role.rank >= least.rank else 403
            assert answer.status_code == expected, f"{role} {path}"
            assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("language", ["en", "easy"])
def test_each_page_speaks_every_language(
    http: TestClient, database: Database, place: Place, language: str
) -> None:
    manager = make_staff(database, HIDA, Role.MANAGER)
    headers = {"Authorization": manager.headers["Authorization"], "Cookie": f"lang={language}"}
    for path, _ in pages(place):
        answer = http.get(f"/staff/{HIDA}{path}", headers=headers)
        assert answer.status_code == 200, path
        assert ("Sign out" in answer.text) == (language == "en"), path


def test_another_bodys_desk_looks_like_no_desk(
    http: TestClient, database: Database, place: Place
) -> None:
    """R25: staff of another local government learn nothing, not even that a page exists."""
    stranger = make_staff(database, KESENNUMA, Role.MANAGER)
    for path, _ in pages(place):
        answer = http.get(f"/staff/{HIDA}{path}", headers=stranger.headers)
        assert answer.status_code == 404, path
    answer = http.get(f"/staff/{KESENNUMA}/members/{place.registration}", headers=stranger.headers)
    assert answer.status_code == 404


def test_people_and_operators_have_no_desk(
    http: TestClient, database: Database, place: Place
) -> None:
    for someone in (create_person(database), make_operator(database)):
        assert http.get(f"/staff/{HIDA}", headers=someone.headers).status_code == 403


def test_strangers_are_led_to_the_sign_in_and_back(http: TestClient) -> None:
    answer = http.get(f"/staff/{HIDA}/approvals")
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/staff/signin?next=/staff/{HIDA}/approvals"
    assert http.get("/operator/keys").headers["location"].startswith("/operator/signin")


OPERATOR_PAGES = (
    "",
    "/bodies",
    "/bodies?q=ひだ&standing=active",
    f"/bodies/{HIDA}",
    "/keys",
    "/figures",
    "/numbers",
    "/incident",
    "/audit",
)


@pytest.mark.parametrize("path", OPERATOR_PAGES)
def test_operator_pages_are_for_operators(http: TestClient, database: Database, path: str) -> None:
    operator, staff = make_operator(database), make_staff(database, HIDA)
    assert http.get(f"/operator{path}", headers=operator.headers).status_code == 200
    assert http.get(f"/operator{path}", headers=staff.headers).status_code == 403


def test_operator_sees_no_person(http: TestClient, database: Database, place: Place) -> None:
    """R25: no page of the operator names a registrant or a member of staff."""
    make_staff(database, HIDA, name="秘密の職員")
    operator = make_operator(database)
    shown = "".join(
        http.get(f"/operator{path}", headers=operator.headers).text for path in OPERATOR_PAGES
    )
    assert "花子" not in shown
    assert "秘密の職員" not in shown


def test_prefecture_sees_its_own_rows_only(http: TestClient, database: Database) -> None:
    """R02, R25: a prefecture's desk holds the derived row; the town's desk holds the town's."""
    someone = create_person(database, nickname="たろう太郎")
    town = join(database, someone, HIDA)
    prefecture = make_staff(database, GIFU, Role.MANAGER)
    listed = http.get(f"/staff/{GIFU}/members?q=たろう太郎", headers=prefecture.headers)
    assert listed.status_code == 200
    assert "たろう太郎" in listed.text
    assert str(town.id) not in listed.text
    hidden = http.get(f"/staff/{GIFU}/members/{town.id}", headers=prefecture.headers)
    assert hidden.status_code == 404


def test_sign_in_by_code_opens_the_desk(http: TestClient, database: Database) -> None:
    staff = make_staff(database, HIDA, Role.CLERK)
    asked = http.post(
        "/staff/signin", data={"email": staff.email, "next": f"/staff/{HIDA}/members"}
    )
    assert asked.status_code == 200
    code = _shown_code(asked.text)
    wrong = http.post("/staff/signin/code", data={"code": "00000000", "email": staff.email})
    assert wrong.status_code == 422
    entered = http.post(
        "/staff/signin/code",
        data={"code": code, "email": staff.email, "next": f"/staff/{HIDA}/members"},
    )
    assert entered.status_code == 303
    assert entered.headers["location"] == f"/staff/{HIDA}/members"
    assert http.get(entered.headers["location"]).status_code == 200
    home = http.get("/staff")
    assert home.headers["location"] == f"/staff/{HIDA}"
    left = http.post("/staff/signout", headers={"Sec-Fetch-Site": "same-origin"})
    assert left.headers["location"] == "/staff/signin"
    assert http.get(f"/staff/{HIDA}").status_code == 303


@pytest.mark.parametrize("wanted", ["https://evil.example/", "//evil.example", "/operator", "/x"])
def test_sign_in_leads_nowhere_else(http: TestClient, database: Database, wanted: str) -> None:
    staff = make_staff(database, HIDA)
    code = _shown_code(http.post("/staff/signin", data={"email": staff.email}).text)
    entered = http.post(
        "/staff/signin/code", data={"code": code, "email": staff.email, "next": wanted}
    )
    assert entered.headers["location"] == "/staff"


def _shown_code(page: str) -> str:
    digits = [word for word in page.replace("：", " ").replace("<", " ").split() if word.isdigit()]
    return next(word for word in digits if len(word) == 8)


def test_who_works_for_two_bodies_chooses(http: TestClient, database: Database) -> None:
    staff = make_staff(database, HIDA, Role.CLERK)
    _second_body(database, staff)
    page = http.get("/staff", headers=staff.headers)
    assert page.status_code == 200
    assert f"/staff/{HIDA}" in page.text
    assert f"/staff/{KESENNUMA}" in page.text


def _second_body(database: Database, staff: SignedIn) -> None:
    with database.transaction(for_body(KESENNUMA, actor="system:test")) as db:
        appoint(
            db,
            actor=staff.actor,
            lg_code=KESENNUMA,
            account_id=staff.id,
            name="兼務",
            role=Role.VIEWER,
            now=NOW,
        )


def test_unknown_things_are_not_found(http: TestClient, database: Database) -> None:
    staff = make_staff(database, HIDA)
    for path in ("activities", "sessions", "members", "organisations", "judgements"):
        answer = http.get(f"/staff/{HIDA}/{path}/{uuid4()}", headers=staff.headers)
        assert answer.status_code == 404, path
    assert http.get("/staff/abc", headers=staff.headers).status_code == 422


def test_r15_a_list_that_is_not_all_that_waits_says_so(
    http: TestClient, database: Database, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    clerk = make_staff(database, HIDA, Role.CLERK)
    create_activity(database, create_organisation(database))
    page = http.get(f"/staff/{HIDA}/approvals", headers=clerk.headers).text
    assert "を並べています" not in page
    monkeypatch.setattr(approving, "LIMIT", 1)
    page = http.get(f"/staff/{HIDA}/approvals", headers=clerk.headers).text
    assert "2件のうち、はじめの1件を並べています" in page
    assert page.count('<article class="panel">') == 1
