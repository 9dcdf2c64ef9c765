"""R27: a fan club's list is brought along: seen first, confirmed, and each person asked anew.

Nobody is registered by a list. A line is kept with its file, not as a person (`list_letters` has
what becomes of it; `import_files` what all files have in common).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, insert, select, update
from sqlalchemy.orm import Session

from core import sheet_columns, sheets
from core.access import Actor
from core.errors import Invalid
from core.ids import new_id
from core.japanese_text import code, day, plain
from core.signin import email_key, normal_email
from registry.import_files import Kind, Reading, open_import, record
from registry.models import MemberImport, MemberImportRow
from registry.rules import fan_list
from registry.rules.fan_list import Entry

_LINES_AT_ONCE = 2000


def confirm(
    db: Session, *, actor: Actor, lg_code: str, import_id: UUID, now: datetime
) -> MemberImport:
    """R27: each good line gets its mail; lines with errors stay behind, without name or address.

    Raises:
        NotFound: There is no such import.
        Conflict: `import_confirmed`.
    """
    row = open_import(db, PEOPLE, lg_code=lg_code, import_id=import_id)
    ready = db.scalars(
        update(MemberImportRow)
        .where(*_of(row), MemberImportRow.state == "ready")
        .values(state="to_mail")
        .returning(MemberImportRow.id)
    ).all()
    db.execute(
        update(MemberImportRow)
        .where(*_of(row), MemberImportRow.state.in_(("error", "known")))
        .values(name=None, email=None, joined_on=None)
    )
    row.state, row.confirmed_at, row.file_sealed = "confirmed", now, None
    db.flush()
    record(db, actor, "import.confirm", row, now, len(ready))
    return row


def _fill(db: Session, row: MemberImport, table: sheet_columns.Table, reading: Reading) -> int:
    entries = [_entry(line, row.columns) for line in table.lines]
    keys = {one.email: email_key(reading.secret, one.email) for one in entries if one.email}
    asked = _asked(db, row)
    known = frozenset(email for email, key in keys.items() if key in asked)
    values = [
        {
            "lg_code": row.lg_code,
            "id": new_id(),
            "import_id": row.id,
            "line": one.entry.line,
            "state": one.state,
            "problems": list(one.problems),
            "name": one.entry.name[: fan_list.MAX_NAME],
            "email": one.entry.email or one.entry.email_text[:200],
            "email_key": keys.get(one.entry.email or ""),
            "joined_on": one.entry.joined_on,
        }
        for one in fan_list.judge(entries, known=known, today=reading.today)
    ]
    for start in range(0, len(values), _LINES_AT_ONCE):
        db.execute(insert(MemberImportRow), values[start : start + _LINES_AT_ONCE])
    return len(values)


def _asked(db: Session, row: MemberImport) -> frozenset[str]:
    """Indexes of the addresses that other lists of this local government have asked."""
    found = db.scalars(
        select(MemberImportRow.email_key).where(
            MemberImportRow.lg_code == row.lg_code,
            MemberImportRow.import_id != row.id,
            MemberImportRow.state.in_(("to_mail", "asked", "agreed", "expired")),
        )
    )
    return frozenset(key for key in found if key)


def _entry(line: sheets.Line, columns: Mapping[str, int]) -> Entry:
    def cell(field: str) -> str:
        at = columns.get(field, len(line.cells))
        return line.cells[at] if at < len(line.cells) else ""

    email_text, joined = code(cell("email")), cell("joined_on")
    return Entry(
        line.number, plain(cell("name")), email_text, _address(email_text), joined, day(joined)
    )


def _address(text: str) -> str | None:
    try:
        return normal_email(text)
    except Invalid:
        return None


def _of(row: MemberImport) -> tuple[ColumnElement[bool], ...]:
    return (MemberImportRow.lg_code == row.lg_code, MemberImportRow.import_id == row.id)


def _clear(db: Session, row: MemberImport) -> None:
    db.execute(delete(MemberImportRow).where(*_of(row)))


#: A list of people: each of whom is asked by mail.
PEOPLE = Kind("people", fan_list.COLUMNS, [(field,) for field in fan_list.NEEDED], _fill, _clear)


# --- reading --------------------------------------------------------------------------------------


def counts_of(
    db: Session, *, lg_code: str, import_ids: Sequence[UUID]
) -> dict[UUID, dict[str, int]]:
    """How many lines of each list are in which state."""
    found: dict[UUID, dict[str, int]] = {one: {} for one in import_ids}
    rows = db.execute(
        select(MemberImportRow.import_id, MemberImportRow.state, func.count())
        .where(MemberImportRow.lg_code == lg_code, MemberImportRow.import_id.in_(import_ids))
        .group_by(MemberImportRow.import_id, MemberImportRow.state)
    )
    for import_id, state, count in rows:
        found[import_id][state] = count
    return found


def lines_of(
    db: Session,
    *,
    actor: Actor,
    row: MemberImport,
    state: str | None,
    after: int,
    limit: int,
    now: datetime,
) -> Sequence[MemberImportRow]:
    """A page of a list's lines; the look is recorded (C44)."""
    wanted = [*_of(row), MemberImportRow.line > after]
    if state is not None:
        wanted.append(MemberImportRow.state == state)
    found = db.scalars(
        select(MemberImportRow).where(*wanted).order_by(MemberImportRow.line).limit(limit)
    ).all()
    record(db, actor, "import.view", row, now, len(found))
    return found
