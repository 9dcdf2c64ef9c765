"""Rows of a night, written by the thousand in one statement each.

COPY is closed to roles under row level security, and one INSERT a row is twenty times slower;
so columns travel as arrays and `unnest` makes rows of them.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import text
from sqlalchemy.orm import Session

from core.outbox import NoticeDraft

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


def plain_json(value: object) -> str:
    """JSON as a jsonb column of a bulk statement wants it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def unnest(columns: Mapping[str, Column]) -> str:
    """The FROM item that makes rows `v` of the arrays bound under the columns' names."""
    arrays = ", ".join(
        f"cast(:{name} as {'text' if column.type in _AS_TEXT else column.type}[])"
        for name, column in columns.items()
    )
    return f"unnest({arrays}) as v({', '.join(columns)})"


def read(columns: Mapping[str, Column], name: str) -> str:
    """The expression for one column of `v` in its own type."""
    kind = columns[name].type
    return f"cast(v.{name} as {kind})" if kind in _AS_TEXT else f"v.{name}"


def values_of(columns: Mapping[str, Column]) -> dict[str, Any]:
    """The arrays to bind."""
    return {name: list(column.values) for name, column in columns.items()}


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
            *(f":{name}" for name in shown),
            *expressions.values(),
        ]
    )
    db.execute(
        text(
            f"insert into {table} ({into}) select {taken} from {unnest(columns)}"
            " on conflict do nothing"
        ),
        {**values_of(columns), **constants},
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


def record_many(
    db: Session,
    *,
    actor: str,
    lg_code: str,
    now: datetime,
    subject_kind: str,
    rows: Sequence[tuple[UUID, str, UUID, UUID]],
) -> None:
    """As `core.audit.record`, for a night. Rows: own id, action, subject, person."""
    insert_rows(
        db,
        "audit_event",
        {
            "id": Column("uuid", [row[0] for row in rows]),
            "action": Column("text", [row[1] for row in rows]),
            "subject_id": Column("text", [str(row[2]) for row in rows]),
            "person_id": Column("uuid", [row[3] for row in rows]),
        },
        same={
            "at": now,
            "lg_code": lg_code,
            "actor": actor,
            "subject_kind": subject_kind,
            "row_count": 1,
            "outcome": "done",
        },
    )
