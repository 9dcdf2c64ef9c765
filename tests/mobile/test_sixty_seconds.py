"""From a poster in the village hall to 受付しました, without an account before, scripts off."""

from datetime import date

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text

from activities.models import ActivitySession
from core.clock import FixedClock
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
    activity = create_designated_activity(database)
    session = create_session(database, activity, starts_at=jst(DAY, 9), hours=3)
    clock.at = jst(DAY, 8, 50)
    return session


def test_r19_a_stranger_comes_from_a_poster_and_is_received(
    phone: Phone, poster: ActivitySession, look: Look
) -> None:
    phone.open(f"/C/{poster.poster_code}")
    assert "岐阜県飛騨市" in phone.words
    assert "農作業のお手伝い" in phone.words
    assert "古川町公民館" in phone.words
    phone.open(phone.link("参加を受付する"))
    assert phone.path.startswith("/signin?next=/c/")
    sign_in(phone, "hanako@example.jp")
    assert phone.path.startswith("/welcome?next=/c/")
    assert "登録して受付する" in phone.words
    phone.send({"nickname": "花子", "birth_year": "1952", "consent": "yes"})
    assert phone.path.startswith(f"/done/{HIDA}/")
    # A printed code can be copied, so somebody at the place looks once (R19).
    assert "受付をあずかりました" in phone.words
    assert "主催者の確認を待っています" in phone.words
    assert "あと3回" in phone.words
    assert look.rows(
        "select status, tier, direct from registration where lg_code = :b", b=HIDA
    ) == [("active", "basic", True)]
    assert look.rows("select outcome, method from scan_attempt") == [("needs_input", "poster")]


def test_r19_the_form_sent_twice_is_one_scan(
    phone: Phone, poster: ActivitySession, look: Look
) -> None:
    phone.open(f"/c/{poster.poster_code.lower()}")
    phone.open(phone.link("参加を受付する"))
    sign_in(phone, "hanako@example.jp")
    phone.send({"nickname": "花子", "birth_year": "1952", "consent": "yes"})
    first = phone.path
    phone.send_again()
    assert phone.path == first
    assert look.one("select count(*) from scan_attempt") == 1
    assert look.one("select count(*) from person") == 1


def registrant(phone: Phone, poster: ActivitySession) -> Phone:
    """Somebody who came from the poster before, signed up for the session and waits outside."""
    phone.open("/signin")
    sign_in(phone, "hanako@example.jp")
    phone.send({"nickname": "花子", "birth_year": "1952", "consent": "yes"}, to="/welcome")
    phone.open(f"/activities/{HIDA}/{poster.activity_id}")
    return phone.send(to=f"/sign-ups/{HIDA}/{poster.id}")


def test_r19_who_signed_up_is_on_the_roster_and_received_at_once(
    phone: Phone, poster: ActivitySession, look: Look
) -> None:
    registrant(phone, poster)
    phone.open(f"/c/{poster.poster_code}").send(to=f"/c/{poster.poster_code}")
    assert "受付しました" in phone.words
    assert "あと2回" in phone.words
    assert look.rows("select outcome, counted from scan_attempt") == [("accepted", True)]
    phone.open(f"/c/{poster.poster_code}")
    assert "受付は済んでいます" in phone.words


def test_r19_too_early_is_told_and_a_later_try_is_a_new_one(
    phone: Phone, poster: ActivitySession, clock: FixedClock, look: Look
) -> None:
    registrant(phone, poster)
    clock.at = jst(DAY, 6)
    phone.open(f"/c/{poster.poster_code}").send(to=f"/c/{poster.poster_code}")
    assert "まだ受付できていません" in phone.words
    clock.at = jst(DAY, 8, 50)
    used = look.one("select scan_id from scan_attempt")
    phone.open(f"/c/{poster.poster_code}?scan={used}").send(to=f"/c/{poster.poster_code}")
    assert "受付しました" in phone.words


def test_c3_leaving_is_checked_where_the_activity_asks_for_it(
    phone: Phone, poster: ActivitySession, database: RollbackDatabase, clock: FixedClock
) -> None:
    with database.owner() as connection:
        connection.execute(text("update activity set attendance_mode = 'in_and_out'"))
    registrant(phone, poster)
    phone.open(f"/c/{poster.poster_code}").send(to=f"/c/{poster.poster_code}")
    clock.at = jst(DAY, 11, 55)
    phone.open(f"/c/{poster.poster_code}")
    assert "帰りの受付をする" in phone.words
    phone.send(to=f"/c/{poster.poster_code}")
    assert "帰りの受付をしました" in phone.words
    phone.open(f"/c/{poster.poster_code}")
    assert "受付は済んでいます" in phone.words


def test_a_session_called_off_says_so(
    phone: Phone, poster: ActivitySession, database: RollbackDatabase
) -> None:
    with database.owner() as connection:
        connection.execute(text("update activity_session set state = 'cancelled'"))
    phone.open(f"/c/{poster.poster_code}")
    assert "中止になりました" in phone.words
    assert "参加を受付する" not in phone.words


def test_nobody_sees_anothers_answer(
    phone: Phone, poster: ActivitySession, look: Look, app: FastAPI
) -> None:
    registrant(phone, poster)
    phone.open(f"/c/{poster.poster_code}").send(to=f"/c/{poster.poster_code}")
    path = phone.path
    other = Phone(TestClient(app, follow_redirects=False))
    other.open("/signin")
    sign_in(other, "taro@example.jp")
    other.send({"nickname": "太郎", "birth_year": "1990", "consent": "yes"}, to="/welcome")
    assert other.open(path).status == 410
