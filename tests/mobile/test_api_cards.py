"""R22: a card by the API: made once for its key, replaced by the next, refused without registration."""

from datetime import date

from fastapi.testclient import TestClient

from activities.models import StayDay
from core.clock import FixedClock
from core.db import for_body
from qr.codes import Kind, parse
from tests.conftest import RollbackDatabase
from tests.factories.presence import Look, make_keys
from tests.factories.registry import HIDA, KESENNUMA, create_person, grant, join

PATH = f"/api/v1/me/registrations/{HIDA}/card"


def test_r22_one_key_makes_one_card_and_the_next_replaces_it(
    client: TestClient, database: RollbackDatabase, clock: FixedClock, look: Look
) -> None:
    someone = create_person(database)
    join(database, someone, HIDA)
    make_keys(database, now=clock.now())
    headers = someone.headers
    first = client.post(PATH, headers=headers)
    assert first.status_code == 201
    assert client.post(PATH, headers=headers).json() == first.json()
    card = first.json()
    assert (card["tier"], card["expires_on"]) == ("basic", "2028-05-31")
    assert card["long_stay"] is False
    assert parse(card["code"]).kind is Kind.CARD
    assert card["svg"].startswith("<svg")
    assert client.post(PATH, headers=someone.headers).status_code == 201
    living = "select count(*) from card where revoked_at is null"
    assert (look.one(living), look.one("select count(*) from card")) == (1, 2)


def test_r22_no_card_without_a_living_registration(
    client: TestClient, database: RollbackDatabase
) -> None:
    someone = create_person(database)
    assert client.post(PATH, headers=someone.headers).status_code == 404
    join(database, someone, KESENNUMA)
    assert client.post(PATH, headers=someone.headers).status_code == 404
    assert client.post(PATH).status_code == 401


def test_r11_the_card_is_marked_as_long_stay_among_premium(
    client: TestClient, database: RollbackDatabase, clock: FixedClock
) -> None:
    someone = create_person(database)
    join(database, someone, HIDA)
    make_keys(database, now=clock.now())
    row = grant(database, someone, HIDA, first_day=date(2027, 3, 1), last_day=date(2028, 2, 29))
    client.post(PATH, headers=someone.headers)
    for days, marked in ((9, False), (10, True)):
        with database.transaction(for_body(HIDA, actor="staff:test")) as db:
            db.add_all(
                StayDay(
                    lg_code=HIDA,
                    person_id=someone.id,
                    day=date(2027, 5, day),
                    registration_id=row.id,
                    evidence="place",
                    source_id=row.id,
                    state="counted",
                    created_at=clock.now(),
                )
                for day in range(1 if days == 9 else 10, days + 1)
            )
        assert client.get(PATH, headers=someone.headers).json()["long_stay"] is marked
