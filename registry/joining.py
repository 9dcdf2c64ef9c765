"""R01: the operator writes down where a local government stands, today or from a day on."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import audit
from core.access import Actor, ActorKind, system
from core.clock import japan_day
from core.errors import Conflict, Forbidden, NotFound, invalid, refused
from core.ids import new_id
from registry import queries
from registry.models import BodyStep, LocalGovernment
from registry.rules.joining import STEPS, PlannedStep, first_impossible, needs_reason, state_on

SHOWN: Final = 50


def set_state(
    db: Session, *, actor: Actor, lg_code: str, state: str, now: datetime, reason: str = ""
) -> LocalGovernment:
    """R01: a step that is taken now.

    Raises:
        Forbidden: Somebody else than the operator.
        NotFound: No such local government.
        Invalid: No such state; `step_reason_needed` for a step that takes something away.
        Conflict: `state_step`: that state cannot follow the present one, or what is planned
            could not follow it (cancel that first).
    """
    row = _checked(db, actor, lg_code, state)
    if row.state == state:
        return row
    rest = [PlannedStep(one.after, one.on_day) for one in planned(db, lg_code)]
    if state not in STEPS[row.state] or first_impossible(state, rest):
        raise Conflict(code="state_step")
    if needs_reason(row.state, state) and not reason:
        raise invalid("step_reason_needed", field="reason")
    step = BodyStep(
        lg_code=lg_code,
        id=new_id(),
        after=state,
        on_day=japan_day(now),
        reason=reason,
        decided_by=actor.label,
        decided_at=now,
    )
    db.add(step)
    _take(db, row, step, actor, now)
    return row


def plan(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    state: str,
    on_day: date,
    now: datetime,
    reason: str = "",
) -> BodyStep:
    """R01: a step that the night before that day's work takes.

    Raises:
        Forbidden, NotFound: As `set_state`.
        Invalid: No such state; `step_reason_needed`.
        Refused: `in_the_past`: only days to come can be planned.
        Conflict: `state_step`: it cannot follow what comes before it, or what is planned after
            it could not follow; or another step is planned for that day.
    """
    row = _checked(db, actor, lg_code, state)
    today = japan_day(now)
    if on_day <= today:
        raise refused("in_the_past", rule="R01", found=on_day.isoformat(), needed=today.isoformat())
    steps = [PlannedStep(one.after, one.on_day) for one in planned(db, lg_code)]
    if any(one.on_day == on_day for one in steps):
        raise Conflict(code="state_step")
    if first_impossible(row.state, [*steps, PlannedStep(state, on_day)]):
        raise Conflict(code="state_step")
    if needs_reason(state_on(row.state, steps, on_day), state) and not reason:
        raise invalid("step_reason_needed", field="reason")
    step = BodyStep(
        lg_code=lg_code,
        id=new_id(),
        after=state,
        on_day=on_day,
        reason=reason,
        state="planned",
        decided_by=actor.label,
        decided_at=now,
    )
    db.add(step)
    db.flush()
    _record(db, actor, "local_government.plan", step, f"{state} {on_day}", now)
    return step


def cancel(db: Session, *, actor: Actor, lg_code: str, step_id: UUID, now: datetime) -> BodyStep:
    """R01: a planned step will not be taken.

    Raises:
        Forbidden: Somebody else than the operator.
        NotFound: There is no such step.
        Conflict: `state_step`: it is no longer planned, or a later one rests on it.
    """
    _only_operator(actor)
    step = db.get(BodyStep, (lg_code, step_id), with_for_update=True)
    if step is None:
        raise NotFound(code="not_found")
    row = queries.government(db, lg_code)
    rest = [PlannedStep(one.after, one.on_day) for one in planned(db, lg_code) if one.id != step_id]
    if step.state != "planned" or first_impossible(row.state, rest):
        raise Conflict(code="state_step")
    step.state, step.decided_by, step.decided_at = "cancelled", actor.label, now
    db.flush()
    _record(db, actor, "local_government.cancel", step, f"{step.after} {step.on_day}", now)
    return step


def take_planned(db: Session, *, as_of: date, now: datetime) -> dict[str, int]:
    """R01: the steps whose day has come, each on its own day's order; safe to repeat.

    A step that cannot be taken any more fails and is shown to the operator; nothing is forced.

    Args:
        db: A job's transaction for the nation.
        as_of: The Japanese day the night works for.
        now: The instant.

    Returns:
        How many were `taken` and how many `failed`.
    """
    due = db.scalars(
        select(BodyStep)
        .where(BodyStep.state == "planned", BodyStep.on_day <= as_of)
        .order_by(BodyStep.on_day, BodyStep.lg_code)
        .with_for_update(skip_locked=True)
    ).all()
    counts = {"taken": 0, "failed": 0}
    for step in due:
        row = db.get_one(LocalGovernment, step.lg_code, with_for_update=True)
        if step.after in STEPS[row.state]:
            _take(db, row, step, system("joining"), now)
            counts["taken"] += 1
        else:
            step.state, step.done_at = "failed", now
            counts["failed"] += 1
    db.flush()
    return counts


def planned(db: Session, lg_code: str) -> Sequence[BodyStep]:
    """R01: the steps to come, the next one first."""
    return db.scalars(
        select(BodyStep)
        .where(BodyStep.lg_code == lg_code, BodyStep.state == "planned")
        .order_by(BodyStep.on_day)
    ).all()


def steps_of(db: Session, lg_code: str) -> Sequence[BodyStep]:
    """R01: every step, planned, done or dropped, the latest day first."""
    return db.scalars(
        select(BodyStep)
        .where(BodyStep.lg_code == lg_code)
        .order_by(BodyStep.on_day.desc(), BodyStep.decided_at.desc())
        .limit(SHOWN)
    ).all()


def _only_operator(actor: Actor) -> None:
    if actor.kind is not ActorKind.OPERATOR:
        raise Forbidden(code="forbidden")


def _checked(db: Session, actor: Actor, lg_code: str, state: str) -> LocalGovernment:
    _only_operator(actor)
    if state not in STEPS:
        raise invalid("unknown_state", field="state", found=state)
    row = db.get(LocalGovernment, lg_code, with_for_update=True)
    return row or queries.government(db, lg_code)


def _take(db: Session, row: LocalGovernment, step: BodyStep, actor: Actor, now: datetime) -> None:
    step.before, step.state, step.done_at = row.state, "done", now
    row.state = step.after
    if row.state == "active" and row.joined_on is None:
        row.joined_on = step.on_day
    db.flush()
    _record(db, actor, "local_government.state", step, f"{step.before}>{step.after}", now)


def _record(
    db: Session, actor: Actor, action: str, step: BodyStep, purpose: str, now: datetime
) -> None:
    audit.record(
        db,
        actor=actor,
        action=action,
        subject=("local_government", step.lg_code),
        now=now,
        lg_code=step.lg_code,
        purpose=purpose,
    )
