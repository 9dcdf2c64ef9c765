"""The page factory: language, headers, policy, escaping, errors."""

from __future__ import annotations

import gzip
import re
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from jinja2 import UndefinedError
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Mount
from starlette.testclient import TestClient

from core.pages import Pages, compact, error_for, language_response, static_files
from core.texts import Texts
from tests.look.showing import ROOT, request_for

FIRST_FLIGHT = 14_000  # bytes that arrive before the first acknowledgement


def test_style_hash_is_that_of_the_style_in_the_page(
    shown: Mapping[tuple[str, str], Response],
) -> None:
    for page in shown.values():
        [style] = re.findall(r"<style>(.*?)</style>", bytes(page.body).decode(), re.DOTALL)
        digest = b64encode(sha256(style.encode()).digest()).decode()
        assert f"style-src 'self' 'sha256-{digest}';" in page.headers["content-security-policy"]


def test_headers_of_every_page(shown: Mapping[tuple[str, str], Response]) -> None:
    headers = shown["mobile", "ja"].headers
    policy = headers["content-security-policy"]
    for part in (
        "default-src 'self'", "script-src 'self'", "img-src 'self' data:", "form-action 'self'",
        "frame-ancestors 'none'", "base-uri 'none'", "object-src 'none'", "worker-src 'self'",
    ):  # fmt: skip
        assert part in policy
    assert "unsafe" not in policy
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["permissions-policy"].startswith("camera=(),")


def test_camera_only_where_codes_are_scanned(phone: Pages) -> None:
    page = phone.render(request_for(), "error.html", camera=True, **ERROR)
    assert page.headers["permissions-policy"].startswith("camera=(self),")


ERROR: Mapping[str, Any] = {"missing": False, "failed": False, "sentences": ["あ"], "advice": []}


@pytest.mark.parametrize(
    ("cookie", "html", "word"),
    [
        ("", "ja", "わたし"),
        ("lang=ja", "ja", "わたし"),
        ("lang=en", "en", ">Me<"),
        ("lang=easy", "ja", "本文へ<"),
        ("lang=xx", "ja", "わたし"),
    ],
)
def test_language_comes_from_the_cookie(phone: Pages, cookie: str, html: str, word: str) -> None:
    page = phone.render_error(request_for(cookie=cookie), 404)
    text = bytes(page.body).decode()
    assert f'<html lang="{html}">' in text
    assert word in text
    assert page.headers["content-language"] == html


@pytest.mark.parametrize(
    ("back_to", "lands"),
    [
        ("/activities?day=1", "/activities?day=1"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example/", "/"),
        ("/a\r\nSet-Cookie: x=y", "/"),
        ("", "/"),
    ],
)
def test_language_switch_stays_on_this_site(back_to: str, lands: str) -> None:
    answer = language_response("en", back_to)
    assert (answer.status_code, answer.headers["location"]) == (303, lands)
    assert answer.headers["set-cookie"].startswith("lang=en;")


def test_unknown_language_becomes_japanese() -> None:
    assert language_response("<x>", "/").headers["set-cookie"].startswith("lang=ja;")


def test_what_people_write_is_escaped(phone: Pages) -> None:
    env = phone.environment("ja")
    field = env.from_string("{{ ui.field('name', x, y, error=x, help=x) }}")
    assert "<b>" not in field.render(x="<b>", y='"><b>')
    assert "<b>" not in env.from_string("{{ _('{x}さん', x='<b>') }}").render()


def test_a_missing_name_is_an_error_not_a_blank(phone: Pages) -> None:
    with pytest.raises(UndefinedError):
        phone.environment("ja").from_string("{{ nothing }}").render()


def test_error_page_says_why_and_what_helps(phone: Pages) -> None:
    reason = {"code": "cap_reached", "needed": 3, "names": ["212172", "042056"]}
    page = phone.render_error(request_for(), 409, [reason])
    text = bytes(page.body).decode()
    assert page.status_code == 409
    assert "飛騨市、気仙沼市" in text
    assert "入れ替えて" in text


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 410, 418, 422, 429, 500, 503])
def test_every_status_has_a_page(phone: Pages, desk: Pages, status: int) -> None:
    for pages in (phone, desk):
        page = pages.render_error(request_for(cookie="lang=en"), status)
        assert page.status_code == status
        assert re.search(r'class="notice-title">[A-Z][^<]+<', bytes(page.body).decode())


def test_errors_change_the_title_and_take_focus(phone: Pages) -> None:
    errors = [{"field": "email", "text": "確かめてください"}]
    page = phone.render(request_for(), "error.html", errors=errors, **ERROR)
    text = bytes(page.body).decode()
    assert "<title>エラー: " in text
    assert '<a href="#email">確かめてください</a>' in text
    assert re.search(r'role="alert" tabindex="-1" autofocus', text)
    assert error_for(errors, "email") == "確かめてください"
    assert error_for(errors, "name") == ""


def test_first_page_arrives_in_one_flight(shown: Mapping[tuple[str, str], Response]) -> None:
    assert len(gzip.compress(bytes(shown["mobile", "ja"].body))) < FIRST_FLIGHT


def test_styles_stay_small(phone: Pages, desk: Pages) -> None:
    assert len(phone.css.encode()) <= 15_500
    assert len(gzip.compress(phone.css.encode())) <= 4_500
    assert len(gzip.compress(desk.css.encode())) <= 5_000


def test_compact_keeps_the_meaning() -> None:
    css = "/* x */ a , b > c {\n color : red;\n margin: calc(1rem + 2px) ;\n}\n"
    assert compact(css) == "a,b>c{color :red;margin:calc(1rem + 2px)}"


@pytest.mark.parametrize("room", ["core", "mobile", "admin"])
def test_templates_hold_no_style_and_no_script(room: str) -> None:
    bad = [
        f"{path.name}: {found}"
        for path in sorted((ROOT / room / "templates").rglob("*.html"))
        for found in re.findall(
            r"(?i)\sstyle=|\son[a-z]+=[\"']|<script(?![^>]*\ssrc=)[^>]*>|javascript:",
            path.read_text("utf-8"),
        )
    ]
    assert bad == []


def test_static_files_of_all_rooms() -> None:
    client = TestClient(Starlette(routes=[Mount("/static", static_files("mobile", "admin"))]))
    for name in ("mark.svg", "icon-192.png", "icon-512.png", "manifest.webmanifest", "hills.svg"):
        answer = client.get(f"/static/{name}")
        assert answer.status_code == 200
        assert answer.headers["cache-control"].startswith("public")
    assert client.get("/static/%2e%2e/pages.py").status_code == 404


def test_missing_style_sheet_stops_the_start(texts: Texts, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Pages(texts, styles=[tmp_path / "gone.css"])
