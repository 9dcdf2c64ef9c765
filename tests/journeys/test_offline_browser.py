"""A phone without network, in a real Chromium behind a line that fails in every way (P02, F3–F25)."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page
from playwright.sync_api import Error as PlaywrightError
from sqlalchemy import text

from activities.models import Activity, ActivitySession
from core.clock import FixedClock, wall_now
from core.db import for_body
from core.web import SESSION_COOKIE
from tests.browser_setup import find_chromium
from tests.factories.activities import create_designated_activity, create_session, sign_up
from tests.factories.presence import make_keys
from tests.factories.registry import GIFU, HIDA, SignedIn, create_person, join, open_bodies, sign_in
from tests.journeys.conftest import Live
from tests.journeys.relay import Relay

pytestmark = pytest.mark.browser

ARGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"]
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "locale": "ja-JP",
    "timezone_id": "Asia/Tokyo",
}
#: What a thief with the developer tools sees of the queue, as text.
_DUMP = """
async () => {
  const db = await new Promise((done) => {
    const asked = indexedDB.open('furusato');
    asked.onsuccess = () => done(asked.result);
  });
  const all = await new Promise((done) => {
    const asked = db.transaction('queue').objectStore('queue').getAll();
    asked.onsuccess = () => done(asked.result);
  });
  db.close();
  const plain = (value) => value instanceof ArrayBuffer || ArrayBuffer.isView(value)
    ? new TextDecoder().decode(value) : value;
  return JSON.stringify(all, (_, value) => plain(value));
}
"""
_KEPT_PAGES = """
async () => {
  const found = [];
  for (const name of await caches.keys())
    if (name.startsWith('pages-'))
      for (const one of await (await caches.open(name)).keys()) found.push(new URL(one.url).pathname);
  return found;
}
"""


class RunningClock(FixedClock):
    """The machine's own time: a browser has no other."""

    def now(self) -> datetime:
        return wall_now()


