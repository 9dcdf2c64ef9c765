"""What a plan is made of: sessions to come, promises made, routes, and what would change it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from activities.rules.capacity import Overlap, overlap
from activities.rules.goals import Errand, Goal
from registry.rules.calendars import japan_day
from registry.rules.counting import overnight_counts_next_day
from registry.rules.facts import Applicant, Participation
from registry.rules.plain import Plain
from registry.rules.reasons import Reason


class PlanState(StrEnum):
    READY = "ready"  # no activity is missing
    PLANNED = "planned"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Outing(Plain):
    """A session to come. `mine`: the person has a place there; `free`: one can be had."""

    session_id: UUID
    activity_id: UUID
    starts_at: datetime
    ends_at: datetime
    category: str
    free: bool = True
    mine: bool = False
    late_night: bool = False
    min_minutes: int | None = None
    max_counts: int | None = None

    @property
    def day(self) -> date:
        """The day it counts for (R08)."""
        return japan_day(self.starts_at)

    @property
    def done_on(self) -> date:
        """The day on which it is over."""
        return japan_day(self.ends_at)


@dataclass(frozen=True, slots=True)
class Promised(Plain):
    """Time promised to a session anywhere."""

    session_id: UUID
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Offer(Plain):
    """What there is to do: sessions, promises made, and whether a stay can be proved there."""

    outings: tuple[Outing, ...]
    promised: tuple[Promised, ...] = ()
    stay_places: bool = False
    minor_until: date | None = None


@dataclass(frozen=True, slots=True)
class Route(Plain):
    """Sessions and days of stay that close the gap, and when to ask for premium.

    `ready_on` is the day on which the last of it is done, `ask_from` and `ask_by` the days
    between which the judgement says yes.
    """

    sessions: tuple[UUID, ...]
    stay_days: tuple[date, ...]
    first_day: date
    ready_on: date
    ask_from: date
    ask_by: date

    @property
    def length(self) -> int:
        """Days from the first to the last."""
        return (self.ready_on - self.first_day).days + 1


@dataclass(frozen=True, slots=True)
class Change(Plain):
    """What would change it: `day` when, None if nobody can say; `session_id` where."""

    code: str
    day: date | None = None
    session_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Plan(Plain):
    """The way to a goal from today.

    `missing` is what the requirement still misses, `keep_until` the last day on which nothing of
    what was done has ceased to count. `soonest` is the route that is ready first, `trip` the one
    in the fewest days in a row. Without a route `why` says what is in the way and `changes` what
    would change it, the earliest first.
    """

    state: PlanState
    missing: tuple[Reason, ...]
    steps: tuple[Errand, ...]
    keep_until: date | None = None
    soonest: Route | None = None
    trip: Route | None = None
    why: Reason | None = None
    changes: tuple[Change, ...] = ()


def attended(goal: Goal, chosen: Iterable[Outing], stays: Iterable[date], day: date) -> Applicant:
    """R08, R11: the applicant after attending sessions and staying on days.

    As at the reception: the first presence of a day stands for it, a later one does not.
    """
    given, hours = goal.applicant, goal.policy(day).number("count.overnight_hours")
    taken = {one.day for one in given.participations if one.counted and not one.annulled}
    new: list[Participation] = []
    for outing in sorted(chosen, key=by_time):
        new.append(
            Participation(
                id=outing.session_id,
                lg_code=goal.body.code,
                activity_id=outing.activity_id,
                day=outing.day,
                designated=True,
                counted=outing.day not in taken,
                minutes=int((outing.ends_at - outing.starts_at).total_seconds() // 60),
                category=outing.category,
                overnight_next_day=overnight_counts_next_day(
                    outing.starts_at, outing.ends_at, hours
                ),
                min_minutes=outing.min_minutes,
                max_counts=outing.max_counts,
            )
        )
        taken.add(outing.day)
    return replace(
        given,
        participations=(*given.participations, *new),
        stay_days=tuple(sorted({*given.stay_days, *stays, *(one.day for one in new)})),
    )


def clash(one: Outing | Promised, other: Outing | Promised, grace_minutes: int) -> bool:
    """C34: whether nobody can be at both."""
    if one.session_id == other.session_id:
        return False
    spans = (one.starts_at, one.ends_at), (other.starts_at, other.ends_at)
    return overlap(*spans, grace_minutes) is Overlap.HARD


def by_time(outing: Outing) -> tuple[datetime, datetime, UUID]:
    """The order in which sessions are attended."""
    return (outing.starts_at, outing.ends_at, outing.session_id)
