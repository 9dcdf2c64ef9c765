"""d-11: staff sign in with an account of their local government, over real HTTP."""

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import select

from core.access import Role
from core.clock import wall_now
from core.models import WebSession
from registry.models import StaffProvider, StaffVisit
from registry.staff import account_for_duty
from standins.municipal import TownHall, create_app
from tests.conftest import RollbackDatabase
from tests.factories.registry import GATE, HIDA, KESENNUMA, NOW, OPERATOR, make_operator, make_staff

BACK = f"http://testserver/staff/signin/callback/{HIDA}"
PAGE = f"/operator/bodies/{HIDA}"
VERIFIED = "urn:town:card-and-pin"


@pytest.fixture(scope="module")
def running_hall() -> Iterator[TownHall]:
    """One provider on a real port."""
    listener = socket.create_server(("127.0.0.1", 0))
    issuer = f"http://127.0.0.1:{listener.getsockname()[1]}"
    hall = TownHall(
        issuer, "furusato staff", "a secret: 100% real", BACK, lambda: wall_now().timestamp()
    )
    config = uvicorn.Config(create_app(hall), log_level="warning", ws="none", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield hall
    server.should_exit = True
    thread.join()
    listener.close()


@pytest.fixture
def hall(running_hall: TownHall) -> TownHall:
    running_hall.reset()
    return running_hall


@pytest.fixture
def http(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, follow_redirects=False) as client:
        yield client


def fields(hall: TownHall, **changed: str) -> dict[str, str]:
    return {
        "_key": str(uuid4()),
        "issuer": hall.issuer,
        "auth_url": f"{hall.issuer}/authorize",
        "token_url": f"{hall.issuer}/token",
        "certs_url": f"{hall.issuer}/certs",
        "client_id": hall.client_id,
        "client_secret": hall.client_secret,
        "algorithm": "RS256",
        "verified_acr": VERIFIED,
    } | changed


@pytest.fixture
def town(http: TestClient, database: RollbackDatabase, hall: TownHall) -> TownHall:
    """飛騨市 with its provider pinned by the operator, and an approver with an account there."""
    operator = {"Authorization": make_operator(database).headers["Authorization"]}
    done = http.post(f"{PAGE}/provider", headers=operator, data=fields(hall))
    assert done.headers.get("location") == f"{PAGE}?done=provider_set", done.text
    hall.email = make_staff(database, HIDA, Role.APPROVER).email
    return hall


def leave(http: TestClient, wanted: str = "") -> str:
    """The browser is sent to the provider; the address."""
    answer = http.get(f"/staff/signin/with/{HIDA}", params={"next": wanted})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def visit(address: str) -> str:
    """The provider sends the browser back; the path and query of that."""
    answer = httpx.get(address, follow_redirects=False, trust_env=False)
    assert answer.status_code == 302, answer.text
    back = urlsplit(answer.headers["location"])
    return f"{back.path}?{back.query}"


def session(database: RollbackDatabase) -> WebSession | None:
    with database.transaction(GATE) as db:
        return db.scalars(select(WebSession).where(WebSession.method == "sso")).one_or_none()


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_who_was_appointed_there_comes_in(
    http: TestClient, database: RollbackDatabase, town: TownHall, algorithm: str
) -> None:
    with database.transaction(OPERATOR) as db:
        row = db.get_one(StaffProvider, HIDA)
        assert town.client_secret not in row.secret_sealed
        row.algorithm = town.algorithm = algorithm
    assert f"/staff/signin/with/{HIDA}" in http.get("/staff/signin/body").text
    assert "/staff/signin/body" in http.get("/staff/signin").text
    came = http.get(visit(leave(http, f"/staff/{HIDA}/approvals")))
    assert came.headers["location"] == f"/staff/{HIDA}/approvals", came.text
    found = session(database)
    assert found is not None
    assert found.user_verified_at is None
    assert http.get(f"/staff/{HIDA}/approvals").status_code == 200
    assert http.get(f"/staff/{HIDA}/audit").status_code == 403
    asked = town.asked[-1]
    assert (asked["code_challenge_method"], asked["max_age"]) == ("S256", "300")


def test_a_provider_that_verified_the_person_says_so(
    http: TestClient, database: RollbackDatabase, town: TownHall
) -> None:
    town.acr = VERIFIED
    assert http.get(visit(leave(http, "https://evil.example/"))).headers["location"] == "/staff"
    found = session(database)
    assert found is not None
    assert found.user_verified_at == NOW


BAD: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "https://evil.example"},
    "another audience": {"aud": "somebody-else"},
    "two audiences": {"aud": ["furusato staff", "somebody-else"]},
    "another visit's nonce": {"nonce": "A" * 43},
    "no nonce": {"nonce": None},
    "over": {"exp": 1_000_000_000},
    "not yet": {"iat": 4_000_000_000},
    "another access token": {"at_hash": "A" * 22},
    "address not proved": {"email_verified": False},
    "address not said to be proved": {"email_verified": None},
    "no address": {"email": None},
    "seen long ago": {"auth_time": 1_000_000_000},
    "not said when seen": {"auth_time": None},
}


