"""Files that a local government brings along: read, looked at, their columns chosen, forgotten (R27).

What the lines of a file are is its kind's matter: people of a fan club (`importing`), or a
calendar's dates (the activities' own). Each kind fills and empties its own table of lines.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import audit, sealing, sheet_columns, sheets
from core.access import Actor
from core.clock import japan_day
from core.errors import Conflict, NotFound, invalid, refused
from core.ids import new_id
from core.individual_number import contains_individual_number
from core.japanese_text import plain
from registry.models import MemberImport

#: Days for which a file that nobody confirms is kept.
PREVIEW_DAYS: Final = 7
_DIGITS: Final = 12


@dataclass(frozen=True, slots=True)
class Reading:
    """A file that is read: by whom, when, and with the platform's secret it lies sealed with."""

    actor: Actor
    lg_code: str
    secret: str
    now: datetime

    @property
    def today(self) -> date:
        """The Japanese day."""
        return japan_day(self.now)


@dataclass(frozen=True, slots=True)
class Kind:
    """What a file may hold.

    Attributes:
        name: As the table of files says it.
        columns: What each field's column is usually called.
        needed: Groups of fields; of each group one at least must have a column of its own.
        fill: Judges the table's lines and keeps them; how many.
        clear: Takes the kept lines away again, but for those that something was made of.
        mark: Makes a file that was read as another kind another file.
    """

    name: str
    columns: sheet_columns.Names
    needed: Sequence[Sequence[str]]
    fill: Callable[[Session, MemberImport, sheet_columns.Table, Reading], int]
    clear: Callable[[Session, MemberImport], None]
    mark: bytes = b""

    def complete(self, columns: Mapping[str, int]) -> bool:
        """Whether the columns that are known are enough to read the lines."""
        return all(any(field in columns for field in group) for group in self.needed)


def upload(
    db: Session,
    kind: Kind,
    reading: Reading,
    *,
    name: str,
    data: bytes,
    defaults: Callable[[sheet_columns.Table], Mapping[str, str]] | None = None,
) -> MemberImport:
    """R27: read a file and keep what it would do; the same file again is the same import.

    Args:
        db: A transaction of the local government.
        kind: What the file holds.
        reading: Who reads it.
        name: The file's name, for people to know it again.
        data: The file.
        defaults: What stands for cells that say nothing, as what stands above tells.

    Raises:
        Invalid: The file cannot be read.
        Refused: `individual_number` (R12): nothing of such a file is kept.
    """
    digest = hashlib.sha256(data + kind.mark).hexdigest()
    before = db.scalars(
        select(MemberImport).where(
            MemberImport.lg_code == reading.lg_code,
            MemberImport.kind == kind.name,
            MemberImport.file_hash == digest,
        )
    ).one_or_none()
    if before is not None:
        return before
    sheet = sheets.read(data)
    _refuse_numbers(sheet)
    table = sheet_columns.find(sheet, kind.columns)
    row = MemberImport(
        lg_code=reading.lg_code,
        id=new_id(),
        kind=kind.name,
        file_name=plain(name)[-120:] or "―",
        file_hash=digest,
        state="preview",
        headers=list(table.headers),
        columns=dict(table.columns),
        defaults=dict(defaults(table)) if defaults else {},
        uploaded_by=reading.actor.label,
        uploaded_at=reading.now,
        forget_on=reading.today + timedelta(days=PREVIEW_DAYS),
    )
    row.file_sealed = sealing.pack(reading.secret, _place(row), data)
    db.add(row)
    db.flush()
    record(
        db, reading.actor, "import.upload", row, reading.now, _fill(db, kind, row, table, reading)
    )
    return row


