"""R07, R13, R14: a person's way to premium with one local government, from what is on offer there.

Works in the person's own context: everything they did and promised is known, and of others no
more than how many places a session has left.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from activities import signup
from activities.models import Activity, ActivitySession, SignUp, StayPlace
from activities.rules.goals import FirstPremium, Goal, Numbers, Renewal
from activities.rules.outings import Offer, Outing, Plan, Promised
from activities.rules.planning import plan
from activities.rules.stays import StayKind
from core.access import Actor
from core.clock import japan_day
from core.errors import NotFound
from registry import judging, queries
from registry.applicants import case_of_person
from registry.evidence import Evidence
from registry.granting import open_application
from registry.models import Application, LocalGovernment, Registration, Term
from registry.policies import body_policy
from registry.rules.eligibility import evidence_in, first_evidence
from registry.rules.facts import Period
from registry.rules.policy import PolicyBook
from registry.rules.requirement import Evidence as Shown
from registry.rules.requirement import Tree
from registry.rules.terms import extended
from registry.terms import version_of

#: How far ahead sessions are looked at, and how many of them.
AHEAD: Final = timedelta(days=365)
MOST_SESSIONS: Final = 120


class Standing(StrEnum):
    """Where somebody stands with premium in one local government."""

    FIRST = "first"  # on the way to a first premium
    RENEWAL = "renewal"  # premium, on the way to the next year
    SECURED = "secured"  # the next year is booked, or being decided
    ASKED = "asked"  # an application is being decided
    FOLLOWS = "follows"  # a prefecture's registration that only follows (R02)
    CLOSED = "closed"  # the local government takes no registrations (R01)


@dataclass(frozen=True, slots=True)
class Visit:
    """One session of a plan, as a person reads it. `state` is the sign-up: taken, or nothing."""

    session: ActivitySession
    activity: Activity
    state: str = ""

    @property
    def left(self) -> int | None:
        """Free places; none where there is no limit."""
        if self.session.capacity is None:
            return None
        return max(self.session.capacity - self.session.taken, 0)


@dataclass(frozen=True, slots=True)
class Way:
    """The way to premium with one local government: what is there, asked, missing and planned.

    Attributes:
        government: With whom.
        standing: Where the person stands.
        shown: What counts today.
        asked: The requirement as a tree.
        plan: The plan; none where there is nothing to plan.
        visits: The sessions a plan may name, by id.
        names: Local governments that reasons and steps mention, by code.
        application: The open application, if any.
        term: The living term, if any.
        day: Today.
    """

    government: LocalGovernment
    standing: Standing
    day: date
    shown: Shown = field(default_factory=Shown)
    asked: Tree | None = None
    plan: Plan | None = None
    visits: Mapping[UUID, Visit] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    application: Application | None = None
    term: Term | None = None

    def visits_of(self, sessions: Sequence[UUID]) -> list[Visit]:
        """The sessions of a route, in time."""
        return [self.visits[one] for one in sessions]


def plan_premium(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    now: datetime,
    book: PolicyBook,
    evidence: Evidence,
) -> Way:
    """R07, R12–R14, R16, R18, R33: what is still missing and how to get there. Writes nothing.

    Args:
        db: A transaction of the person.
        actor: The person.
        lg_code: Where.
        now: The instant.
        book: The national numbers.
        evidence: Of presence.

    Raises:
        NotFound: The person is not registered there.
    """
    today = japan_day(now)
    government = queries.government(db, lg_code)
    row = queries.registration_of(db, lg_code=lg_code, person_id=actor.person_id)
    if row is None or row.status != "active":
        raise NotFound(code="not_found")
    term, application = queries.living_term(db, row), open_application(db, row)
    standing = _standing(row, term, application, ready=queries.accepts(government, book, today))
    goal, shown = _goal(db, actor, row, term, today, book, evidence)
    common = Way(
        government,
        standing,
        today,
        shown=shown,
        asked=goal.asked(today),
        application=application,
        term=term,
    )
    if standing not in {Standing.FIRST, Standing.RENEWAL}:
        return common
    visits = _visits(db, actor, lg_code, now)
    offer = _offer(db, actor, row, visits, goal, now)
    found = plan(goal, offer, now, goal.policy(today))
    reasons = (*found.missing, *(one.reason for one in found.steps))
    reasons = reasons if found.why is None else (*reasons, found.why)
    return Way(
        government,
        standing,
        today,
        shown=shown,
        asked=goal.asked(today),
        plan=found,
        visits=visits,
        names=judging.names_in(db, reasons) | _choices(db, found),
        application=application,
        term=term,
    )


def _standing(
    row: Registration, term: Term | None, application: Application | None, *, ready: bool
) -> Standing:
    if not row.direct:
        return Standing.FOLLOWS
    if term is not None:
        settled = term.renewal_state in {"veto", "review", "booked", "done"}
        return Standing.SECURED if settled else Standing.RENEWAL
    if application is not None and application.state != "waiting":
        return Standing.ASKED
    return Standing.FIRST if ready else Standing.CLOSED


def _goal(
    db: Session,
    actor: Actor,
    row: Registration,
    term: Term | None,
    today: date,
    book: PolicyBook,
    evidence: Evidence,
) -> tuple[Goal, Shown]:
    """The goal, and what counts towards it today."""
    period = None if term is None else Period(term.first_day, term.last_day)
    judged = period if term is None or period is None else extended(period, term.extended_until)
    case = case_of_person(
        db,
        person=queries.person(db, actor.person_id),
        registration=row,
        today=today,
        applied_on=today,
        book=book,
        evidence=evidence,
        window=judged,
    )
    own = body_policy(db, book, row.lg_code, date.max)
    numbers = Numbers.of(own, row.lg_code)
    if term is None or period is None or judged is None:
        shown = first_evidence(case.applicant, case.body, case.policy, today)
        return FirstPremium(case.applicant, case.body, numbers, case.versions, today), shown
    goal = Renewal(
        case.applicant,
        case.body,
        numbers,
        version_of(db, term, book),
        period,
        term.extended_until,
        term.carried,
        row.over_cap_since,
    )
    shown = evidence_in(case.applicant, case.body, case.policy, judged, carried=term.carried)
    return goal, shown


def _visits(db: Session, actor: Actor, lg_code: str, now: datetime) -> dict[UUID, Visit]:
    """The sessions to come of designated activities, and what the person has there."""
    rows = db.execute(
        select(ActivitySession, Activity, SignUp)
        .join(
            Activity,
            and_(
                Activity.lg_code == ActivitySession.lg_code,
                Activity.id == ActivitySession.activity_id,
            ),
        )
        .outerjoin(
            SignUp,
            and_(
                SignUp.lg_code == ActivitySession.lg_code,
                SignUp.session_id == ActivitySession.id,
                SignUp.person_id == actor.person_id,
            ),
        )
        .where(
            ActivitySession.lg_code == lg_code,
            ActivitySession.published,
            ActivitySession.state == "open",
            ActivitySession.starts_at > now,
            ActivitySession.starts_at <= now + AHEAD,
            Activity.published,
        )
        .order_by(ActivitySession.starts_at, ActivitySession.id)
        .limit(MOST_SESSIONS)
    ).all()
    return {
        session.id: Visit(session, activity, _state(sign_up, now))
        for session, activity, sign_up in rows
    }


def _state(sign_up: SignUp | None, now: datetime) -> str:
    """taken, waiting, or offered while the offer holds (C33)."""
    if sign_up is None or sign_up.state not in {"taken", "waiting", "offered"}:
        return ""
    over = sign_up.offer_until is not None and sign_up.offer_until < now
    return "waiting" if sign_up.state == "offered" and over else sign_up.state


def _offer(
    db: Session,
    actor: Actor,
    row: Registration,
    visits: Mapping[UUID, Visit],
    goal: Goal,
    now: datetime,
) -> Offer:
    busy = signup.engagements(db, person_id=actor.person_id, now=now)
    by_place = StayKind.STAY_CHECK_IN.value in goal.policy(japan_day(now)).texts("stay.evidence")
    places = select(StayPlace.id).where(
        StayPlace.lg_code == row.lg_code, StayPlace.closed_at.is_(None)
    )
    return Offer(
        outings=tuple(_outing(one) for one in visits.values()),
        promised=tuple(Promised(one.session_id, one.starts_at, one.ends_at) for one in busy),
        stay_places=by_place and db.scalar(places.limit(1)) is not None,
        minor_until=row.minor_until,
    )


def _outing(visit: Visit) -> Outing:
    """A session as the rules look at it; a place can be had where one is free or on offer."""
    session, activity = visit.session, visit.activity
    free = visit.left is None or visit.left > 0
    return Outing(
        session_id=session.id,
        activity_id=activity.id,
        starts_at=session.starts_at,
        ends_at=session.ends_at,
        category=activity.category,
        free=visit.state == "offered" or (free and visit.state != "waiting"),
        mine=visit.state == "taken",
        late_night=activity.late_night,
        min_minutes=activity.minutes_minimum,
        max_counts=activity.count_cap,
    )


def _choices(db: Session, found: Plan) -> dict[str, str]:
    """R13: names of the bodies that could be given in exchange."""
    codes = {code for step in found.steps for code in step.choices}
    rows = queries.governments(db, codes).items()
    return {code: f"{row.prefecture}{row.name}" for code, row in rows}
