"""d-11: keys of staff and operators, and acts that ask once more who one is."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from core.access import Role
from core.clock import FixedClock
from core.db import Database, for_body
from registry.models import BodyValue
from tests.factories.authenticator import Device
from tests.factories.registry import HIDA, SignedIn, create_person, make_operator, make_staff

API = "/api/v1"
KEY = "11111111-1111-4111-8111-111111111111"
LATER = timedelta(minutes=6)
VALUE = {"_key": KEY, "value": "veto", "since": "2027-06-02"}
SETTING = f"/staff/{HIDA}/settings/values/decision.mode"


@pytest.fixture
def manager(database: Database) -> SignedIn:
    return make_staff(database, HIDA, Role.MANAGER)


def ask(http: TestClient, door: str, someone: SignedIn) -> Any:
    return http.post(f"{API}/{door}/challenges", headers=someone.headers, json={})


def add_key(http: TestClient, someone: SignedIn, device: Device) -> None:
    asked = ask(http, "passkeys", someone).json()
    body = {"binding": asked["binding"], "credential": device.make(asked["options"])}
    made = http.post(f"{API}/passkeys", headers=someone.headers, json=body)
    assert made.status_code == 201, made.text


def confirm(http: TestClient, someone: SignedIn, device: Device) -> dict[str, str]:
    asked = ask(http, "passkey-confirmations", someone).json()
    body = {"binding": asked["binding"], "credential": device.sign(asked["options"])}
    done = http.post(f"{API}/passkey-confirmations", headers=someone.headers, json=body)
    assert done.status_code == 200, done.text
    return {"Authorization": f"Bearer {done.json()['token']}"}


def values(database: Database) -> int:
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        rows = db.scalars(select(BodyValue.value).filter_by(lg_code=HIDA, key="decision.mode"))
        return len(rows.all())


def _main(page: str) -> str:
    return page.partition("<main")[2].partition("</main>")[0]


def fields(page: str) -> dict[str, str]:
    """Hidden fields of a page by their names."""
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', _main(page))
    return {name: html.unescape(value) for name, value in found}


def test_what_was_typed_waits_for_the_code_and_is_done_once(
    http: TestClient, database: Database, manager: SignedIn, clock: FixedClock
) -> None:
    clock.advance(LATER)
    asked = http.post(SETTING, headers=manager.headers, data=VALUE)
    assert asked.status_code == 401
    assert values(database) == 0
    waiting = fields(asked.text)
    assert waiting["next"] == SETTING
    sent = http.post("/staff/signin/again", headers=manager.headers, data=waiting)
    assert sent.status_code == 200, sent.text
    found = re.search(r"(?<=番号： )\d{8}", sent.text)
    assert found
    proved = http.post(
        "/staff/signin/again/code",
        headers=manager.headers,
        data=fields(sent.text) | {"code": found[0]},
    )
    assert proved.status_code == 200, proved.text
    assert f'action="{SETTING}"' in proved.text
    kept = fields(proved.text)
    assert kept == VALUE
    # The old sign-in has ended; the new one is in the cookie.
    assert http.get(f"/staff/{HIDA}", headers=manager.headers).status_code == 303
    for _ in range(2):
        done = http.post(SETTING, data=kept, headers={"Sec-Fetch-Site": "same-origin"})
        assert done.status_code == 303, done.text
    assert values(database) == 1


def test_whoever_has_a_key_proves_themselves_with_it(
    http: TestClient, database: Database, manager: SignedIn, clock: FixedClock
) -> None:
    """A code from the mailbox, even of just now, is no proof any more."""
    device = Device()
    add_key(http, manager, device)
    asked = http.post(SETTING, headers=manager.headers, data=VALUE)
    assert asked.status_code == 401
    assert 'data-passkey="confirm"' in asked.text
    assert 'data-form="waiting"' in asked.text
    by_code = http.post(
        "/staff/signin/again/code", headers=manager.headers, data={"code": "00000000"}
    )
    assert by_code.status_code == 409
    fresh = confirm(http, manager, device)
    assert http.post(SETTING, headers=fresh, data=VALUE).status_code == 303
    assert values(database) == 1
    clock.advance(LATER)
    again = VALUE | {"_key": KEY.replace("1111-4", "2222-4")}
    assert http.post(SETTING, headers=fresh, data=again).status_code == 401


def test_a_mailbox_adds_and_takes_no_key_of_staff(
    http: TestClient, database: Database, manager: SignedIn
) -> None:
    device = Device()
    add_key(http, manager, device)
    asked = ask(http, "passkeys", manager)
    assert (asked.status_code, asked.json()["code"]) == (401, "fresh_sign_in_needed")
    [key] = http.get(f"{API}/passkeys", headers=manager.headers).json()["items"]
    path = f"/staff/me/keys/{key['id']}/remove"
    assert http.post(path, headers=manager.headers, data={"_key": KEY}).status_code == 401
    refused = http.delete(
        f"{API}/passkeys/{key['id']}", headers=manager.headers | {"Idempotency-Key": KEY}
    )
    assert refused.status_code == 401
    fresh = confirm(http, manager, device)
    assert http.post(path, headers=fresh, data={"_key": KEY}).status_code == 303
    assert http.get(f"{API}/passkeys", headers=fresh).json()["items"] == []


BODY = f"{API}/local-governments/{HIDA}"
STAFF_ACTS: list[tuple[str, str, dict[str, Any]]] = [
    ("PUT", f"{BODY}/settings/decision.mode", {"value": "auto", "since": "2027-06-02"}),
    ("POST", f"{BODY}/staff", {"email": "a@example.jp", "name": "担当", "role": "clerk"}),
    ("DELETE", f"{BODY}/staff/{KEY}", {}),
    ("POST", f"{BODY}/registrations/{KEY}/closing", {"reason": "death", "told_by": "family"}),
    ("POST", f"{BODY}/registrations/{KEY}/reopening", {}),
]
OPERATOR_ACTS: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", f"{API}/operator/local-governments/{HIDA}/state", {"state": "paused"}),
    (
        "POST",
        f"{API}/operator/local-governments/{HIDA}/staff",
        {"email": "a@example.jp", "name": "担当", "role": "manager"},
    ),
]


@pytest.mark.parametrize(("method", "path", "body"), STAFF_ACTS + OPERATOR_ACTS)
def test_the_api_asks_too(
    http: TestClient,
    database: Database,
    clock: FixedClock,
    method: str,
    path: str,
    body: dict[str, Any],
) -> None:
    someone = make_operator(database) if "/operator/" in path else make_staff(database, HIDA)
    clock.advance(LATER)
    headers = someone.headers | {"Idempotency-Key": KEY}
    refused = http.request(method, path, headers=headers, json=body)
    assert (refused.status_code, refused.json().get("code")) == (401, "fresh_sign_in_needed")


@pytest.mark.parametrize(
    "path", ["settings/staff", f"settings/staff/{KEY}/end", "settings/requirement"]
)
def test_pages_ask_first(http: TestClient, manager: SignedIn, clock: FixedClock, path: str) -> None:
    clock.advance(LATER)
    sent = {"_key": KEY, "name": "担当"}
    asked = http.post(f"/staff/{HIDA}/{path}", headers=manager.headers, data=sent)
    assert asked.status_code == 401
    assert "/staff/signin/again" in asked.text


@pytest.mark.parametrize("path", ["state", "managers"])
def test_the_operator_is_asked_first(
    http: TestClient, database: Database, clock: FixedClock, path: str
) -> None:
    operator = make_operator(database)
    clock.advance(LATER)
    asked = http.post(
        f"/operator/bodies/{HIDA}/{path}", headers=operator.headers, data={"_key": KEY}
    )
    assert asked.status_code == 401
    assert "/operator/signin/again" in asked.text


def test_another_accounts_code_proves_nothing(
    http: TestClient, database: Database, manager: SignedIn
) -> None:
    other = make_staff(database, HIDA, Role.VIEWER)
    sent = http.post("/staff/signin", data={"email": other.email})
    found = re.search(r"(?<=番号： )\d{8}", sent.text)
    assert found
    proved = http.post("/staff/signin/again/code", headers=manager.headers, data={"code": found[0]})
    assert proved.status_code == 403
    assert "fj" not in proved.cookies
    assert http.get(f"/staff/{HIDA}", headers=manager.headers).status_code == 200


def test_what_waits_goes_nowhere_else(http: TestClient, manager: SignedIn) -> None:
    waiting = {"next": "https://evil.example/", "kept": '[["a","b"]]'}
    page = http.post("/staff/signin/again", headers=manager.headers, data=waiting)
    assert fields(page.text)["next"] == "/staff"


@pytest.mark.parametrize("door", ["staff", "operator"])
@pytest.mark.parametrize("language", ["ja", "en", "easy"])
def test_ones_own_sign_ins_are_listed_and_ended(
    http: TestClient, database: Database, door: str, language: str
) -> None:
    make = make_operator if door == "operator" else lambda db: make_staff(db, HIDA)
    someone, stranger = make(database), create_person(database)
    home = f"/{door}/me"
    page = http.get(home, headers=someone.headers | {"Cookie": f"lang={language}"})
    assert page.status_code == 200
    assert http.get(home, headers=stranger.headers).status_code == 403
    assert http.get(home).headers["location"].startswith(f"/{door}/signin?next=")
    [own] = http.get(f"{API}/sign-ins", headers=someone.headers).json()["items"]
    foreign = http.get(f"{API}/sign-ins", headers=stranger.headers).json()["items"][0]["id"]
    path = f"{home}/sign-ins/{foreign}/end"
    assert http.post(path, headers=someone.headers, data={"_key": KEY}).status_code == 404
    path = f"{home}/sign-ins/{own['id']}/end"
    assert http.post(path, headers=someone.headers, data={"_key": KEY}).status_code == 303
    assert http.get(home, headers=someone.headers).status_code == 303


def test_all_sign_ins_end_at_once(http: TestClient, manager: SignedIn) -> None:
    left = http.post("/staff/me/sign-ins/end", headers=manager.headers)
    assert left.headers["location"] == "/staff/signin"
    assert http.get("/staff/me", headers=manager.headers).status_code == 303