@pytest.fixture
def clock() -> FixedClock:
    return RunningClock(datetime(2000, 1, 1, tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class Village:
    """An activity is under way in 飛騨市, and the line to it is bad."""

    live: Live
    line: Relay
    activity: Activity
    session: ActivitySession

    @property
    def poster(self) -> str:
        return f"/c/{self.session.poster_code}"

    def person(self, nickname: str = "花子") -> SignedIn:
        """Somebody registered who has signed up, so that the poster is enough (R19)."""
        now = wall_now()
        someone = create_person(self.live.database, nickname=nickname, birth_year=1952, now=now)
        join(self.live.database, someone, HIDA, now=now)
        sign_up(self.live.database, self.session, someone.id, now=now)
        return someone

    def attempts(self) -> list[Any]:
        """Every try that the server has stored."""
        with self.live.database.transaction(for_body(HIDA, actor="system:test")) as db:
            query = (
                "select person_id, outcome, reason, offline, offset_ms, device_at, scanned_at,"
                " received_at from scan_attempt order by received_at"
            )
            return list(db.execute(text(query)))

    def arrived(self, count: int = 1) -> list[Any]:
        """Wait until so many tries are stored."""
        deadline = time.monotonic() + 15
        while len(found := self.attempts()) < count:
            assert time.monotonic() < deadline, found
            time.sleep(0.1)
        return found


@pytest.fixture
def village(live: Live) -> Iterator[Village]:
    now = wall_now()
    open_bodies(live.database, GIFU, HIDA, now=now)
    make_keys(live.database, now=now)
    activity = create_designated_activity(live.database, now=now)
    session = create_session(
        live.database,
        activity,
        starts_at=(now + timedelta(minutes=20)).replace(second=0, microsecond=0),
        now=now,
    )
    with Relay(live.url) as line:
        yield Village(live, line, activity, session)


def give_session(context: BrowserContext, village: Village, someone: SignedIn) -> None:
    token = sign_in(village.live.database, someone.email, now=wall_now())
    ends = (wall_now() + timedelta(days=30)).timestamp()
    context.add_cookies(
        [{"name": SESSION_COOKIE, "value": token, "url": village.line.url, "expires": ends}]
    )


@pytest.fixture
def context(chromium: Browser, village: Village) -> Iterator[BrowserContext]:
    made = chromium.new_context(base_url=village.line.url, **PHONE)
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext, village: Village) -> Page:
    """A phone that has opened its home once, with network, and knows the poster."""
    give_session(context, village, village.person())
    page = context.new_page()
    at_home(page)
    return page


def at_home(page: Page) -> None:
    """Home, and the worker has kept what it should."""
    page.goto("/")
    page.evaluate("navigator.serviceWorker.ready")
    page.wait_for_function(
        f"async () => (await ({_KEPT_PAGES})()).includes('/card/{HIDA}')"
        " && (await caches.match('/not-kept')) && (await caches.match('/queued'))"
    )


def press(page: Page) -> float:
    """Press the one button; how long until another page is there."""
    began = time.monotonic()
    page.get_by_role("button", name="参加を受付する").click()
    page.wait_for_url("**/queued")
    return time.monotonic() - began


def at_rest(chromium: Browser, village: Village, profile: Path) -> BrowserContext:
    """A browser with a profile of its own, which may be closed and started again."""
    return chromium.browser_type.launch_persistent_context(
        profile,
        executable_path=find_chromium(),
        args=ARGS,
        base_url=village.line.url,
        **PHONE,
    )


def worker_of(context: BrowserContext) -> Any:
    return context.service_workers[0]


def test_the_app_can_be_installed(chromium: Browser, village: Village, tmp_path: Path) -> None:
    """In a window that keeps things: a private one is never installed."""
    context = at_rest(chromium, village, tmp_path)
    page = context.pages[0]
    give_session(context, village, village.person())
    at_home(page)
    session = context.new_cdp_session(page)
    assert session.send("Page.getInstallabilityErrors")["installabilityErrors"] == []
    assert session.send("Page.getAppManifest")["errors"] == []
    context.close()


def test_p02_a_check_in_waits_and_is_sent_when_the_line_is_back(
    page: Page, village: Village
) -> None:
    page.goto(village.poster)
    village.line.mode = "shut"
    assert press(page) < 5
    strip = page.get_by_role("link", name="まだ送っていない受付 1件")
    strip.wait_for()
    assert village.activity.title in page.locator("main").inner_text()
    assert "電波を待っています" in page.locator("main").inner_text()
    tall = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": 390, "height": int(tall)})
    page.goto("/")
    assert page.get_by_role("link", name="まだ送っていない受付 1件").is_visible()
    assert village.attempts() == []
    village.line.mode = "open"
    page.goto("/queued")
    page.get_by_text("送りました。受付しました。").wait_for()
    (row,) = village.arrived()
    assert (row.outcome, row.offline) == ("accepted", True)
    # C26, F7: the time is the phone's, put right; that of arrival stands beside it.
    assert row.offset_ms is not None
    assert row.received_at > row.scanned_at
    assert strip.is_hidden()
    page.get_by_role("link", name="結果を見る").click()
    assert "受付しました" in page.locator("h1").inner_text()
    page.goto("/queued")
    page.get_by_text("送っていない受付はありません").wait_for()


def test_f3_a_lost_reply_is_two_posts_and_one_row(page: Page, village: Village) -> None:
    page.goto(village.poster)
    village.line.mode = "lose"
    assert press(page) < 5
    village.arrived()
    village.line.mode = "open"
    page.goto("/queued")
    page.get_by_text("送りました。").first.wait_for()
    assert village.line.posts(village.poster) == 2
    assert len(village.attempts()) == 1


def test_p02_a_hanging_line_is_answered_within_five_seconds(page: Page, village: Village) -> None:
    page.goto(village.poster)
    village.line.mode = "hang"
    assert press(page) <= 5
    began = time.monotonic()
    page.goto("/")
    assert time.monotonic() - began <= 5
    assert "花子さん" in page.locator("h1").inner_text()


def test_p02_a_cold_start_without_network(
    chromium: Browser, village: Village, tmp_path: Path
) -> None:
    """The browser itself was closed; nothing but the line decides."""
    someone = village.person()
    first = at_rest(chromium, village, tmp_path)
    give_session(first, village, someone)
    page = first.pages[0]
    at_home(page)
    page.goto(f"/card/{HIDA}")
    page.locator("[data-picture] svg").wait_for()
    first.close()
    village.line.mode = "shut"
    second = at_rest(chromium, village, tmp_path)
    page = second.pages[0]
    page.goto("/")
    assert village.activity.title in page.locator("main").inner_text()
    page.goto(f"/activities/{HIDA}/{village.activity.id}")
    assert village.activity.title in page.locator("h1").inner_text()
    page.goto(f"/card/{HIDA}")
    page.locator("[data-picture] svg").wait_for()
    page.goto("/me/history")
    assert "電波がありません" in page.locator("h1").inner_text()
    # A poster never opened before, through the phone's camera.
    page.goto(village.poster.upper())
    page.get_by_text("会場のコードを読み取りました").wait_for()
    press(page)
    second.close()
    village.line.mode = "open"
    third = at_rest(chromium, village, tmp_path)
    third.pages[0].goto("/")
    (row,) = village.arrived()
    assert row.outcome == "accepted"
    third.close()


def test_p02_a_sync_event_sends_with_every_page_closed(
    page: Page, context: BrowserContext, village: Village
) -> None:
    page.goto(village.poster)
    village.line.mode = "shut"
    press(page)
    session = context.new_cdp_session(page)
    versions: list[Any] = []

    def note(told: Any) -> None:
        versions.append(told)

    session.on("ServiceWorker.workerRegistrationUpdated", note)
    session.send("ServiceWorker.enable")
    page.wait_for_timeout(300)
    page.goto("about:blank")
    village.line.mode = "open"
    registration = versions[0]["registrations"][0]["registrationId"]
    session.send(
        "ServiceWorker.dispatchSyncEvent",
        {
            "origin": village.line.url,
            "registrationId": registration,
            "tag": "check-ins",
            "lastChance": False,
        },
    )
    assert village.arrived()[0].outcome == "accepted"


def test_p02_a_browser_without_background_sync_sends_when_online(
    page: Page, context: BrowserContext, village: Village
) -> None:
    worker_of(context).evaluate("delete ServiceWorkerRegistration.prototype.sync")
    assert worker_of(context).evaluate("registration.sync === undefined")
    page.goto(village.poster)
    context.set_offline(True)
    village.line.mode = "shut"
    press(page)
    village.line.mode = "open"
    context.set_offline(False)
    assert village.arrived()[0].outcome == "accepted"


def test_p02_storage_that_is_full_is_said_and_nothing_pretended(
    page: Page, context: BrowserContext, village: Village
) -> None:
    """The database refuses as a full phone's does; Chromium's own switch for it does nothing here."""
    page.goto(village.poster)
    worker = worker_of(context)
    worker.evaluate(
        """() => {
          globalThis.realPut = IDBObjectStore.prototype.put;
          IDBObjectStore.prototype.put = () => {
            throw new DOMException('full', 'QuotaExceededError');
          };
        }"""
    )
    village.line.mode = "shut"
    page.get_by_role("button", name="参加を受付する").click()
    page.get_by_role("heading", name="受付をあずかれませんでした").wait_for()
    assert page.evaluate(_DUMP) == "[]"
    worker.evaluate("() => { IDBObjectStore.prototype.put = realPut; }")
    village.line.mode = "open"
    page.goto(village.poster)
    page.get_by_role("button", name="参加を受付する").click()
    page.wait_for_url("**/done/**")
    assert [row.outcome for row in village.attempts()] == ["accepted"]


@pytest.mark.parametrize(
    ("minutes", "outcome", "reason"),
    [
        (7, "accepted", "counted"),
        (-7, "accepted", "counted"),
        (40, "refused", "scanner_clock_wrong"),
    ],
)
def test_c26_a_wrong_clock_is_measured_and_put_right(
    page: Page, context: BrowserContext, village: Village, minutes: int, outcome: str, reason: str
) -> None:
    """F11, case 12: minutes are corrected, the better part of an hour counts for nobody."""
    ahead = minutes * 60_000
    worker_of(context).evaluate(
        f"() => {{ const real = Date.now; Date.now = () => real() + {ahead}; }}"
    )
    page.goto(village.poster)
    village.line.mode = "shut"
    press(page)
    village.line.mode = "open"
    page.goto("/queued")
    (row,) = village.arrived()
    assert (row.outcome, row.reason) == (outcome, reason)
    assert abs(row.offset_ms - ahead) < 2000
    assert abs((row.scanned_at - row.received_at).total_seconds()) < 30
    if outcome == "refused":
        page.get_by_text("まだ受付できていません。理由を見てください。").wait_for()


def test_f12_a_clock_that_was_set_in_between_makes_the_time_less_sure(
    page: Page, village: Village
) -> None:
    """Measured two minutes ahead before the scan, right by now: the newer counts, with its doubt."""
    page.goto(village.poster)
    page.evaluate(
        """async () => (await import('/static/store.js')).put(
          'facts', 'clock', {offset: 120000, uncertainty: 10})"""
    )
    village.line.mode = "shut"
    press(page)
    village.line.mode = "open"
    page.goto("/queued")
    (row,) = village.arrived()
    assert abs(row.offset_ms) < 2000
    assert row.outcome == "accepted"


def test_f24_signing_out_with_a_full_queue_warns_loses_and_leaks_nothing(
    page: Page, context: BrowserContext, village: Village
) -> None:
    page.goto(village.poster)
    village.line.mode = "shut"
    press(page)
    page.goto("/")
    kept = worker_of(context)
    # The line is back for pages, and the server refuses to take the scan for the moment.
    village.line.mode = "open"
    kept.evaluate(
        "() => { globalThis.realFetch = fetch; globalThis.fetch = (what, more) =>"
        " more?.headers?.Accept ? Promise.reject(new TypeError('away'))"
        " : realFetch(what, more); }"
    )
    page.goto("/me")
    page.get_by_role("button", name="サインアウト").click()
    warning = page.get_by_role("heading", name="まだ送っていない受付があります")
    warning.wait_for()
    tall = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": 390, "height": int(tall)})
    page.get_by_role("button", name="サインアウト").click()
    page.wait_for_url(village.line.url + "/")
    # Nobody: a number, and nothing else of it.
    page.get_by_role("link", name="ほかの方の、まだ送っていない受付 1件").wait_for()
    held = page.evaluate(_DUMP)
    assert village.session.poster_code not in held
    assert village.activity.title not in held
    assert f"/card/{HIDA}" not in page.evaluate(_KEPT_PAGES)
    assert (
        page.evaluate(
            "async () => (await (await import('/static/store.js')).values('keys')).length"
        )
        == 0
    )
    kept.evaluate("() => { globalThis.fetch = globalThis.realFetch; }")
    # Somebody else on the same phone: it is neither shown nor sent as theirs.
    other = village.person("太郎")
    context.clear_cookies()
    give_session(context, village, other)
    at_home(page)
    page.goto("/queued")
    page.get_by_text("送っていない受付はありません").wait_for()
    assert village.activity.title not in page.locator("main").inner_text()
    page.wait_for_timeout(500)
    assert village.attempts() == []
    # Its owner is back.
    context.clear_cookies()
    with village.live.database.transaction(for_body(HIDA, actor="system:test")) as db:
        owner = db.execute(
            text("select person_id from registration where person_id <> :other"),
            {"other": other.id},
        ).scalar_one()
    token = _token_of(village, owner)
    context.add_cookies([{"name": SESSION_COOKIE, "value": token, "url": village.line.url}])
    page.goto("/")
    (row,) = village.arrived()
    assert (row.person_id, row.outcome) == (owner, "accepted")


def _token_of(village: Village, person_id: Any) -> str:
    from tests.factories.registry import GATE

    with village.live.database.transaction(GATE) as db:
        email = db.execute(
            text("select email from account where id = :id"), {"id": person_id}
        ).scalar_one()
    return sign_in(village.live.database, str(email), now=wall_now())


def test_f5_what_cannot_be_taken_is_set_aside_and_the_rest_flows(
    page: Page, village: Village
) -> None:
    """C24: a code of nowhere is shown with its reason and may be removed; the good one arrives."""
    page.goto("/checkin")
    village.line.mode = "shut"
    page.get_by_label("8文字のコード").fill("2222 2222")
    page.get_by_role("button", name="このコードで進む").click()
    page.get_by_role("heading", name="受付をあずかりました").wait_for()
    page.goto(village.poster)
    page.get_by_text("会場のコードを読み取りました").wait_for()
    press(page)
    village.line.mode = "open"
    page.goto("/queued")
    page.get_by_text("送りました。受付しました。").wait_for()
    assert [row.outcome for row in village.arrived()] == ["accepted"]
    assert page.get_by_role("link", name="まだ送っていない受付 1件").is_visible()
    axe_ready = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": 390, "height": int(axe_ready)})
    page.get_by_role("button", name="この受付を取り消す").click()
    page.get_by_role("link", name="まだ送っていない受付 1件").wait_for(state="hidden")


def test_one_flush_at_a_time(page: Page, village: Village) -> None:
    page.goto(village.poster)
    village.line.mode = "shut"
    press(page)
    village.line.mode = "open"
    page.evaluate(
        """async () => {
          const {active} = await navigator.serviceWorker.ready;
          await Promise.all(Array.from({length: 8}, () => new Promise((done) => {
            const {port1, port2} = new MessageChannel();
            port1.onmessage = done;
            active.postMessage({do: 'flush'}, [port2]);
          })));
        }"""
    )
    village.arrived()
    page.wait_for_timeout(300)
    assert village.line.posts(village.poster) == 1


def test_only_what_is_needed_is_kept(page: Page, village: Village) -> None:
    """P30: no page with more of the person than the card and their own activities."""
    for path in ("/me", "/notices", "/me/history", "/me/profile", "/towns", "/activities"):
        page.goto(path)
    kept = set(page.evaluate(_KEPT_PAGES))
    assert kept == {
        "/", f"/card/{HIDA}", "/card", f"/card/{GIFU}", "/scan", "/queued", "/not-kept",
        "/offline", f"/activities/{HIDA}/{village.activity.id}",
    }  # fmt: skip


def test_the_pages_of_waiting_are_for_everybody(page: Page, village: Village) -> None:
    for path in ("/queued", "/not-kept", "/offline"):
        page.goto(path)
        tall = page.evaluate("document.documentElement.scrollHeight")
        page.set_viewport_size({"width": 390, "height": int(tall)})
        page.set_viewport_size({"width": 320, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, path


def test_the_desk_is_left_to_the_network(page: Page, village: Village) -> None:
    """The worker is the registrants': it neither keeps nor answers for pages of staff."""
    page.goto("/staff/signin")
    assert not any(path.startswith("/staff") for path in page.evaluate(_KEPT_PAGES))
    village.line.mode = "shut"
    with pytest.raises(PlaywrightError):
        page.goto("/staff/signin")
