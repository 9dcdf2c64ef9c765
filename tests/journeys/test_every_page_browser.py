"""Every page of the phone in a real Chromium: for all eyes and hands, on a weak line, none left out.

The pages are read from the application's own table: a page that is added is walked, or this test
says that it does not know how to get there.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser

from core.web import SCANNER_COOKIE, SESSION_COOKIE
from tests.factories.presence import make_keys
from tests.factories.registry import GIFU, MIYAGI, NOW, create_account, open_bodies
from tests.factories.tour import Tour, create_tour, phone_pages
from tests.journeys.conftest import Live, Visitor, visiting
from tests.look.checks import complaints

pytestmark = pytest.mark.browser

HEAVIEST: Final = 100_000
#: Not pages, or pages that somebody else walks.
ELSEWHERE: Final[Mapping[str, str]] = {
    "/C/{code}": "the same as /c/{code}, in capitals as posters print it",
    "/card/{lg_code}/paper.svg": "a picture",
    "/card/{lg_code}/paper.pdf": "a sheet to print",
    "/me/data/{export_id}/{kind}": "a file to keep",
    "/me/certificate/{number}/sheet.pdf": "a sheet to print",
    "/sw.js": "a script",
    "/phone": "facts for the script that works without network",
    "/_dev/components": "tests/look looks at it",
    "/host/{lg_code}/device-tickets/{ticket_id}": "shown once: test_host_browser",
    "/device/{token}": "opened once, on a device: test_host_browser",
    "/signin/code": "needs a code under way: test_sixty_seconds_browser",
    "/done/{lg_code}/{scan_id}": "needs a check-in just done: test_sixty_seconds_browser",
}
STRANGERS: Final = (
    "/", "/signin", "/closed", "/c/{code}", "/towns", "/towns/{lg_code}", "/towns/{lg_code}/news", "/activities",
    "/activities/{lg_code}/{activity_id}", "/checkin", "/v", "/verify", "/verify/{number}", "/help", "/about",
    "/privacy", "/accessibility", "/not-there",
)  # fmt: skip
#: Answers to a search or a filter, besides the pages themselves.
ASKED: Final = ("/towns?q=ひだ", "/activities?free=yes", "/me/residence?q=世田谷")
#: Whoever has a profile is led on from here.
BEFORE_PROFILE: Final = ("/welcome",)


@dataclass(frozen=True, slots=True)
class World:
    """A tour of 飛騨市, on a running server."""

    live: Live
    tour: Tour


@pytest.fixture
def world(live: Live) -> World:
    open_bodies(live.database, GIFU, MIYAGI)
    make_keys(live.database, now=NOW)
    tour = create_tour(live.database)
    live.clock.at = NOW
    return World(live, tour)


@contextmanager
def walking(
    chromium: Browser, live: Live, token: str | None, device: str = ""
) -> Iterator[Visitor]:
    """A phone with an empty cache, on which somebody is signed in or nobody is."""
    with visiting(chromium, live) as visitor:
        for name, value in ((SESSION_COOKIE, token), (SCANNER_COOKIE, device)):
            if value:
                visitor.context.add_cookies([{"name": name, "value": value, "url": live.url}])
        yield visitor


def wrong(visitor: Visitor, path: str) -> list[object]:
    """What is wrong with a page: its weight first, for a phone that never saw it."""
    sizes: list[float] = []
    protocol = visitor.context.new_cdp_session(visitor.page)
    protocol.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    protocol.send("Network.enable")
    protocol.send("Network.setCacheDisabled", {"cacheDisabled": True})
    answer = visitor.page.goto(path, wait_until="load")
    protocol.detach()
    found: list[object] = []
    if answer is None or answer.status not in {200, 404} or not visitor.page.url.endswith(path):
        found.append(f"leads to {visitor.page.url}: {answer and answer.status}")
    if sum(sizes) > HEAVIEST or not sizes:
        found.append(f"{sum(sizes)} bytes")
    if not visitor.page.title() or visitor.page.locator("h1").count() != 1:
        found.append("needs a title and one heading of the first level")
    found += complaints(visitor.page)
    return [(path, one) for one in found]


def test_every_page_is_for_everybody(chromium: Browser, world: World) -> None:
    """WCAG 2.2 AA, 100 KB, the policy: each page of somebody who is signed in."""
    routes_ = [
        route
        for route in phone_pages()
        if route not in ELSEWHERE
        and route not in BEFORE_PROFILE
        and route not in {"/signin", "/closed"}
    ]
    assert len(routes_) > 30
    with walking(chromium, world.live, world.tour.token, world.tour.device) as visitor:
        paths = [world.tour.path(route) for route in routes_] + [
            quote(path, "/?=") for path in ASKED
        ]
        found = [one for path in paths for one in wrong(visitor, path)]
    assert found == [], "\n".join(map(str, found))


def test_strangers_pages_are_for_everybody(chromium: Browser, world: World) -> None:
    """The same of whoever is not signed in, and of a new account."""
    with walking(chromium, world.live, None) as visitor:
        found = [one for route in STRANGERS for one in wrong(visitor, world.tour.path(route))]
    token = create_account(world.live.database).token
    with walking(chromium, world.live, token) as visitor:
        found += [one for path in BEFORE_PROFILE for one in wrong(visitor, path)]
    assert found == [], "\n".join(map(str, found))


def test_none_is_left_out() -> None:
    """What is walked elsewhere or by others is still a page of the application."""
    known = set(phone_pages())
    assert set(ELSEWHERE) <= known
    assert {*STRANGERS, *BEFORE_PROFILE} - known == {"/not-there"}
