"""What tests of nights share: parts on an own database, people by cohort, a digest of the state."""

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from functools import cache
from typing import Any

import psycopg
from sqlalchemy import make_url

from activities.evidence import SqlEvidence
from bench.population import Cohort, Population, fill
from core.clock import JAPAN, FixedClock
from core.db import Database
from core.texts import Texts
from registry.policybook import load_policy
from registry.rules.policy import PolicyBook
from tests.conftest import server_address
from workers.parts import Parts

HIDA, GIFU = "212172", "210005"
IIDA, NAGANO = "202053", "200000"
#: Columns that are new at each run, or the machine's own time.
_OWN = frozenset(
    {"id", "renewal_judgement_id", "judgement_id", "notice_id", "request_id", "member_number"}
)
#: Tables that a night may change; not those that only say how it ran.
TABLES = (
    "term",
    "registration",
    "premium_slot",
    "judgement",
    "registration_event",
    "dormancy_notice",
    "notice",
    "delivery",
    "audit_event",
    "card",
)


def at(day: date, hour: int = 12) -> datetime:
    """An hour of a Japanese day."""
    return datetime.combine(day, time(hour), JAPAN).astimezone(UTC)


def parts_at(database: Database, day: date, hour: int = 12) -> Parts:
    """Background parts whose clock stands at an hour of a Japanese day."""
    return Parts(
        settings=database._settings,
        database=database,
        clock=FixedClock(at(day, hour)),
        book=_book(),
        evidence=SqlEvidence(),
        texts=_texts(),
    )


@cache
def _book() -> PolicyBook:
    return load_policy()


@cache
def _texts() -> Texts:
    return Texts.load()


def move_to(parts: Parts, day: date, hour: int = 12) -> None:
    """Set the clock."""
    assert isinstance(parts.clock, FixedClock)
    parts.clock.at = at(day, hour)


def address(database: Database) -> str:
    """A superuser's address of the test's own database."""
    name = make_url(database._settings.database_url).database
    assert name is not None
    return server_address(name)


def populate(database: Database, *cohorts: Cohort, seed: int = 7) -> Population:
    """Write people."""
    with psycopg.connect(address(database)) as connection:
        return fill(connection, cohorts, seed=seed)


def rows(database: Database, query: str, *given: Any) -> Sequence[tuple[Any, ...]]:
    """What a superuser sees."""
    with psycopg.connect(address(database)) as connection:
        return connection.execute(query, given).fetchall()


def do(database: Database, statement: str, *given: Any) -> None:
    """A superuser's change, to prepare."""
    with psycopg.connect(address(database)) as connection:
        connection.execute(statement, given)


def digest(database: Database) -> dict[str, str]:
    """A number a table for everything a night may change, whoever ran it and however often."""
    found = {}
    with psycopg.connect(address(database)) as connection:
        for table in TABLES:
            all_rows = connection.execute(f"select to_jsonb(t) from {table} t").fetchall()
            lines = sorted(json.dumps(_plain(row[0]), sort_keys=True) for row in all_rows)
            number = hashlib.sha256("\n".join(lines).encode()).hexdigest()
            found[table] = f"{len(lines)} rows, {number[:16]}"
    return found


def body_value(database: Database, key: str, value: object, lg_code: str = HIDA) -> None:
    """A local government's own number, from the beginning."""
    do(
        database,
        "insert into body_value (lg_code, key, since, decided_at, value, decided_by)"
        " values (%s, %s, '2025-04-01', '2025-04-01', %s, 'test')",
        lg_code,
        key,
        json.dumps(value),
    )


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row without what is new at each run."""
    kept = {key: value for key, value in row.items() if key not in _OWN}
    if isinstance(kept.get("facts"), dict):
        kept["facts"] = {k: v for k, v in kept["facts"].items() if k != "judgement_id"}
    return kept
