"""One registrant as their local government's staff see them: its own rows and nothing else (R25)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from activities.models import Activity, Participation, ParticipationChange, StayDay
from registry import queries
from registry.models import Application, Card, Judgement, LocalGovernment, Registration, Term
from registry.terms import terms_of

#: Rows of each kind that a page shows; older ones are in the history.
SHOWN = 50
YEAR = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Presence:
    """A participation with what it was for and every correction."""

    row: Participation
    title: str
    changes: tuple[ParticipationChange, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """An application, and until when staff may reverse its grant (R15)."""

    row: Application
    reversible_until: date | None


@dataclass(frozen=True, slots=True)
class Dossier:
    """What a body holds about one registrant."""

    terms: Sequence[Term]
    applications: Sequence[Asked]
    judgements: Sequence[Judgement]
    presences: Sequence[Presence]
    cards: Sequence[Card]
    stay_days: int
    counted: int
    living: Term | None
    residence: LocalGovernment | None
    sources: Sequence[LocalGovernment]
    paper_card: bool


def about(db: Session, registration: Registration, *, today: date) -> Dossier:
    """Everything this local government keeps about a registration.

    Args:
        db: A transaction of the local government; the caller has recorded the look.
        registration: Whose.
        today: The Japanese day; stays and participations of a year up to it are counted.
    """
    lg_code, registration_id = registration.lg_code, registration.id
    codes = {str(source["code"]) for source in registration.derived_from}
    bodies = queries.governments(db, codes | {registration.residence_code or ""})
    presences = _presences(db, lg_code, registration_id)
    cards = db.scalars(
        select(Card)
        .where(Card.lg_code == lg_code, Card.registration_id == registration_id)
        .order_by(Card.issued_at.desc())
        .limit(SHOWN)
    ).all()
    return Dossier(
        terms=terms_of(db, lg_code=lg_code, registration_id=registration_id),
        applications=_applications(db, lg_code, registration_id),
        judgements=db.scalars(
            select(Judgement)
            .where(Judgement.lg_code == lg_code, Judgement.registration_id == registration_id)
            .order_by(Judgement.made_at.desc(), Judgement.id)
            .limit(SHOWN)
        ).all(),
        presences=presences,
        cards=cards,
        stay_days=_stays(db, registration, today),
        counted=sum(
            1 for one in presences if one.row.counted and today - YEAR < one.row.day <= today
        ),
        living=queries.living_term(db, registration),
        residence=bodies.get(registration.residence_code or ""),
        sources=[bodies[code] for code in sorted(codes) if code in bodies],
        paper_card=any(
            one.kind == "paper" and one.revoked_at is None and one.expires_on >= today
            for one in cards
        ),
    )


def _stays(db: Session, registration: Registration, today: date) -> int:
    found = db.scalar(
        select(func.count())
        .select_from(StayDay)
        .where(
            StayDay.lg_code == registration.lg_code,
            StayDay.person_id == registration.person_id,
            StayDay.state == "counted",
            StayDay.day > today - YEAR,
            StayDay.day <= today,
        )
    )
    return found or 0


def _applications(db: Session, lg_code: str, registration_id: UUID) -> list[Asked]:
    rows = db.execute(
        select(Application, Judgement.reversible_until)
        .outerjoin(
            Judgement,
            and_(
                Judgement.lg_code == Application.lg_code, Judgement.id == Application.judgement_id
            ),
        )
        .where(Application.lg_code == lg_code, Application.registration_id == registration_id)
        .order_by(Application.applied_at.desc(), Application.id)
        .limit(SHOWN)
    )
    return [Asked(*row) for row in rows]


def _presences(db: Session, lg_code: str, registration_id: UUID) -> list[Presence]:
    rows = db.execute(
        select(Participation, Activity.title)
        .join(
            Activity,
            and_(
                Activity.lg_code == Participation.lg_code,
                Activity.id == Participation.activity_id,
            ),
        )
        .where(Participation.lg_code == lg_code, Participation.registration_id == registration_id)
        .order_by(Participation.day.desc(), Participation.created_at.desc())
        .limit(SHOWN)
    ).all()
    changes = _changes(db, lg_code, [row.id for row, _ in rows])
    return [Presence(row, title, changes.get(row.id, ())) for row, title in rows]


def _changes(
    db: Session, lg_code: str, ids: Sequence[UUID]
) -> Mapping[UUID, tuple[ParticipationChange, ...]]:
    found: dict[UUID, tuple[ParticipationChange, ...]] = {}
    rows = db.scalars(
        select(ParticipationChange)
        .where(
            ParticipationChange.lg_code == lg_code,
            ParticipationChange.participation_id.in_(ids),
        )
        .order_by(ParticipationChange.at, ParticipationChange.id)
    )
    for row in rows:
        found[row.participation_id] = (*found.get(row.participation_id, ()), row)
    return found
