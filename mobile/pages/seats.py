"""Places at sessions as one person sees them: free ones, and the person's own (C33, C34, R31)."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from activities.models import ActivitySession, SignUp
from activities.search import Found
from core.access import Actor
from mobile.pages.shell import Visitor


@dataclass(frozen=True, slots=True)
class Seat:
    """One session and what the person has there."""

    session: ActivitySession
    mine: SignUp | None

    @property
    def left(self) -> int | None:
        """Free places; none where there is no limit."""
        if self.session.capacity is None:
            return None
        return max(self.session.capacity - self.session.taken, 0)

    @property
    def state(self) -> str:
        """The person's sign-up: taken, waiting, offered, or nothing."""
        living = self.mine is not None and self.mine.state in {"taken", "waiting", "offered"}
        return self.mine.state if living and self.mine else ""


def next_seats(
    db: Session, visitor: Visitor, found: Sequence[Found], towns: set[str]
) -> dict[UUID, Seat]:
    """The next session of each activity, by activity, where one press is enough to join it.

    That is with a town one is registered with, and without insurance of one's own (R31).
    """
    at = {
        (one.activity.lg_code, one.activity.id): one.next_at
        for one in found
        if one.activity.lg_code in towns and one.activity.insurance != "participant"
    }
    if not at:
        return {}
    rows = db.scalars(
        select(ActivitySession).where(
            ActivitySession.published,
            ActivitySession.state == "open",
            tuple_(ActivitySession.lg_code, ActivitySession.activity_id).in_(at),
            ActivitySession.starts_at.in_([when for when in at.values() if when is not None]),
        )
    )
    nexts = [one for one in rows if one.starts_at == at[one.lg_code, one.activity_id]]
    mine = {
        one.session_id: one
        for one in db.scalars(
            select(SignUp).where(
                SignUp.person_id == visitor.actor.person_id,
                SignUp.session_id.in_([one.id for one in nexts]),
            )
        )
    }
    return {one.activity_id: Seat(one, mine.get(one.id)) for one in nexts}


def own_sign_ups(
    db: Session, actor: Actor, lg_code: str, sessions: Sequence[ActivitySession]
) -> dict[UUID, SignUp]:
    """What the person has at these sessions of one town, by session."""
    ids = [one.id for one in sessions]
    rows = db.scalars(
        select(SignUp).where(
            SignUp.lg_code == lg_code,
            SignUp.person_id == actor.person_id,
            SignUp.session_id.in_(ids),
        )
    )
    return {row.session_id: row for row in rows}
