"""The way to premium on the phone: stops, dates, what to press next; and why there is none (R07)."""

from datetime import date, timedelta

import pytest
from sqlalchemy import text

from activities.models import ActivitySession
from activities.proposing import ProposalFields
from core.web import SESSION_COOKIE
from tests.conftest import RollbackDatabase
from tests.factories.activities import create_designated_activity, create_session, sign_up
from tests.factories.phone import Phone
from tests.factories.premium import set_mode, show_card, take_part
from tests.factories.presence import jst
from tests.factories.registry import (
    GIFU,
    HIDA,
    KESENNUMA,
    MIYAGI,
    SignedIn,
    create_person,
    join,
    open_bodies,
)

TODAY = date(2027, 6, 1)
WAY = f"/me/premium/{HIDA}/plan"


@pytest.fixture
def hanako(database: RollbackDatabase, phone: Phone) -> SignedIn:
    """Registered with 飛騨市 and 気仙沼市, her card checked, signed in on this phone."""
    open_bodies(database, GIFU, HIDA, MIYAGI, KESENNUMA)
    someone = create_person(database, nickname="花子", birth_date=date(1952, 4, 1))
    show_card(database, someone, name="山田 花子")
    for code in (HIDA, KESENNUMA):
        join(database, someone, code)
    set_mode(database, HIDA, "auto")
    phone.client.cookies.set(SESSION_COOKIE, someone.token)
    return someone


def session_on(database: RollbackDatabase, number: int, title: str = "草刈り") -> ActivitySession:
    fields = ProposalFields(title, "agriculture_forestry")
    activity = create_designated_activity(database, fields=fields)
    return create_session(database, activity, starts_at=jst(TODAY + timedelta(days=number), 9))


def test_the_way_names_the_stops_and_the_days(
    phone: Phone, database: RollbackDatabase, hanako: SignedIn
) -> None:
    take_part(database, hanako, HIDA, 1, last=TODAY - timedelta(days=30))
    mine = session_on(database, 4, "水路そうじ")
    sign_up(database, mine, hanako.id)
    following = session_on(database, 18, "棚田の草刈り")
    phone.open("/me/premium")
    phone.open(phone.link("岐阜県飛騨市の道すじを見る"))
    assert phone.path == WAY
    assert "あと2回" in phone.words
    assert "6月19日（土）に、そろいます" in phone.words
    assert "水路そうじ" in phone.words
    assert "申込済み" in phone.words
    assert "2027年6月19日（土）から2028年4月30日（日）までのあいだに申請" in phone.words
    assert "すべて数えられるのは、2028年4月30日（日）まで" in phone.words
    phone.open(phone.link("つぎの活動に申し込む"))
    assert phone.path == f"/activities/{HIDA}/{following.activity_id}"
    phone.send(to=f"/sign-ups/{HIDA}/{following.id}")
    phone.open(WAY)
    assert "つぎの活動に申し込む" not in phone.words


def test_the_shortest_trip_is_shown_beside_the_soonest_way(
    phone: Phone, database: RollbackDatabase, hanako: SignedIn
) -> None:
    for number in (3, 10, 17, 30, 31, 32):
        session_on(database, number, "祭りの準備" if number >= 30 else "草刈り")
    phone.open(WAY)
    assert "6月18日（金）に、そろいます" in phone.words
    assert "いちばん短い旅なら、3日" in phone.words
    assert "7月1日（木）から7月3日（土）までの一度の旅" in phone.words


def test_whoever_has_enough_goes_on_to_apply(
    phone: Phone, database: RollbackDatabase, hanako: SignedIn
) -> None:
    take_part(database, hanako, HIDA, 3)
    phone.open(WAY)
    assert "活動はそろっています" in phone.words
    phone.open(phone.link("申請の画面へ進む"))
    phone.send(to=f"/me/premium/{HIDA}/apply")
    assert "プレミアム登録です" in phone.words
    phone.open(WAY)
    assert "更新への道すじ" in phone.words
    assert "いまは、道すじを組めません" in phone.words


def test_without_a_way_it_says_why_and_what_would_help(phone: Phone, hanako: SignedIn) -> None:
    phone.open(WAY)
    assert "参加できる活動の予定が、まだありません" in phone.words
    assert "まちが新しい活動の日を決めると" in phone.words
    for lang in ("easy", "en"):
        phone.client.cookies.set("lang", lang)
        assert phone.open(WAY).status == 200
    assert "There are no activities to come" in phone.words


def test_where_there_is_nothing_to_plan(
    phone: Phone, database: RollbackDatabase, hanako: SignedIn
) -> None:
    phone.open(f"/me/premium/{GIFU}/plan")
    assert "市区町村についてきます" in phone.words
    set_mode(database, KESENNUMA, "review")
    take_part(database, hanako, KESENNUMA, 3)
    phone.open(f"/me/premium/{KESENNUMA}").send(to=f"/me/premium/{KESENNUMA}/apply")
    phone.open(f"/me/premium/{KESENNUMA}/plan")
    assert "申請をお預かりしています" in phone.words
    phone.open("/me/premium/113611/plan")
    assert phone.path == "/towns/113611"


def test_home_says_how_many_more_and_what_is_next(
    phone: Phone, database: RollbackDatabase, hanako: SignedIn
) -> None:
    take_part(database, hanako, HIDA, 1, last=TODAY - timedelta(days=30))
    mine = session_on(database, 4, "水路そうじ")
    sign_up(database, mine, hanako.id)
    following = session_on(database, 18, "棚田の草刈り")
    phone.open("/")
    assert "プレミアム登録まで あと2回" in phone.words
    assert "あと 4 日 水路そうじ" in phone.words
    assert "いちばん早くて、6月19日（土）に届きます" in phone.words
    assert phone.text.count('class="button button-main"') == 1
    # The nearest town is told in full, the others are a row each.
    assert phone.link("宮城県気仙沼市") == f"/me/premium/{KESENNUMA}/plan"
    phone.open(phone.link("棚田の草刈り"))
    phone.send(to=f"/sign-ups/{HIDA}/{following.id}")
    phone.open("/")
    assert phone.link("道すじを見る") == WAY


def test_home_asks_first_what_waits_for_an_answer(
    phone: Phone, database: RollbackDatabase, hanako: SignedIn
) -> None:
    """R06, C33: the tie that is about to end, the place that fell free, then everything else."""
    session = session_on(database, 4, "水路そうじ")
    sign_up(database, session, hanako.id)
    with database.owner() as connection:
        connection.execute(
            text("update sign_up set state = 'offered', offer_until = '2027-06-02T00:00Z'")
        )
        connection.execute(
            text("update registration set last_access_on = '2025-06-20' where lg_code = :code"),
            {"code": KESENNUMA},
        )
    phone.open("/")
    asked, offered = phone.words.index("つながりを続けますか"), phone.words.index("空きが出ました")
    assert asked < offered < phone.words.index("QRで受付する")
    phone.send(to=f"/towns/{KESENNUMA}/keep")
    assert "つながりを続けますか" not in phone.open("/").words
