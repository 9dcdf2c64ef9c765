"""Sign-up and its waiting line, the venue's code, the card, premium from first to last (R07–R22)."""

import re
from datetime import date, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text

from activities.models import Activity
from activities.proposing import ProposalFields
from core.clock import FixedClock
from qr.store import KeyStore
from tests.conftest import RollbackDatabase
from tests.factories.activities import create_designated_activity, create_session
from tests.factories.phone import Phone, sign_in
from tests.factories.presence import Look, jst, make_keys, venue_code
from tests.factories.registry import GIFU, HIDA, KESENNUMA, MIYAGI, SAITAMA, YOKOZE, open_bodies

DAY = date(2027, 6, 5)


@pytest.fixture
def keys(database: RollbackDatabase, clock: FixedClock) -> KeyStore:
    """Keys of 飛騨市, which has joined with its prefecture."""
    open_bodies(database, GIFU, HIDA)
    return make_keys(database, now=clock.now())


@pytest.fixture
def activity(database: RollbackDatabase, keys: KeyStore) -> Activity:
    """A designated activity of 飛騨市."""
    return create_designated_activity(database)


def newcomer(phone: Phone, email: str, year: str = "1952") -> Phone:
    """Signed in, with a profile."""
    phone.open("/signin")
    sign_in(phone, email)
    return phone.send({"nickname": "花子", "birth_year": year, "consent": "yes"}, to="/welcome")


def another(app: FastAPI) -> Phone:
    """Somebody else's phone."""
    return Phone(TestClient(app, follow_redirects=False))


# --- places ---------------------------------------------------------------------------------------


def test_c33_sign_up_wait_offer_accept(
    phone: Phone, app: FastAPI, database: RollbackDatabase, activity: Activity, look: Look
) -> None:
    session = create_session(database, activity, starts_at=jst(DAY, 9), capacity=1)
    page, seat = f"/activities/{HIDA}/{activity.id}", f"/sign-ups/{HIDA}/{session.id}"
    hanako, taro = newcomer(phone, "hanako@example.jp"), newcomer(another(app), "taro@example.jp")
    hanako.open(page).send(to=seat)
    assert hanako.path == page
    assert "申込済み" in hanako.words
    hanako.send_again()
    assert look.one("select count(*) from sign_up") == 1
    taro.open(page)
    assert "満員です" in taro.words
    taro.send(to=seat)
    assert "キャンセル待ちをやめる" in taro.words
    hanako.open(page).send(to=f"{seat}/cancel")
    taro.open("/")
    assert "空きが出ました" in taro.words
    taro.open(page).send(to=f"{seat}/accept")
    assert "申込済み" in taro.words
    assert look.rows("select state from sign_up order by state") == [("cancelled",), ("taken",)]
    # Whoever signs up is registered on the way (R03).
    assert look.one("select count(*) from registration where lg_code = :c", c=HIDA) == 2


def test_r31_insurance_is_asked_and_c34_a_clash_is_told(
    phone: Phone, database: RollbackDatabase, keys: KeyStore
) -> None:
    fields = ProposalFields("枝打ち", "agriculture_forestry", insurance="participant")
    first = create_designated_activity(database, fields=fields)
    one = create_session(database, first, starts_at=jst(DAY, 9))
    other = create_designated_activity(database)
    two = create_session(database, other, starts_at=jst(DAY, 10))
    newcomer(phone, "hanako@example.jp")
    phone.open(f"/activities/{HIDA}/{first.id}")
    phone.send({"insurance_proof": ""}, to=f"/sign-ups/{HIDA}/{one.id}")
    assert phone.status == 409
    phone.open(f"/activities/{HIDA}/{first.id}")
    phone.send({"insurance_proof": "yes"}, to=f"/sign-ups/{HIDA}/{one.id}")
    assert "申込済み" in phone.words
    phone.open(f"/activities/{HIDA}/{other.id}").send(to=f"/sign-ups/{HIDA}/{two.id}")
    assert phone.status == 409
    assert "枝打ち" in phone.words


def test_c34_a_small_overlap_is_a_warning(
    phone: Phone, database: RollbackDatabase, activity: Activity
) -> None:
    first = create_session(database, activity, starts_at=jst(DAY, 9), hours=3)
    other = create_designated_activity(database)
    second = create_session(database, other, starts_at=jst(DAY, 11, 50), hours=2)
    newcomer(phone, "hanako@example.jp")
    phone.open(f"/activities/{HIDA}/{activity.id}").send(to=f"/sign-ups/{HIDA}/{first.id}")
    phone.open(f"/activities/{HIDA}/{other.id}").send(to=f"/sign-ups/{HIDA}/{second.id}")
    assert "申込済み" in phone.words
    assert "少し重なっています 農作業のお手伝い" in phone.words


# --- presence and premium -------------------------------------------------------------------------