@pytest.mark.parametrize("claims", BAD.values(), ids=BAD.keys())
def test_a_token_with_one_fault_opens_nothing(
    http: TestClient, database: RollbackDatabase, town: TownHall, claims: dict[str, Any]
) -> None:
    town.claims = claims
    refused = http.get(visit(leave(http)))
    assert refused.status_code == 409
    assert "団体のアカウントでは確かめられませんでした" in refused.text
    assert session(database) is None


def test_only_the_pinned_algorithm_and_published_keys_count(
    http: TestClient, database: RollbackDatabase, town: TownHall
) -> None:
    town.algorithm = "ES256"
    assert http.get(visit(leave(http))).status_code == 409
    town.algorithm, town.wrong_key = "RS256", True
    assert http.get(visit(leave(http))).status_code == 409
    assert session(database) is None


def test_a_state_works_once_for_one_browser(
    http: TestClient, app: FastAPI, database: RollbackDatabase, town: TownHall
) -> None:
    stolen = visit(leave(http))
    with TestClient(app, follow_redirects=False) as other:
        assert other.get(stolen).status_code == 409
    assert session(database) is None
    assert http.get(stolen).status_code == 303
    http.cookies.delete("fj")
    again = http.get(stolen)
    assert again.status_code == 409
    town.state_back = "B" * 43
    assert http.get(visit(leave(http))).status_code == 409
    assert http.get(f"/staff/signin/callback/{HIDA}").status_code == 409
    with database.transaction(GATE) as db:
        assert db.scalars(select(StaffVisit.used_at).where(StaffVisit.used_at.is_not(None))).all()


def test_it_makes_no_right(http: TestClient, database: RollbackDatabase, town: TownHall) -> None:
    """Nobody new, nobody of elsewhere, nobody who works elsewhere too."""
    away = make_staff(database, KESENNUMA)
    with database.transaction(GATE) as db:
        account_for_duty(db, kind="staff", email="former@city.example.jp", secret="x", now=NOW)
    for email in ("nobody@city.example.jp", "former@city.example.jp", away.email):
        town.email = email
        refused = http.get(visit(leave(http)))
        assert (refused.status_code, "この団体だけの職員として" in refused.text) == (409, True)
    assert session(database) is None


def test_only_the_operator_pins_and_only_safe_addresses(
    http: TestClient, database: RollbackDatabase, hall: TownHall
) -> None:
    manager = {"Authorization": make_staff(database, HIDA).headers["Authorization"]}
    operator = {"Authorization": make_operator(database).headers["Authorization"]}
    path = f"{PAGE}/provider"
    assert http.post(path, headers=manager, data=fields(hall)).status_code == 403
    for wrong in (
        {"token_url": "http://169.254.169.254/token"},
        {"certs_url": "https://elsewhere.example/certs"},
        {"issuer": "http://town.example", "auth_url": "http://town.example/a"},
        {"algorithm": "none"},
        {"client_secret": ""},
    ):
        refused = http.post(path, headers=operator, data=fields(hall, **wrong))
        assert refused.status_code == 422, wrong
    away = http.get(f"/staff/signin/with/{HIDA}")
    assert away.headers["location"] == "/staff/signin/body"
    assert http.get(f"/staff/signin/callback/{HIDA}?code=a&state=b").status_code == 409
    assert http.post(path, headers=operator, data=fields(hall)).status_code == 303
    kept = http.post(path, headers=operator, data=fields(hall, client_secret=""))
    assert kept.status_code == 303
    assert hall.client_secret not in http.get(PAGE, headers=operator).text
    ended = http.post(f"{path}/end", headers=operator, data={"_key": str(uuid4())})
    assert ended.status_code == 303
    assert f"/with/{HIDA}" not in http.get("/staff/signin/body").text
