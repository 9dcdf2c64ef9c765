"""R18: a guardian acts for young children, a helper for somebody who asked; each for a time."""

import re
from datetime import date, timedelta
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from activities.models import ActivitySession
from core.access import Actor, ActorKind
from core.clock import FixedClock, japan_day
from core.db import for_body, for_job
from registry.families import who_comes_with
from registry.helping import end_ties
from tests.conftest import RollbackDatabase
from tests.factories.activities import create_designated_activity, create_session
from tests.factories.phone import Phone, sign_in
from tests.factories.presence import Look, jst, make_keys
from tests.factories.registry import GIFU, HIDA, open_bodies

DAY = date(2027, 6, 5)


@pytest.fixture
def poster(database: RollbackDatabase, clock: FixedClock) -> ActivitySession:
    """飛騨市 has joined; an activity at 9:00–12:00, now it is 8:50."""
    open_bodies(database, GIFU, HIDA)
    make_keys(database, now=clock.now())
    session = create_session(database, create_designated_activity(database), starts_at=jst(DAY, 9))
    clock.at = jst(DAY, 8, 50)
    return session


@pytest.fixture
def mother(phone: Phone, poster: ActivitySession) -> Phone:
    phone.open(f"/signin?next=/towns/{HIDA}")
    sign_in(phone, "haruko@example.jp")
    phone.send({"nickname": "春子", "birth_year": "1985", "consent": "yes"}, to="/welcome")
    phone.send({"tie": "origin"}, to=f"/towns/{HIDA}/join")
    return phone


@pytest.fixture
def other(app: FastAPI) -> Phone:
    """Another phone, another sign-in."""
    return Phone(TestClient(app, follow_redirects=False))


def with_child(mother: Phone, name: str = "太郎", year: str = "2018") -> str:
    """A child of the family; the path of its page."""
    given = {"nickname": name, "birth_year": year, "consent": "yes"}
    mother.open("/family").send(given, to="/family/children")
    assert mother.status == 200, mother.words
    assert f"{name}さん" in mother.words
    return mother.path


def with_helper(person: Phone, helper: Phone) -> str:
    """Somebody helps the person of the first phone; the path of the helper's page."""
    person.open("/family").send({"contact": "aki@example.jp", "months": "3"}, to="/family")
    found = re.search(r'href="([^"]*/guardian-invitations/[^"]+)"', person.text)
    assert found, person.words
    link = urlsplit(found[1]).path
    helper.open(link)
    assert "手伝ってほしい" in helper.words
    helper.open(helper.link("サインインして確かめる"))
    sign_in(helper, "aki@example.jp")
    helper.send({"nickname": "秋", "consent": "yes"}, to=link)
    assert "お引き受けいただきました" in helper.words
    return helper.link("お手伝いの画面を開く")


# --- a managed child ------------------------------------------------------------------------------


def test_r18_a_guardian_registers_a_child_and_signs_it_up_under_their_own_name(
    mother: Phone, poster: ActivitySession, look: Look
) -> None:
    page = with_child(mother)
    place = f"/sign-ups/{HIDA}/{poster.id}"
    mother.open(f"/activities/{HIDA}/{poster.activity_id}").send(to=page + place)
    assert mother.path == page
    assert "申込済み" in mother.words
    child = look.one("select person_id from guardianship where scope = 'managed'")
    own = look.one("select guardian_id from guardianship where scope = 'managed'")
    assert look.rows("select person_id, state from sign_up") == [(child, "taken")]
    assert look.rows("select tier from registration where person_id = :p and lg_code = :c",
                     p=child, c=HIDA) == [("basic",)]  # fmt: skip
    trail = look.rows(
        "select actor, action, purpose from audit_event where person_id = :p", p=child
    )
    assert {actor for actor, _, _ in trail} == {f"person:{own}"}
    assert (f"person:{own}", "sign_up.taken", "on_behalf") in trail
    mother.send(to=f"{page}{place}/cancel")
    assert "申込済み" not in mother.words


def test_r18_nobody_signs_in_as_a_managed_child(mother: Phone, look: Look) -> None:
    with_child(mother)
    child = look.one("select person_id from guardianship where scope = 'managed'")
    assert look.rows("select email_key, email from account where id = :p", p=child) == [
        (None, "haruko@example.jp")
    ]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"nickname": "太郎", "birth_year": "2013", "consent": "yes"}, "13歳からは"),
        ({"nickname": "", "birth_year": "2018", "consent": "yes"}, "名前"),
        ({"nickname": "太郎", "birth_year": "", "consent": "yes"}, "生まれた年"),
        ({"nickname": "太郎", "birth_year": "2018"}, "印を付けて"),
    ],
)
def test_r18_what_is_missing_for_a_child_is_said(
    mother: Phone, look: Look, given: dict[str, str], told: str
) -> None:
    mother.open("/family").send(given, to="/family/children")
    assert mother.status == 422
    assert told in mother.words
    assert look.one("select count(*) from guardianship") == 0


