"""R15: a press by mistake is taken back within minutes by whoever made it; the case waits again."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.access import Actor, Role
from core.errors import Conflict
from core.models import AuditEvent
from registry import approvals, slots
from registry.ending import end_premium
from registry.granting import Scene, cap_refused, cards_last_until, open_application
from registry.models import Application, Registration, Term
from registry.renewal_desk import ONE_DAY, open_desk
from registry.renewal_reversal import annul_booked
from registry.rules.facts import DecisionMode
from registry.rules.policy import PolicyBook

#: How long a press can be taken back; later there is the reversal with its reason.
SOON: Final = timedelta(minutes=10)
DECIDED: Final = ("application.granted", "application.refused")
RENEWED: Final = ("term.renewal_booked", "term.renewal_refused")


def just_did(
    db: Session, *, actor: Actor, lg_code: str, actions: Sequence[str], subject: str, now: datetime
) -> bool:
    """Whether it was this member of staff who did one of these acts, a short while ago."""
    own = select(AuditEvent.id).where(
        AuditEvent.lg_code == lg_code,
        AuditEvent.at > now - SOON,
        AuditEvent.actor == actor.label,
        AuditEvent.action.in_(actions),
        AuditEvent.subject_id == subject,
    )
    return db.scalar(own.limit(1)) is not None


def refuse_late(
    db: Session, *, actor: Actor, lg_code: str, actions: Sequence[str], subject: str, now: datetime
) -> None:
    """Refuse unless the act was one's own and of these minutes.

    Raises:
        Conflict: `take_back_over`.
    """
    if not just_did(db, actor=actor, lg_code=lg_code, actions=actions, subject=subject, now=now):
        raise Conflict(code="take_back_over")


def application(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    application_id: UUID,
    now: datetime,
    book: PolicyBook,
) -> Application:
    """R15: a decision pressed by mistake; the application waits for staff again, its place kept.

    Raises:
        NotFound: There is none here.
        Conflict: `take_back_over`: another's, of longer ago, one that has ended another premium
            (R13), or the person has applied anew.
        Refused: `cap_reached`: the place has gone to another local government (R13).
    """
    actor.require_role(lg_code, Role.APPROVER)
    row, registration = approvals.decidable(db, lg_code, application_id, ("granted", "refused"))
    refuse_late(db, actor=actor, lg_code=lg_code, actions=DECIDED, subject=str(row.id), now=now)
    granted = row.state == "granted"
    if (granted and row.replaces_lg_code) or open_application(db, registration) is not None:
        raise Conflict(code="take_back_over")
    scene = Scene(db, actor, now, book)
    if granted:
        end_premium(
            db, actor=actor, registration=registration, reason="taken_back", now=now, book=book
        )
    _keep_place(scene, row, registration)
    row.state, row.mode = "review", DecisionMode.REVIEW.value
    row.effective_at = row.decided_at = row.decided_by = row.note = None
    db.flush()
    scene.mark(row, "taken_back")
    scene.tell(row, "premium_taken_back")
    return row


def _keep_place(scene: Scene, row: Application, registration: Registration) -> None:
    until = slots.pending_until(scene.book, row.applied_on)
    if row.replaces_lg_code is None and not slots.take(
        scene.db,
        registration=registration,
        state="pending",
        now=scene.now,
        book=scene.book,
        until=until,
    ):
        raise cap_refused(scene.book, scene.today)
    row.slot_until = until


def renewal(
    db: Session, *, actor: Actor, lg_code: str, term_id: UUID, now: datetime, book: PolicyBook
) -> Term:
    """R15: a decision about a renewal pressed by mistake; it waits for staff again.

    Raises:
        NotFound: There is no such term here.
        Conflict: `take_back_over`; `renewal_decided`: the next year has begun, or premium ended.
    """
    desk = open_desk(db, actor, lg_code, term_id, now, book, states=("booked", "refused"))
    refuse_late(db, actor=actor, lg_code=lg_code, actions=RENEWED, subject=str(term_id), now=now)
    if desk.term.renewal_state == "booked":
        annul_booked(desk)
        cards_last_until(db, desk.registration, desk.term.last_day)
    # The night looks at it tomorrow, as at every renewal that waits for staff.
    desk.term.renewal_state, desk.term.renewal_effective_at = "review", None
    desk.term.due_on = desk.today + ONE_DAY
    desk.db.flush()
    desk.mark("taken_back")
    return desk.term
