"""The phone in a real Chromium, on a real server: from a poster to the reception, every page looked at."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import text

from activities.models import Activity, ActivitySession
from activities.presence import run, source_for
from activities.rules.checkin import Method
from activities.scans import Scan
from core.db import Database, for_body
from core.ids import new_id
from core.web import SESSION_COOKIE
from qr.codes import url_with_code
from qr.store import KeyStore
from tests.factories.activities import create_designated_activity, create_session, staff_actor
from tests.factories.presence import jst, make_keys, venue_code
from tests.factories.registry import GIFU, HIDA, SignedIn, create_person, join, open_bodies
from tests.journeys.conftest import Live, Visitor, axe_finds_nothing, visiting

pytestmark = pytest.mark.browser

DAY = date(2027, 6, 5)
NARROW, PHONE, HEIGHT = 320, 390, 844


@dataclass(frozen=True, slots=True)
class Stage:
    """飛騨市 has joined, an activity begins at nine; it is ten to nine."""

    live: Live
    keys: KeyStore
    activity: Activity
    session: ActivitySession

    @property
    def database(self) -> Database:
        return self.live.database

    @property
    def now(self) -> datetime:
        return self.live.clock.now()


@pytest.fixture
def stage(live: Live) -> Stage:
    open_bodies(live.database, GIFU, HIDA)
    keys = make_keys(live.database, now=live.clock.now())
    activity = create_designated_activity(live.database)
    session = create_session(live.database, activity, starts_at=jst(DAY, 9))
    live.clock.at = jst(DAY, 8, 50)
    return Stage(live, keys, activity, session)


@dataclass(frozen=True, slots=True)
class Eye:
    """Looks at each page one comes to."""

    visitor: Visitor
    scripts: bool

    @property
    def page(self) -> Page:
        return self.visitor.page

    def look(self) -> None:
        """Nothing sideways at 320 pixels, nothing said by the policy, nothing found by axe."""
        where = self.page.url
        self.page.set_viewport_size({"width": NARROW, "height": HEIGHT})
        width = self.page.evaluate("document.documentElement.scrollWidth")
        assert width <= NARROW, f"{where} scrolls sideways: {width}"
        if self.scripts:
            # As tall as the page: what lies below the bar now is free after scrolling.
            tall = self.page.evaluate("document.documentElement.scrollHeight")
            self.page.set_viewport_size({"width": PHONE, "height": max(int(tall), HEIGHT)})
            axe_finds_nothing(self.page)
        self.page.set_viewport_size({"width": PHONE, "height": HEIGHT})
        assert self.visitor.said == [], where


Opening = Callable[..., Eye]


@pytest.fixture
def opened(chromium: Browser, stage: Stage) -> Iterator[Opening]:
    """A new phone; `scripts` off is a phone whose browser runs none."""
    with ExitStack() as phones:

        def new(*, scripts: bool = True, someone: SignedIn | None = None) -> Eye:
            visitor = phones.enter_context(visiting(chromium, stage.live, scripts=scripts))
            if someone is not None:
                visitor.context.add_cookies(
                    [{"name": SESSION_COOKIE, "value": someone.token, "url": stage.live.url}]
                )
            return Eye(visitor, scripts)

        yield new


def organiser_confirms(stage: Stage) -> None:
    """Two people tick the name on the roster (R19)."""
    with stage.database.transaction(for_body(HIDA, actor="system:test")) as db:
        person_id = db.execute(text("select person_id from registration")).scalar_one()
    for _ in range(2):
        actor = staff_actor(HIDA)
        scan = Scan(
            scan_id=new_id(),
            scanned_at=stage.now,
            session_id=stage.session.id,
            person_id=person_id,
            method=Method.ROSTER,
            walk_in_confirmed=True,
        )
        run(
            stage.database,
            for_body(HIDA, actor=actor.label),
            stage.live.app.state.presence,
            scans=[scan],
            source=source_for(actor),
            now=stage.now,
        )


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_r19_from_a_poster_to_the_reception(opened: Opening, stage: Stage, scripts: bool) -> None:
    """The first sixty seconds of somebody without an account, then the organiser's word."""
    eye = opened(scripts=scripts)
    page = eye.page
    page.goto(f"/C/{stage.session.poster_code}")
    eye.look()
    page.get_by_role("link", name="参加を受付する").click()
    eye.look()
    page.get_by_label("メールアドレス").fill("hanako@example.jp")
    page.get_by_role("button", name="番号を送る").click()
    eye.look()
    shown = re.search(r"\d{8}", page.locator("main").inner_text())
    assert shown
    page.get_by_label("8けたの番号").fill(shown[0])
    page.get_by_role("button", name="次へ進む").click()
    eye.look()
    page.get_by_label("お呼びする名前").fill("花子")
    page.get_by_label("生まれた年").fill("1952")
    page.get_by_label("内容を読み").check()
    page.get_by_role("button", name="登録して受付する").click()
    eye.look()
    assert "受付をあずかりました" in page.locator("h1").inner_text()
    page.reload()
    assert "受付をあずかりました" in page.locator("h1").inner_text()
    organiser_confirms(stage)
    page.get_by_role("link", name="確認が終わったか見る").click()
    eye.look()
    assert "受付しました" in page.locator("h1").inner_text()
    assert "あと2回" in page.locator("main").inner_text()


