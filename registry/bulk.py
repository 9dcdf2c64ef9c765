"""Rows of a night, written by the thousand in one statement each.

COPY is closed to roles under row level security, and one INSERT a row is twenty times slower;
so columns travel as arrays and `unnest` makes rows of them.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid5

import orjson
from sqlalchemy import CursorResult
from sqlalchemy.orm import Session

from core.access import Actor
from core.audit import ON_BEHALF
from core.ids import new_id
from core.outbox import NoticeDraft
from registry.rules.plain import to_plain

#: Types whose values travel as text and are cast row by row.
_AS_TEXT = frozenset({"jsonb"})


@dataclass(slots=True)
class Counts:
    """What a range came to: numbers by outcome, the cursor, and what could not be decided.

    `last` is the id to go on after, None when nothing more was found.
    """

    by_outcome: Counter[str] = field(default_factory=Counter)
    last: UUID | None = None
    failures: dict[UUID, str] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Rows looked at."""
        return sum(self.by_outcome.values()) + len(self.failures)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of many rows: its PostgreSQL type and the values, in the order of the rows."""

    type: str
    values: Sequence[Any]

    @property
    def plain(self) -> str:
        """The type in which a value travels."""
        return "text" if self.type in _AS_TEXT else self.type

    @property
    def array(self) -> str:
        """The type of the array that is bound."""
        return f"{self.plain}[]"

    @property
    def is_empty(self) -> bool:
        """Whether there is no value in it at all."""
        return all(value is None for value in self.values)


def plain_json(value: object) -> str:
    """JSON as a jsonb column of a bulk statement wants it; records as `Plain.to_json` writes them."""
    return orjson.dumps(value, default=to_plain).decode()


def unnest(columns: Mapping[str, Column]) -> str:
    """The FROM item that makes rows `v` of the arrays bound under the columns' names.

    Arrays travel in binary: as text each value would be quoted and unquoted, at ten times the
    cost of everything else. A column of nothing but NULL has no binary type and is written out.
    """
    given = {name: column for name, column in columns.items() if not column.is_empty}
    arrays = ", ".join(f"cast(%({name})b as {given[name].array})" for name in given)
    shown = ", ".join(
        f"u.{name}" if name in given else f"cast(null as {column.plain}) as {name}"
        for name, column in columns.items()
    )
    return f"(select {shown} from unnest({arrays}) as u({', '.join(given)})) as v"


def read(columns: Mapping[str, Column], name: str) -> str:
    """The expression for one column of `v` in its own type."""
    kind = columns[name].type
    return f"cast(v.{name} as {kind})" if kind in _AS_TEXT else f"v.{name}"


def run(
    db: Session, statement: str, columns: Mapping[str, Column], **given: Any
) -> CursorResult[Any]:
    """Run a statement of the driver's own (`%(name)s`) on rows `v` made of the columns."""
    arrays = {name: list(one.values) for name, one in columns.items() if not one.is_empty}
    return db.connection().exec_driver_sql(statement, {**arrays, **given})


def insert_rows(
    db: Session,
    table: str,
    columns: Mapping[str, Column],
    *,
    same: Mapping[str, Any] | None = None,
    computed: Mapping[str, str] | None = None,
) -> None:
    """Insert many rows in one statement; rows that are there already stay as they are.

    Args:
        db: The transaction.
        table: The table.
        columns: Columns that differ from row to row.
        same: Columns with one value for all rows.
        computed: Columns with an SQL expression on `v` and the values of `same`; helpers among
            the columns whose name begins with an underscore are read by these only.
    """
    first = next(iter(columns.values()), None)
    if first is None or not first.values:
        return
    plain = [name for name in columns if not name.startswith("_")]
    constants, expressions = dict(same or {}), dict(computed or {})
    shown = [name for name in constants if not name.startswith("_")]
    into = ", ".join([*plain, *shown, *expressions])
    taken = ", ".join(
        [
            *(read(columns, name) for name in plain),
            *(f"%({name})s" for name in shown),
            *expressions.values(),
        ]
    )
    run(
        db,
        f"insert into {table} ({into}) select {taken} from {unnest(columns)}"
        " on conflict do nothing",
        columns,
        **constants,
    )


