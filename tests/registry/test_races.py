"""Two at once: one row, one truth. On real roles and committed transactions."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.db import Database, for_body
from registry import drafting
from registry import registration as use
from registry.leaving import leave
from registry.models import RegistrationEvent
from tests.factories import registry as make
from tests.factories.registry import GIFU, HIDA, NOW, SignedIn, registration_of

BOOK = make.policy_book()
TAKAYAMA = "212032"


def at_once(acts: list[Callable[[], None]]) -> None:
    """Run all in threads that start together; the first exception comes out."""
    barrier = Barrier(len(acts))

    def started(act: Callable[[], None]) -> None:
        barrier.wait()
        act()

    with ThreadPoolExecutor(len(acts)) as pool:
        for done in [pool.submit(started, act) for act in acts]:
            done.result()


def registering(database: Database, someone: SignedIn, code: str) -> Callable[[], None]:
    def act() -> None:
        database.run(
            someone.context,
            lambda db: use.register(db, actor=someone.actor, lg_code=code, now=NOW, book=BOOK),
        )

    return act


def test_r02_two_requests_at_once_make_one_registration(own_database: Database) -> None:
    make.open_bodies(own_database, GIFU, HIDA)
    someone = make.create_person(own_database)
    at_once([registering(own_database, someone, HIDA) for _ in range(4)])
    with own_database.transaction(someone.context) as db:
        counts = db.execute(
            select(RegistrationEvent.lg_code, RegistrationEvent.kind, func.count()).group_by(
                RegistrationEvent.lg_code, RegistrationEvent.kind
            )
        ).all()
    assert sorted(map(tuple, counts)) == [(GIFU, "derived_started", 1), (HIDA, "registered", 1)]


def test_r02_two_towns_at_once_are_both_sources(own_database: Database) -> None:
    make.open_bodies(own_database, GIFU, HIDA, TAKAYAMA)
    someone = make.create_person(own_database)
    at_once([registering(own_database, someone, code) for code in (HIDA, TAKAYAMA)])
    row = registration_of(own_database, someone, GIFU)
    assert row is not None
    assert [entry["code"] for entry in row.derived_from] == [TAKAYAMA, HIDA]


def test_r02_leaving_one_while_joining_another_keeps_the_prefecture(
    own_database: Database,
) -> None:
    make.open_bodies(own_database, GIFU, HIDA, TAKAYAMA)
    someone = make.create_person(own_database)
    make.join(own_database, someone, HIDA, joined=False)

    def leaving() -> None:
        own_database.run(
            someone.context,
            lambda db: leave(db, actor=someone.actor, lg_code=HIDA, now=NOW, book=BOOK),
        )

    at_once([leaving, registering(own_database, someone, TAKAYAMA)])
    row = registration_of(own_database, someone, GIFU)
    assert row is not None
    assert (row.status, [entry["code"] for entry in row.derived_from]) == ("active", [TAKAYAMA])


def test_r07_two_managers_begin_the_same_draft(own_database: Database) -> None:
    make.open_bodies(own_database, HIDA)
    managers = [make.make_staff(own_database, HIDA) for _ in range(2)]
    stamps: list[str] = []

    def starting(manager: SignedIn) -> Callable[[], None]:
        context = for_body(HIDA, actor=manager.actor.label)

        def start(db: Session) -> str:
            return drafting.start(db, actor=manager.actor, lg_code=HIDA, now=NOW, book=BOOK).stamp

        return lambda: stamps.append(own_database.run(context, start))

    at_once([starting(manager) for manager in managers * 2])
    assert len(stamps) == 4
    assert len(set(stamps)) == 1
