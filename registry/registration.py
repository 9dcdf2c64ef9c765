"""Registering with a local government, keeping it, coming back (R01–R06, R16, R18)."""

from collections.abc import Mapping
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.access import Actor
from core.errors import Conflict, Gone, refused
from core.ids import new_id
from registry import access, queries, survey
from registry.derived_links import new_member_number
from registry.models import UNPLANNED, Guardianship, Person, Registration
from registry.people import copies_of
from registry.rules.dormancy import AccessKind
from registry.rules.minors import BasicAccess, basic_access
from registry.rules.policy import PolicyBook
from registry.rules.residence import relation
from registry.scene import Scene


def register(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    now: datetime,
    book: PolicyBook,
    link_opt_out: bool | None = None,
    answers: Mapping[str, object] | None = None,
) -> Registration:
    """R02, R03, R16, R18: a basic registration, at once and without requirement.

    Registering again changes nothing; after leaving or release it brings the same row back to
    life. With a municipality comes its prefecture, unless the person opts out; a prefecture that
    was there by its municipalities becomes a direct one as well.

    Args:
        db: A transaction of the person.
        actor: The person.
        lg_code: Where.
        now: The instant.
        book: The policy book.
        link_opt_out: No prefecture for this one; the person's general choice when None.
        answers: To the first questionnaire, when given at once (R04).

    Raises:
        NotFound: No such local government, or the person has no profile yet.
        Refused: `body_not_joined` (R01); `birth_year_needed`, `guardian_contact_needed`,
            `managed_only` (R18).
    """
    scene = Scene(db, actor, queries.government(db, lg_code), now, book)
    person = queries.person(db, actor.person_id)
    if not queries.accepts(scene.government, book, scene.today):
        raise refused("body_not_joined", rule="R01", names=(scene.government.name,))
    check_age(db, person, book, scene.today)
    row = _row_for(scene, person)
    began = not (row.status == "active" and row.direct)
    opt_out = (not person.link_default) if link_opt_out is None else link_opt_out
    if began:
        _begin(scene, row, opt_out=opt_out and not scene.is_prefecture)
    if answers is not None:
        survey.answer(db, actor=actor, lg_code=lg_code, answers=answers, now=now, book=book)
    elif not began:
        access.touch(
            db,
            lg_code=lg_code,
            person_id=person.id,
            kind=AccessKind.PAGE,
            today=scene.today,
            book=book,
        )
    db.refresh(row)
    return row


def _row_for(scene: Scene, person: Person) -> Registration:
    """The one row of this person there, locked; made when there is none (R02)."""
    home = queries.residence_of(scene.db, person)
    scene.db.execute(
        insert(Registration)
        .values(
            lg_code=scene.government.code,
            id=new_id(),
            person_id=person.id,
            tier="basic",
            status="pending",
            direct=False,
            derived=False,
            derived_from=[],
            link_opted_out=False,
            residence_relation=relation(home, queries.body_of(scene.government)).value,
            residence_related=False,
            member_number=new_member_number(),
            registered_on=scene.today,
            last_access_on=scene.today,
            **copies_of(person, scene.book, scene.today),
        )
        .on_conflict_do_nothing(index_elements=["lg_code", "person_id"])
    )
    return scene.row()


def _begin(scene: Scene, row: Registration, *, opt_out: bool) -> None:
    """A direct origin begins, on a new row, a past one, or beside a derived one."""
    person = queries.person(scene.db, row.person_id)
    came_back = row.status not in {"active", "pending"}
    if row.status != "active":
        row.registered_on = scene.today
        for field, value in copies_of(person, scene.book, scene.today).items():
            setattr(row, field, value)
        home = queries.residence_of(scene.db, person)
        row.residence_relation = relation(home, queries.body_of(scene.government)).value
    revive(row, scene.today)
    row.alike_due_on = scene.today
    row.link_opted_out = opt_out
    scene.mark(row, "registered", {"again": came_back}, told=True)
    scene.link(row)


