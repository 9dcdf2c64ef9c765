"""From a poster in the village hall to 受付しました, without an account before, scripts off."""

from datetime import date

import pytest

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