def come(
    phone: Phone, database: RollbackDatabase, clock: FixedClock, keys: KeyStore, activity: Activity
) -> None:
    """Three days at the venue, each read from its screen."""
    for day in (DAY, DAY + timedelta(days=1), DAY + timedelta(days=2)):
        session = create_session(database, activity, starts_at=jst(day, 9), now=clock.now())
        clock.at = jst(day, 8, 55)
        code = venue_code(keys, session, at=clock.now())
        phone.open("/v").send({"code": code}, to="/checkin")
        assert "受付しました" in phone.words, phone.words


def verify_identity(database: RollbackDatabase, home: str = "131130") -> None:
    """What the card check leaves behind (the check itself: tests/identity)."""
    with database.owner() as connection:
        connection.execute(
            text(
                "update person set identity_level = 'mnc_sign', identity_checked_at = now(),"
                " name = '髙橋 花子', birth_date = '1952-02-03', verified_residence = :home"
            ),
            {"home": home},
        )
        connection.execute(text("update registration set identity_level = 'mnc_sign'"))


def test_r19_a_venue_code_counts_once_a_day_and_tells_the_way(
    phone: Phone, database: RollbackDatabase, clock: FixedClock, keys: KeyStore, activity: Activity
) -> None:
    newcomer(phone, "hanako@example.jp")
    phone.open(f"/towns/{HIDA}").send({"tie": "origin"}, to=f"/towns/{HIDA}/join")
    session = create_session(database, activity, starts_at=jst(DAY, 9))
    clock.at = jst(DAY, 8, 55)
    code = venue_code(keys, session, at=clock.now())
    phone.open("/checkin").send({"code": code}, to="/checkin")
    assert "受付しました" in phone.words
    assert "あと2回" in phone.words
    phone.open("/checkin").send({"code": code}, to="/checkin")
    assert "受付は済んでいます" in phone.words
    clock.advance(timedelta(hours=1))
    phone.open("/checkin").send({"code": code}, to="/checkin")
    assert "まだ受付できていません" in phone.words
    phone.open(f"/c/{session.poster_code}")
    assert "受付は済んでいます" in phone.words


@pytest.mark.parametrize("typed", ["", "FJ1:", "ABCDEFGH", "あ", "FJ1:" + "A" * 3000])
def test_r19_what_is_no_code_is_told_beside_the_field(
    phone: Phone, keys: KeyStore, typed: str
) -> None:
    newcomer(phone, "hanako@example.jp")
    phone.open("/checkin").send({"code": typed}, to="/checkin")
    assert phone.status == 422
    assert 'href="#code"' in phone.text


def test_a_posters_code_may_be_typed(
    phone: Phone, database: RollbackDatabase, activity: Activity
) -> None:
    session = create_session(database, activity, starts_at=jst(DAY, 9))
    newcomer(phone, "hanako@example.jp")
    typed = f" {session.poster_code[:4].lower()}-{session.poster_code[4:].lower()} "
    phone.open("/checkin").send({"code": typed}, to="/checkin")
    assert phone.path == f"/c/{session.poster_code}"


def test_r07_premium_is_granted_from_the_phone(
    phone: Phone, database: RollbackDatabase, clock: FixedClock, keys: KeyStore,
    activity: Activity, look: Look,
) -> None:  # fmt: skip
    automatic(database)
    newcomer(phone, "hanako@example.jp")
    phone.open(f"/towns/{HIDA}").send({"tie": "origin"}, to=f"/towns/{HIDA}/join")
    phone.open(f"/me/premium/{HIDA}")
    for words in ("あと3回", "指定された活動に3回以上参加すること", "お住まいを登録する",
                  "マイナンバーカードで確認する", "参加できる活動を探す"):  # fmt: skip
        assert words in phone.words
    assert "プレミアム登録を申請する" not in phone.words
    come(phone, database, clock, keys, activity)
    verify_identity(database)
    phone.open(f"/me/premium/{HIDA}")
    assert "必要なことがそろいました" in phone.words
    phone.send(to=f"/me/premium/{HIDA}/apply")
    assert "プレミアム登録です" in phone.words
    phone.send_again()
    assert look.one("select count(*) from application") == 1
    tiers = dict(look.rows("select lg_code, tier from registration"))
    assert tiers == {HIDA: "premium", GIFU: "premium"}
    assert "3 回" in phone.open("/me").words
    assert "プレミアム登録です" in phone.open("/me/premium").words
    phone.open(f"/me/premium/{HIDA}")
    phone.open(phone.link("ベーシック登録にもどる"))
    assert look.one("select tier from registration where lg_code = :c", c=HIDA) == "premium"
    phone.send()
    assert set(look.rows("select tier, status from registration")) == {("basic", "active")}


