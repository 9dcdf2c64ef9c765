"""R18: a minor asks, the guardian confirms on their own phone, shows a card, or takes it back."""

import re
from datetime import date
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text

from tests.conftest import RollbackDatabase
from tests.factories.activities import create_designated_activity, create_session
from tests.factories.phone import Phone, sign_in
from tests.factories.presence import Look
from tests.factories.registry import GIFU, HIDA, open_bodies


@pytest.fixture
def minor(phone: Phone, database: RollbackDatabase) -> Phone:
    """Fourteen or fifteen years old in 2027."""
    open_bodies(database, GIFU, HIDA)
    phone.open("/signin")
    sign_in(phone, "taro@example.jp")
    return phone.send({"nickname": "太郎", "birth_year": "2012", "consent": "yes"}, to="/welcome")


@pytest.fixture
def parent(app: FastAPI) -> Phone:
    """Another phone, another sign-in."""
    return Phone(TestClient(app, follow_redirects=False))


def invite(minor: Phone, scope: str) -> str:
    """The path of the link that the guardian gets by mail."""
    minor.open("/family").send({"contact": "mother@example.jp", "scope": scope}, to="/family")
    found = re.search(r'href="([^"]*/guardian-invitations/[^"]+)"', minor.text)
    assert found, minor.words
    return urlsplit(found[1]).path


def agree(parent: Phone, link: str) -> Phone:
    parent.open(link)
    assert "太郎" not in parent.words  # the link alone names nobody
    parent.open(parent.link("サインインして確かめる"))
    sign_in(parent, "mother@example.jp")
    assert parent.path == link
    return parent.send({"nickname": "母", "consent": "yes"}, to=link)


def test_r18_a_minor_registers_once_a_guardian_has_confirmed(
    minor: Phone, parent: Phone, look: Look
) -> None:
    minor.open(f"/towns/{HIDA}").send({"tie": "origin"}, to=f"/towns/{HIDA}/join")
    assert minor.status == 409
    assert "保護者の方にお願いする" in minor.words
    assert look.one("select count(*) from registration") == 0
    agree(parent, invite(minor, "basic"))
    assert "同意をいただいています" in parent.words
    assert "太郎さん" in parent.words
    minor.open(f"/towns/{HIDA}").send({"tie": "origin"}, to=f"/towns/{HIDA}/join")
    assert look.one("select count(*) from registration where lg_code = :c", c=HIDA) == 1
    minor.open("/family")
    assert "同意をいただいています" in minor.words


def test_r18_somebody_elses_address_confirms_nothing(
    minor: Phone, parent: Phone, look: Look
) -> None:
    link = invite(minor, "basic")
    parent.open(link)
    parent.open(parent.link("サインインして確かめる"))
    sign_in(parent, "stranger@example.jp")
    parent.open(link).send({"nickname": "x", "consent": "yes"}, to=link)
    assert parent.status == 409
    assert look.one("select contact_confirmed_at from guardianship") is None


def test_r18_consent_is_given_by_ticking_it(minor: Phone, parent: Phone, look: Look) -> None:
    link = invite(minor, "basic")
    parent.open(link)
    parent.open(parent.link("サインインして確かめる"))
    sign_in(parent, "mother@example.jp")
    parent.open(link).send({"nickname": "母"}, to=link)
    assert "印を付けて" in parent.words
    assert look.one("select state from guardianship") == "invited"


def test_r18_the_guardian_withdraws_and_premium_ends(
    minor: Phone, parent: Phone, database: RollbackDatabase, look: Look
) -> None:
    agree(parent, invite(minor, "basic"))
    minor.open(f"/towns/{HIDA}").send({"tie": "origin"}, to=f"/towns/{HIDA}/join")
    agree_again = invite(minor, "premium")
    parent.open(agree_again).send({"consent": "yes"}, to=agree_again)
    assert "保護者の方ご自身のマイナンバーカード" in parent.words
    with database.owner() as connection:
        connection.execute(
            text(
                "update guardianship set state = 'living', verified_at = now()"
                " where scope = 'premium'"
            )
        )
    premium_by_hand(database)
    parent.open("/family")
    consent = look.one("select id from guardianship where scope = 'premium'")
    parent.send(to=f"/family/{consent}/withdraw")
    assert look.one("select tier from registration where lg_code = :c", c=HIDA) == "basic"
    minor.open("/notices")
    assert "同意" in minor.words


