"""P25, P32: codes, sessions and cookies under attack, on every door of signing in."""

import re
from collections.abc import Mapping
from datetime import timedelta

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from app.main import create_app
from core import signin
from core.access import Role
from core.clock import FixedClock
from core.models import Account, SignInCode, WebSession
from registry.models import StaffRole
from tests.conftest import RollbackDatabase
from tests.factories.registry import (
    GATE,
    HIDA,
    OPERATOR,
    SignedIn,
    create_person,
    make_operator,
    make_staff,
)

KNOWN = "known@example.jp"
CODES = "/api/v1/sign-in-codes"
SIGN_INS = "/api/v1/sign-ins"
PAGES = ("/signin", "/staff/signin", "/operator/signin")
ELSEWHERE: tuple[Mapping[str, str], ...] = (
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "same-site", "Origin": "https://other.testserver"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
)


def ask(client: TestClient, email: str, kind: str = "person") -> dict[str, str]:
    answer = client.post(CODES, json={"email": email, "kind": kind})
    assert answer.status_code == 202, answer.text
    found: dict[str, str] = answer.json()
    return found


def prove(
    client: TestClient, asked: Mapping[str, str], *, code: str | None = None, **more: str
) -> httpx2.Response:
    body = {"code": code or asked["code"], "binding": asked["binding"], **more}
    return client.post(SIGN_INS, json=body)


def code_in(page: httpx2.Response) -> str:
    """The code as a rehearsal shows it."""
    [found] = set(re.findall(r"(?<![#\w-])\d{8}(?![\w-])", page.text))
    return str(found)


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**8:08d}"


def test_five_tries_and_the_code_is_dead(client: TestClient) -> None:
    """d-12: the right code after five wrong ones is refused, and says the same as any dead one."""
    asked = ask(client, KNOWN)
    for _ in range(signin.CODE_TRIES):
        assert prove(client, asked, code=wrong(asked["code"])).status_code == 422
    late = prove(client, asked)
    nothing = prove(client, {"code": "12345678", "binding": "x" * 43})
    assert late.status_code == nothing.status_code == 410
    assert late.json() == nothing.json()


def test_more_codes_do_not_give_more_than_fifty_tries_a_day(
    client: TestClient, clock: FixedClock
) -> None:
    """d-12: three codes in ten minutes, ten a day, for one address, whoever asks."""
    given = 0
    for _ in range(200):
        answer = client.post(CODES, json={"email": KNOWN})
        given += answer.status_code == 202
        assert answer.status_code in {202, 429}
        clock.advance(timedelta(minutes=2))
    assert given == signin.CODES_A_DAY


def test_one_place_asks_ten_times_a_minute_at_most(client: TestClient) -> None:
    """d-12: many addresses from one place."""
    answers = [
        client.post(CODES, json={"email": f"a{number}@example.jp"}).status_code
        for number in range(12)
    ]
    assert answers == [202] * signin.STARTS_A_MINUTE + [429] * 2


def test_a_code_works_once_and_ten_minutes(client: TestClient, clock: FixedClock) -> None:
    """ASVS 6.6.3: used, it is dead; old, it is dead."""
    asked = ask(client, KNOWN)
    assert prove(client, asked).status_code == 201
    assert prove(client, asked).status_code == 410
    asked = ask(client, KNOWN)
    clock.advance(signin.CODE_LIFE)
    assert prove(client, asked).status_code == 410


def test_a_code_is_bound_to_the_browser_that_asked(client: TestClient) -> None:
    """ASVS 6.6.2: somebody who reads the code over a shoulder lacks the binding."""
    mine, theirs = ask(client, KNOWN), ask(client, "other@example.jp")
    crossed = {"code": mine["code"], "binding": theirs["binding"]}
    assert prove(client, crossed).status_code == 422
    client.post("/signin", data={"email": KNOWN})
    client.cookies.clear()
    page = client.post("/signin/code", data={"code": mine["code"]})
    assert page.status_code == 422
    assert "fj" not in page.cookies


@pytest.mark.parametrize("kind", ["person", "staff", "operator"])
def test_known_and_unknown_addresses_look_alike(
    client: TestClient, database: RollbackDatabase, kind: str
) -> None:
    """P32: asking for a code, and trying a wrong one, tells nothing of the address."""
    make = {
        "person": lambda: create_person(database).email,
        "staff": lambda: make_staff(database, HIDA).email,
        "operator": lambda: make_operator(database).email,
    }
    told = []
    for email in (make[kind](), "nobody.knows@example.jp"):
        asked = client.post(CODES, json={"email": email, "kind": kind})
        body = asked.json()
        refused = prove(client, body, code=wrong(body["code"]))
        page = client.post(
            {"person": "/signin", "staff": "/staff/signin", "operator": "/operator/signin"}[kind],
            data={"email": email},
        )
        shown = re.sub(r"\b\d{8}\b", "CODE", page.text).replace(email, "ADDRESS")
        headers = {name for name in page.headers if name != "content-length"}
        told.append(
            (asked.status_code, sorted(body), refused.status_code, refused.json(), shown, headers)
        )
    assert told[0] == told[1]


