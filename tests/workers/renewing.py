"""What tests of renewals share: people in their last months, nights, and what became of them."""

from datetime import date, timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID

from bench.population import Cohort
from core.access import Actor, ActorKind, Role
from core.db import Database
from core.ids import new_id
from tests.workers.nights import GIFU, HIDA, body_value, do, move_to, parts_at, populate, rows
from workers.parts import Parts
from workers.runner import Runner
from workers.schedule import named

DAY = timedelta(days=1)
#: Months of nights pass in these tests; the other jobs have tests of their own.
ONLY = (named("renewal"), named("renewal_veto"))
LEAP, LAST = date(2028, 2, 29), date(2029, 2, 28)
NEXT = (date(2029, 3, 1), date(2030, 2, 28))
THREE = (date(2028, 3, 1), date(2028, 8, 1), date(2028, 11, 1))
TWO = THREE[:2]
APPROVER = Actor(
    ActorKind.STAFF, id=new_id(), roles=MappingProxyType({HIDA: frozenset({Role.APPROVER})})
)


def hida(people: int = 1, took_part: tuple[date, ...] = THREE, **given: Any) -> Cohort:
    """People with premium in 飛騨市 approved on 29 February 2028."""
    return Cohort(
        HIDA,
        GIFU,
        people,
        took_part=took_part,
        **{"term_from": LEAP, "last_access_on": date(2028, 11, 1), **given},
    )


def prepared(database: Database, mode: str, *cohorts: Cohort) -> tuple[Parts, UUID]:
    """People in 飛騨市 with its mode; the clock stands the day before the first check."""
    body_value(database, "decision.mode", mode)
    population = populate(database, *(cohorts or (hida(),)))
    parts = parts_at(database, LAST - timedelta(days=61))
    Runner(parts, ONLY).drain()
    return parts, population.people[0][0]


def night(parts: Parts, day: date, hour: int = 12) -> None:
    """All nights until a day, its ticks included."""
    move_to(parts, day, hour)
    runner = Runner(parts, ONLY)
    runner.tick()
    runner.drain()


def terms(database: Database) -> list[tuple[Any, ...]]:
    query = "select first_day, last_day, state, renewal_state from term order by first_day"
    return list(rows(database, query))


def notices(database: Database) -> list[str]:
    return [row[0] for row in rows(database, "select kind from notice order by created_at, kind")]


def state_of(database: Database) -> tuple[Any, ...]:
    """Tier and status in the town, places taken."""
    found = rows(
        database,
        "select tier, status, (select count(*) from premium_slot) from registration"
        f" where lg_code = '{HIDA}'",
    )
    return found[0]


def term_id(database: Database) -> UUID:
    found: UUID = rows(database, "select id from term order by first_day")[0][0]
    return found


def take_part(database: Database, person_id: UUID, day: date) -> None:
    """A counted participation that arrives late."""
    do(
        database,
        "insert into participation (lg_code, id, person_id, registration_id, session_id,"
        " activity_id, day, designated, counted, minutes, minutes_minimum, overnight_next_day,"
        " category, method, assurance, provisional, created_at)"
        " select lg_code, gen_random_uuid(), person_id, id, gen_random_uuid(), gen_random_uuid(),"
        " %s, true, true, 180, 60, false, 'other', 'roster', 'high', false, now()"
        " from registration where person_id = %s and lg_code = %s",
        day,
        person_id,
        HIDA,
    )
