"""`python -m tests.screens [--to FOLDER]`: pictures of every page, from a small world of its own.

Every page of the phone, as the application's own table has them, and the desk's and the operator's
main ones, on a phone (390 px) and on a desk (1280 px). They go into docs/screens.
"""

import argparse
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from app import migrate, operate
from app.local import LocalStack
from core.clock import FileClock
from core.db import Database
from core.settings import Environment
from core.web import SCANNER_COOKIE, SESSION_COOKIE
from registry.policybook import load_policy
from tests.browser_setup import find_chromium
from tests.factories.desk import create_twins
from tests.factories.registry import (
    HIDA,
    NOW,
    SignedIn,
    make_operator,
    open_bodies,
)
from tests.factories.tour import Tour, create_tour, phone_pages

SHOWN = Path(__file__).resolve().parent.parent / "docs" / "screens"
PHONE, DESK = 390, 1280
HEIGHT = {PHONE: 844, DESK: 800}
#: Colours of a picture, spread over all that are in it so that small emblems keep theirs, then moved
#: to where most points are so that paper stays paper: a third of the bytes.
COLOURS, ROUNDS = 255, 4
#: A list may be long; its picture ends here.
TALLEST = 2400

#: Not pages to look at, or such as need something that is under way.
NOT_TAKEN = {
    *("/", "/C/{code}", "/c/{code}", "/sw.js", "/phone", "/_dev/components", "/closed", "/signin"),
    *("/card/{lg_code}/paper.svg", "/card/{lg_code}/paper.pdf", "/signin/code", "/welcome"),
    *("/me/data/{export_id}/{kind}", "/me/certificate/{number}/sheet.pdf", "/device/{token}"),
    *("/host/{lg_code}/device-tickets/{ticket_id}", "/done/{lg_code}/{scan_id}"),
    "/list-invitations/{token}",
}


@dataclass(frozen=True, slots=True)
class Scene:
    """A running platform with a small world in it."""

    url: str
    tour: Tour
    operator: SignedIn
    pair: UUID


@contextmanager
def scene() -> Iterator[Scene]:
    """A web process on a stack of its own, on an ordinary morning of 飛騨市."""
    with (
        TemporaryDirectory(prefix="furusato-screens-") as folder,
        LocalStack(Path(folder), environment=Environment.TEST, durable=False) as stack,
    ):
        settings = stack.settings()
        secret = settings.secret_key.get_secret_value()
        migrate.upgrade(stack.owner_url, settings.db_password.get_secret_value())
        migrate.load(stack.owner_url)
        FileClock(stack.clock_file).set(NOW, running=False)
        database = Database(settings)
        open_bodies(database, "200000", "202053", "110001", "113611")
        tour = create_tour(database)
        operate.rotate_keys(database, book=load_policy(), secret=secret, now=NOW)
        operator = make_operator(database)
        stack.start_processes(["web"])
        stack.wait_ready()
        *_, pair = create_twins(database)
        yield Scene(stack.base_url, tour, operator, pair)
        database.dispose()


class Camera:
    """One window of one visitor at one width."""

    def __init__(self, page: Page, folder: Path, width: int) -> None:
        self.page, self.folder, self.width = page, folder, width

    def take(self, name: str, path: str | None = None) -> None:
        """Keep a picture of a page, or of the one that is open."""
        if path is not None:
            answer = self.page.goto(path)
            if answer is None or not answer.ok or not self.page.url.endswith(path):
                raise RuntimeError(f"{path} is not shown: {self.page.url}")
        # As tall as the page, so that the bar at its foot stands at its foot.
        tall = self.page.evaluate("document.documentElement.scrollHeight")
        self.page.set_viewport_size({"width": self.width, "height": min(tall, TALLEST)})
        taken = Image.open(BytesIO(self.page.screenshot(scale="css"))).convert("RGB")
        few = taken.quantize(
            COLOURS,
            method=Image.Quantize.MAXCOVERAGE,
            kmeans=ROUNDS,
            dither=Image.Dither.NONE,
        )
        few.save(self.folder / f"{name}_{self.width}.png", optimize=True)
        self.page.set_viewport_size({"width": self.width, "height": HEIGHT[self.width]})