def test_an_address_alone_makes_nobody_staff(client: TestClient) -> None:
    """An unknown address that is proved is a registrant's and nothing more."""
    for kind in ("staff", "operator"):
        answer = prove(client, ask(client, "nobody.knows@example.jp", kind))
        assert answer.status_code == 409
        assert answer.json()["code"] == "forbidden"


def test_a_session_from_before_is_not_taken_over(client: TestClient) -> None:
    """Fixation: signing in gives a new token, and one that was planted never becomes valid."""
    planted = "A" * 43
    asked = ask(client, KNOWN)
    client.cookies.set("fj", planted)
    answer = client.post(
        SIGN_INS,
        json={**_pair(asked), "transport": "cookie"},
        headers={"Sec-Fetch-Site": "same-origin"},
    )
    token = answer.cookies["fj"]
    assert token != planted
    assert len(token) >= 43
    client.cookies.clear()
    assert _me(client, planted) == 401
    assert _me(client, token) != 401


def _pair(asked: Mapping[str, str]) -> dict[str, str]:
    return {"code": asked["code"], "binding": asked["binding"]}


def _me(client: TestClient, token: str) -> int:
    return client.get("/api/v1/sign-ins", headers={"Authorization": f"Bearer {token}"}).status_code


def test_the_token_is_kept_hashed_only(client: TestClient, database: RollbackDatabase) -> None:
    """A reader of the database cannot sign in with what they read."""
    token = prove(client, ask(client, KNOWN)).json()["token"]
    with database.transaction(GATE) as db:
        [row] = db.scalars(select(WebSession)).all()
        code = db.scalars(select(SignInCode)).one()
    assert row.token_hash != token
    assert token not in str(vars(row)) + str(vars(code))
    assert _me(client, row.token_hash) == 401


@pytest.mark.parametrize("page", PAGES)
def test_cookies_of_an_https_site(
    settings: object, database: RollbackDatabase, clock: FixedClock, page: str
) -> None:
    """d-11: __Host-, HttpOnly, Secure, SameSite=Lax, path /; the binding's is as closed."""
    secure = settings.model_copy(update={"public_url": "https://furusato.example"})  # type: ignore[attr-defined] # pydantic's Settings
    app = create_app(secure, database=database, clock=clock)
    email = {
        "/signin": lambda: create_person(database).email,
        "/staff/signin": lambda: make_staff(database, HIDA).email,
        "/operator/signin": lambda: make_operator(database).email,
    }[page]()
    with TestClient(app, base_url="https://furusato.example", follow_redirects=False) as client:
        sent = client.post(page, data={"email": email})
        shown = client.get(sent.headers["location"]) if sent.status_code == 303 else sent
        data = {"code": code_in(shown), "email": email}
        done = client.post(f"{page}/code", data=data)
        assert done.status_code == 303
        out = client.post("/signout", headers={"Sec-Fetch-Site": "same-origin"})
        given = [
            one
            for answer in (sent, done, out)
            for one in answer.headers.get_list("set-cookie")
            if "max-age=0" not in one.lower()
        ]
        session = [one for one in given if one.startswith("__Host-fj=")]
        assert len(session) == 1
        assert "path=/;" in session[0].lower()
        assert "domain" not in session[0].lower()
        for one in given:
            assert {"httponly", "secure", "samesite=lax"} <= {
                part.strip().lower() for part in one.split(";")
            }, one
        assert done.headers["strict-transport-security"].startswith("max-age=31536000")


def test_signing_out_ends_it_on_the_server(client: TestClient, database: RollbackDatabase) -> None:
    """A copied token is worth nothing after signing out; everywhere means everywhere."""
    someone = create_person(database)
    here, there = (prove(client, ask(client, someone.email)).json()["token"] for _ in range(2))
    assert client.delete(f"{SIGN_INS}/current", headers=_with(here)).status_code == 204
    assert _me(client, here) == 401
    assert _me(client, there) == 200
    assert client.delete(SIGN_INS, headers=_with(there)).status_code == 204
    assert _me(client, there) == _me(client, someone.token) == 401