def test_r18_a_minor_manages_nobody(phone: Phone, poster: ActivitySession, look: Look) -> None:
    phone.open("/signin")
    sign_in(phone, "jiro@example.jp")
    phone.send({"nickname": "二郎", "birth_year": "2010", "consent": "yes"}, to="/welcome")
    answer = phone.client.post(
        "/family/children",
        data={"_key": "k", "nickname": "x", "birth_year": "2020", "consent": "yes"},
        headers={"Sec-Fetch-Site": "same-origin"},
    )
    assert answer.status_code == 422
    assert look.one("select count(*) from guardianship") == 0


def test_r19_a_family_checks_in_with_one_code_and_each_is_counted_for_themselves(
    mother: Phone, poster: ActivitySession, look: Look
) -> None:
    pages = [with_child(mother), with_child(mother, "花", "2020")]
    there = f"/c/{poster.poster_code}"
    for page in pages:
        mother.open(f"/activities/{HIDA}/{poster.activity_id}")
        mother.send(to=f"{page}/sign-ups/{HIDA}/{poster.id}")
    mother.open(f"/activities/{HIDA}/{poster.activity_id}").send(to=f"/sign-ups/{HIDA}/{poster.id}")
    mother.open(there)
    assert "いっしょに来た方" in mother.words
    with_both = {f"with-{page.rsplit('/', 1)[1]}": "yes" for page in pages}
    mother.send(with_both, to=there)
    assert "太郎さんも受付しました" in mother.words
    assert "花さんも受付しました" in mother.words
    mother.send_again()
    assert look.rows("select outcome, counted, count(*) from scan_attempt group by 1, 2") == [
        ("accepted", True, 3)
    ]
    assert look.one("select count(distinct person_id) from check_in") == 3


def test_r22_the_childs_card_is_shown_on_the_guardians_phone(
    mother: Phone, poster: ActivitySession
) -> None:
    page = with_child(mother)
    mother.send(to=f"{page}/towns/{HIDA}")
    mother.open(f"{page}/card/{HIDA}").send(to=f"{page}/card/{HIDA}")
    assert "太郎さんの登録証" in mother.words
    assert "<svg" in mother.text


def test_r18_giving_up_a_child_closes_its_registrations(
    mother: Phone, poster: ActivitySession, look: Look
) -> None:
    page = with_child(mother)
    mother.send(to=f"{page}/towns/{HIDA}").send(to=f"{page}/end")
    assert mother.path == "/family"
    child = look.one("select person_id from guardianship where scope = 'managed'")
    assert look.one("select status from registration where person_id = :p and lg_code = :c",
                    p=child, c=HIDA) == "closed"  # fmt: skip
    assert mother.open(page).status in {404, 409, 422}


def test_r18_from_the_thirteenth_birthday_nobody_acts_and_the_child_signs_in(
    mother: Phone, other: Phone, poster: ActivitySession, look: Look,
    database: RollbackDatabase, clock: FixedClock,
) -> None:  # fmt: skip
    page = with_child(mother)
    mother.send(to=f"{page}/towns/{HIDA}")
    clock.at = jst(date(2031, 12, 31), 0, 1)
    sign_in(mother.open("/signin"), "haruko@example.jp")
    assert mother.open(page).status == 409
    with database.transaction(for_job("families")) as db:
        today = japan_day(clock.now())
        assert end_ties(db, as_of=today, now=clock.now()) == (1, 0)
        assert end_ties(db, as_of=today, now=clock.now()) == (0, 0)
    assert "自分でサインインできる年齢" in mother.open("/notices").words
    child = look.one("select person_id from guardianship")
    mother.open("/family").open(mother.link("ご本人のサインインを作る"))
    mother.send({"email": "taro@example.jp"})
    code = re.search(r"<strong>(\d{8})</strong>", mother.text)
    assert code
    mother.send({"code": "00000000"})
    assert mother.status == 422
    mother.send({"code": code[1]})
    assert mother.path == "/family"
    sign_in(other.open("/signin"), "taro@example.jp")
    assert "太郎さん" in other.open("/me").words
    assert look.one("select status from registration where person_id = :p and lg_code = :c",
                    p=child, c=HIDA) == "active"  # fmt: skip


# --- a helper -------------------------------------------------------------------------------------


