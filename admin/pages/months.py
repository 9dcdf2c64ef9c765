"""活動カレンダー: a local government's activities month by month, as a sheet of weeks and as a list (R09)."""

import calendar
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response
from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from activities.models import Activity, ActivitySession
from admin.desk import Desk, ViewerDesk
from core.clock import day_start, japan_day
from registry.rules.calendars import add_months

STAFF: Final = "/staff/{lg_code}"
router = APIRouter(include_in_schema=False)
Month = Annotated[str | None, Query(pattern=r"^20[2-9]\d-(0[1-9]|1[0-2])$")]
#: Weeks begin on Sunday, as on the wall of a Japanese office.
_WEEKS: Final = calendar.Calendar(calendar.SUNDAY)
#: What nobody will take part in is left out.
_SHOWN: Final = ("submitted", "designated", "returned")
MOST: Final = 500


@dataclass(frozen=True, slots=True)
class Held:
    """A date of an activity."""

    session: ActivitySession
    activity: Activity


def held_between(
    db: Session, *, lg_code: str, first: date, end: date
) -> Mapping[date, Sequence[Held]]:
    """The dates of a local government's activities by Japanese day, in time; `end` is not in it."""
    rows = db.execute(
        select(ActivitySession, Activity)
        .join(
            Activity,
            and_(
                Activity.lg_code == ActivitySession.lg_code,
                Activity.id == ActivitySession.activity_id,
            ),
        )
        .where(
            ActivitySession.lg_code == lg_code,
            ActivitySession.starts_at >= day_start(first),
            ActivitySession.starts_at < day_start(end),
            Activity.state.in_(_SHOWN),
        )
        .order_by(ActivitySession.starts_at, ActivitySession.id)
        .limit(MOST)
    )
    found: dict[date, list[Held]] = {}
    for session, activity in rows:
        found.setdefault(japan_day(session.starts_at), []).append(Held(session, activity))
    return found


@router.get(STAFF + "/activities/calendar")
def month(desk: ViewerDesk, month: Month = None) -> Response:
    """A month as a sheet of weeks, and as a list of its days for a narrow screen."""
    return show(desk, date.fromisoformat(f"{month}-01") if month else desk.today.replace(day=1))


def show(desk: Desk, first: date) -> Response:
    """One month, with the ways to the one before and the one after."""
    after = add_months(first, 1)
    with desk.transaction() as db:
        days = held_between(db, lg_code=desk.lg_code, first=first, end=after)
        return desk.render(
            db,
            "months.html",
            here="activities",
            first=first,
            days=days,
            count=sum(len(held) for held in days.values()),
            weeks=_WEEKS.monthdatescalendar(first.year, first.month),
            before=f"{add_months(first, -1):%Y-%m}",
            after=f"{after:%Y-%m}",
        )
