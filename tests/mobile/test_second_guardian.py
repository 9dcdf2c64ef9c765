"""R18, R32: a child is never left with nobody: a second guardian, closing, and a guardian's death."""

import re
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from core.access import Role
from core.db import Database
from tests.conftest import RollbackDatabase
from tests.factories import registry as make
from tests.factories.phone import Phone, sign_in
from tests.factories.presence import Look
from tests.factories.registry import GIFU, HIDA, open_bodies

MOTHER, FATHER = "haruko@example.jp", "fuyuo@example.jp"


@pytest.fixture
def mother(phone: Phone, database: RollbackDatabase) -> Phone:
    open_bodies(database, GIFU, HIDA)
    phone.open(f"/signin?next=/towns/{HIDA}")
    sign_in(phone, MOTHER)
    phone.send({"nickname": "春子", "birth_year": "1985", "consent": "yes"}, to="/welcome")
    return phone.send({"tie": "origin"}, to=f"/towns/{HIDA}/join")


@pytest.fixture
def father(app: FastAPI) -> Phone:
    return Phone(TestClient(app, follow_redirects=False))


def child_of(mother: Phone) -> str:
    """A child registered with 飛騨市; the path of its page."""
    given = {"nickname": "太郎", "birth_year": "2018", "consent": "yes"}
    page = mother.open("/family").send(given, to="/family/children").path
    mother.send(to=f"{page}/towns/{HIDA}")
    return page


def link_in(phone: Phone) -> str:
    found = re.search(r'href="([^"]*/guardian-invitations/[^"]+)"', phone.text)
    assert found, phone.words
    return urlsplit(found[1]).path


def join_in(father: Phone, link: str, year: str = "1983") -> None:
    """The father signs in with his address, gives his year of birth, and agrees."""
    father.open(f"/signin?next={link}")
    sign_in(father, FATHER)
    father.open(link).send({"nickname": "冬夫", "consent": "yes"}, to=link)
    assert "生まれた年" in father.words, "an adult says so before managing a child"
    father.open("/me/profile").send({"nickname": "冬夫", "birth_year": year}, to="/me/profile")
    father.open(link).send({"consent": "yes"}, to=link)


def close(phone: Phone) -> Phone:
    return phone.open("/me/close").send({"sure": "yes"}, to="/me/close")


def test_r18_a_guardian_closes_only_when_no_child_is_left_alone(
    mother: Phone, father: Phone, look: Look
) -> None:
    page = child_of(mother)
    mother.open("/me/close")
    assert "先に、お子さまのことを決めてください" in mother.words
    assert "/me/close" not in re.findall(r'<form[^>]*action="([^"]*)"', mother.text)
    open_anyway = {"_key": "pressed before the child came", "sure": "yes"}
    same = {"Sec-Fetch-Site": "same-origin"}
    refused = mother.client.post("/me/close", data=open_anyway, headers=same)
    assert refused.status_code == 422
    assert "「家族」の画面" in refused.text
    assert look.one("select count(*) from account where closed_at is not null") == 0

    mother.open(mother.link("太郎さんの画面を開く"))
    assert mother.path == page
    mother.send({"contact": "wrong@example.jp"}, to=f"{page}/guardians")
    wrong = link_in(mother)
    mother.send(to=f"{page}/guardians/withdraw")
    assert "取り下げられました" in father.open(wrong).words
    mother.open(page).send({"contact": FATHER}, to=f"{page}/guardians")
    assert "お返事を待っています" in mother.words
    join_in(father, link_in(mother))
    assert "保護者になっています" in father.open(father.link("お子さまの画面を開く")).words
    child = look.one("select distinct person_id from guardianship")

    close(mother)
    assert mother.path == "/closed"
    assert look.rows("select state, ended_reason from guardianship where scope = 'managed'"
                     " and contact = :c", c=MOTHER) == [("ended", "guardian_gone")]  # fmt: skip
    assert look.one("select email from account where id = :p", p=child) == FATHER
    assert look.rows("select lg_code, status from registration where person_id = :p"
                     " order by lg_code", p=child) == [(GIFU, "active"), (HIDA, "active")]  # fmt: skip
    # Now the father is the only one, and ends the child's registration before his own.
    father.open("/me/close")
    father.open(father.link("太郎さんの画面を開く"))
    father.send(to=f"{father.path}/end")
    assert look.one("select status from registration where person_id = :p and lg_code = :c",
                    p=child, c=HIDA) == "closed"  # fmt: skip
    assert look.one("select count(*) from registration where person_id = :p", p=child) == 2
    assert close(father).path == "/closed"