def choose(
    db: Session,
    kind: Kind,
    reading: Reading,
    *,
    import_id: UUID,
    columns: Mapping[str, int],
    defaults: Mapping[str, str] | None = None,
) -> MemberImport:
    """R27: somebody says which column is which; the lines are read anew.

    Raises:
        NotFound: There is no such import.
        Conflict: `import_confirmed`: it has happened already, or has begun to.
        Invalid: `column_needed`: what is needed must come from columns of its own.
    """
    row = open_import(db, kind, lg_code=reading.lg_code, import_id=import_id)
    if row.state == "begun":
        raise Conflict(code="import_confirmed")
    chosen = {field: at for field, at in columns.items() if 0 <= at < len(row.headers)}
    for group in kind.needed:
        found = [chosen[field] for field in group if field in chosen]
        if not found or any(list(chosen.values()).count(at) > 1 for at in found):
            raise invalid("column_needed", field=group[0])
    row.columns = chosen
    if defaults is not None:
        row.defaults = dict(defaults)
    kind.clear(db, row)
    data = sealing.unpack(reading.secret, _place(row), row.file_sealed or "")
    table = sheet_columns.find(sheets.read(data), kind.columns)
    count = _fill(db, kind, row, table, reading)
    record(db, reading.actor, "import.choose", row, reading.now, count)
    return row


def discard(
    db: Session, kind: Kind, *, actor: Actor, lg_code: str, import_id: UUID, now: datetime
) -> bool:
    """R27: a file that nobody confirmed is forgotten at once; of one that has begun, what is left.

    Returns whether something is left of it: what was made stays made.

    Raises:
        NotFound: There is no such import.
        Conflict: `import_confirmed`.
    """
    row = open_import(db, kind, lg_code=lg_code, import_id=import_id)
    record(db, actor, "import.discard", row, now, 1)
    begun = row.state == "begun"
    if begun:
        kind.clear(db, row)
        row.state = "confirmed"
    else:
        db.delete(row)
    db.flush()
    return begun


def _fill(
    db: Session, kind: Kind, row: MemberImport, table: sheet_columns.Table, reading: Reading
) -> int:
    return kind.fill(db, row, table, reading) if kind.complete(row.columns) else 0


def _refuse_numbers(sheet: sheets.Sheet) -> None:
    for line in sheet.lines:
        if any(len(cell) >= _DIGITS and contains_individual_number(cell) for cell in line.cells):
            raise refused("individual_number", rule="R12", field="file", found=line.number)


def _place(row: MemberImport) -> str:
    return f"import:{row.lg_code}:{row.id}"


# --- reading --------------------------------------------------------------------------------------


def one(db: Session, kind: Kind, *, lg_code: str, import_id: UUID) -> MemberImport:
    """An import of a local government.

    Raises:
        NotFound: There is none.
    """
    row = db.get(MemberImport, (lg_code, import_id))
    if row is None or row.kind != kind.name:
        raise NotFound(code="not_found")
    return row


def open_import(db: Session, kind: Kind, *, lg_code: str, import_id: UUID) -> MemberImport:
    """An import that is not confirmed yet, or only in part, locked.

    Raises:
        NotFound: There is none.
        Conflict: `import_confirmed`.
    """
    row = db.get(MemberImport, (lg_code, import_id), with_for_update=True)
    if row is None or row.kind != kind.name:
        raise NotFound(code="not_found")
    if row.state == "confirmed":
        raise Conflict(code="import_confirmed")
    return row


def imports_of(db: Session, kind: Kind, *, lg_code: str, limit: int = 50) -> Sequence[MemberImport]:
    """The latest files."""
    return db.scalars(
        select(MemberImport)
        .where(MemberImport.lg_code == lg_code, MemberImport.kind == kind.name)
        .order_by(MemberImport.uploaded_at.desc(), MemberImport.id)
        .limit(limit)
    ).all()


def record(
    db: Session, actor: Actor, action: str, row: MemberImport, now: datetime, count: int
) -> None:
    """C44: one act on a file, with how many lines it touched."""
    audit.record(
        db,
        actor=actor,
        action=action,
        subject=("import", row.id),
        now=now,
        lg_code=row.lg_code,
        row_count=count,
    )
