"""R18: how ties in a family end by themselves: a child grows up, a helper's time is over."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import audit
from core.access import Actor, system
from core.db import working_for_person
from core.outbox import NoticeDraft, tell
from registry.models import Guardianship
from registry.rules.families import Tie

JOB = "families"


def tell_helping_over(db: Session, row: Guardianship, now: datetime) -> None:
    """R18: whoever helped and whoever was helped both learn that it is over, by name."""
    key = f"{row.id}:over"
    named = {"helper": row.guardian_name} if row.guardian_name else {}
    tell(db, [NoticeDraft(row.person_id, "helper_over", key, facts=named)], now=now)
    if row.guardian_id is not None:
        with working_for_person(db, row.guardian_id):
            tell(db, [NoticeDraft(row.guardian_id, "helping_over", key)], now=now)


def end_ties(db: Session, *, as_of: date, now: datetime) -> tuple[int, int]:
    """R18: ties whose day has come end, and both sides are told.

    Of a child that is no longer managed the guardian's consent to be registered stays, so its
    towns stay as well; the guardian is asked to give it a sign-in of its own. Safe to repeat, and
    to run for a day long past: the doors let nobody act from that day on anyhow.

    Args:
        db: A job's transaction, for the nation.
        as_of: The Japanese day to work for.
        now: The instant.

    Returns:
        How many children grew up, how many helpers' ties ended.
    """
    actor = system(JOB)
    rows = db.scalars(
        select(Guardianship)
        .where(
            Guardianship.until.is_not(None),
            Guardianship.until <= as_of,
            Guardianship.state.in_(("invited", "living")),
        )
        .order_by(Guardianship.id)
        .with_for_update(skip_locked=True)
    ).all()
    children = [row for row in rows if row.scope == Tie.MANAGED]
    helpers = [row for row in rows if row.scope == Tie.HELPER]
    _grow_up(db, actor, children, now)
    for row in helpers:
        answered = row.state == "living"
        row.state, row.ended_at, row.ended_reason = "ended", now, "date"
        db.flush()
        _record(db, actor, row, "end", now)
        if answered:
            tell_helping_over(db, row, now)
    return len(children), len(helpers)


def _grow_up(db: Session, actor: Actor, rows: Sequence[Guardianship], now: datetime) -> None:
    for row in rows:
        row.scope, row.until = "basic", None
        db.flush()
        _record(db, actor, row, "grow_up", now)
        if row.guardian_id is not None:
            key = f"{row.id}:grown"
            tell(db, [NoticeDraft(row.guardian_id, "child_may_sign_in", key)], now=now)


def _record(db: Session, actor: Actor, row: Guardianship, verb: str, now: datetime) -> None:
    audit.record(
        db,
        actor=actor,
        action=f"guardianship.{verb}",
        subject=("guardianship", row.id),
        now=now,
        person_id=row.person_id,
        purpose=row.scope,
    )
