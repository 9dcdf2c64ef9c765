"""The first sixty seconds, a test for each row of its table: from a poster to the card (R03, R19).

In a real Chromium at 390 pixels with scripts on; the whole once more with scripts off.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import text

from activities.models import ActivitySession
from activities.proposing import ProposalFields
from core.access import Actor, ActorKind
from core.db import for_body
from tests.factories.activities import create_designated_activity, create_session
from tests.factories.desk import arrive
from tests.factories.presence import jst, make_keys
from tests.factories.registry import GIFU, HIDA, SignedIn, open_bodies
from tests.journeys.conftest import Live, Visitor, axe_finds_nothing, visiting

pytestmark = pytest.mark.browser

DAY = date(2027, 6, 5)
PHONE, HEIGHT, THUMB = 390, 844, 44
EMAIL = "hanako@example.jp"
Opening = Callable[..., Visitor]


@pytest.fixture
def poster(live: Live) -> ActivitySession:
    """棚田の草刈り begins at nine; it is ten to nine."""
    open_bodies(live.database, GIFU, HIDA)
    make_keys(live.database, now=live.clock.now())
    fields = ProposalFields("棚田の草刈り", "agriculture_forestry")
    activity = create_designated_activity(live.database, fields=fields)
    session = create_session(live.database, activity, starts_at=jst(DAY, 9))
    live.clock.at = jst(DAY, 8, 50)
    return session


@pytest.fixture
def opened(chromium: Browser, live: Live) -> Iterator[Opening]:
    """A phone nobody is signed in on."""
    with ExitStack() as phones:

        def new(*, scripts: bool = True) -> Visitor:
            return phones.enter_context(visiting(chromium, live, scripts=scripts))

        yield new


# --- what one does at each step -------------------------------------------------------------------


def follow_the_poster(page: Page, poster: ActivitySession) -> None:
    page.goto(f"/C/{poster.poster_code}")
    page.get_by_role("link", name="参加を受付する").click()


def give_the_address(page: Page) -> str:
    """The code that was mailed (shown on the page in a rehearsal)."""
    page.get_by_label("メールアドレス").fill(EMAIL)
    page.get_by_role("button", name="番号を送る").click()
    shown = re.search(r"\d{8}", page.locator("main").inner_text())
    assert shown
    return shown[0]


def give_the_code(page: Page, code: str) -> None:
    page.get_by_label("8けたの番号").fill(code)
    page.get_by_role("button", name="次へ進む").click()


def give_the_name(page: Page) -> None:
    page.get_by_label("お呼びする名前").fill("花子")
    page.get_by_label("生まれた年").fill("1952")
    page.get_by_label("内容を読み").check()
    page.get_by_role("button", name="登録して受付する").click()


def one_filled_button(visitor: Visitor) -> None:
    """One thing to press, big enough for a thumb, seen without scrolling back up; nothing amiss."""
    page = visitor.page
    main = page.locator("main .button-main:visible")
    assert main.count() == 1, page.url
    box = main.bounding_box()
    assert box is not None
    assert box["height"] >= THUMB
    axe_finds_nothing(page)
    assert visitor.said == [], page.url


# --- a row each -----------------------------------------------------------------------------------


def test_second_0_the_camera_shows_what_it_is_for_and_one_button(
    opened: Opening, poster: ActivitySession
) -> None:
    visitor = opened()
    visitor.page.goto(f"/C/{poster.poster_code}")
    words = visitor.page.locator("main").inner_text()
    for said in ("岐阜県飛騨市", "棚田の草刈り", "9時～12時", "古川町公民館"):
        assert said in words
    box = visitor.page.get_by_role("link", name="参加を受付する").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= HEIGHT  # without scrolling
    one_filled_button(visitor)


def test_second_5_one_field_for_the_address(opened: Opening, poster: ActivitySession) -> None:
    visitor = opened()
    page = visitor.page
    follow_the_poster(page, poster)
    expect(page.get_by_label("3つのうち 1つ目です")).to_be_visible()
    fields = page.locator("main input:visible")
    assert fields.count() == 1
    assert fields.get_attribute("inputmode") == "email"
    assert (fields.get_attribute("autocomplete") or "").startswith("email")
    assert "棚田の草刈り" in page.locator("main").inner_text()
    one_filled_button(visitor)


def test_second_20_the_code_is_filled_in_by_the_phone(
    opened: Opening, poster: ActivitySession
) -> None:
    visitor = opened()
    page = visitor.page
    follow_the_poster(page, poster)
    give_the_address(page)
    expect(page.get_by_label("3つのうち 2つ目です")).to_be_visible()
    fields = page.locator("main input:visible")
    assert fields.count() == 1
    assert fields.get_attribute("autocomplete") == "one-time-code"
    assert fields.get_attribute("inputmode") == "numeric"
    one_filled_button(visitor)


def test_second_20_nothing_is_lost_in_the_mail_app(
    opened: Opening, poster: ActivitySession
) -> None:
    """Reloaded, opened anew, closed and begun again at the poster: the code still leads there."""
    visitor = opened()
    page = visitor.page
    follow_the_poster(page, poster)
    code = give_the_address(page)
    page.goto("about:blank")
    page.go_back()
    expect(page.get_by_label("8けたの番号")).to_be_visible()
    page.goto("/signin/code")  # the bare address, as a browser's history offers it
    assert "棚田の草刈り" in page.locator("main").inner_text()
    page.close()
    again = visitor.context.new_page()
    follow_the_poster(again, poster)
    again.get_by_role("link", name="届いた番号を入れる").click()
    give_the_code(again, code)
    give_the_name(again)
    assert "受付をあずかりました" in again.locator("h1").inner_text()


def test_second_35_the_town_is_known_and_two_fields_are_asked(
    opened: Opening, poster: ActivitySession
) -> None:
    visitor = opened()
    page = visitor.page
    follow_the_poster(page, poster)
    give_the_code(page, give_the_address(page))
    expect(page.get_by_label("3つのうち 3つ目です")).to_be_visible()
    words = page.locator("main").inner_text()
    assert "岐阜県飛騨市" in words
    assert page.locator("main input[type=text]:visible").count() == 2
    assert page.locator("main input[type=checkbox]").count() == 1
    assert page.locator("main input[type=password]").count() == 0
    one_filled_button(visitor)


def test_second_50_the_answer_and_the_card(
    opened: Opening, poster: ActivitySession, live: Live
) -> None:
    visitor = opened()
    page = visitor.page
    follow_the_poster(page, poster)
    give_the_code(page, give_the_address(page))
    give_the_name(page)
    assert "受付をあずかりました" in page.locator("h1").inner_text()
    expect(page.get_by_role("img", name="飛騨市の登録証")).to_be_visible()
    with live.database.transaction(for_body(HIDA, actor="system:test")) as db:
        row = db.execute(text("select member_number, person_id from registration")).one()
    assert row.member_number[:4] in page.locator(".card").inner_text()
    expect(page.get_by_text("次から、すぐ開けるようにする")).to_be_visible()
    one_filled_button(visitor)
    # The organiser ticks the name, as a printed code alone is not believed (R19).
    someone = SignedIn(row.person_id, EMAIL, "", Actor(ActorKind.PERSON, id=row.person_id))
    assert arrive(live.database, poster, someone).outcome == "accepted"
    page.get_by_role("link", name="確認が終わったか見る").click()
    assert "受付しました" in page.locator("h1").inner_text()
    assert "あと2回" in page.locator("main").inner_text()
    expect(page.get_by_role("img", name="飛騨市の登録証")).to_be_visible()


def test_the_whole_with_scripts_off(opened: Opening, poster: ActivitySession) -> None:
    visitor = opened(scripts=False)
    page = visitor.page
    follow_the_poster(page, poster)
    give_the_code(page, give_the_address(page))
    give_the_name(page)
    assert "受付をあずかりました" in page.locator("h1").inner_text()
    expect(page.get_by_role("img", name="飛騨市の登録証")).to_be_visible()
    assert visitor.said == []
