"""Everything the database holds of one person, as data: complete because nobody lists it by hand.

What a person may read is declared by the tables themselves (core.tenancy), so a new table is in
the next export, and in its schema, without anybody thinking of it. Only secrets are withheld: they
would help a thief and say nothing of the person.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from sqlalchemy import JSON, Column, Table, TypeDecorator, func, select
from sqlalchemy.orm import Session

from core.db import Base
from core.models import ExportFile, Passkey, WebSession
from core.tenancy import Audience, Reach, tables_with_rights

VERSION: Final = 1
#: Columns that prove or open something; no export holds them.
SECRETS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "account": frozenset({"email_key"}),
        "web_session": frozenset({"token_hash", "device_hash"}),
        "passkey": frozenset({"credential_id", "public_key"}),
        "identity_link": frozenset({"subject_index"}),
        "identity_attempt": frozenset({"session_hash", "state_hash", "nonce", "verifier"}),
        "guardianship": frozenset({"invite_hash"}),
        # Whoever holds these could send to the browser, or read what is sent.
        "push_subscription": frozenset({"session_hash", "endpoint", "p256dh", "auth"}),
    }
)
#: The export does not export itself.
_NOT_HELD: Final = frozenset({ExportFile.__tablename__})
#: Read at the gate only, by the account.
_AT_THE_GATE: Final = frozenset({WebSession.__tablename__, Passkey.__tablename__})
#: Whose word a row holds, besides whom it is about (R18); read at the gate.
_GUARDIAN: Final = "guardian_id"
#: Somebody else who acted: what they were is told, who they were is theirs.
_SOMEBODY: Final = re.compile(r"(staff|device|operator|person|organisation):[0-9a-f-]{36}")


@dataclass(frozen=True, slots=True)
class Part:
    """One table of an export: whose rows, and which columns of them."""

    table: Table
    owner: Column[Any]
    at_the_gate: bool = False
    #: Rows that are also somebody else's: their id stays theirs.
    shared: bool = False

    @property
    def name(self) -> str:
        """What the rows are called in the export."""
        return f"{self.table.name}_given" if self.shared else self.table.name

    @property
    def columns(self) -> list[Column[Any]]:
        """What is told."""
        secret = SECRETS.get(self.table.name, frozenset()) | (
            {"person_id"} if self.shared else frozenset()
        )
        return [column for column in self.table.columns if column.name not in secret]

    @property
    def about(self) -> str:
        """What the rows are."""
        for mapper in Base.registry.mappers:
            if mapper.local_table is self.table:
                return (mapper.class_.__doc__ or "").split("\n\n")[0].strip()
        return ""


def parts() -> Iterator[Part]:
    """Every table that holds rows of persons, in order of their names."""
    found = []
    for table, _, grants in tables_with_rights(Base.metadata):
        reaches = {
            grant.reach for grant in grants.get(Audience.PERSON, []) if "s" in grant.commands
        }
        if table.name in _NOT_HELD:
            continue
        if table.name in _AT_THE_GATE:
            found.append(Part(table, table.c.account_id, at_the_gate=True))
        elif Reach.PERSON in reaches:
            found.append(Part(table, table.c.person_id))
        elif Reach.RECIPIENT in reaches:
            found.append(Part(table, table.c.id))
        if _GUARDIAN in table.columns:
            found.append(Part(table, table.c[_GUARDIAN], at_the_gate=True, shared=True))
    yield from sorted(found, key=lambda part: part.name)


def count(db: Session, person_id: UUID) -> int:
    """How many rows an export would hold, but for those of the gate (in the person's context)."""
    return sum(
        db.scalar(select(func.count()).select_from(part.table).where(part.owner == person_id)) or 0
        for part in parts()
        if not part.at_the_gate
    )


def collect(db: Session, person_id: UUID, *, at_the_gate: bool) -> dict[str, list[dict[str, Any]]]:
    """The rows of a person: those of the gate in its context, all others in the person's own."""
    return {
        part.name: [
            {name: _plain(value, person_id) for name, value in row.items()}
            for row in db.execute(
                select(*part.columns)
                .where(part.owner == person_id)
                .order_by(*part.table.primary_key.columns)
            ).mappings()
        ]
        for part in parts()
        if part.at_the_gate is at_the_gate
    }


def _plain(value: object, person_id: UUID) -> object:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, str):
        somebody = _SOMEBODY.fullmatch(value)
        return somebody[1] if somebody and not value.endswith(str(person_id)) else value
    return value


def document(
    person_id: UUID, made_at: datetime, held: Mapping[str, list[dict[str, Any]]]
) -> dict[str, Any]:
    """The export itself; `schema` describes it."""
    return {
        "format": "furusato-export",
        "version": VERSION,
        "made_at": made_at.isoformat(),
        "person_id": str(person_id),
        "held": {name: held[name] for name in sorted(held)},
    }


# --- its description ------------------------------------------------------------------------------

_TYPES: Final[Mapping[type, dict[str, Any]]] = MappingProxyType(
    {
        bool: {"type": "boolean"},
        int: {"type": "integer"},
        str: {"type": "string"},
        UUID: {"type": "string", "format": "uuid"},
        datetime: {"type": "string", "format": "date-time"},
        date: {"type": "string", "format": "date"},
    }
)


def schema() -> dict[str, Any]:
    """JSON Schema of an export: every table, every column, with what it means."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Everything the platform holds of one person",
        "type": "object",
        "additionalProperties": False,
        "required": ["format", "version", "made_at", "person_id", "held"],
        "properties": {
            "format": {"const": "furusato-export"},
            "version": {"const": VERSION},
            "made_at": {"type": "string", "format": "date-time"},
            "person_id": {"type": "string", "format": "uuid"},
            "held": {
                "type": "object",
                "additionalProperties": False,
                "required": [part.name for part in parts()],
                "properties": {part.name: _rows(part) for part in parts()},
            },
        },
    }


def _rows(part: Part) -> dict[str, Any]:
    return {
        "description": part.about,
        "type": "array",
        "items": {
            "type": "object",
            "additionalProperties": False,
            "required": [column.name for column in part.columns],
            "properties": {column.name: _column(column) for column in part.columns},
        },
    }


def _column(column: Column[Any]) -> dict[str, Any]:
    told = column.type
    stored = told.impl_instance if isinstance(told, TypeDecorator) else told
    found = {} if isinstance(stored, JSON) else dict(_TYPES[stored.python_type])
    if column.nullable and "type" in found:
        found["type"] = [found["type"], "null"]
    return ({"description": column.comment} if column.comment else {}) | found
