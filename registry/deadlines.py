"""What the clock does with applications: objections that did not come, places kept too long (R13, R15).

For jobs of one local government at a time; safe to repeat and to race.
"""

from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.access import Actor
from core.errors import Refused
from registry import judging, queries
from registry.approvals import grant_checked, recheck
from registry.evidence import Evidence
from registry.granting import Scene, refuse_application
from registry.models import Application, Registration
from registry.rules.policy import PolicyBook
from registry.rules.reasons import Reason


def confirm_due(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    now: datetime,
    book: PolicyBook,
    evidence: Evidence,
    limit: int = 500,
) -> int:
    """R15: applications to which nobody objected in time take effect; returns how many were decided.

    Facts are looked at again: who no longer meets the rules, or whose last place another body
    filled, is refused with every reason. Safe to repeat and to race: rows are locked, those of
    another worker skipped.
    """
    scene = Scene(db, actor, now, book)
    due = db.scalars(
        select(Application)
        .where(
            Application.lg_code == lg_code,
            Application.state == "veto",
            Application.effective_at <= now,
        )
        .order_by(Application.effective_at, Application.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    for application in due:
        registration = queries.registration_of(
            db, lg_code=lg_code, person_id=application.person_id, lock=True
        )
        if registration is not None:
            _confirm(scene, application, registration, evidence)
    return len(due)


def _confirm(
    scene: Scene, application: Application, registration: Registration, evidence: Evidence
) -> None:
    case, decision = recheck(scene, application, registration, evidence)
    if decision.allowed:
        try:
            with scene.db.begin_nested():
                grant_checked(scene, application, registration, case, decision)
        except Refused:
            most = case.policy.integer("premium.cap")
            full = Reason("R13", "cap_reached", needed=most, action="exchange")
            scene.db.refresh(application)
            refuse_application(scene, application=application, reasons=(full,))
        return
    judgement_id = judging.keep(
        scene.db,
        decision,
        registration=registration,
        subject_key=f"{application.id}:effect",
        now=scene.now,
    )
    refuse_application(
        scene, application=application, reasons=decision.reasons, judgement_id=judgement_id
    )


def expire_pending(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    as_of: date,
    now: datetime,
    book: PolicyBook,
    limit: int = 500,
) -> int:
    """R13: places kept for applications fall free after their last day; returns how many.

    An application that waits for a guardian ends with its place. One that waits for staff stays:
    their delay is not the person's; on approval it takes a place if one is free.
    """
    scene = Scene(db, actor, now, book)
    late = db.scalars(
        select(Application)
        .where(
            Application.lg_code == lg_code,
            Application.state.in_(("waiting", "review")),
            Application.slot_until < as_of,
        )
        .order_by(Application.slot_until, Application.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    for application in late:
        scene.free_place(application)
        if application.state == "waiting":
            application.state, application.decided_at = "expired", now
            application.decided_by = actor.label
            scene.mark(application, "expired")
            scene.tell(application, "application_expired")
        else:
            scene.mark(application, "place_freed")
            scene.tell(application, "place_freed")
    return len(late)
