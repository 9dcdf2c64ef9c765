"""R32, d-11: closing by the person: asked once more, told what ends and what stays, and it ends."""

from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from core.clock import FixedClock
from tests.conftest import RollbackDatabase
from tests.factories.authenticator import Device
from tests.factories.phone import Phone, sign_in
from tests.factories.premium import show_card
from tests.factories.presence import Look
from tests.factories.registry import GIFU, HIDA, create_person, join, open_bodies

EMAIL = "hanako@example.jp"


@pytest.fixture
def hanako(phone: Phone, database: RollbackDatabase) -> Phone:
    open_bodies(database, GIFU, HIDA)
    phone.open("/signin")
    sign_in(phone, EMAIL)
    phone.send({"nickname": "花子", "birth_year": "1952", "consent": "yes"}, to="/welcome")
    phone.open(f"/towns/{HIDA}")
    return phone.send({"tie": "origin", "link": "yes"}, to=f"/towns/{HIDA}/join")


def test_r32_what_ends_and_what_stays_is_said_and_done(hanako: Phone, look: Look) -> None:
    hanako.open("/me/close")
    assert "岐阜県飛騨市" in hanako.words
    assert "3年残り" in hanako.words
    hanako.send(to="/me/close")
    assert hanako.status == 422, "without the tick nothing is closed"
    assert look.one("select count(*) from account where closed_at is not null") == 0
    hanako.send({"sure": "yes"}, to="/me/close")
    assert hanako.path == "/closed"
    assert "ありがとうございました" in hanako.words
    # The prefecture's row only followed, and ends with the town's.
    states = look.rows("select lg_code, status from registration order by lg_code")
    assert states == [(GIFU, "ended"), (HIDA, "closed")]
    assert look.one("select email from account") is None
    assert look.one("select count(*) from web_session where ended_at is null") == 0
    # Nothing the towns keep is deleted with it (R25).
    assert look.one("select count(*) from registration_event") > 0
    hanako.open("/me")
    assert hanako.path.startswith("/signin")


def test_r12_what_is_ones_own_is_erased_and_the_card_is_free(
    database: RollbackDatabase, client: TestClient, look: Look
) -> None:
    """The towns keep their copy (R25); profile, address and the tie to the card are gone."""
    someone = create_person(database, nickname="花", name="山田 花子", birth_year=1952)
    join(database, someone, HIDA)
    show_card(database, someone, subject="one card")
    assert look.one("select count(*) from identity_link") == 1
    assert client.delete("/api/v1/me", headers=someone.headers).status_code == 204
    own = "nickname, name, kana, address, birth_date, birth_year, verified_residence"
    assert look.rows(f"select {own} from person") == [("", *(None,) * 6)]
    assert look.one("select count(*) from identity_link") == 0
    assert look.one("select display_name from registration where lg_code = :c", c=HIDA)
    again = create_person(database, email=someone.email)
    show_card(database, again, subject="one card")
    assert look.one("select identity_level from person where id = :p", p=again.id) != "email"


def test_the_same_address_begins_anew(hanako: Phone, look: Look) -> None:
    hanako.open("/me/close").send({"sure": "yes"}, to="/me/close")
    hanako.open("/signin")
    sign_in(hanako, EMAIL)
    assert hanako.path == "/welcome"
    assert look.one("select count(*) from account") == 2


def test_d11_closing_and_exports_ask_once_more(hanako: Phone, clock: FixedClock) -> None:
    """After a quarter of an hour a new code is asked for; then it goes on where one was going."""
    clock.advance(timedelta(minutes=15))
    hanako.open("/me/data").send(to="/me/data")
    assert hanako.path == "/signin/again?next=/me/data"
    hanako.open("/me/close")
    assert hanako.path == "/signin/again?next=/me/close"
    assert EMAIL in hanako.words
    hanako.send(to="/signin/again")
    shown = hanako.words.split("ここに番号を表示します。 ")[1][:8]
    hanako.send({"code": shown}, to="/signin/code")
    assert hanako.path == "/me/close"
    assert "アカウントを閉じますか" in hanako.words


def test_data_are_taken_on_the_page(hanako: Phone, look: Look) -> None:
    hanako.open("/me/data").send(to="/me/data")
    assert "受け取れます" in hanako.words
    for words, kind in (("PDFを受け取る", "pdf"), ("JSONを受け取る", "json")):
        answer = hanako.client.get(hanako.link(words))
        assert answer.headers["content-type"].startswith(f"application/{kind}")
    for _ in range(4):
        hanako.open("/me/data").send(to="/me/data")
    hanako.open("/me/data").send(to="/me/data")
    assert hanako.status == 422
    assert "明日" in hanako.words or "5回" in hanako.words
    assert look.one("select count(*) from export_file") == 5


def test_d11_the_api_asks_for_a_fresh_proof_too(
    client: TestClient, database: RollbackDatabase, clock: FixedClock, look: Look
) -> None:
    """A passkey is proof enough; and closing forgets it."""
    someone, device = create_person(database), Device()
    challenge = client.post("/api/v1/passkeys/challenges", headers=someone.headers).json()
    made = {"binding": challenge["binding"], "credential": device.make(challenge["options"])}
    assert client.post("/api/v1/passkeys", headers=someone.headers, json=made).status_code == 201
    clock.advance(timedelta(hours=1))
    refused: Any = client.delete("/api/v1/me", headers=someone.headers)
    assert (refused.status_code, refused.json()["code"]) == (401, "fresh_sign_in_needed")
    door = "/api/v1/passkey-confirmations"
    challenge = client.post(f"{door}/challenges", headers=someone.headers).json()
    proof = {"binding": challenge["binding"], "credential": device.sign(challenge["options"])}
    token = client.post(door, headers=someone.headers, json=proof).json()["token"]
    headers = someone.headers | {"Authorization": f"Bearer {token}"}
    assert client.delete("/api/v1/me", headers=headers).status_code == 204
    assert look.one("select count(*) from passkey") == 0
    assert client.get("/api/v1/sign-ins", headers=headers).status_code == 401