def tell_many(db: Session, drafts: Sequence[NoticeDraft], *, now: datetime) -> None:
    """As `core.outbox.tell`, for a night: the same rows, one statement a table."""
    if not drafts:
        return
    ids = [draft.id for draft in drafts]
    insert_rows(
        db,
        "notice",
        {
            "id": Column("uuid", ids),
            "person_id": Column("uuid", [draft.person_id for draft in drafts]),
            "lg_code": Column("text", [draft.lg_code for draft in drafts]),
            "kind": Column("text", [draft.kind for draft in drafts]),
            "period_key": Column("text", [draft.period_key for draft in drafts]),
            "facts": Column("jsonb", [plain_json(dict(draft.facts)) for draft in drafts]),
        },
        same={"created_at": now},
    )
    owed = [
        (draft, notice_id, channel)
        for draft, notice_id in zip(drafts, ids, strict=True)
        for channel in draft.channels
    ]
    insert_rows(
        db,
        "delivery",
        {
            "id": Column("uuid", [uuid5(notice_id, channel) for _, notice_id, channel in owed]),
            "notice_id": Column("uuid", [notice_id for _, notice_id, _ in owed]),
            "person_id": Column("uuid", [draft.person_id for draft, _, _ in owed]),
            "channel": Column("text", [channel for _, _, channel in owed]),
            "available_at": Column(
                "timestamptz", [draft.available_at or now for draft, _, _ in owed]
            ),
        },
        same={"state": "queued", "tries": 0},
    )


@dataclass(frozen=True, slots=True)
class Happened:
    """What happened to a registration: ids, days and codes only."""

    registration_id: UUID
    person_id: UUID
    facts: Mapping[str, Any]


def add_events(
    db: Session,
    rows: Sequence[Happened],
    *,
    lg_code: str,
    kind: str,
    now: datetime,
    on_day: date,
) -> None:
    """As `registry.events.add_event`, for many registrations of one local government."""
    insert_rows(
        db,
        "registration_event",
        {
            "id": Column("uuid", [new_id() for _ in rows]),
            "registration_id": Column("uuid", [row.registration_id for row in rows]),
            "person_id": Column("uuid", [row.person_id for row in rows]),
            "facts": Column("jsonb", [plain_json(dict(row.facts)) for row in rows]),
        },
        same={"lg_code": lg_code, "kind": kind, "at": now, "on_day": on_day},
    )


@dataclass(frozen=True, slots=True)
class Act:
    """A row of the audit trail: what was done to which thing of whom, and why."""

    action: str
    subject_id: UUID
    person_id: UUID
    purpose: str | None = None


def record_many(
    db: Session,
    acts: Sequence[Act],
    *,
    actor: Actor,
    lg_code: str,
    now: datetime,
    subject_kind: str,
) -> None:
    """As `core.audit.record`, for many acts on things of one kind."""
    unsaid = None if actor.behalf_of is None else ON_BEHALF
    insert_rows(
        db,
        "audit_event",
        {
            "id": Column("uuid", [new_id() for _ in acts]),
            "action": Column("text", [act.action for act in acts]),
            "subject_id": Column("text", [str(act.subject_id) for act in acts]),
            "person_id": Column("uuid", [act.person_id for act in acts]),
            "purpose": Column("text", [act.purpose or unsaid for act in acts]),
        },
        same={
            "at": now,
            "lg_code": lg_code,
            "actor": actor.label,
            "request_id": actor.request_id,
            "subject_kind": subject_kind,
            "row_count": 1,
            "outcome": "done",
        },
    )
