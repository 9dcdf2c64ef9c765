"""R11: days of being there, proved at designated places or reported and approved. No tracking."""

from datetime import date, datetime
from secrets import token_bytes
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from activities.models import StayDay, StayPlace
from core import audit
from core.access import Actor, Role
from core.clock import japan_day
from core.errors import Conflict, NotFound, refused
from core.ids import new_id
from core.shortcode import new_code, normalise
from registry.models import Registration
from registry.taking_back import refuse_late

#: The act by which a reported day counts.
APPROVED: Final = "stay_day.approve"


def open_place(
    db: Session, *, actor: Actor, lg_code: str, name: str, kind: str, now: datetime
) -> StayPlace:
    """Designate a place where a stay can be proved: lodging, coworking, library, 道の駅, office."""
    actor.require_role(lg_code, Role.CLERK)
    place = StayPlace(
        lg_code=lg_code,
        id=new_id(),
        name=name,
        kind=kind,
        poster_code=new_code(token_bytes),
        created_at=now,
    )
    db.add(place)
    audit.record(
        db,
        actor=actor,
        action="stay_place.open",
        subject=("stay_place", place.id),
        lg_code=lg_code,
        now=now,
    )
    return place


def place_by_code(db: Session, code: str) -> StayPlace:
    """The open place behind a poster's code; needs the gate's transaction.

    Raises:
        NotFound: There is none.
    """
    found = db.execute(
        select(StayPlace).where(
            StayPlace.poster_code == normalise(code), StayPlace.closed_at.is_(None)
        )
    ).scalar_one_or_none()
    if found is None:
        raise NotFound(code="not_found")
    return found


def check_in_at_place(db: Session, *, actor: Actor, place: StayPlace, now: datetime) -> StayDay:
    """A registrant proves today's stay at a designated place; once a day counts.

    Raises:
        Refused: `not_registered`, the person is not registered there.
    """
    registration = _registration(db, place.lg_code, actor.person_id)
    return _add(
        db,
        actor=actor,
        registration=registration,
        day=japan_day(now),
        evidence="place",
        source_id=place.id,
        state="counted",
        now=now,
    )


def report(db: Session, *, actor: Actor, lg_code: str, day: date, now: datetime) -> StayDay:
    """A registrant reports a stay without a code; it counts once staff approve it.

    Raises:
        Refused: `not_registered`; `day_in_future`.
    """
    if day > japan_day(now):
        raise refused("day_in_future", rule="R11", found=day.isoformat(), field="day")
    registration = _registration(db, lg_code, actor.person_id)
    return _add(
        db,
        actor=actor,
        registration=registration,
        day=day,
        evidence="report",
        source_id=registration.id,
        state="reported",
        now=now,
    )


def approve_report(
    db: Session, *, actor: Actor, lg_code: str, person_id: UUID, day: date, now: datetime
) -> StayDay:
    """Staff let a reported stay count.

    Raises:
        NotFound: Nothing was reported for that day.
        Conflict: `cannot_change_now`, it was annulled.
    """
    actor.require_role(lg_code, Role.CLERK)
    stay = db.get(StayDay, (lg_code, person_id, day))
    if stay is None:
        raise NotFound(code="not_found")
    if stay.state == "annulled":
        raise Conflict(code="cannot_change_now")
    stay.state = "counted"
    audit.record(
        db,
        actor=actor,
        action=APPROVED,
        subject=("stay_day", f"{person_id}:{day}"),
        lg_code=lg_code,
        person_id=person_id,
        now=now,
    )
    return stay


def take_back(
    db: Session, *, actor: Actor, lg_code: str, person_id: UUID, day: date, now: datetime
) -> StayDay:
    """R11, R15: a press by mistake of these minutes; the report waits again.

    Raises:
        NotFound: Nothing was reported for that day.
        Conflict: `take_back_over`.
    """
    actor.require_role(lg_code, Role.CLERK)
    stay = db.get(StayDay, (lg_code, person_id, day), with_for_update=True)
    if stay is None or stay.evidence != "report":
        raise NotFound(code="not_found")
    subject = f"{person_id}:{day}"
    refuse_late(db, actor=actor, lg_code=lg_code, actions=(APPROVED,), subject=subject, now=now)
    if stay.state != "counted":
        raise Conflict(code="take_back_over")
    stay.state = "reported"
    audit.record(
        db,
        actor=actor,
        action="stay_day.taken_back",
        subject=("stay_day", subject),
        lg_code=lg_code,
        person_id=person_id,
        now=now,
    )
    return stay


def _registration(db: Session, lg_code: str, person_id: UUID) -> Registration:
    found = db.execute(
        select(Registration).where(
            Registration.lg_code == lg_code,
            Registration.person_id == person_id,
            Registration.status == "active",
        )
    ).scalar_one_or_none()
    if found is None:
        raise refused("not_registered", rule="R11", action="register")
    return found


def _add(
    db: Session,
    *,
    actor: Actor,
    registration: Registration,
    day: date,
    evidence: str,
    source_id: UUID,
    state: str,
    now: datetime,
) -> StayDay:
    db.execute(
        insert(StayDay)
        .values(
            lg_code=registration.lg_code,
            person_id=registration.person_id,
            day=day,
            registration_id=registration.id,
            evidence=evidence,
            source_id=source_id,
            state=state,
            created_at=now,
        )
        .on_conflict_do_nothing(index_elements=["lg_code", "person_id", "day"])
    )
    registration.last_access_on = max(registration.last_access_on, japan_day(now))
    audit.record(
        db,
        actor=actor,
        action="stay_day.add",
        subject=("stay_day", day),
        lg_code=registration.lg_code,
        person_id=registration.person_id,
        now=now,
    )
    stay = db.get(StayDay, (registration.lg_code, registration.person_id, day))
    if stay is None:
        raise NotFound(code="not_found")
    return stay
