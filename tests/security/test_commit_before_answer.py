"""P01, M11: what the client is told has happened is on disk; what failed to commit was an error."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any
from uuid import uuid4

import httpx2
import pytest
from fastapi import Depends, FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from app.main import create_app
from core.db import Database
from core.models import Account
from tests.conftest import make_settings, server_address
from tests.factories.activities import create_designated_activity, create_session
from tests.factories.presence import make_card, make_device, make_keys
from tests.factories.registry import GATE, HIDA, SignedIn, create_person, join, open_bodies

#: How a commit fails: a constraint looked at only then, or the server gone in the middle of it.
FAILURES = {
    "constraint": "raise exception 'planted'",
    "server gone": "perform pg_terminate_backend(pg_backend_pid()); perform pg_sleep(0.01)",
}


@dataclass(frozen=True, slots=True)
class Disk:
    """What is there after a commit, and a way to let commits of a table fail."""

    engine: Engine

    def count(self, table: str) -> int:
        """Rows of a table, of everybody."""
        with self.engine.connect() as connection:
            return int(connection.execute(text(f"select count(*) from {table}")).scalar_one())

    def fail_commits_of(self, table: str, how: str) -> None:
        """From now on a transaction that inserted here fails at its commit, and not before."""
        with self.engine.begin() as connection:
            connection.exec_driver_sql(
                "create or replace function planted() returns trigger language plpgsql as"
                f" $$ begin {FAILURES[how]}; return null; end $$"
            )
            connection.exec_driver_sql(
                f"create constraint trigger planted after insert on {table}"
                " deferrable initially deferred for each row execute function planted()"
            )

    def heal(self, table: str) -> None:
        """Commits succeed again."""
        with self.engine.begin() as connection:
            connection.exec_driver_sql(f"drop trigger planted on {table}")


@pytest.fixture
def disk(own_database: Database) -> Iterator[Disk]:
    name = make_url(own_database._settings.database_url).database
    assert name is not None
    url = make_url(server_address(name)).set(drivername="postgresql+psycopg")
    engine = create_engine(url)
    yield Disk(engine)
    engine.dispose()


@pytest.fixture
def http(own_database: Database, clock: Any) -> Iterator[TestClient]:
    """The application as it is served: its own pools, the busy door of check-ins open."""
    name = make_url(own_database._settings.database_url).database
    assert name is not None
    app = create_app(make_settings(name), clock=clock)
    with TestClient(app, raise_server_exceptions=False, follow_redirects=False) as client:
        assert app.state.hot is not None
        yield client


Ask = Callable[[], httpx2.Response]


def lied(ask: Ask, disk: Disk, *tables: str) -> bool:
    """Whether the client was told of success, or anything stayed, though the commit failed."""
    before = [disk.count(table) for table in tables]
    answer = ask()
    assert answer.status_code != 422, answer.text
    return answer.status_code < 500 or [disk.count(table) for table in tables] != before


def api_door(http: TestClient, someone: SignedIn) -> Ask:
    headers = someone.headers
    return lambda: http.post("/api/v1/me/registrations", json={"lg_code": HIDA}, headers=headers)


def page_door(http: TestClient, someone: SignedIn) -> Ask:
    headers = {"Authorization": f"Bearer {someone.token}"}
    form = {"_key": str(uuid4()), "tie": "tourism"}
    return lambda: http.post(f"/towns/{HIDA}/join", data=form, headers=headers)


@pytest.mark.parametrize("how", FAILURES)
@pytest.mark.parametrize("door", [api_door, page_door])
def test_a_failed_commit_is_an_error_and_no_effect(
    http: TestClient,
    own_database: Database,
    disk: Disk,
    door: Callable[[TestClient, SignedIn], Ask],
    how: str,
) -> None:
    """P01: API and page; the same request succeeds once commits do, under its own key."""
    someone = create_person(own_database)
    open_bodies(own_database, "210005", HIDA)
    ask = door(http, someone)
    disk.fail_commits_of("registration", how)
    assert not lied(ask, disk, "registration", "registration_event", "notice", "idempotency_key")
    disk.heal("registration")
    assert ask().status_code in {201, 303}
    assert disk.count("registration") == 2
    again = ask()
    assert again.status_code in {201, 303}
    assert disk.count("registration") == 2


@pytest.mark.parametrize("how", FAILURES)
def test_a_check_in_that_was_not_stored_is_not_acknowledged(
    http: TestClient, own_database: Database, disk: Disk, clock: Any, how: str
) -> None:
    """P01, R19: the asynchronous door too; the device sends the scan again and it counts."""
    someone = create_person(own_database)
    join(own_database, someone, HIDA)
    activity = create_designated_activity(own_database)
    session = create_session(own_database, activity, starts_at=clock.now() + timedelta(minutes=30))
    keys = make_keys(own_database, now=clock.now())
    card = make_card(own_database, keys, someone, now=clock.now())
    device = make_device(own_database, activity.organisation_id, now=clock.now())
    body = {
        "scan_id": str(uuid4()),
        "code": card,
        "name_confirmed": True,
        "walk_in_confirmed": True,
    }

    def ask() -> httpx2.Response:
        return http.post(
            f"/api/v1/device/sessions/{session.id}/check-ins",
            json=body,
            headers={"Authorization": f"Bearer {device}"},
        )

    disk.fail_commits_of("check_in", how)
    assert not lied(ask, disk, "scan_attempt", "check_in", "participation", "audit_event")
    disk.heal("check_in")
    answer = ask()
    assert answer.json()["outcome"] == "accepted", answer.text
    assert disk.count("participation") == 1
    assert ask().json() == answer.json() | {"repeated": True}


def test_a_commit_after_the_answer_would_be_caught(own_database: Database, disk: Disk) -> None:
    """Sensitivity (M11): a dependency that commits in its teardown tells of success that is none."""
    late = FastAPI()

    def unit_of_work() -> Iterator[Session]:
        with own_database._session(GATE) as db:
            yield db
            db.commit()

    @late.post("/accounts", status_code=201)
    def add(db: Annotated[Session, Depends(unit_of_work)], clock_ms: int) -> dict[str, int]:
        db.add(Account(kind="person", created_at="2027-06-01T00:00:00+00:00"))
        return {"at": clock_ms}

    disk.fail_commits_of("account", "constraint")
    with TestClient(late, raise_server_exceptions=False) as client:
        assert lied(lambda: client.post("/accounts?clock_ms=1"), disk, "account")
