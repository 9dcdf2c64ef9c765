"""Taking one's data along: asked for, made at once or by a worker, kept a day, then forgotten."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from activities.models import Activity, ActivitySession
from core import audit, export, sealing
from core.access import Actor, system
from core.db import Database, for_person
from core.errors import Gone, NotFound, TooMany
from core.models import ExportFile
from core.outbox import NoticeDraft, tell
from core.texts import Texts
from mobile.export_sheet import Held, Names, sheet_pdf
from mobile.pages.occasions import town_name
from registry import queries
from registry.doors import GATE

LIFE: Final = timedelta(hours=24)
#: A day (trust d-12).
MOST: Final = 5
#: Rows up to which an export is made while one waits.
SMALL: Final = 400
MAKER: Final = system("exports")
KINDS: Final = {"json": "application/json", "pdf": "application/pdf"}


def ask(db: Session, *, actor: Actor, now: datetime) -> ExportFile:
    """Ask for a copy of everything (in the person's own context).

    Raises:
        TooMany: `export_limit`: five a day.
    """
    asked = db.scalar(
        select(func.count())
        .select_from(ExportFile)
        .where(ExportFile.person_id == actor.person_id, ExportFile.asked_at > now - LIFE)
    )
    if (asked or 0) >= MOST:
        raise TooMany(code="export_limit")
    row = ExportFile(
        person_id=actor.person_id,
        state="asked",
        row_count=export.count(db, actor.person_id),
        asked_at=now,
        expires_at=now + LIFE,
    )
    db.add(row)
    db.flush()
    _record(db, actor, "export.ask", row, now)
    return row


def make(
    database: Database,
    *,
    secret: str,
    texts: Texts,
    export_id: UUID,
    person_id: UUID,
    now: datetime,
    told: bool,
) -> bool:
    """Make an export that was asked for; False when it is made already.

    Args:
        database: Transactions of the gate and of the person are opened one after the other.
        secret: The platform's; the files lie sealed.
        texts: For the sentences of notices.
        export_id: Which.
        person_id: Whose.
        now: The instant.
        told: Whether the person is told, who does not wait for it.
    """
    with database.transaction(GATE) as db:
        held = export.collect(db, person_id, at_the_gate=True)

    def work(db: Session) -> bool:
        row = db.get(ExportFile, export_id, with_for_update=True)
        if row is None or row.state != "asked":
            return False
        everything = held | export.collect(db, person_id, at_the_gate=False)
        made = export.document(person_id, now, everything)
        row.row_count = sum(len(rows) for rows in everything.values())
        row.data_sealed = sealing.pack(
            secret, _place(row, "json"), json.dumps(made, ensure_ascii=False, indent=1).encode()
        )
        row.sheet_sealed = sealing.pack(
            secret,
            _place(row, "pdf"),
            sheet_pdf(everything, _names(db, everything), texts, now=now),
        )
        row.state, row.ready_at, row.expires_at = "ready", now, now + LIFE
        _record(db, MAKER, "export.make", row, now)
        if told:
            tell(db, [NoticeDraft(person_id, "export_ready", str(row.id))], now=now)
        return True

    return database.run(for_person(person_id, actor=MAKER.label), work)


def _names(db: Session, held: Held) -> Names:
    """What stands behind the codes and ids of an export."""
    codes = {
        str(row[name])
        for rows in held.values()
        for row in rows
        for name in ("lg_code", "verified_residence", "declared_residence")
        if row.get(name)
    }
    done = _ids(row["activity_id"] for row in held["participation"])
    signed = _ids(row["session_id"] for row in held["sign_up"])
    activities = select(Activity.id, Activity.title).where(Activity.id.in_(done))
    sessions = (
        select(ActivitySession.id, Activity.title)
        .join(
            Activity,
            (Activity.lg_code == ActivitySession.lg_code)
            & (Activity.id == ActivitySession.activity_id),
        )
        .where(ActivitySession.id.in_(signed))
    )
    return Names(
        {code: town_name(one) for code, one in queries.governments(db, codes).items()},
        {str(one): title for one, title in db.execute(activities)},
        {str(one): title for one, title in db.execute(sessions)},
    )


def _ids(values: Iterable[object]) -> set[UUID]:
    return {UUID(str(value)) for value in values if value}


def own_exports(db: Session, *, actor: Actor, now: datetime) -> Sequence[ExportFile]:
    """A person's exports that are being made or can be taken, the latest first."""
    return db.scalars(
        select(ExportFile)
        .where(ExportFile.person_id == actor.person_id, ExportFile.expires_at > now)
        .order_by(ExportFile.asked_at.desc(), ExportFile.id)
    ).all()


def take(
    db: Session, *, actor: Actor, export_id: UUID, kind: str, secret: str, now: datetime
) -> bytes:
    """The file, for its owner, for a day; each taking is recorded.

    Args:
        db: A transaction of the person.
        actor: The person.
        export_id: Which.
        kind: `json` or `pdf`.
        secret: The platform's.
        now: The instant.

    Raises:
        NotFound: There is none of theirs, or it is not made yet.
        Gone: `export_gone`: its day is over.
    """
    row = db.get(ExportFile, export_id)
    sealed = None if row is None else row.data_sealed if kind == "json" else row.sheet_sealed
    if row is None or row.person_id != actor.person_id or sealed is None:
        raise NotFound(code="not_found")
    if row.expires_at <= now:
        raise Gone(code="export_gone")
    _record(db, actor, f"export.take_{kind}", row, now)
    return sealing.unpack(secret, _place(row, kind), sealed)


def waiting(db: Session) -> Sequence[tuple[UUID, UUID]]:
    """Exports asked for and not made, the oldest first, with whose they are (for the worker)."""
    rows = db.execute(
        select(ExportFile.id, ExportFile.person_id)
        .where(ExportFile.state == "asked")
        .order_by(ExportFile.asked_at)
    )
    return [(row.id, row.person_id) for row in rows]


def forget(db: Session, *, now: datetime) -> int:
    """Delete what nobody may take any more; how many (for the worker)."""
    gone = delete(ExportFile).where(ExportFile.expires_at <= now).returning(ExportFile.id)
    return len(db.scalars(gone).all())


def _place(row: ExportFile, kind: str) -> str:
    return f"export:{row.person_id}:{row.id}:{kind}"


def _record(db: Session, actor: Actor, action: str, row: ExportFile, now: datetime) -> None:
    audit.record(
        db,
        actor=actor,
        action=action,
        subject=("export", row.id),
        now=now,
        person_id=row.person_id,
        row_count=row.row_count,
    )
