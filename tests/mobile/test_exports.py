"""R25: taking one's data along: complete, described, for its owner alone, for a day."""

import json
from datetime import timedelta
from typing import Any

import jsonschema
import pytest
from fastapi.testclient import TestClient

from core import export
from core.clock import FixedClock
from core.db import Base, for_job
from core.settings import Settings
from core.tenancy import personal_columns
from mobile import exports
from tests.conftest import RollbackDatabase
from tests.factories.presence import Look
from tests.factories.registry import HIDA, SignedIn, create_person
from tests.security.places import Place, settle
from workers.jobs import Scope, make_exports
from workers.parts import Parts

API = "/api/v1"
MINE = f"{API}/me/exports"


@pytest.fixture
def place(database: RollbackDatabase) -> Place:
    """A town with one of everything; its `person` has taken part, applied, and signed in."""
    return settle(database, HIDA)


@pytest.fixture
def person(place: Place) -> SignedIn:
    return place.people["person"]


def ask(client: TestClient, someone: SignedIn) -> str:
    answer = client.post(MINE, headers=someone.headers)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def taken(client: TestClient, someone: SignedIn, export_id: str, kind: str = "json") -> Any:
    return client.get(f"{MINE}/{export_id}/{kind}", headers=someone.headers)


def test_r25_an_export_is_complete_and_as_described(
    client: TestClient, person: SignedIn, look: Look
) -> None:
    """Every row of the person in every table is in it, and the published schema fits it exactly."""
    document = taken(client, person, ask(client, person)).json()
    schema = client.get(f"{API}/export-schema").json()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(document, schema, format_checker=jsonschema.FormatChecker())
    held = document["held"]
    empty = {
        "dormancy_notice", "organisation_member", "participation_change", "pending_link",
        "premium_slot", "survey_answer", "term", "identity_link", "guardianship",
        "notification_setting",
    }  # fmt: skip
    for table in Base.metadata.sorted_tables:
        owner = {"account": "id", "person": "id"}.get(table.name)
        owner = owner or next((c for c in ("person_id", "account_id") if c in table.columns), None)
        if owner is None or table.name in {"export_file", "delivery", "staff_role"}:
            continue
        count = f"select count(*) from {table.name} where {owner} = :p"
        rows = look.one(count, p=person.id)
        # That it is made is recorded afterwards, and that it is taken.
        more = 2 if table.name == "audit_event" else 0
        assert len(held[table.name]) == rows - more, table.name
        assert rows or table.name in empty, f"the town has no {table.name}"
    # Words given for a child and for an elder: one's own, without the other's id.
    given = held["guardianship_given"]
    assert [each["contact"] for each in given] == [person.email] * 2
    assert not [each for each in given if "person_id" in each]


def test_r25_whatever_is_personal_is_in_it() -> None:
    """A column declared as personal data of somebody is exported, or is not the person's own."""
    told = {
        f"{part.table.name}.{column.name}" for part in export.parts() for column in part.columns
    }
    others = {
        f"{column.table.name}.{column.name}" for column in personal_columns(Base.metadata)
    } - told
    assert others == {
        "sign_in_code.email",  # an address on its way to an account, for ten minutes
        "staff_role.name",  # of staff, who are no registrants here
        "confirmation.name",  # of staff too
        "organisation_invitation.name",  # of somebody who has not come yet
        # Lines of a list are emptied when somebody agrees: until then they are of nobody here.
        "member_import_row.email",
        "member_import_row.name",
        # What reaches a browser is a key to it.
        "push_subscription.auth",
        "push_subscription.endpoint",
        "push_subscription.p256dh",
    }


def test_no_export_holds_what_opens_something(client: TestClient, person: SignedIn) -> None:
    text = taken(client, person, ask(client, person)).text
    for secret in {name for names in export.SECRETS.values() for name in names}:
        assert f'"{secret}"' not in text