def _with(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Idempotency-Key": token}


def test_taking_a_right_away_works_at_the_next_request(
    client: TestClient, database: RollbackDatabase, clock: FixedClock
) -> None:
    """P18: a role, and an account; and idle staff are signed out after half an hour."""
    staff = make_staff(database, HIDA, Role.MANAGER)
    path = f"/api/v1/local-governments/{HIDA}/registrations"
    assert client.get(path, headers=staff.headers).status_code == 200
    with database.transaction(OPERATOR) as db:
        db.execute(update(StaffRole).values(ended_at=clock.now()))
    assert client.get(path, headers=staff.headers).status_code == 404
    person = create_person(database)
    with database.transaction(GATE) as db:
        db.execute(update(Account).where(Account.id == person.id).values(closed_at=clock.now()))
    assert client.get("/api/v1/me", headers=person.headers).status_code == 401
    other = make_staff(database, HIDA)
    clock.advance(timedelta(minutes=30))
    assert client.get(path, headers=other.headers).status_code == 401


def _signed_in(client: TestClient, someone: SignedIn) -> None:
    client.cookies.clear()
    client.cookies.set("fj", someone.token)


@pytest.mark.parametrize("said", ELSEWHERE, ids=str)
def test_no_other_site_writes_with_our_cookie(
    client: TestClient, database: RollbackDatabase, said: Mapping[str, str]
) -> None:
    """P25: with and without Fetch Metadata; every write of every door, before anything happens."""
    _signed_in(client, create_person(database))
    writes: tuple[tuple[str, dict[str, str]], ...] = (
        ("/signout", {}),
        ("/language", {"lang": "en"}),
        (f"/towns/{HIDA}/join", {"_key": "k"}),
        ("/me/profile", {"_key": "k", "nickname": "奪"}),
    )
    for path, form in writes:
        assert client.post(path, data=form, headers=said).status_code == 403, path
    assert client.get("/api/v1/me").status_code == 200
    assert client.get("/api/v1/me").json()["nickname"] == "花子"
    # With a cookie and no word about where it comes from, neither.
    assert client.post("/signout").status_code == 403


@pytest.mark.parametrize("said", ELSEWHERE, ids=str)
def test_no_other_site_signs_a_visitor_in_as_somebody_else(
    client: TestClient, said: Mapping[str, str]
) -> None:
    """Login CSRF: a form of another site with a code that its owner asked for."""
    asked = ask(client, "attacker@example.jp")
    client.cookies.clear()
    answer = client.post(SIGN_INS, json={**_pair(asked), "transport": "cookie"}, headers=said)
    assert answer.status_code == 403
    assert not answer.cookies
    assert (
        client.post("/signin", data={"email": "attacker@example.jp"}, headers=said).status_code
        == 403
    )


def test_a_form_of_another_kind_is_no_json(client: TestClient) -> None:
    """ASVS 3.5.2: what a plain form can send is not read as JSON."""
    asked = ask(client, KNOWN)
    body = f'{{"code":"{asked["code"]}","binding":"{asked["binding"]}","transport":"cookie"}}'
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        answer = client.post(SIGN_INS, content=body, headers={"Content-Type": kind})
        assert answer.status_code == 422, kind
        assert not answer.cookies


HOSTILE = (
    "https://evil.example/",
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "javascript:alert(1)",
    "/%0d%0aSet-Cookie:x=1",
    "/x\r\nSet-Cookie: x=1",
    "http:evil.example",
    "/" + "a" * 400,
)


@pytest.mark.parametrize("wanted", HOSTILE)
def test_next_leads_nowhere_else(
    client: TestClient, database: RollbackDatabase, wanted: str
) -> None:
    """Open redirect: after signing in, after the language switch, for whoever is signed in."""
    someone = create_person(database)
    client.post("/signin", data={"email": someone.email, "next": wanted})
    code = code_in(client.get("/signin/code"))
    landed = [client.post("/signin/code", data={"code": code, "next": wanted})]
    here = {"Sec-Fetch-Site": "same-origin"}
    landed.append(client.get("/signin", params={"next": wanted}))
    landed.append(client.post("/language", data={"lang": "en", "next": wanted}, headers=here))
    for answer in landed:
        assert answer.status_code == 303
        where = answer.headers["location"]
        assert re.fullmatch(r"/(?![/\\])[^\\\s]*", where), where
        assert "x" not in answer.cookies


@pytest.mark.parametrize("kind", ["staff", "operator"])
@pytest.mark.parametrize("wanted", [*HOSTILE, "/me", "/staffx", "/operator/../me"])
def test_next_of_the_desk_stays_at_the_desk(
    client: TestClient, database: RollbackDatabase, kind: str, wanted: str
) -> None:
    """Open redirect, for staff and operators."""
    someone = make_staff(database, HIDA) if kind == "staff" else make_operator(database)
    shown = client.post(f"/{kind}/signin", data={"email": someone.email})
    data = {"code": code_in(shown), "next": wanted}
    answer = client.post(f"/{kind}/signin/code", data=data)
    if answer.status_code == 422:  # longer than any path of ours
        return
    assert answer.headers["location"].split("?")[0].split("/")[1] in {"staff", "operator"}
    assert "evil" not in answer.headers["location"]


def test_machines_get_the_answer_of_people(client: TestClient, app: FastAPI) -> None:
    """R03: the field that only machines fill in: the same shape, and no code."""
    real = client.post(CODES, json={"email": KNOWN})
    bait = client.post(CODES, json={"email": KNOWN, "website": "http://x"})
    assert (bait.status_code, bait.json().keys()) == (real.status_code, real.json().keys())
    assert bait.json()["code"] is None
    assert app is not None
