"""An organiser's phone in a real Chromium: proposing, enrolling, receiving, with and without network."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

from activities.models import Activity, ActivitySession, Organisation
from core.web import SESSION_COOKIE
from qr.store import KeyStore
from tests.factories.activities import (
    create_designated_activity,
    create_member,
    create_organisation,
    create_session,
    sign_up,
)
from tests.factories.presence import jst, make_card, make_keys
from tests.factories.registry import GIFU, HIDA, SignedIn, create_person, join, open_bodies
from tests.journeys.conftest import Live, Visitor, axe_finds_nothing, read_off, visiting

pytestmark = pytest.mark.browser

DAY = date(2027, 6, 5)
NARROW, PHONE, DESK, HEIGHT = 320, 390, 1280, 844


@dataclass(frozen=True, slots=True)
class Stage:
    """里山の会 and its organiser; its activity begins at nine; it is ten to nine."""

    live: Live
    keys: KeyStore
    host: SignedIn
    organisation: Organisation
    activity: Activity
    session: ActivitySession

    @property
    def home(self) -> str:
        return f"/host/{HIDA}/organisations/{self.organisation.id}"


@pytest.fixture
def stage(live: Live) -> Stage:
    open_bodies(live.database, GIFU, HIDA)
    keys = make_keys(live.database, now=live.clock.now())
    organisation = create_organisation(live.database, name="里山の会")
    host = create_person(live.database, nickname="花子", birth_year=1952)
    create_member(live.database, organisation, host.id)
    activity = create_designated_activity(live.database, organisation)
    session = create_session(live.database, activity, starts_at=jst(DAY, 9))
    live.clock.at = jst(DAY, 8, 50)
    return Stage(live, keys, host, organisation, activity, session)


Opening = Callable[..., Visitor]


@pytest.fixture
def opened(chromium: Browser, stage: Stage) -> Iterator[Opening]:
    """A new phone, signed in as somebody or as nobody."""
    with ExitStack() as phones:

        def new(someone: SignedIn | None = None, *, scripts: bool = True) -> Visitor:
            visitor = phones.enter_context(visiting(chromium, stage.live, scripts=scripts))
            if someone is not None:
                visitor.context.add_cookies(
                    [{"name": SESSION_COOKIE, "value": someone.token, "url": stage.live.url}]
                )
            return visitor

        yield new


def look(visitor: Visitor) -> None:
    """Nothing sideways at 320 pixels, nothing said by the policy, nothing found by axe."""
    page = visitor.page
    page.set_viewport_size({"width": NARROW, "height": HEIGHT})
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= NARROW, f"{page.url} scrolls sideways: {width}"
    tall = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": PHONE, "height": max(int(tall), HEIGHT)})
    axe_finds_nothing(page)
    page.set_viewport_size({"width": PHONE, "height": HEIGHT})
    assert visitor.said == [], page.url


def fill_proposal(page: Page) -> None:
    page.get_by_label("日にちと、はじまり").fill("2027-06-20T09:00")
    page.get_by_label("おわり").fill("11:00")
    page.get_by_label("集まる場所").fill("宮川の河原")
    page.get_by_label("問い合わせ先").fill("里山の会 0577-00-0000")
    page.get_by_label("主催の団体が入る").check()
    for question in ("地域のみんな", "地域の役に立つ", "人手が足りない", "いっしょに手を動かす"):
        page.get_by_label(question).check()


def test_r09_a_proposal_in_a_browser_within_five_minutes(opened: Opening, stage: Stage) -> None:
    """Every page looked at; the machine's own pace says nothing of people's, the steps do."""
    visitor = opened(stage.host)
    page, pages = visitor.page, 0
    page.goto("/me")
    for step in ("関係団体", "里山の会", "活動を提案する", "環境美化"):
        page.get_by_role("link", name=step).click()
        look(visitor)
        pages += 1
    fields = page.locator("main :is(fieldset, input:not(fieldset *), select, textarea):visible")
    assert fields.count() <= 10
    fill_proposal(page)
    page.get_by_role("button", name="提出する").click()
    expect(page.get_by_text("提出しました")).to_be_visible()
    look(visitor)
    assert pages <= 4


def test_r09_a_proposal_with_scripts_off(opened: Opening, stage: Stage) -> None:
    page = opened(stage.host, scripts=False).page
    page.goto(f"{stage.home}/activities/new")
    page.get_by_role("link", name="農作業のお手伝い").click()
    page.get_by_label("問い合わせ先").fill("里山の会")
    for question in ("地域のみんな", "地域の役に立つ", "人手が足りない", "いっしょに手を動かす"):
        page.get_by_label(question).check()
    assert page.get_by_label("集まる場所").input_value() == "古川町公民館"
    page.get_by_label("日にちと、はじまり").fill("2027-06-19T09:00")
    page.get_by_role("button", name="提出する").click()
    expect(page.get_by_text("提出しました")).to_be_visible()


_CAMERA = """
window.BarcodeDetector = class {
  static async getSupportedFormats() { return ["qr_code"]; }
  async detect() { return window.seen ? [{ rawValue: window.seen }] : []; }
};
navigator.mediaDevices.getUserMedia = async () => {
  const canvas = document.createElement("canvas");
  canvas.getContext("2d").fillRect(0, 0, 9, 9);
  return canvas.captureStream(10);
};
"""


def test_r19_a_card_is_read_by_the_camera_and_every_page_is_fit_to_show(
    opened: Opening, stage: Stage
) -> None:
    """Enrolling, names, a card in the camera, the answer with colour, icon and words."""
    before = stage.live.clock.now() - timedelta(days=2)
    guest = create_person(stage.live.database, nickname="山田春子", birth_year=1952)
    join(stage.live.database, guest, HIDA)
    sign_up(stage.live.database, stage.session, guest.id, now=before)
    card = make_card(stage.live.database, stage.keys, guest, now=before)
    visitor = opened(stage.host)
    page = visitor.page
    page.add_init_script(_CAMERA)
    page.goto(f"{stage.home}/devices")
    look(visitor)
    page.get_by_label("この電話の名前").fill("公民館のタブレット")
    page.get_by_role("button", name="二次元コードを出す").click()
    look(visitor)
    page.goto(f"/host/{HIDA}/sessions/{stage.session.id}")
    look(visitor)
    page.evaluate("code => window.seen = code", card)
    page.get_by_role("button", name="カメラで読み取る").click()
    page.get_by_text("山田春子さんですか").wait_for()
    look(visitor)
    page.get_by_role("button", name="はい、受付する").click()
    answer = page.locator(".answer.notice-good")
    assert "山田春子さんを受付しました" in answer.inner_text()
    expect(answer.locator("svg.icon").first).to_be_visible()
    look(visitor)
    page.goto(f"/host/{HIDA}/sessions/{stage.session.id}/venue")
    look(visitor)


def test_c27_the_picture_on_the_organisers_screen_enrols_another_phone(
    opened: Opening, stage: Stage
) -> None:
    page = opened(stage.host).page
    page.goto(f"{stage.home}/devices")
    page.get_by_label("この電話の名前").fill("受付の電話")
    page.get_by_role("button", name="二次元コードを出す").click()
    link = read_off(page, ".qr-large")
    other = opened(scripts=False).page
    other.goto(link)
    other.get_by_role("button", name="この電話を使う").click()
    expect(other.get_by_role("link", name="受付をはじめる")).to_be_visible()


def test_c17_the_venues_code_gives_way_to_the_next_without_moving(
    opened: Opening, stage: Stage
) -> None:
    stage.live.clock.at = jst(DAY, 8, 50) + timedelta(seconds=28)
    page = opened(stage.host).page
    page.goto(f"/host/{HIDA}/sessions/{stage.session.id}/venue")
    first = page.locator("[data-code] svg").inner_html()
    stage.live.clock.advance(timedelta(seconds=5))
    page.wait_for_function(
        "first => document.querySelector('[data-code] svg').innerHTML !== first", arg=first
    )