def test_who_else_acted_is_a_kind_and_no_name(
    client: TestClient, place: Place, person: SignedIn
) -> None:
    """Of staff it is told that they were staff."""
    desk = place.people["viewer"]
    path = f"{API}/local-governments/{HIDA}/registrations/{place.ids['registration_id']}"
    assert client.get(path, headers=desk.headers).status_code == 200
    document = taken(client, person, ask(client, person))
    actors = {row["actor"] for row in document.json()["held"]["audit_event"]}
    assert "staff" in actors
    assert f"person:{person.id}" in actors
    assert str(desk.id) not in document.text


def test_the_readable_half_is_a_pdf(client: TestClient, person: SignedIn) -> None:
    answer = taken(client, person, ask(client, person), "pdf")
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.content.startswith(b"%PDF-")
    assert b"NotoSansJP" in answer.content


def test_only_its_owner_takes_it_and_only_for_a_day(
    client: TestClient, database: RollbackDatabase, clock: FixedClock, look: Look
) -> None:
    someone, stranger = create_person(database), create_person(database)
    export_id = ask(client, someone)
    assert taken(client, stranger, export_id).status_code == 404
    assert taken(client, someone, export_id).status_code == 200
    assert taken(client, someone, export_id, "exe").status_code == 422
    clock.advance(timedelta(hours=24))
    gone = taken(client, someone, export_id)
    assert (gone.status_code, gone.json()["code"]) == (410, "export_gone")
    assert client.get(MINE, headers=someone.headers).json() == {"items": [], "next_cursor": None}
    actions = look.rows("select action from audit_event where subject_kind = 'export' order by at")
    assert {one for (one,) in actions} == {"export.ask", "export.make", "export.take_json"}


def test_the_files_lie_sealed(client: TestClient, person: SignedIn, look: Look) -> None:
    ask(client, person)
    stored = look.one("select data_sealed || sheet_sealed from export_file where state = 'ready'")
    assert person.email not in stored
    assert "held" not in stored


def test_five_a_day(client: TestClient, database: RollbackDatabase) -> None:
    someone = create_person(database)
    for _ in range(exports.MOST):
        ask(client, someone)
    answer = client.post(MINE, headers=someone.headers)
    assert (answer.status_code, answer.json()["code"]) == (429, "export_limit")


def test_an_old_sign_in_is_not_enough(
    client: TestClient, database: RollbackDatabase, clock: FixedClock
) -> None:
    someone = create_person(database)
    clock.advance(timedelta(minutes=15))
    answer = client.post(MINE, headers=someone.headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "fresh_sign_in_needed")


def test_a_large_one_is_made_by_a_worker_and_told(
    client: TestClient,
    settings: Settings,
    database: RollbackDatabase,
    clock: FixedClock,
    look: Look,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(exports, "SMALL", 0)
    someone = create_person(database)
    export_id = ask(client, someone)
    [listed] = client.get(MINE, headers=someone.headers).json()["items"]
    assert listed["state"] == "asked"
    assert taken(client, someone, export_id).status_code == 404
    parts = Parts.of(settings, database=database, clock=clock)

    def tick() -> Any:
        scope = Scope(None, clock.now().date(), clock.now())
        with database.transaction(for_job("exports")) as db:
            return make_exports(parts, db, scope)

    assert tick() == {"made": 1, "failed": 0, "forgotten": 0}
    assert tick() == {"made": 0, "failed": 0, "forgotten": 0}
    assert taken(client, someone, export_id).status_code == 200
    assert look.one("select kind from notice") == "export_ready"
    clock.advance(timedelta(hours=24))
    assert tick() == {"made": 0, "failed": 0, "forgotten": 1}
    assert look.one("select count(*) from export_file") == 0


def test_text_of_people_is_text_in_the_pdf(client: TestClient, database: RollbackDatabase) -> None:
    """What somebody calls themselves gives the type-setter no orders."""
    someone = create_person(database, nickname='#panic("x") $ \\ ]', name="𠮷野 髙﨑")
    export_id = ask(client, someone)
    document = json.loads(taken(client, someone, export_id).content)
    assert document["held"]["person"][0]["nickname"] == '#panic("x") $ \\ ]'
    assert taken(client, someone, export_id, "pdf").content.startswith(b"%PDF-")
