"""An enrolled phone at a place without network, in a real Chromium behind a line that can be cut."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import text

from activities.enrolment import token_of_ticket
from activities.models import ActivitySession
from activities.uploads import open_file
from core.clock import wall_now
from core.db import for_body
from qr.codes import CardCode, Kind, VenueCode, parse, sign_card, step_at
from qr.signatures import KeyUse
from qr.store import KeyStore
from tests.factories.activities import create_designated_activity, create_session, sign_up
from tests.factories.presence import make_card, make_keys, make_ticket, secret_of
from tests.factories.registry import GIFU, HIDA, SignedIn, create_person, join, open_bodies
from tests.journeys.conftest import Live, axe_finds_nothing, read_off
from tests.journeys.offline.conftest import tall
from tests.journeys.relay import Relay

pytestmark = pytest.mark.browser


class Village:
    """A session under way, a line that can be cut, a phone enrolled by a code."""

    def __init__(self, live: Live, line: Relay) -> None:
        now = wall_now()
        self.live: Live = live
        self.line: Relay = line
        self.database = live.database
        open_bodies(self.database, GIFU, HIDA, now=now)
        self.keys: KeyStore = make_keys(self.database, now=now)
        self.activity = create_designated_activity(self.database, now=now)
        start = (now + timedelta(minutes=20)).replace(second=0, microsecond=0)
        self.session: ActivitySession = create_session(
            self.database, self.activity, starts_at=start, now=now
        )

    @property
    def page(self) -> str:
        return f"/counter/sessions/{self.session.id}/offline"

    def ticket(self) -> str:
        made = make_ticket(self.database, self.activity.organisation_id, now=wall_now())
        return f"/device/{token_of_ticket(secret_of(self.database), made)}"

    def guest(self, name: str, *, signs_up: bool = True) -> SignedIn:
        now = wall_now()
        someone = create_person(self.database, nickname=name, birth_year=1952, now=now)
        join(self.database, someone, HIDA, now=now)
        if signs_up:
            sign_up(self.database, self.session, someone.id, now=now)
        return someone

    def card(self, someone: SignedIn) -> str:
        return make_card(self.database, self.keys, someone, now=wall_now())

    def attempts(self) -> list[Any]:
        with self.database.transaction(for_body(HIDA, actor="system:test")) as db:
            query = "select outcome, reason, offline, offset_ms, sequence, source from scan_attempt"
            return list(db.execute(text(query + " order by sequence")))


@pytest.fixture
def village(live: Live) -> Iterator[Village]:
    with Relay(live.url) as line:
        yield Village(live, line)


@contextmanager
def enrolled(chromium: Browser, village: Village) -> Iterator[Page]:
    """A phone that receives for the host, at the page of the session, and is not armed."""
    context = chromium.new_context(
        base_url=village.line.url,
        viewport={"width": 390, "height": 844},
        locale="ja-JP",
        timezone_id="Asia/Tokyo",
    )
    page = context.new_page()
    page.goto(village.ticket())
    page.get_by_role("button", name="この電話を使う").click()
    page.get_by_role("link", name="受付をはじめる").click()
    page.get_by_role("link", name="電波なしで受付する").click()
    page.evaluate("navigator.serviceWorker.ready")
    page.reload()
    expect(page.get_by_text("まだ準備ができていません")).to_be_visible()
    yield page
    context.close()


@pytest.fixture
def page(chromium: Browser, village: Village) -> Iterator[Page]:
    """A phone that has been enrolled and armed, with network."""
    with enrolled(chromium, village) as page:
        page.get_by_role("button", name="準備をする").click()
        page.get_by_text("準備ができています").wait_for()
        yield page


def receive(page: Page, code: str, *, named: bool = True) -> None:
    page.get_by_label("登録証のコード、または番号").fill(code)
    if named:
        page.get_by_label("お名前を確かめました").check()
    page.get_by_role("button", name="受付する", exact=True).click()


def waiting(page: Page, count: int) -> None:
    page.locator("[data-waiting]", has_text=f"まだ送っていない受付 {count}件").wait_for()


def test_c18_an_armed_phone_receives_without_network_and_sends_later(
    page: Page, village: Village
) -> None:
    first, second = village.guest("山田春子"), village.guest("髙橋正")
    cards = [village.card(first), village.card(second)]
    tall(page)
    axe_finds_nothing(page)
    village.line.mode = "shut"
    # The browser's own page is gone as well: it comes back from the phone.
    page.reload()
    page.get_by_text("準備ができています").wait_for()
    receive(page, cards[0], named=False)
    page.get_by_text("お名前をたずねてください").wait_for()
    waiting(page, 0)
    receive(page, cards[0])
    page.get_by_text("受付をあずかりました").wait_for()
    waiting(page, 1)
    receive(page, cards[1])
    waiting(page, 2)
    page.reload()
    waiting(page, 2)
    assert village.attempts() == []
    village.line.mode = "open"
    page.evaluate("dispatchEvent(new Event('online'))")
    waiting(page, 0)
    rows = village.attempts()
    assert [(row.outcome, row.offline, row.sequence) for row in rows] == [
        ("accepted", True, 1),
        ("accepted", True, 2),
    ]
    assert all(row.offset_ms is not None and row.source.startswith("device:") for row in rows)


def test_c7_c25_a_reception_is_taken_back_and_saved_as_a_file(page: Page, village: Village) -> None:
    """The log follows when it arrives; the file is what would have been sent, sealed."""
    cards = [village.card(village.guest(name)) for name in ("山田春子", "髙橋正")]
    village.line.mode = "shut"
    receive(page, cards[0])
    page.get_by_role("button", name="まちがえたので取り消す").click()
    page.get_by_text("この受付は取り消しました").wait_for()
    receive(page, cards[1])
    waiting(page, 2)
    page.get_by_text("何日も電波がないとき").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="ファイルに残す").click()
    with village.database.transaction(for_body(HIDA, actor="system:test")) as db:
        device = db.execute(text("select id from scanner_device")).scalar_one()
    content = download.value.path().read_bytes()
    found, (part,) = open_file(secret_of(village.database), HIDA, content)
    assert (found, [one.sequence for one in part.scans]) == (device, [1, 2])
    village.line.mode = "open"
    page.evaluate("dispatchEvent(new Event('online'))")
    waiting(page, 0)
    with village.database.transaction(for_body(HIDA, actor="system:test")) as db:
        rows = db.execute(text("select annulled_reason from check_in order by at")).scalars()
        assert list(rows) == ["undo", None]
        log = "select log_sequence, log_broken_at from scanner_device"
        assert tuple(db.execute(text(log)).one()) == (2, None)
    tall(page)
    axe_finds_nothing(page)


def test_f3_a_lost_answer_is_sent_again_and_stored_once(page: Page, village: Village) -> None:
    card = village.card(village.guest("山田春子"))
    village.line.mode = "lose"
    receive(page, card)
    page.get_by_text("受付をあずかりました").wait_for()
    waiting(page, 1)
    # The server has it before the line is back: what is sent then is the second time.
    deadline = time.monotonic() + 15
    while not village.attempts():
        assert time.monotonic() < deadline
        page.wait_for_timeout(50)
    village.line.mode = "open"
    page.reload()
    waiting(page, 0)
    assert len(village.attempts()) == 1


def test_f8_forged_foreign_and_expired_codes_are_refused_without_network(
    page: Page, village: Village
) -> None:
    now = wall_now()
    good = village.card(village.guest("山田春子"))
    kid, sign = village.keys.signer(use=KeyUse.CARD, lg_code=HIDA, now=now)
    bad = {
        "確かめられませんでした": sign_card(
            CardCode(kid, HIDA, b"0123456789", now + timedelta(days=9)), lambda _: b"\1" * 64
        ),
        "ほかの自治体の登録証です": sign_card(
            CardCode(kid, "042056", b"0123456789", now + timedelta(days=9)), sign
        ),
        "期限が過ぎています": sign_card(
            CardCode(kid, HIDA, b"0123456789", now - timedelta(days=1)), sign
        ),
    }
    village.line.mode = "shut"
    for said, code in bad.items():
        receive(page, code)
        page.locator("[data-why]:visible", has_text=said).wait_for()
    receive(page, "nonsense")
    page.get_by_text("登録証のコードか番号ではない").wait_for()
    # F21: a good one after bad ones is read.
    receive(page, good)
    page.get_by_text("受付をあずかりました").wait_for()
    waiting(page, 4)
    village.line.mode = "open"
    page.reload()
    waiting(page, 0)
    # C20: refusals are told to the office, too.
    assert [row.outcome for row in village.attempts()] == ["refused"] * 3 + ["accepted"]
    assert page.locator("[data-review] li").count() == 3


def test_r19_the_venues_code_turns_without_network(page: Page, village: Village) -> None:
    village.line.mode = "shut"
    page.reload()
    shown = read_off(page, "[data-picture]")
    code = parse(shown)
    assert code.kind is Kind.VENUE, shown
    assert isinstance(code.content, VenueCode)
    assert code.content.session_id == village.session.id
    assert abs(code.content.step - step_at(wall_now(), 30)) <= 1
    # Half a minute later by the phone's own reckoning: another code, of the next step.
    page.evaluate(
        """async () => {
          const {get, put} = await import('/static/store.js');
          const clock = await get('facts', 'clock');
          await put('facts', 'clock', {...clock, offset: clock.offset - 30000});
        }"""
    )
    page.wait_for_function(
        "step => document.querySelector('[data-picture]').dataset.step > step",
        arg=str(code.content.step),
    )


def test_c23_a_stopped_phone_sends_what_it_had_and_is_not_armed_again(
    page: Page, village: Village
) -> None:
    card = village.card(village.guest("山田春子"))
    village.line.mode = "shut"
    receive(page, card)
    waiting(page, 1)
    with village.database.transaction(for_body(HIDA, actor="system:test")) as db:
        db.execute(text("update scanner_device set revoked_at = now()"))
    village.line.mode = "open"
    page.reload()
    # C28: it was scanned before.
    waiting(page, 0)
    assert [row.outcome for row in village.attempts()] == ["accepted"]
    page.get_by_role("button", name="準備をする").click()
    page.get_by_text("いまは準備できません").wait_for()