@contextmanager
def visiting(
    browser: Browser, scene: Scene, token: str | None, width: int, folder: Path
) -> Iterator[Camera]:
    """A window in which somebody is signed in."""
    context = browser.new_context(
        base_url=scene.url,
        viewport={"width": width, "height": HEIGHT[width]},
        locale="ja-JP",
        timezone_id="Asia/Tokyo",
        reduced_motion="reduce",
    )
    if token is not None:
        for name, value in ((SESSION_COOKIE, token), (SCANNER_COOKIE, scene.tour.device)):
            context.add_cookies([{"name": name, "value": value, "url": scene.url}])
    yield Camera(context.new_page(), folder, width)
    context.close()


def registrants_pages(camera: Camera, scene: Scene) -> None:
    """Every page of the phone that somebody who is signed in may open, then the first check-in."""
    for route in phone_pages():
        if route not in NOT_TAKEN:
            camera.take(name_of(route), scene.tour.path(route))
    camera.take("home", "/")
    # A check-in as from a poster, and the card with its code.
    camera.take("poster", f"/C/{scene.tour.morning.session.poster_code}")
    camera.page.locator("main form button").first.click()
    camera.page.wait_for_load_state()
    camera.take("checkin_done")
    camera.page.goto(f"/card/{HIDA}")
    issue = camera.page.locator("main form[method=post] button:visible")
    if issue.count():
        issue.first.click()
        camera.page.wait_for_load_state()
    camera.take("card_shown", f"/card/{HIDA}")


def name_of(route: str) -> str:
    """A page's picture is called as its address is."""
    named = re.sub(r"\{\w+\}", "one", route).strip("/").replace("/", "_")
    return re.sub(r"[^\w-]", "", named) or "home"


def desk_pages(camera: Camera, scene: Scene) -> None:
    """What staff see."""
    morning, home = scene.tour.morning, f"/staff/{HIDA}"
    for name, path in {
        "today": home,
        "approvals": f"{home}/approvals",
        "preview": f"{home}/preview?count=4",
        "trials": f"{home}/trials",
        "activities": f"{home}/activities",
        "activity": f"{home}/activities/{morning.activity.id}",
        "proposal": f"{home}/activities/{morning.proposal.id}",
        "reception": f"{home}/sessions/{morning.session.id}",
        "members": f"{home}/members",
        "exports": f"{home}/exports",
        "duplicate": f"{home}/duplicates/{scene.pair}",
        "member": f"{home}/members/{morning.registration_id}",
        "judgement": f"{home}/judgements/{morning.application.judgement_id}",
        "organisations": f"{home}/organisations",
        "settings": f"{home}/settings",
        "requirement": f"{home}/settings/requirement",
        "confirmations": f"{home}/confirmations",
        "audit": f"{home}/audit",
        "news": f"{home}/news",
        "activities_new": f"{home}/activities/new",
        "calendars": f"{home}/calendars",
        "readiness": f"{home}/readiness",
        "months": f"{home}/activities/calendar",
        "copying": f"{home}/activities/last-year?year=2027",
        "organisation": f"{home}/organisations/{morning.organisation.id}",
        "own": "/staff/me",
    }.items():
        camera.take(f"desk_{name}", path)


def strangers_pages(camera: Camera) -> None:
    """What anybody sees."""
    for name, path in {
        "front": "/",
        "signin": "/signin",
        "closed": "/closed",
        "staff_signin": "/staff/signin",
        "staff_signin_body": "/staff/signin/body",
    }.items():
        camera.take(name, path)


def operators_pages(camera: Camera) -> None:
    """What the operator sees."""
    for name, path in {
        "state": "/operator",
        "bodies": "/operator/bodies",
        "body": f"/operator/bodies/{HIDA}",
        "keys": "/operator/keys",
        "own": "/operator/me",
    }.items():
        camera.take(f"operator_{name}", path)


def take_all(folder: Path) -> None:
    """Every page at both widths."""
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=["--no-sandbox", "--disable-gpu"]
        )
        for width in (PHONE, DESK):
            # A world for each width: a check-in is done once.
            with scene() as found:
                for token, pages in (
                    (None, lambda camera, _: strangers_pages(camera)),
                    (found.tour.token, registrants_pages),
                    (found.tour.morning.manager.token, desk_pages),
                    (found.operator.token, lambda camera, _: operators_pages(camera)),
                ):
                    with visiting(browser, found, token, width, folder) as camera:
                        pages(camera, found)
        browser.close()


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.screens", description=__doc__)
    parser.add_argument("--to", type=Path, metavar="FOLDER", default=SHOWN)
    take_all(parser.parse_args(arguments).to)


if __name__ == "__main__":
    main()
