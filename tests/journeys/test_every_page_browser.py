"""Every page of the phone in a real Chromium: for all eyes and hands, on a weak line, none left out.

The pages are read from the application's own table: a page that is added is walked, or this test
says that it does not know how to get there.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import pytest
from fastapi.routing import APIRoute
from playwright.sync_api import Browser

from activities.evidence import SqlEvidence
from activities.hosts import HostRole
from activities.organisations import invite_member
from app import routes
from core.db import for_body
from core.web import SESSION_COOKIE
from mobile import certificates
from registry import guardians
from tests.factories.activities import create_member, create_session, sign_up, staff_actor
from tests.factories.desk import create_morning, take_part_for_real
from tests.factories.presence import make_keys
from tests.factories.registry import (
    GIFU,
    HIDA,
    KESENNUMA,
    MIYAGI,
    NOW,
    create_account,
    create_person,
    join,
    open_bodies,
    policy_book,
    sign_in,
)
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
    "/family/{guardianship_id}": "somebody else's pages in one's hands: tests/mobile",
    "/family/{guardianship_id}/card/{lg_code}": "the same",
    "/family/{guardianship_id}/own-sign-in": "the same",
    "/host/{lg_code}/device-tickets/{ticket_id}": "shown once: test_host_browser",
    "/device/{token}": "opened once, on a device: test_host_browser",
    "/counter": "a device's page: test_host_browser",
    "/counter/sessions/{session_id}": "a device's page: test_host_browser",
    "/counter/sessions/{session_id}/venue": "a device's page: test_host_browser",
    "/counter/sessions/{session_id}/offline": "a device's page: test_counter_offline_browser",
    "/signin/code": "needs a code under way: test_sixty_seconds_browser",
    "/done/{lg_code}/{scan_id}": "needs a check-in just done: test_sixty_seconds_browser",
}
STRANGERS: Final = (
    "/", "/signin", "/closed", "/c/{code}", "/towns", "/towns/{lg_code}", "/towns/{lg_code}/news", "/activities",
    "/activities/{lg_code}/{activity_id}", "/checkin", "/v", "/verify", "/verify/{number}", "/help", "/about",
    "/privacy", "/accessibility", "/not-there",
)  # fmt: skip
#: Whoever has a profile is led on from here.
BEFORE_PROFILE: Final = ("/welcome",)


def all_pages() -> list[str]:
    """The path of every page of the phone, as the application declares it."""
    return [
        route.path
        for row in routes.TABLE
        for route in row.router.routes
        if isinstance(route, APIRoute)
        and "GET" in (route.methods or ())
        and route.endpoint.__module__.startswith("mobile.pages")
    ]


@dataclass(frozen=True, slots=True)
class World:
    """飛騨市 on an ordinary morning; somebody takes part there and hosts there, too."""

    live: Live
    token: str
    facts: Mapping[str, str]

    def path(self, route: str) -> str:
        """A route with its places filled in."""
        named = {**self.facts, "token": self.facts.get(route, "")}
        if route.endswith("/edit"):
            named["activity_id"] = self.facts["proposal_id"]
        return re.sub(r"\{(\w+)\}", lambda found: named[found[1]], route)


@pytest.fixture
def world(live: Live) -> World:
    database = live.database
    open_bodies(database, GIFU, MIYAGI)
    make_keys(database, now=NOW)
    morning = create_morning(database)
    someone = morning.expected
    join(database, someone, KESENNUMA, now=NOW - timedelta(days=20))
    take_part_for_real(database, morning.activity, someone, days=2, before=NOW - timedelta(days=9))
    later = create_session(database, morning.activity, capacity=12)
    sign_up(database, later, someone.id)
    with database.transaction(for_body(HIDA, actor="staff:test")) as db:
        host = invite_member(
            db,
            actor=staff_actor(),
            lg_code=HIDA,
            organisation_id=morning.organisation.id,
            name="はなこ",
            role=HostRole.ORGANISER,
            now=NOW,
        )
    minor = create_person(database, nickname="二郎", birth_year=2012)
    with database.transaction(minor.context) as db:
        guardian = guardians.invite(
            db,
            actor=minor.actor,
            contact=someone.email,
            scope="premium",
            now=NOW,
            book=policy_book(),
        )
    create_member(database, morning.organisation, someone.id)
    with database.transaction(someone.context) as db:
        made = certificates.issue(
            db, actor=someone.actor, lg_code=HIDA, now=NOW, evidence=SqlEvidence()
        )
    live.clock.at = NOW
    return World(
        live,
        sign_in(database, someone.email, now=NOW),
        {
            "lg_code": HIDA,
            "code": morning.session.poster_code,
            "activity_id": str(morning.activity.id),
            "proposal_id": str(morning.proposal.id),
            "session_id": str(morning.session.id),
            "number": f"{HIDA}-{made.number}",
            "organisation_id": str(morning.organisation.id),
            "/host-invitations/{token}": host.token,
            "/guardian-invitations/{token}": guardian.token,
        },
    )


@contextmanager
def walking(chromium: Browser, live: Live, token: str | None) -> Iterator[Visitor]:
    """A phone with an empty cache, on which somebody is signed in or nobody is."""
    with visiting(chromium, live) as visitor:
        if token:
            visitor.context.add_cookies([{"name": SESSION_COOKIE, "value": token, "url": live.url}])
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
        for route in all_pages()
        if route not in ELSEWHERE
        and route not in BEFORE_PROFILE
        and route not in {"/signin", "/closed"}
    ]
    assert len(routes_) > 30
    with walking(chromium, world.live, world.token) as visitor:
        found = [one for route in routes_ for one in wrong(visitor, world.path(route))]
    assert found == [], "\n".join(map(str, found))


def test_strangers_pages_are_for_everybody(chromium: Browser, world: World) -> None:
    """The same of whoever is not signed in, and of a new account."""
    with walking(chromium, world.live, None) as visitor:
        found = [one for route in STRANGERS for one in wrong(visitor, world.path(route))]
    token = create_account(world.live.database).token
    with walking(chromium, world.live, token) as visitor:
        found += [one for path in BEFORE_PROFILE for one in wrong(visitor, path)]
    assert found == [], "\n".join(map(str, found))


def test_none_is_left_out() -> None:
    """What is walked elsewhere or by others is still a page of the application."""
    known = set(all_pages())
    assert set(ELSEWHERE) <= known
    assert {*STRANGERS, *BEFORE_PROFILE} - known == {"/not-there"}