def premium_by_hand(database: RollbackDatabase) -> None:
    """A term of premium, as a grant leaves it."""
    with database.owner() as connection:
        connection.execute(
            text("update registration set tier = 'premium' where lg_code = :c"), {"c": HIDA}
        )
        connection.execute(
            text(
                "insert into term (lg_code, id, registration_id, person_id, first_day, last_day,"
                " state, renewal_state, created_at) select lg_code, gen_random_uuid(), id,"
                " person_id, '2027-05-01', :last, 'active', 'none', now() from registration"
                " where lg_code = :c"
            ),
            {"c": HIDA, "last": date(2028, 4, 30)},
        )


def test_r18_nobody_speaks_for_an_adult(phone: Phone, database: RollbackDatabase) -> None:
    phone.open("/signin")
    sign_in(phone, "hanako@example.jp")
    phone.send({"nickname": "花子", "birth_year": "1952", "consent": "yes"}, to="/welcome")
    phone.open("/family")
    assert "お願いすること" not in phone.words
    assert "お子さまを登録する" in phone.words
    answer = phone.client.post(
        "/family",
        data={"_key": "k", "contact": "x@example.jp", "scope": "basic"},
        headers={"Sec-Fetch-Site": "same-origin"},
    )
    assert answer.status_code == 422


def test_r18_ones_own_address_is_no_guardians(minor: Phone) -> None:
    minor.open("/family").send({"contact": "taro@example.jp", "scope": "basic"}, to="/family")
    assert minor.status == 422
    assert 'href="#contact"' in minor.text


def test_r18_a_minor_from_a_poster_is_told_what_to_do(
    minor: Phone, database: RollbackDatabase
) -> None:
    session = create_session(database, create_designated_activity(database))
    minor.open(f"/c/{session.poster_code}").send(to=f"/c/{session.poster_code}")
    assert minor.status == 409
    assert minor.link("保護者の方にお願いする") == "/family"


def test_r18_a_minor_names_whom_to_call(minor: Phone, database: RollbackDatabase) -> None:
    there = "/family/emergency-contact"
    minor.open("/family").send({"emergency_name": "母"}, to=there)
    assert minor.status == 422
    minor.open("/family").send({"emergency_name": "母", "emergency_phone": "0577"}, to=there)
    assert "電話番号は、市外局番から" in minor.words
    given = {"emergency_name": "母 佐藤春子", "emergency_phone": "０９０－１２３４－５６７８"}
    minor.open("/family").send(given, to=there)
    assert 'value="090-1234-5678"' in minor.open("/family").text


def test_r18_a_guardian_is_asked_for_the_year_before_registering(
    minor: Phone, parent: Phone
) -> None:
    agree(parent, invite(minor, "basic"))
    parent.open(f"/towns/{HIDA}").send(to=f"/towns/{HIDA}/join")
    assert "生まれた年を、西暦の4けたで" in parent.words
    parent.open("/me/profile").send({"nickname": "母", "birth_year": "19"}, to="/me/profile")
    assert parent.status == 422
    parent.open("/me/profile").send({"nickname": "母", "birth_year": "1985"}, to="/me/profile")
    assert "生まれた年" not in parent.open("/me/profile").words
    parent.open(f"/towns/{HIDA}").send({"tie": "work"}, to=f"/towns/{HIDA}/join")
    assert parent.status == 200
    assert parent.path != f"/towns/{HIDA}/join"
