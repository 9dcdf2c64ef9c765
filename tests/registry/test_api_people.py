"""R03, R12, R18: signing in and the profile, over HTTP."""

import json
import re
import socket
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiosmtpd.controller import Controller
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from app.mailcatcher import Keeper, messages
from core.clock import FixedClock
from core.db import Database, for_job
from core.models import SignInCode
from core.settings import Settings
from registry import guardians
from registry.adults import turn_adults
from registry.models import Guardianship, Person
from tests.conftest import RollbackDatabase, serve
from tests.factories import registry as make
from tests.factories.registry import GIFU, HIDA, NAGANO, SignedIn, registration_of

CODES, SIGN_INS = "/api/v1/sign-in-codes", "/api/v1/sign-ins"


def ask(client: TestClient, email: str = "hanako@example.jp", **more: Any) -> dict[str, Any]:
    answer = client.post(CODES, json={"email": email, **more})
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = answer.json()
    return found


def enter(client: TestClient, sent: dict[str, Any], **more: Any) -> Any:
    return client.post(SIGN_INS, json={"code": sent["code"], "binding": sent["binding"], **more})


def code_of(answer: Any) -> str:
    assert answer.headers["content-type"] == "application/problem+json"
    found: str = answer.json()["code"]
    return found


# --- signing in -----------------------------------------------------------------------------


def test_r03_a_code_gives_a_bearer_token(client: TestClient) -> None:
    answer = enter(client, ask(client))
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers
    token = answer.json()["token"]
    me = client.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})
    assert (me.status_code, code_of(me)) == (404, "profile_needed")


def test_r03_a_browser_gets_a_cookie_that_scripts_cannot_read(client: TestClient) -> None:
    answer = enter(client, ask(client), transport="cookie")
    assert answer.json()["token"] is None
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert client.get("/api/v1/sign-ins").json()["items"][0]["current"] is True
    same_site = {"Sec-Fetch-Site": "same-origin"}
    assert client.delete("/api/v1/sign-ins/current").status_code == 403
    assert client.delete("/api/v1/sign-ins/current", headers=same_site).status_code == 204
    assert client.get("/api/v1/sign-ins").status_code == 401


def test_r03_five_wrong_tries_end_a_code(client: TestClient) -> None:
    sent = ask(client)
    wrong = {**sent, "code": "00000000" if sent["code"] != "00000000" else "11111111"}
    for _ in range(5):
        answer = enter(client, wrong)
        assert (answer.status_code, code_of(answer)) == (422, "code_wrong")
    answer = enter(client, sent)
    assert (answer.status_code, code_of(answer)) == (410, "code_expired")


def test_r03_a_code_is_good_once_on_its_device_for_ten_minutes(
    client: TestClient, clock: FixedClock
) -> None:
    sent = ask(client)
    assert enter(client, {**sent, "binding": "elsewhere"}).status_code == 410
    assert enter(client, sent).status_code == 201
    assert enter(client, sent).status_code == 410
    late = ask(client)
    clock.advance(timedelta(minutes=10))
    assert enter(client, late).status_code == 410


def test_r03_codes_are_limited(client: TestClient) -> None:
    for _ in range(3):
        ask(client)
    answer = client.post(CODES, json={"email": "Hanako@example.jp"})
    assert (answer.status_code, code_of(answer)) == (429, "rate_limited")


def test_r03_a_machine_that_fills_the_hidden_field_gets_nothing(
    client: TestClient, database: RollbackDatabase
) -> None:
    sent = ask(client, website="https://spam.example")
    assert sent["code"] is None
    with database.transaction(make.GATE) as db:
        assert db.scalars(select(SignInCode)).all() == []


@pytest.mark.parametrize("email", ["", "hanako", "a@b@c", "x" * 300 + "@example.jp", "\x00@a.jp"])
def test_r03_an_address_that_is_none_is_named(client: TestClient, email: str) -> None:
    answer = client.post(CODES, json={"email": email})
    assert answer.status_code == 422
    assert answer.json()["problems"][0]["field"] == "email"


def test_nobody_becomes_staff_by_having_an_address(client: TestClient) -> None:
    answer = enter(client, ask(client, kind="staff"))
    assert (answer.status_code, code_of(answer)) == (409, "forbidden")


def test_signing_out_everywhere_ends_every_session(client: TestClient, database: Database) -> None:
    someone = make.create_person(database, email="two@example.jp")
    other = make.sign_in(database, "two@example.jp")
    assert len(client.get(SIGN_INS, headers=someone.headers).json()["items"]) == 2
    assert client.delete(SIGN_INS, headers=someone.headers).status_code == 204
    for token in (someone.token, other):
        answer = client.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401


