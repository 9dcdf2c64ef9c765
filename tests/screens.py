"""`python -m tests.screens [--all FOLDER]`: pictures of the pages, from a small world of its own.

Without `--all` the few that the documents show are taken anew into docs/screens; with it every
main page, on a phone (390 px) and on a desk (1280 px), into the folder.
"""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, Page, sync_playwright

from app import migrate, operate
from app.local import LocalStack
from core.clock import FileClock
from core.db import Database
from core.settings import Environment
from registry.policybook import load_policy
from tests.browser_setup import find_chromium
from tests.factories.activities import create_session, sign_up
from tests.factories.desk import Morning, create_morning, take_part_for_real
from tests.factories.registry import (
    HIDA,
    KESENNUMA,
    NOW,
    SignedIn,
    join,
    make_operator,
    open_bodies,
    sign_in,
)

SHOWN = Path(__file__).resolve().parent.parent / "docs" / "screens"
PHONE, DESK = 390, 1280
HEIGHT = {PHONE: 844, DESK: 800}
#: What the documents show: page and width.
IN_DOCUMENTS = {
    ("home", PHONE),
    ("activity", PHONE),
    ("checkin_done", PHONE),
    ("card", PHONE),
    ("premium", PHONE),
    ("desk_today", DESK),
    ("desk_approvals", DESK),
    ("desk_judgement", DESK),
}


@dataclass(frozen=True, slots=True)
class Scene:
    """A running platform with a small world in it."""

    url: str
    morning: Morning
    registrant: SignedIn
    operator: SignedIn


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
        morning = create_morning(database)
        join(database, morning.expected, KESENNUMA, now=NOW - timedelta(days=20))
        take_part_for_real(
            database, morning.activity, morning.expected, days=2, before=NOW - timedelta(days=9)
        )
        later = create_session(database, morning.activity, capacity=12)
        sign_up(database, later, morning.expected.id)
        operate.rotate_keys(database, book=load_policy(), secret=secret, now=NOW)
        registrant = replace(
            morning.expected, token=sign_in(database, morning.expected.email, now=NOW)
        )
        operator = make_operator(database)
        stack.start_processes(["web"])
        stack.wait_ready()
        yield Scene(stack.base_url, morning, registrant, operator)
        database.dispose()


class Camera:
    """One window of one visitor at one width."""

    def __init__(self, page: Page, folder: Path, width: int, *, chosen_only: bool) -> None:
        self.page, self.folder, self.width = page, folder, width
        self._chosen_only = chosen_only

    def take(self, name: str, path: str | None = None) -> None:
        """Keep a picture of a page, or of the one that is open."""
        if path is not None:
            answer = self.page.goto(path)
            if answer is None or not answer.ok or not self.page.url.endswith(path):
                raise RuntimeError(f"{path} is not shown: {self.page.url}")
        if self._chosen_only and (name, self.width) not in IN_DOCUMENTS:
            return
        if not self._chosen_only:
            # As tall as the page, so that the bar at its foot stands at its foot.
            tall = self.page.evaluate("document.documentElement.scrollHeight")
            self.page.set_viewport_size({"width": self.width, "height": tall})
        self.page.screenshot(path=self.folder / f"{name}_{self.width}.png", scale="css")
        self.page.set_viewport_size({"width": self.width, "height": HEIGHT[self.width]})


@contextmanager
def visiting(
    browser: Browser, url: str, someone: SignedIn | None, width: int, folder: Path, *, chosen: bool
) -> Iterator[Camera]:
    """A window in which somebody is signed in."""
    context = browser.new_context(
        base_url=url,
        viewport={"width": width, "height": HEIGHT[width]},
        locale="ja-JP",
        timezone_id="Asia/Tokyo",
        reduced_motion="reduce",
    )
    if someone is not None:
        context.add_cookies([{"name": "fj", "value": someone.token, "url": url}])
    yield Camera(context.new_page(), folder, width, chosen_only=chosen)
    context.close()


def phone_pages(camera: Camera, scene: Scene) -> None:
    """What a registrant sees, from the first page to the check-in and the card."""
    activity = scene.morning.activity
    for name, path in {
        "home": "/",
        "towns": "/towns",
        "town": f"/towns/{HIDA}",
        "activities": "/activities",
        "activity": f"/activities/{HIDA}/{activity.id}",
        "scan": "/scan",
        "premium": f"/me/premium/{HIDA}",
        "notices": "/notices",
        "me": "/me",
        "history": "/me/history",
        "certificates": "/me/certificate",
        "looks": "/me/looks",
        "devices": "/me/devices",
        "data": "/me/data",
        "family": "/family",
    }.items():
        camera.take(name, path)
    camera.take("poster", f"/C/{scene.morning.session.poster_code}")
    camera.page.locator("main form button").first.click()
    camera.page.wait_for_load_state()
    camera.take("checkin_done")
    camera.page.goto(f"/card/{HIDA}")
    issue = camera.page.locator("main form[method=post] button")
    if issue.count():
        issue.first.click()
        camera.page.wait_for_load_state()
    camera.take("card", f"/card/{HIDA}")


def desk_pages(camera: Camera, scene: Scene) -> None:
    """What staff see."""
    morning, home = scene.morning, f"/staff/{HIDA}"
    for name, path in {
        "today": home,
        "approvals": f"{home}/approvals",
        "activities": f"{home}/activities",
        "activity": f"{home}/activities/{morning.activity.id}",
        "proposal": f"{home}/activities/{morning.proposal.id}",
        "reception": f"{home}/sessions/{morning.session.id}",
        "members": f"{home}/members",
        "member": f"{home}/members/{morning.registration_id}",
        "judgement": f"{home}/judgements/{morning.application.judgement_id}",
        "organisations": f"{home}/organisations",
        "settings": f"{home}/settings",
        "audit": f"{home}/audit",
    }.items():
        camera.take(f"desk_{name}", path)


def strangers_pages(camera: Camera) -> None:
    """What anybody sees."""
    for name, path in {"front": "/", "signin": "/signin", "about": "/about"}.items():
        camera.take(name, path)


def operators_pages(camera: Camera) -> None:
    """What the operator sees."""
    for name, path in {
        "state": "/operator",
        "bodies": "/operator/bodies",
        "keys": "/operator/keys",
    }.items():
        camera.take(f"operator_{name}", path)


def take_all(folder: Path, *, chosen: bool) -> None:
    """Every page at both widths, or those of the documents."""
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=["--no-sandbox", "--disable-gpu"]
        )
        for width in (PHONE, DESK):
            # A world for each width: a check-in is done once.
            with scene() as found:
                for someone, pages in (
                    (None, lambda camera, _: strangers_pages(camera)),
                    (found.registrant, phone_pages),
                    (found.morning.manager, desk_pages),
                    (found.operator, lambda camera, _: operators_pages(camera)),
                ):
                    with visiting(
                        browser, found.url, someone, width, folder, chosen=chosen
                    ) as camera:
                        pages(camera, found)
        browser.close()


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.screens", description=__doc__)
    parser.add_argument("--all", type=Path, metavar="FOLDER", help="every page, into this folder")
    options = parser.parse_args(arguments)
    take_all(options.all or SHOWN, chosen=options.all is None)


if __name__ == "__main__":
    main()