def revive(row: Registration, today: date) -> None:
    row.status, row.direct, row.last_access_on = "active", True, today
    row.clock_due_on = UNPLANNED
    row.released_on = row.restore_until = row.ended_on = row.pseudonymised_on = None
    row.ended_reason = None


def check_age(db: Session, person: Person, book: PolicyBook, today: date) -> None:
    """R18: under 18 a guardian's confirmed contact; under 13 inside the guardian's account only."""
    born = queries.birth_of(person)
    if born is None:
        raise refused("birth_year_needed", rule="R18", field="birth_year", action="give_birth_year")
    needs = basic_access(
        born,
        today,
        adult_age=book.on("minor.age", today).value,
        managed_under=book.on("minor.managed_under", today).value,
    )
    if needs is BasicAccess.ALONE:
        return
    consents = db.scalars(
        select(Guardianship).where(
            Guardianship.person_id == person.id,
            Guardianship.state.in_(("invited", "living")),
            Guardianship.contact_confirmed_at.is_not(None),
        )
    ).all()
    if needs is BasicAccess.MANAGED and not any(c.guardian_id for c in consents):
        raise refused("managed_only", rule="R18", action="ask_guardian")
    if not consents:
        raise refused("guardian_contact_needed", rule="R18", action="ask_guardian")


def set_link(
    db: Session, *, actor: Actor, lg_code: str, linked: bool, now: datetime, book: PolicyBook
) -> Registration:
    """R02: opt out of, or back into, the prefecture's row for one municipal registration.

    Nothing else changes: other municipalities still carry it, and a direct one is never touched.

    Raises:
        NotFound: There never was a registration.
        Conflict: It is not active.
        Refused: `link_of_prefecture`: a prefecture has none; `link_fixed`: the nation allows no
            opting out.
    """
    scene = Scene(db, actor, queries.government(db, lg_code), now, book)
    if scene.is_prefecture:
        raise refused("link_of_prefecture", rule="R02")
    if not linked and not book.on("link.optout", scene.today).value:
        raise refused("link_fixed", rule="R02")
    row = scene.active_row()
    if row.link_opted_out == (not linked):
        return row
    row.link_opted_out = not linked
    scene.mark(row, "opted_in" if linked else "opted_out", told=False)
    scene.link(row)
    return row


def keep(
    db: Session, *, actor: Actor, lg_code: str, now: datetime, book: PolicyBook
) -> Registration:
    """R06: one tap says that the tie still holds; the clock starts again.

    Raises:
        NotFound: There never was a registration.
        Conflict: It is not active (a released one is restored instead).
    """
    scene = Scene(db, actor, queries.government(db, lg_code), now, book)
    row = scene.active_row()
    if queries.direct_released(row):
        raise Conflict(code="registration_not_active")
    row.last_access_on = max(row.last_access_on, scene.today)
    scene.mark(row, "kept", told=False)
    db.flush()
    return row


def restore(
    db: Session, *, actor: Actor, lg_code: str, now: datetime, book: PolicyBook
) -> Registration:
    """R06: one tap brings a released registration back, for the months the nation gives.

    A prefecture's row that lives on by its municipalities gets its direct origin back (R02).
    Restoring twice is restoring once.

    Raises:
        NotFound: There never was a registration.
        Conflict: It ended in another way (`not_released`): register again.
        Gone: `restore_over`: the time has passed: register again.
        Refused: `body_not_joined` (R01).
    """
    scene = Scene(db, actor, queries.government(db, lg_code), now, book)
    row = scene.row()
    released = queries.direct_released(row)
    if row.status == "active" and not released:
        return row
    if row.status != "released_dormant" and not released:
        raise Conflict(code="not_released")
    if row.restore_until is None or scene.today > row.restore_until:
        raise Gone(code="restore_over")
    if not queries.accepts(scene.government, book, scene.today):
        raise refused("body_not_joined", rule="R01", names=(scene.government.name,))
    revive(row, scene.today)
    scene.mark(row, "restored", told=True)
    scene.link(row)
    return row