@pytest.fixture
def mailbox(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """A mail server of this test's own: its port, and where it keeps what it takes."""
    controller = Controller(Keeper(tmp_path), hostname="127.0.0.1", port=free_port())
    controller.start()
    yield controller.port, tmp_path
    controller.stop()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def mailing_client(
    settings: Settings, database: RollbackDatabase, clock: FixedClock, port: int
) -> TestClient:
    mailing = settings.model_copy(update={"smtp_port": port, "show_sign_in_codes": False})
    app: FastAPI = serve(mailing, database, clock)
    return TestClient(app, raise_server_exceptions=False)


def test_r03_the_code_is_mailed_at_once_and_shown_nowhere(
    settings: Settings,
    database: RollbackDatabase,
    clock: FixedClock,
    mailbox: tuple[int, Path],
) -> None:
    port, folder = mailbox
    client = mailing_client(settings, database, clock, port)
    sent = ask(client, email="Hanako@Example.jp", language="en")
    assert sent["code"] is None
    [mail] = messages(folder, to="hanako@example.jp")
    assert mail.subject == "Your sign-in code"
    assert mail.message["Auto-Submitted"] == "auto-generated"
    found = re.search(r"\b(\d{8})\b", mail.text)
    assert found is not None
    assert enter(client, {**sent, "code": found[1]}).status_code == 201


def test_r03_without_a_mail_server_it_is_said(
    settings: Settings, database: RollbackDatabase, clock: FixedClock
) -> None:
    client = mailing_client(settings, database, clock, free_port())
    answer = client.post(CODES, json={"email": "hanako@example.jp"})
    assert (answer.status_code, code_of(answer)) == (503, "mail_away")


# --- the profile ----------------------------------------------------------------------------


def write(client: TestClient, someone: SignedIn, **profile: Any) -> Any:
    given = {"birth_year": 1985} | profile
    return client.post("/api/v1/me", headers=someone.headers, json=given)


def change(client: TestClient, someone: SignedIn, **changes: Any) -> Any:
    return client.patch("/api/v1/me", headers=someone.headers, json=changes)


def test_r03_a_nickname_and_a_year_are_enough(client: TestClient, database: Database) -> None:
    someone = make.create_account(database)
    answer = write(client, someone, nickname="  花  子 ")
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert (body["nickname"], body["email"], body["identity_level"]) == (
        "花 子",
        someone.email,
        "email",
    )
    assert client.get("/api/v1/me", headers=someone.headers).json() == body
    again = write(client, someone, nickname="花子")
    assert (again.status_code, code_of(again)) == (409, "profile_exists")


def test_the_same_profile_twice_under_one_key_is_one(
    client: TestClient, database: Database
) -> None:
    someone = make.create_account(database)
    headers = someone.headers
    first = client.post(
        "/api/v1/me", headers=headers, json={"nickname": "花子", "birth_year": 1985}
    )
    second = client.post(
        "/api/v1/me", headers=headers, json={"nickname": "花子", "birth_year": 1985}
    )
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    other = client.post(
        "/api/v1/me", headers=headers, json={"nickname": "次郎", "birth_year": 1985}
    )
    assert (other.status_code, code_of(other)) == (409, "idempotency_conflict")
    none = {"Authorization": headers["Authorization"]}
    answer = client.post("/api/v1/me", headers=none, json={"nickname": "花子", "birth_year": 1985})
    assert (answer.status_code, code_of(answer)) == (422, "idempotency_key_missing")


@pytest.mark.parametrize(
    ("field", "value", "status", "code"),
    [
        ("birth_date", "2027-06-02", 422, "birth_in_future"),
        ("birth_date", "1890-01-01", 422, "birth_too_early"),
        ("birth_date", "2027-02-30", 422, "validation"),
        ("birth_year", 2028, 422, "birth_in_future"),
        ("birth_year", 1800, 422, "birth_too_early"),
        ("birth_year", 10**30, 422, "birth_in_future"),
        ("nickname", "   ", 422, "nickname_needed"),
        ("nickname", "あ" * 41, 422, "validation"),
        ("name", "山田\u0000太郎", 422, "text_unreadable"),
        ("name", "\ud800", 422, "validation"),
        ("kana", "1234 5678 9018", 409, "individual_number"),
        ("nickname", "１２３４５６７８９０１８", 409, "individual_number"),
        ("declared_residence", "999999", 422, "unknown_government"),
        ("declared_residence", "飛騨市", 422, "validation"),
        ("individual_number", "123456789018", 422, "validation"),
    ],
)
def test_r12_r18_what_a_profile_refuses(
    client: TestClient, database: Database, field: str, value: object, status: int, code: str
) -> None:
    someone = make.create_account(database)
    headers = {**someone.headers, "Content-Type": "application/json"}
    content = json.dumps({"nickname": "花子", field: value})
    answer = client.post("/api/v1/me", headers=headers, content=content)
    assert (answer.status_code, code_of(answer)) == (status, code)
    assert answer.json()["problems"][0]["field"].startswith(field)


def test_r25_every_bodys_copy_follows_a_change(client: TestClient, database: Database) -> None:
    someone = make.create_person(database, nickname="花子")
    make.join(database, someone, HIDA)
    answer = change(
        client, someone, name="山田 花子", kana="ヤマダ ハナコ", declared_residence=NAGANO
    )
    assert answer.status_code == 200, answer.text
    for code in (HIDA, GIFU):
        row = registration_of(database, someone, code)
        assert row is not None
        assert (row.display_name, row.kana, row.residence_code, row.residence_relation) == (
            "山田 花子",
            "ヤマダ ハナコ",
            NAGANO,
            "elsewhere",
        )
    assert change(client, someone, name=None).json()["name"] is None
    row = registration_of(database, someone, HIDA)
    assert row is not None
    assert row.display_name == "花子"


def test_r12_what_the_card_proved_is_not_typed_over(client: TestClient, database: Database) -> None:
    someone = make.create_person(database, name="山田 花子", birth_date=date(1990, 4, 1))
    with database.transaction(someone.context) as db:
        db.execute(update(Person).values(identity_level="mnc_sign"))
    for changes in ({"name": "別 人"}, {"birth_date": "1991-04-01"}, {"birth_year": 1991}):
        answer = change(client, someone, **changes)
        assert (answer.status_code, code_of(answer)) == (409, "proved_by_card")
    assert change(client, someone, name="山田 花子", nickname="はな").status_code == 200


def test_a_year_of_birth_agrees_with_the_day(client: TestClient, database: Database) -> None:
    someone = make.create_person(database, birth_date=date(1990, 4, 1))
    answer = change(client, someone, birth_year=1991)
    assert (answer.status_code, code_of(answer)) == (422, "birth_mismatch")
    assert change(client, someone, birth_date="1991-04-01").json()["birth_year"] == 1991


def test_r02_the_general_choice_holds_for_new_registrations(
    client: TestClient, database: Database
) -> None:
    someone = make.create_person(database)
    assert change(client, someone, link_default=False).json()["link_default"] is False
    make.join(database, someone, HIDA)
    assert registration_of(database, someone, GIFU) is None
    make.join(database, someone, "212032", link_opt_out=False)
    assert registration_of(database, someone, GIFU) is not None


# --- R18: minors ----------------------------------------------------------------------------


def guardian(database: Database, someone: SignedIn, *, managed: bool) -> None:
    """As the guardian's invitation leaves it once the contact has been confirmed."""
    parent = make.create_person(database) if managed else None
    with database.transaction(someone.context) as db:
        db.add(
            Guardianship(
                person_id=someone.id,
                guardian_id=None if parent is None else parent.id,
                contact="parent@example.jp",
                state="living",
                scope="basic",
                text_version="1",
                invite_hash=uuid4().hex,
                invited_at=make.NOW,
                contact_confirmed_at=make.NOW,
            )
        )


@pytest.mark.parametrize(
    ("birth", "helped", "refusal"),
    [
        (date(2009, 6, 1), None, None),
        (date(2009, 6, 2), None, "guardian_contact_needed"),
        (date(2009, 6, 2), "contact", None),
        (date(2014, 6, 1), "contact", None),
        (date(2014, 6, 2), "contact", "managed_only"),
        (date(2014, 6, 2), "managed", None),
    ],
)
def test_r18_who_may_register_by_age(
    client: TestClient, database: Database, birth: date, helped: str | None, refusal: str | None
) -> None:
    """On 1 June 2027: adults alone, from 13 with a guardian's contact, below inside their account."""
    someone = make.create_person(database, birth_date=birth)
    make.open_bodies(database, GIFU, HIDA)
    if helped:
        guardian(database, someone, managed=helped == "managed")
    answer = client.post(
        "/api/v1/me/registrations", headers=someone.headers, json={"lg_code": HIDA}
    )
    if refusal is None:
        assert answer.status_code == 201, answer.text
        row = registration_of(database, someone, HIDA)
        assert row is not None
        adult = date(birth.year + 18, birth.month, birth.day)
        assert row.minor_until == (adult if adult > date(2027, 6, 1) else None)
    else:
        assert (answer.status_code, code_of(answer)) == (409, refusal)
        assert answer.json()["problems"][0]["rule"] == "R18"


def test_r18_a_year_of_birth_is_taken_at_its_last_day(
    client: TestClient, database: Database
) -> None:
    make.open_bodies(database, GIFU, HIDA)
    for year, status in ((2008, 201), (2009, 409)):
        someone = make.create_person(database, birth_year=year)
        answer = client.post(
            "/api/v1/me/registrations", headers=someone.headers, json={"lg_code": HIDA}
        )
        assert answer.status_code == status


# --- R32: closing, and notices --------------------------------------------------------------


def test_r32_closing_ends_every_sign_in(client: TestClient, database: Database) -> None:
    someone = make.create_person(database)
    make.join(database, someone, HIDA)
    assert client.delete("/api/v1/me", headers=someone.headers).status_code == 204
    assert client.get("/api/v1/me", headers=someone.headers).status_code == 401


def test_notices_are_listed_in_words_and_read_once(
    client: TestClient, database: Database, clock: FixedClock
) -> None:
    someone = make.create_person(database)
    make.join(database, someone, HIDA)
    make.join(database, someone, "212032", now=make.NOW + timedelta(hours=1))
    clock.advance(timedelta(hours=2))
    url = "/api/v1/me/notices"
    first = client.get(url, headers=someone.headers, params={"limit": 2}).json()
    rest = client.get(
        url, headers=someone.headers, params={"limit": 2, "cursor": first["next_cursor"]}
    ).json()
    both = first["items"] + rest["items"]
    assert [len(first["items"]), len(rest["items"]), rest["next_cursor"]] == [2, 1, None]
    assert {one["title"] for one in both} == {
        "飛騨市にふるさと住民登録をしました",
        "高山市にふるさと住民登録をしました",
        "岐阜県にも登録されました",
    }
    target = f"{url}/{both[0]['id']}/read"
    assert client.post(target, headers=someone.headers).json()["read_at"] is not None
    unread = client.get(url, headers=someone.headers, params={"unread": True}).json()
    assert len(unread["items"]) == 2
    stranger = make.create_person(database)
    assert client.post(target, headers=stranger.headers).status_code == 404
    bad = client.get(url, headers=someone.headers, params={"cursor": "WyJhIiwiYiJd"})
    assert (bad.status_code, code_of(bad)) == (422, "cursor")


# --- R18: the year of birth, and whom to call -----------------------------------------------


def test_r18_the_year_of_birth_is_asked_at_the_api_as_on_the_page(
    client: TestClient, database: Database
) -> None:
    someone = make.create_account(database)
    url = "/api/v1/me"
    missing = client.post(url, headers=someone.headers, json={"nickname": "花子"})
    assert (missing.status_code, code_of(missing)) == (422, "birth_year_needed")
    given = {"nickname": "花子", "birth_date": "1990-04-01"}
    assert client.post(url, headers=someone.headers, json=given).json()["birth_year"] == 1990


def test_r18_a_guardian_without_a_year_of_birth_is_asked_before_registering(
    client: TestClient, database: Database
) -> None:
    guardian = make.create_account(database)
    with database.transaction(guardian.context) as db:
        guardians.ensure_person(db, actor=guardian.actor, nickname="母", now=make.NOW)
    make.open_bodies(database, GIFU, HIDA)
    url, given = "/api/v1/me/registrations", {"lg_code": HIDA}
    refused = client.post(url, headers=guardian.headers, json=given)
    assert (refused.status_code, code_of(refused)) == (409, "birth_year_needed")
    client.patch("/api/v1/me", headers=guardian.headers, json={"birth_year": 1985})
    assert client.post(url, headers=guardian.headers, json=given).status_code == 201


def test_r18_whom_to_call_reaches_bodies_for_minors_only_and_ends_with_the_age(
    client: TestClient, database: Database
) -> None:
    minor, _ = make.create_minor(database)
    adult = make.create_person(database)
    contact = {"emergency_name": "母 佐藤春子", "emergency_phone": "+81 90 1234 5678"}
    for someone in (minor, adult):
        make.join(database, someone, HIDA)
        answer = client.patch("/api/v1/me", headers=someone.headers, json=contact)
        assert answer.json()["emergency_phone"] == "+81 90 1234 5678"
    held = [make.registration_of(database, one, HIDA) for one in (minor, adult)]
    assert [one and one.emergency_phone for one in held] == ["+81 90 1234 5678", None]
    alone = client.patch("/api/v1/me", headers=minor.headers, json={"emergency_phone": None})
    assert (alone.status_code, code_of(alone)) == (422, "field_needed")
    with database.transaction(for_job("adults", HIDA)) as db:
        turn_adults(db, as_of=date(2031, 1, 1), now=make.NOW)
    grown = make.registration_of(database, minor, HIDA)
    assert grown is not None
    assert (grown.minor_until, grown.emergency_name, grown.emergency_phone) == (None, None, None)