def test_r12_a_renewed_year_asks_for_the_card_on_the_phone(
    phone: Phone, database: RollbackDatabase, clock: FixedClock, keys: KeyStore, activity: Activity
) -> None:
    """The day until which it is asked stands on the page, and goes once the card was shown."""
    automatic(database)
    newcomer(phone, "hanako@example.jp")
    phone.open(f"/towns/{HIDA}").send({"tie": "origin"}, to=f"/towns/{HIDA}/join")
    come(phone, database, clock, keys, activity)
    verify_identity(database)
    phone.open(f"/me/premium/{HIDA}").send(to=f"/me/premium/{HIDA}/apply")
    assert "もう一度確認をお願いします" not in phone.open("/me/identity").words
    with database.owner() as connection:
        connection.execute(text("update person set identity_checked_at = '2027-06-01 12:00+09'"))
        connection.execute(text("update term set identity_asked_on = '2027-06-02'"))
    assert "更新のため、2027年8月1日" in phone.open("/me/identity").words
    with database.owner() as connection:
        connection.execute(text("update person set identity_checked_at = '2027-06-02 00:10+09'"))
    assert "もう一度確認をお願いします" not in phone.open("/me/identity").words


def test_r14_the_days_of_grace_stand_beside_the_last_day(
    phone: Phone, database: RollbackDatabase, keys: KeyStore
) -> None:
    """On the page of premium and on the card, each by its own name."""
    newcomer(phone, "hanako@example.jp")
    phone.open(f"/towns/{HIDA}").send({"tie": "origin"}, to=f"/towns/{HIDA}/join")
    with database.owner() as connection:
        premium_by_hand(connection, HIDA, 1)
    card = phone.open(f"/card/{HIDA}").words
    assert "有効期間 2028年4月30日" in card
    assert "更新の猶予" not in card
    with database.owner() as connection:
        connection.execute(
            text(
                "update term set state = 'grace', first_day = '2026-05-16',"
                " last_day = '2027-05-15', grace_until = '2027-06-14'"
            )
        )
    page = phone.open(f"/me/premium/{HIDA}").words
    assert "最後の日は2027年5月15日" in page
    assert "2027年6月14日" in page
    assert "いま確かめて、更新を申し込む" not in page, "the nights look by themselves"
    plan = phone.open(phone.link("これからの道すじを見る"))
    assert (plan.path, plan.status) == (f"/me/premium/{HIDA}/plan", 200)
    assert "更新の猶予は、2027年6月14日" in phone.open("/me/premium").words
    card = phone.open(f"/card/{HIDA}").words
    assert "有効期間 2027年5月15日" in card
    assert "更新の猶予 2027年6月14日" in card


def automatic(database: RollbackDatabase) -> None:
    """飛騨市 lets the rules decide (R15)."""
    with database.owner() as connection:
        connection.execute(
            text(
                "insert into body_value (lg_code, key, since, decided_at, value, decided_by)"
                " values (:code, 'decision.mode', '2027-01-01', now(), '\"auto\"', 'staff:1')"
            ),
            {"code": HIDA},
        )


def test_r15_staff_decide_and_the_application_can_be_taken_back(
    phone: Phone, database: RollbackDatabase, clock: FixedClock, keys: KeyStore,
    activity: Activity, look: Look,
) -> None:  # fmt: skip
    newcomer(phone, "hanako@example.jp")
    phone.open(f"/towns/{HIDA}").send({"tie": "origin"}, to=f"/towns/{HIDA}/join")
    come(phone, database, clock, keys, activity)
    verify_identity(database)
    phone.open(f"/me/premium/{HIDA}").send(to=f"/me/premium/{HIDA}/apply")
    assert "まちの人が見ています" in phone.words
    phone.send(to=f"/me/premium/{HIDA}/withdraw")
    assert "申請を取り下げました" in phone.words
    assert look.one("select state from application") == "withdrawn"


def test_r13_a_fourth_is_offered_in_exchange(
    phone: Phone, database: RollbackDatabase, clock: FixedClock, keys: KeyStore,
    activity: Activity, look: Look,
) -> None:  # fmt: skip
    automatic(database)
    others = {MIYAGI: KESENNUMA, SAITAMA: YOKOZE, "200000": "202053"}
    open_bodies(database, *others, *others.values())
    newcomer(phone, "hanako@example.jp")
    for code in (HIDA, *others.values()):
        phone.open(f"/towns/{code}").send({"tie": "origin"}, to=f"/towns/{code}/join")
    come(phone, database, clock, keys, activity)
    verify_identity(database)
    with database.owner() as connection:
        for slot, code in enumerate(others.values(), start=1):
            premium_by_hand(connection, code, slot)
    phone.open(f"/me/premium/{HIDA}")
    assert "入れ替えて申請する" in phone.words
    phone.send({"replaces": KESENNUMA}, to=f"/me/premium/{HIDA}/apply")
    assert "プレミアム登録です" in phone.words
    tiers = dict(look.rows("select lg_code, tier from registration where direct"))
    assert tiers[HIDA] == "premium"
    assert tiers[KESENNUMA] == "basic"


