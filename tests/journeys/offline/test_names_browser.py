"""C21: the names on an armed phone: who is here and missing without network, and how they go."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import text

from core.clock import wall_now
from core.db import for_body
from tests.factories.registry import HIDA
from tests.journeys.conftest import Live, axe_finds_nothing, until
from tests.journeys.offline.conftest import give_session, tall
from tests.journeys.offline.test_reception_browser import Village, enrolled, receive, waiting
from tests.journeys.relay import Relay

pytestmark = pytest.mark.browser

#: Everything a thief with the developer tools reads; a key as what can be read out of it.
MEMORY = """
async () => {
  const db = await new Promise((done) => {
    const asked = indexedDB.open('furusato');
    asked.onsuccess = () => done(asked.result);
  });
  const read = (store) => new Promise((done) => {
    const asked = db.transaction(store).objectStore(store).getAll();
    asked.onsuccess = () => done(asked.result);
  });
  const all = {keys: await read('keys'), facts: await read('facts')};
  db.close();
  const plain = (_, value) => value instanceof CryptoKey ? {extractable: value.extractable}
    : value instanceof ArrayBuffer || ArrayBuffer.isView(value) ? new TextDecoder().decode(value)
    : value;
  return JSON.stringify(all, plain);
}
"""
NO_NAMES = f"async () => !JSON.parse(await ({MEMORY})()).keys.some((one) => one.roster)"
#: The phone's clock as the page reckons it, so many milliseconds further on.
LATER = """
async (ms) => {
  const {get, put} = await import('/static/store.js');
  const clock = await get('facts', 'clock');
  await put('facts', 'clock', {...clock, offset: clock.offset - ms});
}
"""
#: Somebody presses 名前をいま消す while a change is being sealed.
FORGOTTEN_MEANWHILE = """
async () => {
  const {carry, carried, change, forget} = await import('/static/roster.js');
  const now = Date.now(), real = crypto.subtle.encrypt.bind(crypto.subtle);
  await carry('s', [{name: '山田春子'}], now + 60000, now);
  crypto.subtle.encrypt = async (...given) => { await forget(); return real(...given); };
  await change('s', [{name: '山田春子', here: true}]);
  crypto.subtle.encrypt = real;
  return carried('s', now);
}
"""
HOUR = 3_600_000


@pytest.fixture
def village(live: Live) -> Iterator[Village]:
    with Relay(live.url) as line:
        yield Village(live, line)


@pytest.fixture
def page(chromium: Browser, village: Village) -> Iterator[Page]:
    """An enrolled phone, not armed yet: the guests come first."""
    with enrolled(chromium, village) as page:
        yield page


def arm(page: Page) -> None:
    with page.expect_response("**/arming?*"):
        page.get_by_role("button", name="準備をする").click()
    page.get_by_text("準備ができています").wait_for()


def names_kept(page: Page) -> list[dict[str, object]]:
    return [one for one in json.loads(page.evaluate(MEMORY))["keys"] if one.get("roster")]


def says(page: Page, here: int, away: int) -> None:
    page.get_by_text(f"来た人 {here}人、まだの人 {away}人").wait_for()


def test_c21_c35_who_is_here_and_who_is_missing_without_network(
    page: Page, village: Village
) -> None:
    haruko, tadashi = village.guest("山田春子"), village.guest("髙橋正")
    cards = [village.card(haruko), village.card(tadashi)]
    natsu = village.guest("佐藤夏", signs_up=False)
    stranger = village.card(natsu)
    arm(page)
    says(page, 0, 2)
    memory = page.evaluate(MEMORY)
    assert "山田春子" not in memory
    assert "髙橋正" not in memory
    (kept,) = names_kept(page)
    assert kept["key"] == {"extractable": False}
    village.line.mode = "shut"
    page.reload()
    says(page, 0, 2)
    # Paper is asked for the name, and the phone says which.
    receive(page, cards[0], named=False)
    page.locator("[data-answer=ask]", has_text="山田春子さん").wait_for()
    receive(page, cards[0])
    page.locator("[data-answer=good]", has_text="山田春子さん").wait_for()
    says(page, 1, 1)
    receive(page, cards[0])
    page.locator("[data-answer=info]", has_text="もう受付が済んでいます").wait_for()
    receive(page, cards[1])
    says(page, 2, 0)
    page.get_by_role("button", name="まちがえたので取り消す").click()
    says(page, 1, 1)
    receive(page, stranger)
    page.get_by_text("名簿にない人です").wait_for()
    page.get_by_text("まだの人", exact=True).click()
    expect(page.locator("[data-away] li")).to_have_text(["髙橋正"])
    tall(page)
    axe_finds_nothing(page)
    page.reload()
    says(page, 1, 1)
    village.line.mode = "open"
    page.evaluate("dispatchEvent(new Event('online'))")
    waiting(page, 0)
    # Armed again, it knows what the platform knows; and without names it keeps none.
    arm(page)
    says(page, 2, 1)
    page.get_by_label("来る人の名前も入れる").uncheck()
    arm(page)
    page.get_by_text("来た人 2人").wait_for(state="hidden")
    assert names_kept(page) == []
    with village.database.transaction(for_body(HIDA, actor="system:test")) as db:
        looks = db.execute(
            text(
                "select person_id, count(*), min(row_count), min(fields::text) from audit_event"
                " where action = 'roster.carry' group by person_id"
            )
        ).all()
    # Each time, and the one who walked in from then on.
    assert {one[0]: tuple(one[1:3]) for one in looks} == {
        haruko.id: (2, 2),
        tadashi.id: (2, 2),
        natsu.id: (1, 3),
    }
    assert all("display_name" in one[3] and "kana" not in one[3] for one in looks)


def test_c21_the_names_go_when_they_are_needed_no_longer(page: Page, village: Village) -> None:
    card = village.card(village.guest("山田春子"))
    arm(page)
    says(page, 0, 1)
    receive(page, card)
    waiting(page, 0)

    def gone() -> None:
        page.locator("[data-people]").wait_for(state="hidden")
        until(page, NO_NAMES)
        assert page.get_by_text("山田春子").count() == 0

    def armed_again() -> None:
        arm(page)
        says(page, 1, 0)

    page.get_by_role("button", name="名前をいま消す").click()
    gone()
    armed_again()
    # The session is over, its window is not, and nothing waits.
    over = village.session.ends_at - wall_now() + timedelta(minutes=5)
    page.evaluate(LATER, int(over.total_seconds() * 1000))
    page.evaluate("dispatchEvent(new Event('online'))")
    gone()
    armed_again()
    # "Ready until" is past, without network.
    village.line.mode = "shut"
    page.evaluate(LATER, 24 * HOUR)
    gone()
    village.line.mode = "open"
    page.reload()
    armed_again()
    # Stopped by the organiser: at the next contact.
    with village.database.transaction(for_body(HIDA, actor="system:test")) as db:
        db.execute(text("update scanner_device set revoked_at = now()"))
    page.evaluate("dispatchEvent(new Event('online'))")
    gone()
    with village.database.transaction(for_body(HIDA, actor="system:test")) as db:
        db.execute(text("update scanner_device set revoked_at = null"))
    armed_again()
    # Handed back.
    page.goto("/counter")
    page.get_by_text("この電話での受付を終える").click()
    page.get_by_role("button", name="受付を終える").click()
    page.get_by_text("この電話では、もう受付できません").wait_for()
    until(page, NO_NAMES)


def test_c21_f24_who_signs_out_or_in_leaves_no_names_behind(page: Page, village: Village) -> None:
    """An organiser's own phone: what is signed out of takes the names along."""
    village.guest("山田春子")
    arm(page)
    says(page, 0, 1)
    organiser = village.guest("主催 花子", signs_up=False)
    give_session(page.context, village, organiser)
    page.goto("/counter")
    until(page, NO_NAMES)
    page.goto(village.page)
    arm(page)
    # Armed it was already; the names are there when they are counted again.
    says(page, 0, 1)
    assert names_kept(page)
    page.goto("/me")
    page.get_by_role("button", name="サインアウト").click()
    page.wait_for_url(lambda url: not url.endswith("/me"))
    until(page, NO_NAMES)


def test_c21_names_forgotten_while_they_are_sealed_anew_do_not_come_back(page: Page) -> None:
    assert page.evaluate(FORGOTTEN_MEANWHILE) is None
    assert page.evaluate(NO_NAMES)