def test_r18_one_of_two_guardians_steps_back(mother: Phone, father: Phone, look: Look) -> None:
    page = child_of(mother)
    mother.open(page).send({"contact": FATHER}, to=f"{page}/guardians")
    join_in(father, link_in(mother))
    mother.open(page).send(to=f"{page}/end")
    states = "select contact, state, ended_reason from guardianship order by contact desc"
    assert look.rows(states) == [(MOTHER, "ended", "by_guardian"), (FATHER, "living", None)]
    assert look.one("select count(*) from registration where status <> 'active'") == 0


def test_r18_r32_after_a_guardians_death_staff_ask_another_adult(
    client: TestClient, database: Database, mother: Phone, father: Phone, look: Look
) -> None:
    child_of(mother)
    child = look.one("select person_id from guardianship where scope = 'managed'")
    staff = make.make_staff(database, HIDA, Role.APPROVER)
    own = "select id from registration where lg_code = :c and person_id {} :p"
    of_mother = look.one(own.format("<>"), c=HIDA, p=child)
    of_child = look.one(own.format("="), c=HIDA, p=child)
    base = f"/api/v1/local-governments/{HIDA}/registrations"
    ask = {"contact": FATHER}
    early = client.post(f"{base}/{of_child}/guardians", headers=staff.headers, json=ask)
    assert (early.status_code, early.json()["code"]) == (409, "guardian_there")
    told = {"reason": "deceased", "told_by": "family", "seen": "family_register"}
    gone = client.post(f"{base}/{of_mother}/closing", headers=staff.headers, json=told)
    assert gone.json()["wards"] == 1
    assert look.one("select status from registration where id = :i", i=of_child) == "active"
    asked = client.post(f"{base}/{of_child}/guardians", headers=staff.headers, json=ask)
    assert asked.status_code == 201, asked.text
    join_in(father, urlsplit(asked.json()["link"]).path)
    assert "太郎さん" in father.open("/family").words
    assert look.one("select email from account where id = :p", p=child) == FATHER


def test_r18_the_api_refuses_and_asks_alike(
    client: TestClient, mother: Phone, database: Database, look: Look
) -> None:
    child_of(mother)
    token = make.sign_in(database, MOTHER, now=make.NOW)
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "close"}
    refused = client.delete("/api/v1/me", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (409, "children_first")
    tie = look.one("select id from guardianship")
    door = f"/api/v1/me/guardianships/{tie}/guardians"
    again = client.post(door, headers=headers | {"Idempotency-Key": "a"}, json={"contact": MOTHER})
    assert (again.status_code, again.json()["code"]) == (409, "already_guardian")
    asked = client.post(door, headers=headers | {"Idempotency-Key": "b"}, json={"contact": FATHER})
    assert (asked.status_code, asked.json()["scope"]) == (201, "managed")


def test_r18_consents_and_help_end_with_the_account_and_are_told(
    client: TestClient, database: Database, look: Look
) -> None:
    minor, guardian = make.create_minor(database)
    make.join(database, minor, HIDA)
    assert client.delete("/api/v1/me", headers=guardian.headers).status_code == 204
    assert {one[0] for one in look.rows("select state from guardianship")} == {"ended"}
    assert look.one("select count(*) from notice where kind = 'guardian_gone'") == 1
    assert look.one("select status from registration where lg_code = :c", c=HIDA) == "active"
