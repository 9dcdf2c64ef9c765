"""R23, R25: what a person chooses about notices, and how they read who looked at their data."""

import csv
from io import StringIO

import pytest
from fastapi.testclient import TestClient

from tests.conftest import RollbackDatabase
from tests.factories.phone import Phone, sign_in
from tests.factories.presence import Look
from tests.factories.registry import GIFU, HIDA, SignedIn, create_person, join, open_bodies

DOOR = "/api/v1/me/notification-settings"


@pytest.fixture
def hanako(phone: Phone, database: RollbackDatabase) -> Phone:
    open_bodies(database, GIFU, HIDA)
    phone.open(f"/signin?next=/towns/{HIDA}")
    sign_in(phone, "hanako@example.jp")
    phone.send({"nickname": "花子", "birth_year": "1952", "consent": "yes"}, to="/welcome")
    return phone.send({"tie": "origin"}, to=f"/towns/{HIDA}/join")


def test_r23_a_person_chooses_hours_channels_language_and_the_link(
    hanako: Phone, look: Look
) -> None:
    hanako.open("/settings/notices")
    given = {"quiet_from": "20", "quiet_until": "9", "notice_language": "easy"}
    form = hanako.form("/settings/notices")
    assert (form.fields["quiet_from"], form.fields["quiet_until"]) == ("21", "8")
    without = {"mail-activity": "no", "link_default": "no"}
    hanako.send(given | without, to="/settings/notices")
    assert "保存しました" in hanako.words
    assert look.rows("select quiet_from, quiet_until from notification_setting") == [(20, 9)]
    assert "activity:mail" in look.one("select off from notification_setting")
    assert "premium:mail" not in look.one("select off from notification_setting")
    assert look.one("select language from account") == "easy"
    assert look.one("select link_default from person") is False
    again = hanako.open("/settings/notices").form("/settings/notices").fields
    assert (again["quiet_from"], again["quiet_until"]) == ("20", "9")
    assert "mail-activity" not in again


def test_r23_no_quiet_hours_is_a_choice(hanako: Phone, look: Look) -> None:
    hanako.open("/settings/notices").send({"quiet": "no"}, to="/settings/notices")
    assert look.rows("select quiet_from, quiet_until from notification_setting") == [(0, 0)]


@pytest.fixture
def someone(database: RollbackDatabase) -> SignedIn:
    return create_person(database)


def test_r23_the_api_says_and_takes_the_same(client: TestClient, someone: SignedIn) -> None:
    first = client.get(DOOR, headers=someone.headers).json()
    assert (first["quiet_from"], first["quiet_until"], first["own_hours"]) == (21, 8, False)
    given = {"quiet_from": 22, "quiet_until": 6, "channels": {"premium:mail": False}}
    done = client.put(DOOR, json=given, headers=someone.headers).json()
    assert done["own_hours"]
    assert [name for name, on in done["channels"].items() if not on] == ["premium:mail"]
    assert client.get(DOOR, headers=someone.headers).json() == done
    assert client.put(DOOR, json={}, headers=someone.headers).json() == first


@pytest.mark.parametrize(
    "wrong",
    [{"quiet_from": 22}, {"quiet_from": 24, "quiet_until": 1}, {"channels": {"safety:mail": False}},
     {"channels": {"activity:app": False}}],
)  # fmt: skip
def test_r23_what_cannot_be_chosen_is_refused(
    client: TestClient, someone: SignedIn, wrong: dict[str, object]
) -> None:
    assert client.put(DOOR, json=wrong, headers=someone.headers).status_code == 422


def test_r25_looks_are_narrowed_to_a_town_and_read_as_a_file(
    hanako: Phone, client: TestClient, database: RollbackDatabase
) -> None:
    everything = hanako.open("/me/looks").words
    assert "登録者になりました" in everything
    narrowed = hanako.open(f"/me/looks?town={HIDA}").words
    assert "まちに登録しました" in narrowed
    assert "登録者になりました" not in narrowed
    someone = create_person(database)
    join(database, someone, HIDA, joined=False)
    path = "/api/v1/me/audit-events"
    found = client.get(f"{path}?lg_code={HIDA}", headers=someone.headers).json()["items"]
    assert {one["lg_code"] for one in found} == {HIDA}
    file = client.get(f"{path}/file?lg_code={HIDA}", headers=someone.headers)
    assert file.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(StringIO(file.text.removeprefix("\ufeff"))))
    assert [row["action"] for row in rows] == [one["action"] for one in found]
