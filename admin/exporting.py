"""Files that staff take out of the desk: asked for, made by a worker, theirs for a day (C52, d-13)."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from psycopg.errors import QueryCanceled
from sqlalchemy import func, select, text
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from admin.export_lines import HEADS, MOST, count, lines
from admin.export_lines import told as told_above
from core import audit, sealing
from core.access import Actor, Role, system
from core.clock import day_start, japan_day
from core.errors import Gone, NotFound, invalid, refused
from core.ids import new_id
from core.outbox import NoticeDraft, tell
from core.tables import csv_text, workbook
from core.texts import Texts
from registry import queries
from registry.confirming import others
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
#: More rows than these leave the desk when a second person has let them (P19).
ALONE: Final = 1_000
#: A file that fails so often is given up; asking again is the way out.
MOST_TRIES: Final = 5
#: So long one statement of a file may take, that the others and the day's end are not held up.
PATIENCE: Final = text("set local statement_timeout = '20s'")
#: Files made at one tick: large ones take seconds.
AT_ONCE: Final = 3
FORMS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "csv": "text/csv; charset=utf-8",
        "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    }
)
_MADE: Final = ("ready", "ended")
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
        Refused: `export_limit`: five a day; `export_too_large`: more rows than their role may take;
            `second_person_missing`: they are many, and nobody else here could let them leave.
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
    many = found > ALONE
    if many and not others(db, lg_code, Role.APPROVER, {actor.label}):
        raise refused("second_person_missing", rule="R25", action="second_manager")
    row = DeskExport(
        lg_code=lg_code,
        id=new_id(),
        kind=kind,
        form=form,
        wanted=dict(wanted),
        purpose=purpose,
        language=language,
        most=most if many else min(most, ALONE),
        asked_by=actor.id,
        asked_at=now,
        state="waits" if many else "asked",
        row_count=found,
        expires_at=now + LIFE,
        forget_at=now + MEMORY,
    )
    db.add(row)
    db.flush()
    _record(db, actor, "desk_export.ask", row, now)
    return row


def waiting(db: Session, *, actor: Actor, lg_code: str, now: datetime) -> Sequence[DeskExport]:
    """P19: files of many rows that others asked for and this approver may let leave."""
    if not actor.has_role(lg_code, Role.APPROVER):
        return []
    return db.scalars(
        select(DeskExport)
        .where(
            DeskExport.lg_code == lg_code,
            DeskExport.state == "waits",
            DeskExport.asked_by != actor.id,
            DeskExport.expires_at > now,
        )
        .order_by(DeskExport.asked_at)
    ).all()


def release(db: Session, *, actor: Actor, lg_code: str, file_id: UUID, now: datetime) -> DeskExport:
    """P19: let a file of many rows leave that somebody else asked for; the worker makes it.

    Raises:
        Forbidden: Without the right to decide.
        NotFound: No such file waits.
        Refused: `own_wish`: they asked for it themselves.
    """
    actor.require_role(lg_code, Role.APPROVER)
    row = db.get(DeskExport, (lg_code, file_id), with_for_update=True)
    if row is None or row.state != "waits" or row.expires_at <= now:
        raise NotFound(code="not_found")
    if row.asked_by == actor.id:
        raise refused("own_wish", rule="R25", action="second_person")
    row.state, row.released_by = "asked", actor.id
    row.expires_at = now + LIFE
    _record(db, actor, "desk_export.release", row, now)
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
    asked = _due(lg_code, DeskExport.tries).where(DeskExport.state == "asked").limit(AT_ONCE)
    for row in db.scalars(asked).all():
        try:
            with db.begin_nested():
                db.execute(PATIENCE)
                _make(db, row, secret, texts, now)
        except Exception as error:
            if _lost(error):
                raise
            # The others come first from now on.
            LOG.exception("file of the desk failed: %s", row.id)
            counts["failed"] += 1
            row.tries += 1
            if row.tries >= MOST_TRIES:
                row.state = "failed"
                _record(db, MAKER, "desk_export.fail", row, now)
            db.flush()
        else:
            counts["made"] += 1
    return counts


def _lost(error: Exception) -> bool:
    """Whether the connection is gone; a statement that took too long is the file's own fault."""
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    return not isinstance(error.orig, QueryCanceled)


def _make(db: Session, row: DeskExport, secret: str, texts: Texts, now: datetime) -> None:
    say = texts.translator(row.language)
    found = list(lines(db, row, say))
    grown = len(found) > row.most
    found = found[: row.most]
    head = [say(one) for one in HEADS[row.kind]]
    above = told_above(db, row, say, rows=len(found), now=now, grown=grown)
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
    if row is None or row.asked_by != actor.id or row.state not in _MADE:
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
    """Of the Japanese day; two at the same moment are counted one after the other."""
    turn = func.pg_advisory_xact_lock(func.hashtextextended(f"desk_export:{actor.id}", 0))
    db.execute(select(turn))
    asked = (
        select(func.count())
        .select_from(DeskExport)
        .where(
            DeskExport.lg_code == lg_code,
            DeskExport.asked_by == actor.id,
            DeskExport.asked_at >= day_start(japan_day(now)),
        )
    )
    return db.scalar(asked) or 0


def _due(lg_code: str, *first: Any) -> Any:
    return (
        select(DeskExport)
        .where(DeskExport.lg_code == lg_code)
        .order_by(*first, DeskExport.asked_at, DeskExport.id)
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
