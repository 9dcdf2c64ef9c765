"""Every page of the phone with scripts off: what can be pressed is a plain form or a plain link."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final

from fastapi.testclient import TestClient

from core.clock import FixedClock
from core.web import SCANNER_COOKIE, SESSION_COOKIE
from tests.conftest import RollbackDatabase
from tests.factories.presence import make_keys
from tests.factories.registry import GIFU, MIYAGI, NOW, open_bodies
from tests.factories.tour import create_tour, phone_pages

#: Files, facts for scripts, and pages that need something under way (walked in their own tests).
OTHERS: Final = {
    *("/C/{code}", "/sw.js", "/phone", "/_dev/components", "/card/{lg_code}/paper.svg"),
    *("/card/{lg_code}/paper.pdf", "/me/data/{export_id}/{kind}"),
    *("/me/certificate/{number}/sheet.pdf", "/device/{token}", "/signin/code", "/welcome"),
    *("/host/{lg_code}/device-tickets/{ticket_id}", "/done/{lg_code}/{scan_id}", "/signin"),
    "/list-invitations/{token}",
}
_VOID: Final = {"input", "img", "br", "hr", "meta", "link", "use", "path", "source", "circle"}


@dataclass
class Pressable(HTMLParser):
    """What of a page's main part can be pressed, and whether anything needs a script."""

    page: str
    inside: list[tuple[str, bool, dict[str, str | None]]] = field(default_factory=list)
    plain: int = 0
    needs_script: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        hidden = "hidden" in given or tag == "template" or any(one[1] for one in self.inside)
        if any(one[0] == "main" for one in self.inside) and not hidden:
            self._press(tag, given)
        if tag not in _VOID:
            self.inside.append((tag, hidden, given))

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID or all(one[0] != tag for one in self.inside):
            return
        while self.inside.pop()[0] != tag:
            pass

    def _press(self, tag: str, given: dict[str, str | None]) -> None:
        if tag == "a":
            href = given.get("href") or ""
            self.plain += 1
            if not href or href.startswith("javascript:"):
                self.needs_script.append(f"link {given}")
        elif tag == "button":
            form = next((one[2] for one in reversed(self.inside) if one[0] == "form"), None)
            sends = given.get("type", "submit") == "submit"
            if form is not None and sends and (form.get("action") or form.get("method")):
                self.plain += 1
            else:
                self.needs_script.append(f"button {given}")
        if any(name.startswith("on") for name in given):
            self.needs_script.append(f"{tag} {given}")


def test_every_page_can_be_used_without_scripts(
    client: TestClient, database: RollbackDatabase, clock: FixedClock
) -> None:
    open_bodies(database, GIFU, MIYAGI)
    make_keys(database, now=NOW)
    tour = create_tour(database)
    clock.at = NOW
    client.cookies.set(SESSION_COOKIE, tour.token)
    client.cookies.set(SCANNER_COOKIE, tour.device)
    walked, wrong = 0, []
    for route in phone_pages():
        if route in OTHERS:
            continue
        answer = client.get(tour.path(route), headers={"Sec-Fetch-Site": "same-origin"})
        found = Pressable(route)
        found.feed(answer.text)
        walked += 1
        if answer.status_code != 200:
            wrong.append(f"{route}: {answer.status_code}")
        if not found.plain and "<noscript>" not in answer.text:
            wrong.append(f"{route}: nothing to press")
        wrong += [f"{route}: {one}" for one in found.needs_script]
    assert walked > 50
    assert wrong == [], "\n".join(wrong)
