"""R09: the activities of a fiscal year once more in the next, each as `copy_activity` makes it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from activities import proposing
from activities.making import Made, Making, Wanted, make
from activities.models import Activity, ActivitySession, Organisation
from activities.queries import activity_of
from activities.rules.next_year import next_year, year_of
from core.clock import JAPAN, day_start, japan_day

#: Dates of one page, unless one activity alone has more.
MOST_DATES: Final = 120
#: Dates of one activity that are offered: as many as a form may hold fields for.
MOST_OF_ONE: Final = 180
_ALIVE: Final = ("draft", "submitted", "designated", "returned")
ONE_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Moved:
    """A date of the year that is copied, and when it would be in the next."""

    session: ActivitySession
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Held:
    """An activity of the year that is copied, with its dates moved to the next.

    Attributes:
        activity: It.
        organisation: Its host.
        dates: The first `MOST_OF_ONE` of its dates.
        left: How many dates it has besides.
    """

    activity: Activity
    organisation: Organisation
    dates: Sequence[Moved]
    left: int


@dataclass(frozen=True, slots=True)
class Year:
    """What a fiscal year held and the next does not yet.

    Attributes:
        held: A page of activities by their first date; as many as `MOST_DATES` allow.
        more: How many activities come after this page.
        done: How many are in the next year already.
    """

    held: Sequence[Held]
    more: int
    done: int


def take_turn(db: Session, *, lg_code: str, year: int) -> None:
    """One colleague copies a year at a time: the next one reads what the first has copied."""
    turn = func.hashtextextended(f"copying_year {lg_code} {year}", 0)
    db.execute(select(func.pg_advisory_xact_lock(turn)))


def held_in(db: Session, *, lg_code: str, year: int, after: UUID | None = None) -> Year:
    """R09: designated activities of a fiscal year with their dates, except those copied already.

    An activity counts as copied when its host has one of the same name in the next fiscal year.

    Args:
        db: A transaction of the local government.
        lg_code: The local government.
        year: The fiscal year.
        after: The last activity of the page before; when nothing follows it, the list begins anew.
    """
    dates = _dates(db, lg_code, year)
    next_names = {
        (activity.organisation_id, activity.title)
        for activity, _, _ in _dates(db, lg_code, year + 1, states=_ALIVE)
    }
    by_activity: dict[UUID, list[tuple[Activity, Organisation, ActivitySession]]] = {}
    for row in dates:
        by_activity.setdefault(row[0].id, []).append(row)
    place = {key: number for number, key in enumerate(by_activity)}
    waiting = [
        _held(rows)
        for rows in by_activity.values()
        if (rows[0][0].organisation_id, rows[0][0].title) not in next_names
    ]
    before = -1 if after is None else place.get(after, -1)
    rest = [one for one in waiting if place[one.activity.id] > before] or waiting
    shown: list[Held] = []
    for one in rest:
        if shown and sum(len(other.dates) for other in shown) + len(one.dates) > MOST_DATES:
            break
        shown.append(one)
    return Year(shown, len(rest) - len(shown), len(by_activity) - len(waiting))


def _held(rows: Sequence[tuple[Activity, Organisation, ActivitySession]]) -> Held:
    activity, organisation, _ = rows[0]
    dates = [_moved(session) for _, _, session in rows[:MOST_OF_ONE]]
    return Held(activity, organisation, dates, len(rows) - len(dates))


def _dates(
    db: Session, lg_code: str, year: int, states: Sequence[str] = ("designated",)
) -> list[tuple[Activity, Organisation, ActivitySession]]:
    first, last = year_of(year)
    rows = db.execute(
        select(Activity, Organisation, ActivitySession)
        .join(
            ActivitySession,
            and_(
                ActivitySession.lg_code == Activity.lg_code,
                ActivitySession.activity_id == Activity.id,
            ),
        )
        .join(
            Organisation,
            and_(
                Organisation.lg_code == Activity.lg_code,
                Organisation.id == Activity.organisation_id,
            ),
        )
        .where(
            Activity.lg_code == lg_code,
            Activity.state.in_(states),
            Organisation.state == "active",
            ActivitySession.state != "cancelled",
            ActivitySession.starts_at >= day_start(first),
            ActivitySession.starts_at < day_start(last + ONE_DAY),
        )
        .order_by(ActivitySession.starts_at, ActivitySession.id)
    )
    return [(activity, organisation, session) for activity, organisation, session in rows]


def _moved(session: ActivitySession) -> Moved:
    starts_at = moved(session.starts_at)
    return Moved(session, starts_at, starts_at + (session.ends_at - session.starts_at))


def moved(instant: datetime) -> datetime:
    """R09: the same time of the same weekday a year later."""
    return datetime.combine(next_year(japan_day(instant)), instant.astimezone(JAPAN).timetz())


# --- made -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Chosen:
    """An activity that is copied, with the dates it gets."""

    activity_id: UUID
    dates: Sequence[Wanted]


def copy_year(making: Making, chosen: Sequence[Chosen], *, keep: bool) -> dict[UUID, list[Made]]:
    """R09, R10: each chosen activity once more with its new dates, handed in.

    The answers to the checklist are those of the year before: staff confirm them anew in pattern 1;
    a trusted organisation's are designated by them in pattern 2.

    Args:
        making: Who copies.
        chosen: Which activities, on which dates.
        keep: Without it everything is looked at and nothing is kept.

    Raises:
        NotFound: One of the activities is none of this local government.
    """
    found: dict[UUID, list[Made]] = {}
    for one in chosen:
        source = activity_of(making.db, making.host.lg_code, one.activity_id)
        copy = partial(
            proposing.copy_activity,
            making.db,
            host=making.host,
            activity_id=source.id,
            book=making.book,
            now=making.now,
        )
        found[source.id] = make(making, copy, one.dates, _answers(source), keep=keep)
    return found


def _answers(source: Activity) -> Mapping[str, bool]:
    return {question: bool(yes) for question, yes in (source.checklist or {}).items()}
