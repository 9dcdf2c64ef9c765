"""d-11: where one is signed in: listed, ended one by one, and a new device is told of."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from core.browsers import browser_of
from tests.conftest import RollbackDatabase
from tests.factories.phone import Phone, sign_in
from tests.factories.presence import Look
from tests.factories.registry import create_person

SIGN_INS = "/api/v1/sign-ins"
ANDROID = (
    "Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/150.0.0.0 Mobile Safari/537.36"
)
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15"
    " (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1"
)


@pytest.fixture
def look(database: RollbackDatabase) -> Look:
    return Look(database)


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (ANDROID, "Chrome / Android"),
        (IPHONE, "Safari / iPhone"),
        (ANDROID + " Line/15.1.0", "LINE / Android"),
        (ANDROID.replace("Mobile", "SamsungBrowser/28.0 Mobile"), "Samsung Internet / Android"),
        (IPHONE.replace("Version/19.0", "CriOS/150.0"), "Chrome / iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/150.0 Edg/150.0", "Edge / Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0",
         "Firefox / Linux"),
        ("curl/8.5", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_browsers_by_their_names(agent: str, name: str) -> None:
    assert browser_of(agent) == name


def new_phone(client: TestClient, agent: str) -> Phone:
    client.cookies.clear()
    client.headers["user-agent"] = agent
    return Phone(client)


def test_a_new_device_is_told_of_once(client: TestClient, look: Look) -> None:
    """Not the first of all, not one that was here before; by mail as well as in the app."""
    phone = new_phone(client, ANDROID)
    sign_in(phone.open("/signin"), "hanako@example.jp")
    phone.send({"nickname": "花子", "birth_year": "1952", "consent": "yes"}, to="/welcome")
    mark = client.cookies["fd"]
    phone.open("/me").send(to="/signout")
    sign_in(phone.open("/signin"), "hanako@example.jp")
    assert client.cookies["fd"] == mark
    assert look.rows("select kind from notice") == []
    other = new_phone(client, IPHONE)
    sign_in(other.open("/signin"), "hanako@example.jp")
    assert client.cookies["fd"] != mark
    assert look.rows("select kind, facts->>'device' from notice") == [
        ("new_device", "Safari / iPhone")
    ]
    assert look.one("select count(*) from delivery where channel = 'mail'") == 1
    other.open("/notices")
    assert "Safari / iPhone" in other.words
    assert other.link("くわしく見る") == "/me/devices"


def test_one_device_is_signed_out_from_another(client: TestClient, look: Look) -> None:
    here = new_phone(client, ANDROID)
    sign_in(here.open("/signin"), "hanako@example.jp")
    here.send({"nickname": "花子", "birth_year": "1952", "consent": "yes"}, to="/welcome")
    lost = dict(client.cookies)
    here = new_phone(client, IPHONE)
    sign_in(here.open("/signin"), "hanako@example.jp")
    here.open("/me/devices")
    assert "Chrome / Android" in here.words
    assert here.words.count("この端末 ") == 1
    [there] = look.rows("select id from web_session where user_agent like '%Android%'")
    here.send(to=f"/me/devices/{there[0]}/sign-out")
    assert here.status == 200
    assert "Chrome / Android" not in here.words
    client.cookies.clear()
    client.cookies.update(lost)
    assert client.get("/me").status_code == 303


def test_everywhere_is_everywhere(client: TestClient, look: Look) -> None:
    phone = new_phone(client, ANDROID)
    sign_in(phone.open("/signin"), "hanako@example.jp")
    phone.send({"nickname": "花子", "birth_year": "1952", "consent": "yes"}, to="/welcome")
    phone.open("/me/devices").send(to="/me/devices/sign-out")
    assert phone.path == "/"
    assert look.one("select count(*) from web_session where ended_at is null") == 0


def test_nobody_ends_anothers_sign_in(client: TestClient, database: RollbackDatabase) -> None:
    one, other = create_person(database), create_person(database)
    listed: Any = client.get(SIGN_INS, headers=other.headers).json()["items"]
    [theirs] = listed
    answer = client.delete(f"{SIGN_INS}/{theirs['id']}", headers=one.headers)
    assert answer.status_code == 404
    assert client.get(SIGN_INS, headers=other.headers).status_code == 200
    mine = client.get(SIGN_INS, headers=one.headers).json()["items"][0]
    assert mine["current"] is True
    assert client.delete(f"{SIGN_INS}/{mine['id']}", headers=one.headers).status_code == 204
    assert client.get(SIGN_INS, headers=one.headers).status_code == 401
