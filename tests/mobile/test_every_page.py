"""Every page opens: for strangers, for registrants, in every language, without a fault."""

import re
from datetime import date
from typing import Any

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from app import routes
from tests.conftest import RollbackDatabase
from tests.factories.activities import create_designated_activity, create_session
from tests.factories.phone import Phone, sign_in
from tests.factories.presence import jst, make_keys
from tests.factories.registry import GIFU, HIDA, KESENNUMA, MIYAGI, open_bodies

PUBLIC = (
    "/", "/signin", "/settings", "/towns", "/towns?q=ひだ", "/towns?prefecture=210005", f"/towns/{HIDA}", f"/towns/{HIDA}/news",
    "/activities", f"/activities?town={HIDA}&day=2027-06-01&free=yes", "/activities?day=nonsense",
    "/activities?category=nonsense", "/scan", "/checkin", "/v", "/verify", "/help", "/about", "/privacy",
    "/accessibility", "/_dev/components",
)  # fmt: skip
OWN = (
    "/", "/towns", f"/towns/{HIDA}", f"/towns/{GIFU}", f"/towns/{KESENNUMA}",
    f"/towns/{HIDA}/survey", f"/towns/{HIDA}/leave", "/activities", "/card", f"/card/{HIDA}",
    f"/card/{GIFU}", "/notices", "/me", "/me/history", "/me/certificate", "/me/profile", "/me/residence",
    "/me/residence?q=世田谷", "/me/identity", "/me/looks", "/me/devices", "/signin/again", "/me/data", "/me/close", "/closed", f"/me/premium/{HIDA}",
    "/settings", "/me/premium", f"/me/premium/{HIDA}/plan", f"/me/premium/{GIFU}/plan",
    f"/me/premium/{GIFU}", "/family", "/scan", "/checkin", "/v", "/help",
)  # fmt: skip


@pytest.fixture
def place(database: RollbackDatabase, clock: Any) -> str:
    """The page of an activity in 飛騨市 with a session to come."""
    open_bodies(database, GIFU, HIDA, MIYAGI, KESENNUMA)
    make_keys(database, now=clock.now())
    activity = create_designated_activity(database)
    create_session(database, activity, starts_at=jst(date(2027, 6, 5), 9))
    return f"/activities/{HIDA}/{activity.id}"


@pytest.fixture
def hanako(phone: Phone, place: str) -> Phone:
    """A registrant of 飛騨市, signed in on this phone."""
    phone.open(f"/signin?next=/towns/{HIDA}")
    sign_in(phone, "hanako@example.jp")
    phone.send({"nickname": "花子", "birth_year": "1952", "consent": "yes"}, to="/welcome")
    phone.send({"tie": "origin", "link": "yes"}, to=f"/towns/{HIDA}/join")
    assert phone.path == f"/towns/{HIDA}/survey", phone.words
    return phone


@pytest.mark.parametrize("lang", ["ja", "easy", "en"])
def test_pages_for_strangers(client: TestClient, place: str, lang: str) -> None:
    client.cookies.set("lang", lang)
    for path in (*PUBLIC, place):
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert "script-src 'self'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("lang", ["ja", "easy", "en"])
def test_pages_for_registrants(hanako: Phone, place: str, lang: str) -> None:
    hanako.client.cookies.set("lang", lang)
    for path in (*OWN, place):
        hanako.open(path)
        assert hanako.status == 200, (path, hanako.words)


def test_strangers_are_led_to_sign_in(client: TestClient, place: str) -> None:
    for path in ("/me", "/notices", "/card", f"/me/premium/{HIDA}", "/family", "/me/looks"):
        answer = client.get(path)
        assert answer.status_code == 303, path
        assert answer.headers["location"] == f"/signin?next={path}"


GARBAGE: tuple[dict[str, str], ...] = (
    {},
    {"_key": "k"},
    {"_key": "k", "scan_id": "x", "code": "\x00", "email": "\x00", "nickname": "\x00"},
    {
        "_key": "k" * 300, "scan_id": "00000000-0000-4000-8000-000000000000", "next": "//x",
        "code": "🌾" * 900, "email": "🌾@🌾", "nickname": "🌾" * 99, "birth_year": "９９９９",
        "consent": "yes", "contact": "\ud83c", "scope": "x", "tie": "x", "replaces": "9" * 40,
        "purpose": "x", "guardianship": "x", "linked": "x", "lang": "xx", "visits": "99999999999",
    },
)  # fmt: skip
IDS = "00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize("garbage", GARBAGE, ids=["nothing", "key", "nul", "much"])
def test_no_form_answers_with_a_fault_whatever_it_is_given(
    hanako: Phone, garbage: dict[str, str]
) -> None:
    paths = sorted(
        re.sub(r"\{(\w+)\}", lambda name: HIDA if name[1] == "lg_code" else IDS, route.path)
        for row in routes.TABLE
        for route in row.router.routes
        if isinstance(route, APIRoute)
        and "POST" in (route.methods or ())
        and route.endpoint.__module__.startswith("mobile.pages")
        and route.path != "/signout"
    )
    assert len(paths) > 20
    sent = {name: value.encode("utf-8", "surrogatepass") for name, value in garbage.items()}
    for path in paths:
        answer = hanako.client.post(path, data=sent, headers={"Sec-Fetch-Site": "same-origin"})
        assert answer.status_code < 500, path
        if answer.status_code == 303:
            assert answer.headers["location"].startswith("/"), path
            assert not answer.headers["location"].startswith("//"), path


def test_bad_addresses_get_a_page_and_never_a_fault(hanako: Phone) -> None:
    for path in (
        "/c/ZZZZZZZZ", "/c/%00", "/towns/999999", "/towns/abc", "/card/999999", "/notices?after=x",
        f"/activities/{HIDA}/00000000-0000-4000-8000-000000000000", "/activities?after=!!",
        f"/done/{HIDA}/00000000-0000-4000-8000-000000000000", "/me/premium/999999",
        "/guardian-invitations/nothing", "/c/7KQ2M9XD?scan=nonsense", "/towns?prefecture=x",
    ):  # fmt: skip
        hanako.open(path)
        assert hanako.status in {404, 410, 422}, (path, hanako.status)
        assert "ふるさと住民登録" in hanako.text


def test_what_one_comes_for_is_two_taps_from_home(hanako: Phone, place: str) -> None:
    """The site map (frontend.md, i): each page within so many links of home, and no script."""
    taps: dict[str, int] = {}
    ahead = ["/"]
    for tap in range(3):
        found = [path for path in dict.fromkeys(ahead) if path not in taps]
        taps |= dict.fromkeys(found, tap)
        ahead = []
        if tap < 2:
            for path in found:
                if hanako.open(path).status == 200:
                    links = re.findall(r'<a\b[^>]*href="(/[^"#?]*)', hanako.text)
                    ahead += [one for one in links if not one.startswith("/static/")]
    most = {
        **dict.fromkeys(
            ("/scan", "/activities", "/card", "/me", "/help", "/about", "/accessibility"), 1
        ),
        **dict.fromkeys((place, "/towns", f"/towns/{HIDA}", "/me/certificate", "/notices"), 2),
        **dict.fromkeys(("/me/premium", f"/me/premium/{HIDA}", "/family", "/me/devices"), 2),
        **dict.fromkeys(("/privacy", "/settings"), 1),
        **dict.fromkeys((f"/me/premium/{HIDA}/plan", "/me/looks", "/me/data"), 2),
    }
    late = {path: taps.get(path, 9) for path, tap in most.items() if taps.get(path, 9) > tap}
    assert late == {}
