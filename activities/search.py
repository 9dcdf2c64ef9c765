"""What the public finds: designated activities with sessions to come, and one's own sign-ups."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select, tuple_
from sqlalchemy.orm import Session

from activities.models import Activity, ActivitySession, Organisation, SignUp
from core.clock import day_start
from core.errors import NotFound
from registry.models import LocalGovernment, Registration


@dataclass(frozen=True, slots=True)
class ActivityQuery:
    """What somebody looks for.

    Attributes:
        lg_code: One local government.
        prefecture_code: Every local government of a prefecture.
        first_day: Sessions from this Japanese day on.
        last_day: Sessions up to the end of this Japanese day.
        category: One category.
        free_only: Sessions with a free place only.
        beginners: Those at which newcomers are welcome only.
        for_minor: Late-night activities are left out (R18).
    """

    lg_code: str | None = None
    prefecture_code: str | None = None
    first_day: date | None = None
    last_day: date | None = None
    category: str | None = None
    free_only: bool = False
    beginners: bool = False
    for_minor: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """One activity with what is to come of it."""

    activity: Activity
    organisation: str
    government: str
    next_at: datetime | None
    sessions: int = 0


@dataclass(frozen=True, slots=True)
class Detail:
    """One activity and its sessions to come."""

    found: Found
    sessions: Sequence[ActivitySession]


@dataclass(frozen=True, slots=True)
class OwnSignUp:
    """A person's sign-up with what it is for."""

    sign_up: SignUp
    session: ActivitySession
    activity: Activity
    government: str


def find_activities(
    db: Session,
    *,
    query: ActivityQuery,
    now: datetime,
    limit: int,
    after: tuple[datetime, UUID] | None = None,
) -> list[Found]:
    """Designated activities with a session to come, the next one first.

    Args:
        db: A transaction of a person, signed in or not: it reaches what is published.
        query: What is looked for.
        now: Sessions that have begun are over for this list.
        limit: Rows at most.
        after: `next_at` and id of the last row of the page before.
    """
    following = (
        select(
            ActivitySession.lg_code,
            ActivitySession.activity_id,
            func.min(ActivitySession.starts_at).label("next_at"),
            func.count().label("sessions"),
        )
        .where(*_wanted_sessions(query, now))
        .group_by(ActivitySession.lg_code, ActivitySession.activity_id)
        .subquery()
    )
    statement = (
        select(
            Activity,
            Organisation.name,
            LocalGovernment.name,
            following.c.next_at,
            following.c.sessions,
        )
        .join(
            following,
            and_(following.c.lg_code == Activity.lg_code, following.c.activity_id == Activity.id),
        )
        .join(
            Organisation,
            and_(
                Organisation.lg_code == Activity.lg_code,
                Organisation.id == Activity.organisation_id,
            ),
        )
        .join(LocalGovernment, LocalGovernment.code == Activity.lg_code)
        .where(Activity.published, *_wanted_activities(query))
        .order_by(following.c.next_at, Activity.id)
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(tuple_(following.c.next_at, Activity.id) > after)
    return [Found(*row) for row in db.execute(statement)]


def activity_detail(
    db: Session, *, lg_code: str, activity_id: UUID, now: datetime, for_minor: bool = False
) -> Detail:
    """One designated activity and its sessions to come, called-off ones included.

    Raises:
        NotFound: There is none, or not for this reader (R18).
    """
    row = db.execute(
        select(Activity, Organisation.name, LocalGovernment.name)
        .join(
            Organisation,
            and_(
                Organisation.lg_code == Activity.lg_code,
                Organisation.id == Activity.organisation_id,
            ),
        )
        .join(LocalGovernment, LocalGovernment.code == Activity.lg_code)
        .where(Activity.lg_code == lg_code, Activity.id == activity_id, Activity.published)
    ).one_or_none()
    if row is None or (for_minor and row[0].late_night):
        raise NotFound(code="not_found")
    activity, organisation, government = row
    sessions = db.scalars(
        select(ActivitySession)
        .where(
            ActivitySession.lg_code == lg_code,
            ActivitySession.activity_id == activity_id,
            ActivitySession.published,
            ActivitySession.ends_at > now,
        )
        .order_by(ActivitySession.starts_at, ActivitySession.id)
    ).all()
    open_ones = [one for one in sessions if one.state == "open" and one.starts_at > now]
    next_at = open_ones[0].starts_at if open_ones else None
    return Detail(Found(activity, organisation, government, next_at, len(open_ones)), sessions)


def own_sign_ups(
    db: Session,
    *,
    person_id: UUID,
    limit: int,
    after: tuple[datetime, UUID] | None = None,
    since: datetime | None = None,
) -> list[OwnSignUp]:
    """A person's sign-ups with every local government, the latest session first.

    A sign-up is left out while its activity is not published (a withdrawn designation).

    Args:
        db: A transaction of the person.
        person_id: The person.
        limit: Rows at most.
        after: Start and sign-up id of the last row of the page before.
        since: Sessions that end after this instant only.
    """
    statement = (
        select(SignUp, ActivitySession, Activity, LocalGovernment.name)
        .join(
            ActivitySession,
            and_(
                ActivitySession.lg_code == SignUp.lg_code, ActivitySession.id == SignUp.session_id
            ),
        )
        .join(
            Activity,
            and_(
                Activity.lg_code == ActivitySession.lg_code,
                Activity.id == ActivitySession.activity_id,
            ),
        )
        .join(LocalGovernment, LocalGovernment.code == SignUp.lg_code)
        .where(SignUp.person_id == person_id)
        .order_by(ActivitySession.starts_at.desc(), SignUp.id)
        .limit(limit)
    )
    if since is not None:
        statement = statement.where(ActivitySession.ends_at > since)
    if after is not None:
        starts_at, sign_up_id = after
        statement = statement.where(
            or_(
                ActivitySession.starts_at < starts_at,
                and_(ActivitySession.starts_at == starts_at, SignUp.id > sign_up_id),
            )
        )
    return [OwnSignUp(*row) for row in db.execute(statement)]


def is_minor(db: Session, *, person_id: UUID, today: date) -> bool:
    """R18: whether a person is known as a minor to any local government they registered with."""
    until = db.scalar(
        select(func.max(Registration.minor_until)).where(Registration.person_id == person_id)
    )
    return until is not None and today < until


def _wanted_sessions(query: ActivityQuery, now: datetime) -> list[ColumnElement[bool]]:
    wanted = [
        ActivitySession.published.is_(True),
        ActivitySession.state == "open",
        ActivitySession.starts_at > now,
    ]
    if query.lg_code is not None:
        wanted.append(ActivitySession.lg_code == query.lg_code)
    if query.prefecture_code is not None:
        inside = select(LocalGovernment.code).where(
            LocalGovernment.prefecture_code == query.prefecture_code
        )
        wanted.append(ActivitySession.lg_code.in_(inside))
    if query.first_day is not None:
        wanted.append(ActivitySession.starts_at >= day_start(query.first_day))
    if query.last_day is not None:
        wanted.append(ActivitySession.starts_at < day_start(query.last_day + timedelta(days=1)))
    if query.free_only:
        wanted.append(
            or_(
                ActivitySession.capacity.is_(None),
                ActivitySession.taken < ActivitySession.capacity,
            )
        )
    return wanted


def _wanted_activities(query: ActivityQuery) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = []
    if query.beginners:
        wanted.append(Activity.beginners.is_(True))
    if query.category is not None:
        wanted.append(Activity.category == query.category)
    if query.for_minor:
        wanted.append(Activity.late_night.is_(False))
    return wanted
