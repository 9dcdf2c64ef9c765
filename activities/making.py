"""R09: an activity and its dates in one step: what cannot be is told beside its date, the rest is made."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from activities import proposing, sessions
from activities.hosts import Host
from activities.models import Activity, ActivitySession
from activities.rules.night import is_late_night
from core.errors import Conflict, DomainError, Invalid, Refused
from registry.rules.policy import PolicyBook

#: Refusals that concern one date or one activity, and leave the others alone.
TOLD = (Invalid, Refused, Conflict)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A date that is wanted."""

    starts_at: datetime
    ends_at: datetime
    place: str
    capacity: int | None


@dataclass(frozen=True, slots=True)
class Made:
    """What became of a date: it is there, or why not."""

    session: ActivitySession | None
    error: DomainError | None


@dataclass(frozen=True, slots=True)
class Making:
    """Who makes activities, when and by which numbers, with the host's answers to the checklist."""

    db: Session
    host: Host
    book: PolicyBook
    now: datetime


def add_dates(making: Making, activity: Activity, wanted: Sequence[Wanted]) -> list[Made]:
    """Dates of an activity that is there, each by itself; one at night hides it from minors (R18)."""
    found = [_dated(making, activity, one) for one in wanted]
    dates = [one.session for one in found if one.session is not None]
    if any(is_late_night(one.starts_at, one.ends_at) for one in dates):
        activity.late_night = True
    return found


def make(
    making: Making,
    propose: Callable[[], Activity],
    wanted: Sequence[Wanted],
    answers: Mapping[str, bool],
    *,
    keep: bool = True,
) -> list[Made]:
    """R09, R10: a new activity with its dates, handed in; one that got no date is not kept.

    Without `keep` the same is done and undone at once, so that a look beforehand cannot say
    anything else than what will happen.
    """
    try:
        with making.db.begin_nested() as tried:
            activity = propose()
            found = add_dates(making, activity, wanted)
            some = any(one.session for one in found)
            if some:
                proposing.submit(
                    making.db,
                    host=making.host,
                    activity_id=activity.id,
                    book=making.book,
                    now=making.now,
                    answers=answers,
                )
            if not (keep and some):
                tried.rollback()
    except TOLD as refusal:
        return [Made(None, refusal) for _ in wanted]
    return found


def _dated(making: Making, activity: Activity, one: Wanted) -> Made:
    try:
        session = sessions.add_session(
            making.db,
            host=making.host,
            activity_id=activity.id,
            starts_at=one.starts_at,
            ends_at=one.ends_at,
            place=one.place,
            capacity=one.capacity,
            now=making.now,
        )
    except TOLD as refusal:
        return Made(None, refusal)
    return Made(session, None)
