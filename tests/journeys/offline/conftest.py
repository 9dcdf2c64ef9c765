"""A village with a bad line: a phone behind a relay that fails in every way (P02, F3–F25)."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import pytest
from playwright.sync_api import Browser, BrowserContext, Page
from sqlalchemy import text

from activities.models import Activity, ActivitySession
from core.clock import FixedClock, wall_now
from core.db import for_body
from core.web import SESSION_COOKIE
from tests.browser_setup import find_chromium
from tests.factories.activities import create_designated_activity, create_session, sign_up
from tests.factories.presence import make_keys
from tests.factories.registry import GIFU, HIDA, SignedIn, create_person, join, open_bodies, sign_in
from tests.journeys.conftest import Live, until
from tests.journeys.relay import Relay

ARGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"]
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "locale": "ja-JP",
    "timezone_id": "Asia/Tokyo",
}
#: What a thief with the developer tools sees of the queue, as text.
DUMP = """
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
KEPT_PAGES = """
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


class Place(Protocol):
    """Wherever a phone is behind a bad line."""

    @property
    def live(self) -> Live: ...
    @property
    def line(self) -> Relay: ...


def give_session(context: BrowserContext, place: Place, someone: SignedIn) -> None:
    token = sign_in(place.live.database, someone.email, now=wall_now())
    ends = (wall_now() + timedelta(days=30)).timestamp()
    context.add_cookies(
        [{"name": SESSION_COOKIE, "value": token, "url": place.line.url, "expires": ends}]
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
    until(
        page,
        f"""async (wanted) => {{
          const kept = await ({KEPT_PAGES})();
          return navigator.serviceWorker.controller && wanted.every((one) => kept.includes(one));
        }}""",
        ["/", f"/card/{HIDA}", "/scan", "/not-kept", "/queued", "/offline"],
    )


def tall(page: Page) -> None:
    """A window as tall as the page, so that the bar at its foot covers nothing."""
    width, height = page.evaluate("[innerWidth, document.documentElement.scrollHeight]")
    page.set_viewport_size({"width": width, "height": height})


def flushed(page: Page, times: int = 1) -> None:
    """The worker has tried to send what waits, so many times at once, and is done."""
    page.evaluate(
        """async (times) => {
          const {active} = await navigator.serviceWorker.ready;
          await Promise.all(Array.from({length: times}, () => new Promise((done) => {
            const {port1, port2} = new MessageChannel();
            port1.onmessage = done;
            active.postMessage({do: 'flush'}, [port2]);
          })));
        }""",
        times,
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
        executable_path=find_chromium(light=True),
        args=ARGS,
        base_url=village.line.url,
        **PHONE,
    )


def worker_of(context: BrowserContext) -> Any:
    return context.service_workers[0]
