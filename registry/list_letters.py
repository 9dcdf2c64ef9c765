"""R27: people of a list are asked by mail; who agrees by the link registers themselves.

The line then loses name and address, as it does when nobody answers in time.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core import audit, sealing
from core.access import Actor, system
from core.clock import japan_day
from core.errors import Gone, NotFound
from registry import registration
from registry.models import MemberImport, MemberImportRow, Registration
from registry.policies import body_policy
from registry.rules.policy import PolicyBook

#: Mails of one tick; the next tick goes on.
MAILS_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail that asks somebody of a list: to whom, and the token of their link."""

    row: MemberImportRow
    email: str
    token: str


def token_of(row: MemberImportRow, secret: str) -> str:
    """The token of a line's link: the same whenever its mail has to be tried again."""
    return sealing.index(secret, "member-import", str(row.id))


def letters(
    db: Session, *, lg_code: str, secret: str, now: datetime, book: PolicyBook
) -> list[Letter]:
    """R27: the next people to be asked, marked as asked; for the worker, who mails and commits."""
    today = japan_day(now)
    policy = body_policy(db, book, lg_code, today)
    days = int(policy.on("import.answer_days", today, lg_code).value)
    rows = db.scalars(
        select(MemberImportRow)
        .where(MemberImportRow.lg_code == lg_code, MemberImportRow.state == "to_mail")
        .order_by(MemberImportRow.import_id, MemberImportRow.line)
        .limit(MAILS_AT_ONCE)
        .with_for_update(skip_locked=True)
    ).all()
    found = []
    for row in rows:
        token = token_of(row, secret)
        row.state, row.asked_at = "asked", now
        row.answer_by, row.token_hash = today + timedelta(days=days), sealing.digest(token)
        found.append(Letter(row, row.email or "", token))
    return found


def not_mailed(letter: Letter) -> None:
    """The mail server did not take it: the line waits for the next tick."""
    letter.row.state, letter.row.asked_at, letter.row.answer_by = "to_mail", None, None


def by_token(db: Session, token: str, *, today: date) -> MemberImportRow:
    """The line of a mail's link (at the gate).

    Raises:
        NotFound: There is none.
        Gone: `invitation_ended`: its days are over.
    """
    row = db.scalars(
        select(MemberImportRow).where(MemberImportRow.token_hash == sealing.digest(token))
    ).one_or_none()
    if row is None:
        raise NotFound(code="not_found")
    if row.state == "expired" or (
        row.state == "asked" and row.answer_by is not None and row.answer_by < today
    ):
        raise Gone(code="invitation_ended")
    return row


def agree(
    db: Session, *, actor: Actor, lg_code: str, now: datetime, book: PolicyBook
) -> Registration:
    """R03, R27: who was asked registers by their own act, as anybody does (in their context)."""
    row = registration.register(db, actor=actor, lg_code=lg_code, now=now, book=book)
    audit.record(
        db,
        actor=actor,
        action="import.agree",
        subject=("registration", row.id),
        now=now,
        lg_code=lg_code,
        person_id=actor.person_id,
    )
    return row


def answered(db: Session, *, token: str, now: datetime) -> None:
    """The line has done its work and loses name and address (at the gate)."""
    db.execute(
        update(MemberImportRow)
        .where(
            MemberImportRow.token_hash == sealing.digest(token), MemberImportRow.state == "asked"
        )
        .values(state="agreed", answered_at=now, name=None, email=None, joined_on=None)
    )


def end(db: Session, *, lg_code: str, as_of: date, now: datetime) -> tuple[int, int]:
    """R27: who did not answer is forgotten, and so are files nobody confirmed; how many of each."""
    silent = db.scalars(
        update(MemberImportRow)
        .where(
            MemberImportRow.lg_code == lg_code,
            MemberImportRow.state == "asked",
            MemberImportRow.answer_by < as_of,
        )
        .values(state="expired", answered_at=now, name=None, email=None, joined_on=None)
        .returning(MemberImportRow.id)
    ).all()
    stale = db.scalars(
        select(MemberImport).where(
            MemberImport.lg_code == lg_code,
            MemberImport.state == "preview",
            MemberImport.forget_on <= as_of,
        )
    ).all()
    for row in stale:
        db.delete(row)
    for action, count in (("import.expire", len(silent)), ("import.forget", len(stale))):
        if count:
            audit.record(
                db,
                actor=system("imports_end"),
                action=action,
                subject=("import", lg_code),
                now=now,
                lg_code=lg_code,
                row_count=count,
            )
    return len(silent), len(stale)
