"""Files that staff take out of the desk: asked for, made by a worker, theirs for a day (C52, d-13)."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from admin.export_lines import HEADS, MOST, count, lines
from admin.export_lines import told as told_above
from core import audit, sealing
from core.access import Actor, Role, system
from core.errors import Gone, NotFound, invalid, refused
from core.ids import new_id
from core.outbox import NoticeDraft, tell
from core.tables import csv_text, workbook
from core.texts import Texts
from registry import queries
from registry.models import DeskExport

LOG = logging.getLogger(__name__)
#: How long a file may be taken, and how long it is told that there was one.
LIFE: Final = timedelta(hours=24)
MEMORY: Final = timedelta(days=7)
#: A day and member of staff (trust d-12).
MOST_A_DAY: Final = 5
#: Rows of a file at most, by the role of whoever asks.
MOST_ROWS: Final[Mapping[Role, int]] = MappingProxyType(
    {Role.VIEWER: 0, Role.CLERK: 1_000, Role.APPROVER: 10_000, Role.MANAGER: MOST}
)
#: Who may take what.
NEEDED: Final[Mapping[str, Role]] = MappingProxyType(
    {"members": Role.CLERK, "participations": Role.CLERK, "audit": Role.MANAGER}
)
#: Files made at one tick: large ones take seconds.
AT_ONCE: Final = 3
FORMS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "csv": "text/csv; charset=utf-8",
        "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    }
)
MAKER: Final = system("desk_exports")


def ask(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    kind: str,
    form: str,
    wanted: Mapping[str, str],
    purpose: str,
    language: str,
    now: datetime,
) -> DeskExport:
    """C52: ask for a file; a worker makes it.

    Args:
        db: A transaction of the local government.
        actor: A clerk there; for the record of what was done, a manager.
        lg_code: The local government.
        kind: `members`, `participations` or `audit`.
        form: `csv` or `xlsx`.
        wanted: What the list was narrowed to: codes, days and ids.
        purpose: What for (C48).
        language: In which its words are.
        now: The instant.

    Raises:
        Forbidden: Their role may not take it.
        Invalid: `field_needed`: there is no such kind or form.
        Refused: `export_limit`: five a day; `export_too_large`: more rows than their role may take.
    """
    if kind not in NEEDED or form not in FORMS:
        raise invalid("field_needed", field="kind" if kind not in NEEDED else "form")
    actor.require_role(lg_code, NEEDED[kind])
    if _asked_today(db, actor, lg_code, now) >= MOST_A_DAY:
        raise refused("export_limit", rule="R25", found=MOST_A_DAY, needed=MOST_A_DAY)
    most = most_rows(actor, lg_code)
    found = count(db, lg_code, kind, wanted)
    if found > most:
        raise refused("export_too_large", rule="R25", found=found, needed=most)
    row = DeskExport(
        lg_code=lg_code,
        id=new_id(),
        kind=kind,
        form=form,
        wanted=dict(wanted),
        purpose=purpose,
        language=language,
        most=most,
        asked_by=actor.id,
        asked_at=now,
        state="asked",
        row_count=found,
        expires_at=now + LIFE,
        forget_at=now + MEMORY,
    )
    db.add(row)
    db.flush()
    _record(db, actor, "desk_export.ask", row, now)
    return row


def most_rows(actor: Actor, lg_code: str) -> int:
    """Rows that a member of staff may take in one file."""
    return max(
        (most for role, most in MOST_ROWS.items() if actor.has_role(lg_code, role)), default=0
    )


def make_due(
    db: Session, *, lg_code: str, secret: str, texts: Texts, now: datetime
) -> Mapping[str, int]:
    """C52: make what was asked for, and delete the files whose day is over (for the worker)."""
    past = db.scalars(_due(lg_code).where(DeskExport.forget_at <= now)).all()
    for row in past:
        db.delete(row)
    db.flush()
    over = db.scalars(
        _due(lg_code).where(DeskExport.state != "ended", DeskExport.expires_at <= now)
    ).all()
    for row in over:
        row.state, row.file_sealed = "ended", None
        _record(db, MAKER, "desk_export.end", row, now)
    db.flush()
    counts = {"made": 0, "failed": 0, "ended": len(over), "forgotten": len(past)}
    for row in db.scalars(_due(lg_code).where(DeskExport.state == "asked").limit(AT_ONCE)):
        try:
            with db.begin_nested():
                _make(db, row, secret, texts, now)
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            # The others must not wait for it; it is tried again until its day is over.
            LOG.exception("file of the desk failed: %s", row.id)
            counts["failed"] += 1
        else:
            counts["made"] += 1
    return counts


def _make(db: Session, row: DeskExport, secret: str, texts: Texts, now: datetime) -> None:
    say = texts.translator(row.language)
    found = list(lines(db, row, say))
    head = [say(one) for one in HEADS[row.kind]]
    above = told_above(db, row, say, rows=len(found), now=now)
    made = (
        csv_text(head, found, above).encode() if row.form == "csv" else workbook(head, found, above)
    )
    row.file_sealed = sealing.pack(secret, _place(row), made)
    row.row_count, row.state, row.ready_at = len(found), "ready", now
    row.expires_at = now + LIFE
    _record(db, MAKER, "desk_export.make", row, now)
    facts: dict[str, Any] = {"government": queries.government(db, row.lg_code).name}
    tell(
        db,
        [NoticeDraft(row.asked_by, "desk_export_ready", str(row.id), row.lg_code, facts)],
        now=now,
    )


def own(db: Session, *, actor: Actor, lg_code: str) -> Sequence[DeskExport]:
    """The files that somebody asked for here, the latest first."""
    return db.scalars(
        select(DeskExport)
        .where(DeskExport.lg_code == lg_code, DeskExport.asked_by == actor.id)
        .order_by(DeskExport.asked_at.desc(), DeskExport.id.desc())
        .limit(MOST_A_DAY * MEMORY.days + MOST_A_DAY)
    ).all()


def take(
    db: Session, *, actor: Actor, lg_code: str, file_id: UUID, secret: str, now: datetime
) -> tuple[DeskExport, bytes]:
    """C52: the file, for whoever asked for it, for a day; each taking is recorded.

    Raises:
        NotFound: There is none of theirs, or it is not made yet.
        Forbidden: Their role may not take it any more.
        Refused: `export_too_large`: more rows than their role of today may take.
        Gone: `export_gone`: its day is over.
    """
    row = db.get(DeskExport, (lg_code, file_id), with_for_update=True)
    if row is None or row.asked_by != actor.id or row.state == "asked":
        raise NotFound(code="not_found")
    actor.require_role(lg_code, NEEDED[row.kind])
    if row.row_count > (most := most_rows(actor, lg_code)):
        # They may have been given a lesser role since they asked.
        raise refused("export_too_large", rule="R25", found=row.row_count, needed=most)
    if row.file_sealed is None or row.expires_at <= now:
        raise Gone(code="export_gone")
    row.taken_at = now
    _record(db, actor, "desk_export.take", row, now)
    return row, sealing.unpack(secret, _place(row), row.file_sealed)


def _asked_today(db: Session, actor: Actor, lg_code: str, now: datetime) -> int:
    asked = (
        select(func.count())
        .select_from(DeskExport)
        .where(
            DeskExport.lg_code == lg_code,
            DeskExport.asked_by == actor.id,
            DeskExport.asked_at > now - LIFE,
        )
    )
    return db.scalar(asked) or 0


def _due(lg_code: str) -> Any:
    return (
        select(DeskExport)
        .where(DeskExport.lg_code == lg_code)
        .order_by(DeskExport.asked_at, DeskExport.id)
        .with_for_update(skip_locked=True)
    )


def _place(row: DeskExport) -> str:
    return f"desk_export:{row.lg_code}:{row.id}"


def _record(db: Session, actor: Actor, action: str, row: DeskExport, now: datetime) -> None:
    """With what the list was narrowed to: codes and days, and of a person that it was one."""
    narrowed = [
        name if name == "person_id" else f"{name}={value}"
        for name, value in sorted(row.wanted.items())
    ]
    audit.record(
        db,
        actor=actor,
        action=action,
        subject=("desk_export", row.id),
        now=now,
        lg_code=row.lg_code,
        # Whoever's record it is reads in their own who took it (R25).
        person_id=UUID(one) if (one := row.wanted.get("person_id")) else None,
        purpose=row.purpose,
        row_count=row.row_count,
        fields=[row.kind, *narrowed],
    )