def registrant(stage: Stage) -> SignedIn:
    someone = create_person(stage.database, nickname="花子", birth_year=1952, now=stage.now)
    join(stage.database, someone, HIDA, now=stage.now)
    return someone


def test_every_page_of_a_stranger_in_english(opened: Opening, stage: Stage) -> None:
    eye = opened()
    eye.page.goto("/")
    eye.page.get_by_role("button", name="English").click()
    assert eye.page.locator("html").get_attribute("lang") == "en"
    for path in (
        "/", "/signin", "/towns", f"/towns/{HIDA}", "/activities",
        f"/activities/{HIDA}/{stage.activity.id}", f"/c/{stage.session.poster_code}", "/scan",
        "/verify", "/help", "/about", "/privacy", "/accessibility",
    ):  # fmt: skip
        eye.page.goto(path)
        eye.look()


def test_r22_the_card_is_made_and_shown(opened: Opening, stage: Stage) -> None:
    eye = opened(someone=registrant(stage))
    eye.page.goto(f"/card/{HIDA}")
    eye.page.get_by_role("img", name="飛騨市の登録証").wait_for()
    eye.look()
    eye.page.get_by_text("紙の登録証がほしいとき").click()
    eye.page.get_by_role("button", name="紙の登録証を作る").click()
    eye.page.get_by_role("img", name="飛騨市の登録証").wait_for()
    eye.look()
    pdf = eye.page.get_by_role("link", name="紙の登録証（PDF）").get_attribute("href")
    assert eye.page.request.get(f"{stage.live.url}{pdf}").body().startswith(b"%PDF-")
    eye.page.get_by_role("link", name="登録証を表示できる携帯電話").click()
    eye.page.get_by_text("この携帯電話", exact=True).wait_for()
    eye.look()


def test_c17_a_venues_code_behind_the_hash_never_reaches_the_server(
    opened: Opening, stage: Stage
) -> None:
    eye = opened(someone=registrant(stage))
    asked: list[str] = []
    eye.page.on("request", lambda request: asked.append(request.url))
    code = venue_code(stage.keys, stage.session, at=stage.now)
    eye.page.goto(url_with_code("/v", code))
    eye.page.get_by_text("会場のコードを読み取りました").wait_for()
    eye.look()
    assert "FJ1" not in eye.page.url
    eye.page.get_by_role("button", name="参加を受付する").click()
    assert "受付しました" in eye.page.locator("h1").inner_text()
    assert not any("FJ1" in url for url in asked[1:])
    eye.page.goto("/checkin")
    expect(eye.page.get_by_label("8文字のコード")).to_be_visible()


def test_a_venues_code_is_kept_through_the_sign_in(opened: Opening, stage: Stage) -> None:
    eye = opened()
    code = venue_code(stage.keys, stage.session, at=stage.now)
    eye.page.goto(url_with_code("/v", code))
    eye.page.get_by_role("link", name="サインインして受付する").click()
    eye.page.get_by_label("メールアドレス").fill("hanako@example.jp")
    eye.page.get_by_role("button", name="番号を送る").click()
    shown = re.search(r"\d{8}", eye.page.locator("main").inner_text())
    assert shown
    eye.page.get_by_label("8けたの番号").fill(shown[0])
    eye.page.get_by_role("button", name="次へ進む").click()
    eye.page.get_by_label("お呼びする名前").fill("花子")
    eye.page.get_by_label("生まれた年").fill("1952")
    eye.page.get_by_label("内容を読み").check()
    eye.page.get_by_role("button", name="登録する").click()
    eye.page.get_by_text("会場のコードを読み取りました").wait_for()
    assert eye.page.locator("input[name=code]").input_value() == code


def test_errors_take_the_focus_and_name_the_field(opened: Opening, stage: Stage) -> None:
    eye = opened()
    eye.page.goto("/signin")
    eye.page.get_by_label("メールアドレス").fill("hanako")
    eye.page.get_by_role("button", name="番号を送る").click()
    assert eye.page.title().startswith("エラー")
    assert eye.page.evaluate("document.activeElement.id") == "error-summary"
    eye.visitor.said.clear()  # the browser itself says that the answer was 422
    eye.look()
    eye.page.get_by_role("alert").get_by_role("link").click()
    assert eye.page.evaluate("document.activeElement.id") == "email"
