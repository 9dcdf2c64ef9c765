"""Pages rendered by the real environment and shown in a real browser, without a server."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, Route
from starlette.requests import Request
from starlette.responses import Response

from core.pages import Pages
from core.texts import Texts

ROOT = Path(__file__).resolve().parents[2]
ADDRESS = "http://localhost"
STAFF: Mapping[str, Any] = {
    "body_name": "岐阜県飛騨市",
    "staff_name": "山本 直子",
    "role_name": "承認者",
    "menu_counts": {"approvals": 5},
    "sign_out_href": "/staff/signout",
}


def request_for(path: str = "/", cookie: str = "") -> Request:
    headers = [(b"cookie", cookie.encode())] if cookie else []
    return Request(
        {
            "type": "http",
            "method": "GET",
            "scheme": "http",
            "server": ("localhost", 80),
            "path": path,
            "query_string": b"",
            "headers": headers,
        }
    )


def pages_of(texts: Texts, room: str) -> Pages:
    return Pages(
        texts,
        templates=[ROOT / room / "templates"],
        styles=sorted((ROOT / room / "static").glob("*.css")),
    )


def component_pages(texts: Texts) -> dict[tuple[str, str], Response]:
    """(room, language) → its page of all components."""
    phone, desk = pages_of(texts, "mobile"), pages_of(texts, "admin")
    found: dict[tuple[str, str], Response] = {}
    for lang in ("ja", "easy", "en"):
        request = request_for(cookie=f"lang={lang}")
        found["mobile", lang] = phone.render(
            request, "components.html", card_day=date(2027, 11, 20)
        )
        found["admin", lang] = desk.render(request, "components.html", **STAFF)
    return found


def serve(context: BrowserContext, shown: Mapping[tuple[str, str], Response]) -> None:
    """Answer http://localhost/<room>/<lang> and /static/… from memory and from the tree."""

    def answer(route: Route) -> None:
        parts = urlsplit(route.request.url).path.strip("/").split("/")
        if parts[0] == "static":
            files = [ROOT / room / "static" / parts[1] for room in ("core", "mobile", "admin")]
            route.fulfill(path=next(path for path in files if path.exists()))
            return
        if parts == ["sw.js"]:
            # A worker that does nothing: how the page looks does not depend on it.
            route.fulfill(content_type="text/javascript", body="")
            return
        page = shown[parts[0], parts[1]]
        route.fulfill(
            status=page.status_code, headers=dict(page.headers), body=bytes(page.body).decode()
        )

    context.route("**/*", answer)