def test_r18_a_helper_signs_up_and_the_person_sees_who_did(
    mother: Phone, other: Phone, poster: ActivitySession, look: Look
) -> None:
    page = with_helper(mother, other)
    other.open(f"/activities/{HIDA}/{poster.activity_id}")
    other.send(to=f"{page}/sign-ups/{HIDA}/{poster.id}")
    assert "申込済み" in other.words
    mother.open("/me/looks")
    assert "秋さん" in mother.words
    assert "活動に申し込みました" in mother.words
    helper, person = look.rows("select guardian_id, person_id from guardianship")[0]
    assert look.rows("select actor, person_id from audit_event where action = 'sign_up.taken'") == [
        (f"person:{helper}", person)
    ]


def test_r18_a_helper_never_registers_leaves_or_closes(
    mother: Phone, other: Phone, look: Look
) -> None:
    page = with_helper(mother, other)
    for path in (f"{page}/towns/{GIFU}", f"{page}/towns/{HIDA}/leave"):
        answer = other.client.post(
            path, data={"_key": path}, headers={"Sec-Fetch-Site": "same-origin"}
        )
        assert answer.status_code == 409, path
    assert "やめる" not in other.open(page).words.split("お手伝いをやめるとき")[0]
    assert look.one("select count(*) from registration where status = 'active' and direct") == 1


@pytest.mark.parametrize("side", ["person", "helper"])
def test_r18_either_side_ends_help_with_one_tap_and_both_are_told(
    mother: Phone, other: Phone, look: Look, side: str
) -> None:
    page = with_helper(mother, other)
    if side == "person":
        tie = page.rsplit("/", 1)[1]
        mother.open("/family").send(to=f"/family/helpers/{tie}/end")
    else:
        other.open(page).send(to=f"{page}/end")
    assert look.one("select state from guardianship") == "withdrawn"
    assert other.open(page).status == 409
    assert "秋さんのお手伝いは終わりました" in mother.open("/notices").words
    assert "ありがとうございました" in other.open("/notices").words


def test_r18_help_ends_by_its_date(
    mother: Phone, other: Phone, look: Look, database: RollbackDatabase, clock: FixedClock
) -> None:
    page = with_helper(mother, other)
    clock.at = jst(date(2027, 9, 4), 23, 59)
    sign_in(other.open("/signin"), "aki@example.jp")
    assert other.open(page).status == 200
    clock.advance(timedelta(minutes=1))
    assert other.open(page).status == 409
    with database.transaction(for_job("families")) as db:
        assert end_ties(db, as_of=date(2027, 9, 5), now=clock.now()) == (0, 1)
    assert look.rows("select state, ended_reason from guardianship") == [("ended", "date")]
    kinds = look.rows("select kind from notice where kind in ('helper_over', 'helping_over')")
    assert sorted(kinds) == [("helper_over",), ("helping_over",)]


def test_r18_strangers_reach_nobodys_page(
    mother: Phone, other: Phone, app: FastAPI, poster: ActivitySession
) -> None:
    page = with_child(mother)
    stranger = Phone(TestClient(app, follow_redirects=False))
    sign_in(stranger.open("/signin"), "stranger@example.jp")
    stranger.send({"nickname": "x", "birth_year": "1990", "consent": "yes"}, to="/welcome")
    for path in (page, f"{page}/card/{HIDA}", f"{page}/own-sign-in"):
        assert stranger.open(path).status == 404, path
    for path in (f"{page}/end", f"{page}/sign-ups/{HIDA}/{poster.id}"):
        answer = stranger.client.post(
            path, data={"_key": path}, headers={"Sec-Fetch-Site": "same-origin"}
        )
        assert answer.status_code == 404, path


# --- a family in one scan -------------------------------------------------------------------------


def test_r18_a_reception_learns_who_comes_along_and_each_look_is_recorded(
    mother: Phone, other: Phone, poster: ActivitySession, look: Look,
    database: RollbackDatabase, clock: FixedClock,
) -> None:  # fmt: skip
    for name, year in (("太郎", "2018"), ("花", "2020")):
        mother.send(to=f"{with_child(mother, name, year)}/towns/{HIDA}")
    with_helper(mother, other)  # whoever is not registered there is not told
    own = look.one("select guardian_id from guardianship where scope = 'managed' limit 1")
    child = look.one("select person_id from registration where display_name = '太郎' and direct")
    host = Actor(ActorKind.STAFF, id=own)
    body = for_body(HIDA, actor=host.label)

    def told(person_id: UUID) -> list[tuple[str, str]]:
        found = who_comes_with(
            database,
            body,
            actor=host,
            person_id=person_id,
            now=clock.now(),
        )
        return sorted((one.display_name, one.tie) for one in found)

    assert told(own) == [("太郎", "managed"), ("花", "managed")]
    assert told(child) == [("春子", "guardian"), ("花", "family")]
    assert look.one("select count(*) from audit_event where action = 'family.read'") == 4
