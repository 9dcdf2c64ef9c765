"""P34: what people typed never runs; every answer carries its headers; no page has an inline exception."""

import re

import pytest
from fastapi.testclient import TestClient

from app.routes import Door
from registry import governments
from tests.conftest import RollbackDatabase
from tests.factories.registry import HIDA, make_operator
from tests.security.knocking import Way, knock, ways
from tests.security.places import settle
from tests.security.test_idempotency import token_for

#: Typed as name, address, organisation and title: breaks out of text and of attributes.
PAYLOAD = "\"'><i onx=1>{{7*9973}}"
BROKEN_OUT = "<i onx=1>"
INLINE = re.compile(
    r"<script(?![^>]*\bsrc=)|\sstyle\s*=\s*[\"']|\son[a-z]+\s*=\s*[\"']|javascript:"
)
PAGE_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
#: A drawing, not a page: opened alone, it may do nothing at all.
DRAWINGS = {"/card/{lg_code}/paper.svg"}
REFLECTED = ("q", "next", "done", "text", "lang", "view", "day", "category", "after", "show")


def reads() -> list[Way]:
    return [way for way in ways() if way.method == "GET"]


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_every_page_is_closed(client: TestClient, database: RollbackDatabase, lang: str) -> None:
    """Stored and reflected payloads are text; headers on every answer, pages and API."""
    place = settle(database, HIDA, family=PAYLOAD)
    operator = make_operator(database).token
    pages, wrong = 0, []
    query = "&".join(f"{name}=%22'><i onx=1>" for name in REFLECTED)
    for way in reads():
        for asked in ("", f"?{query}"):
            client.cookies.clear()
            headers = {
                "Authorization": f"Bearer {token_for(way, place, operator)}",
                "Cookie": f"lang={lang}",
            }
            answer = client.get(place.path(way.template) + asked, headers=headers)
            kind = answer.headers.get("content-type", "")
            policy = answer.headers.get("content-security-policy", "")
            if "unsafe" in policy or "default-src" not in policy:
                wrong.append(f"{way}{asked}: policy {policy!r}")
            if answer.headers.get("x-content-type-options") != "nosniff":
                wrong.append(f"{way}: nosniff")
            if not kind.startswith(("text/html", "image/svg")):
                continue
            pages += 1
            if BROKEN_OUT in answer.text or "'><i onx" in answer.text:
                wrong.append(f"{way}{asked}: a payload is markup")
            if "69811" in answer.text:
                wrong.append(f"{way}{asked}: a payload is a template")
            if INLINE.search(answer.text):
                wrong.append(f"{way}{asked}: {INLINE.search(answer.text)}")
            if way.template in DRAWINGS:
                assert "sandbox" in policy
                continue
            wrong += [
                f"{way}{asked}: {name} {answer.headers.get(name)}"
                for name, value in PAGE_HEADERS.items()
                if answer.headers.get(name) != value
            ]
    assert pages > 80
    assert not wrong, "\n".join(dict.fromkeys(wrong))


def test_the_payload_reaches_the_pages(client: TestClient, database: RollbackDatabase) -> None:
    """Sensitivity: what was typed is shown, so that escaping it means something."""
    place = settle(database, HIDA, family=PAYLOAD)
    shown = 0
    for way in reads():
        if way.api or way.door not in {Door.STAFF, Door.PERSON}:
            continue
        answer = knock(client, way, place.path(way.template), token_for(way, place, ""))
        shown += "&lt;i onx=1&gt;" in answer.text
    assert shown >= 10


def test_a_page_of_a_refusal_is_closed_too(client: TestClient) -> None:
    """404, 401, 405 and what cannot be read, with a payload in the address."""
    for path in ("/<i onx=1>", "/towns/<i onx=1>", "/staff/<i onx=1>", "/c/<i onx=1>"):
        answer = client.get(path)
        assert answer.status_code in {303, 404, 422}
        assert BROKEN_OUT not in answer.text
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_fault_of_ours_tells_nothing(monkeypatch: pytest.MonkeyPatch, client: TestClient) -> None:
    """P31: a problem document or a kind page, without a word of what went wrong inside."""

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(governments, "find", broken)
    api = client.get("/api/v1/local-governments")
    page = client.get("/towns?q=x")
    assert (api.status_code, api.json()["code"]) == (500, "unknown")
    assert page.status_code in {200, 500}
    for answer in (api, page):
        assert "secret detail" not in answer.text
        assert "Traceback" not in answer.text