def premium_by_hand(connection: Any, code: str, slot: int) -> None:
    """A term and a place, as a grant leaves them."""
    given = {"code": code, "slot": slot}
    connection.execute(
        text("update registration set tier = 'premium' where lg_code = :code"), given
    )
    connection.execute(
        text(
            "insert into term (lg_code, id, registration_id, person_id, first_day, last_day, state,"
            " renewal_state, created_at) select lg_code, gen_random_uuid(), id, person_id,"
            " '2027-05-01', '2028-04-30', 'active', 'none', now() from registration"
            " where lg_code = :code"
        ),
        given,
    )
    connection.execute(
        text(
            "insert into premium_slot (person_id, slot, lg_code, registration_id, state, since)"
            " select person_id, :slot, lg_code, id, 'active', '2027-05-01' from registration"
            " where lg_code = :code"
        ),
        given,
    )


# --- the card -------------------------------------------------------------------------------------


def test_r22_a_card_is_made_shown_verified_and_replaced(
    phone: Phone, client: TestClient, keys: KeyStore, look: Look, app: FastAPI
) -> None:
    newcomer(phone, "hanako@example.jp")
    phone.open(f"/towns/{HIDA}").send({"tie": "origin"}, to=f"/towns/{HIDA}/join")
    phone.open(f"/card/{HIDA}")
    assert "登録証のコードを作る" in phone.words
    phone.send(to=f"/card/{HIDA}")
    assert 'role="img"' in phone.text
    drawing = phone.client.get(f"/card/{HIDA}/paper.svg")
    assert drawing.headers["content-type"].startswith("image/svg+xml")
    assert "花子" in drawing.text
    answer = phone.client.get(f"/api/v1/me/registrations/{HIDA}/card").json()
    shop = another(app).open("/verify").send({"code": answer["code"]}, to="/verify")
    assert "有効な登録証です" in shop.words
    assert "岐阜県飛騨市" in shop.words
    assert "花子" not in shop.words
    phone.open(f"/card/{HIDA}").send(to=f"/card/{HIDA}")
    shop.open("/verify").send({"code": answer["code"]}, to="/verify")
    assert "いまは有効ではありません" in shop.words
    assert look.rows("select revoked_at is null from card order by issued_at") == [
        (False,),
        (True,),
    ]


def test_r22_verification_says_nothing_of_what_is_no_card(phone: Phone, keys: KeyStore) -> None:
    phone.open("/verify").send({"code": "こんにちは"}, to="/verify")
    assert phone.status == 422


def test_r22_leaving_takes_the_card_with_it(phone: Phone, keys: KeyStore, app: FastAPI) -> None:
    newcomer(phone, "hanako@example.jp")
    phone.open(f"/towns/{HIDA}").send({"tie": "origin"}, to=f"/towns/{HIDA}/join")
    phone.open(f"/card/{HIDA}").send(to=f"/card/{HIDA}")
    code = phone.client.get(f"/api/v1/me/registrations/{HIDA}/card").json()["code"]
    phone.open(f"/towns/{HIDA}/leave").send()
    shop = another(app).open("/verify").send({"code": code}, to="/verify")
    assert "いまは有効ではありません" in shop.words


def test_a_body_without_keys_gets_its_first_with_the_first_card(
    phone: Phone, database: RollbackDatabase, look: Look
) -> None:
    open_bodies(database, MIYAGI, KESENNUMA)
    newcomer(phone, "hanako@example.jp")
    phone.open(f"/towns/{KESENNUMA}").send({"tie": "origin"}, to=f"/towns/{KESENNUMA}/join")
    phone.open(f"/card/{KESENNUMA}").send(to=f"/card/{KESENNUMA}")
    assert 'role="img"' in phone.text
    assert look.one("select count(*) from signing_key where lg_code = :c", c=KESENNUMA) == 1


# --- who looked -----------------------------------------------------------------------------------


def test_r25_everybody_sees_what_was_done_with_their_data(
    phone: Phone, keys: KeyStore, app: FastAPI
) -> None:
    newcomer(phone, "hanako@example.jp")
    phone.open(f"/towns/{HIDA}").send({"tie": "origin"}, to=f"/towns/{HIDA}/join")
    phone.open("/me/looks")
    assert "まちに登録しました" in phone.words
    assert "ご自身" in phone.words
    assert not re.search(r"[a-z]+\.[a-z_]+", phone.words), "every act has words"
    taro = newcomer(another(app), "taro@example.jp")
    taro.open("/me/looks")
    assert "まちに登録しました" not in taro.words
