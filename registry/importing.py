"""R27: a fan club's list is brought along: seen first, confirmed, and each person asked anew.

Nobody is registered by a list. A line is kept with its file, not as a person (`list_letters` has
what becomes of it).
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, insert, select, update
from sqlalchemy.orm import Session

from core import audit, sealing, sheet_columns, sheets
from core.access import Actor
from core.clock import japan_day
from core.errors import Conflict, Invalid, NotFound, invalid, refused
from core.ids import new_id
from core.individual_number import contains_individual_number
from core.japanese_text import code, day, plain
from core.signin import email_key, normal_email
from registry.models import MemberImport, MemberImportRow
from registry.rules import fan_list
from registry.rules.fan_list import Entry

#: Days for which a file that nobody confirms is kept.
PREVIEW_DAYS = 7
_DIGITS = 12
_LINES_AT_ONCE = 2000


def upload(
    db: Session, *, actor: Actor, lg_code: str, name: str, data: bytes, secret: str, now: datetime
) -> MemberImport:
    """R27: read a list and keep what it would do; the same file again is the same import.

    Args:
        db: A transaction of the local government.
        actor: A clerk.
        lg_code: Whose list.
        name: The file's name, for people to know it again.
        data: The file.
        secret: The platform's; the file lies sealed until it is confirmed.
        now: The instant.

    Raises:
        Invalid: The file cannot be read.
        Refused: `individual_number` (R12): nothing of such a file is kept.
    """
    digest = hashlib.sha256(data).hexdigest()
    before = db.scalars(
        select(MemberImport).where(
            MemberImport.lg_code == lg_code, MemberImport.file_hash == digest
        )
    ).one_or_none()
    if before is not None:
        return before
    sheet = sheets.read(data)
    _refuse_numbers(sheet)
    table = sheet_columns.find(sheet, fan_list.COLUMNS)
    row = MemberImport(
        lg_code=lg_code,
        id=new_id(),
        file_name=plain(name)[-120:] or "―",
        file_hash=digest,
        state="preview",
        headers=list(table.headers),
        columns=dict(table.columns),
        uploaded_by=actor.label,
        uploaded_at=now,
        forget_on=japan_day(now) + timedelta(days=PREVIEW_DAYS),
    )
    row.file_sealed = sealing.pack(secret, _place(row), data)
    db.add(row)
    db.flush()
    count = _fill(db, row, table, secret, japan_day(now))
    _record(db, actor, "import.upload", row, now, count)
    return row


def choose(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    import_id: UUID,
    columns: Mapping[str, int],
    secret: str,
    now: datetime,
) -> MemberImport:
    """R27: somebody says which column is which; the lines are read anew.

    Raises:
        NotFound: There is no such import.
        Conflict: `import_confirmed`: it has happened already.
        Invalid: `column_needed`: name and address must come from two columns of the table.
    """
    row = _open(db, lg_code, import_id)
    chosen = {field: at for field, at in columns.items() if 0 <= at < len(row.headers)}
    for field in fan_list.NEEDED:
        if field not in chosen or list(chosen.values()).count(chosen[field]) > 1:
            raise invalid("column_needed", field=field)
    row.columns = chosen
    db.execute(delete(MemberImportRow).where(*_of(row)))
    data = sealing.unpack(secret, _place(row), row.file_sealed or "")
    table = sheet_columns.find(sheets.read(data), fan_list.COLUMNS)
    count = _fill(db, row, table, secret, japan_day(now))
    _record(db, actor, "import.choose", row, now, count)
    return row


def confirm(
    db: Session, *, actor: Actor, lg_code: str, import_id: UUID, now: datetime
) -> MemberImport:
    """R27: each good line gets its mail; lines with errors stay behind, without name or address.

    Raises:
        NotFound: There is no such import.
        Conflict: `import_confirmed`.
    """
    row = _open(db, lg_code, import_id)
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
    _record(db, actor, "import.confirm", row, now, len(ready))
    return row


def discard(db: Session, *, actor: Actor, lg_code: str, import_id: UUID, now: datetime) -> None:
    """R27: a list that nobody confirmed is forgotten at once.

    Raises:
        NotFound: There is no such import.
        Conflict: `import_confirmed`.
    """
    row = _open(db, lg_code, import_id)
    _record(db, actor, "import.discard", row, now, 1)
    db.delete(row)
    db.flush()


def _fill(
    db: Session, row: MemberImport, table: sheet_columns.Table, secret: str, today: date
) -> int:
    if any(field not in row.columns for field in fan_list.NEEDED):
        return 0
    entries = [_entry(line, row.columns) for line in table.lines]
    keys = {one.email: email_key(secret, one.email) for one in entries if one.email}
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
        for one in fan_list.judge(entries, known=known, today=today)
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


def _refuse_numbers(sheet: sheets.Sheet) -> None:
    for line in sheet.lines:
        if any(len(cell) >= _DIGITS and contains_individual_number(cell) for cell in line.cells):
            raise refused("individual_number", rule="R12", field="file", found=line.number)


def _of(row: MemberImport) -> tuple[ColumnElement[bool], ...]:
    return (MemberImportRow.lg_code == row.lg_code, MemberImportRow.import_id == row.id)


def one(db: Session, *, lg_code: str, import_id: UUID) -> MemberImport:
    """An import of a local government.

    Raises:
        NotFound: There is none.
    """
    row = db.get(MemberImport, (lg_code, import_id))
    if row is None:
        raise NotFound(code="not_found")
    return row


def _open(db: Session, lg_code: str, import_id: UUID) -> MemberImport:
    row = db.get(MemberImport, (lg_code, import_id), with_for_update=True)
    if row is None:
        raise NotFound(code="not_found")
    if row.state != "preview":
        raise Conflict(code="import_confirmed")
    return row


def _place(row: MemberImport) -> str:
    return f"import:{row.lg_code}:{row.id}"


def _record(
    db: Session, actor: Actor, action: str, row: MemberImport, now: datetime, count: int
) -> None:
    audit.record(
        db,
        actor=actor,
        action=action,
        subject=("import", row.id),
        now=now,
        lg_code=row.lg_code,
        row_count=count,
    )


# --- reading --------------------------------------------------------------------------------------


def imports_of(db: Session, *, lg_code: str, limit: int = 50) -> Sequence[MemberImport]:
    """The latest lists."""
    return db.scalars(
        select(MemberImport)
        .where(MemberImport.lg_code == lg_code)
        .order_by(MemberImport.uploaded_at.desc(), MemberImport.id)
        .limit(limit)
    ).all()


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
    _record(db, actor, "import.view", row, now, len(found))
    return found
