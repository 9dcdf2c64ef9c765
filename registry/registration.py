"""Registering with a local government, leaving it, keeping it, coming back (R01–R06, R16, R18)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core import audit
from core.access import Actor
from core.clock import japan_day
from core.errors import Conflict, Gone, NotFound, Refused, refused
from core.ids import new_id
from core.models import Account
from core.outbox import NoticeDraft, tell
from registry import access, queries, survey
from registry.derived_links import new_member_number, refresh_source
from registry.ending import end_premium, withdraw_applications
from registry.events import add_event, revoke_cards
from registry.models import UNPLANNED, Guardianship, LocalGovernment, Person, Registration
from registry.people import copies_of
from registry.rules.dormancy import AccessKind
from registry.rules.facts import BodyKind
from registry.rules.minors import BasicAccess, basic_access
from registry.rules.policy import PolicyBook
from registry.rules.residence import relation


@dataclass(frozen=True, slots=True)
class _Scene:
    """What every act on a registration needs."""

    db: Session
    actor: Actor
    government: LocalGovernment
    now: datetime
    book: PolicyBook

    @property
    def today(self) -> date:
        return japan_day(self.now)

    @property
    def is_prefecture(self) -> bool:
        return self.government.kind == BodyKind.PREFECTURE

    def row(self) -> Registration:
        """The person's row, locked.

        Raises:
            NotFound: There never was one.
        """
        found = queries.registration_of(
            self.db, lg_code=self.government.code, person_id=self.actor.person_id, lock=True
        )
        if found is None:
            raise NotFound(code="not_found")
        return found

    def active_row(self) -> Registration:
        """The person's living row, locked.

        Raises:
            NotFound: There never was one.
            Conflict: `registration_not_active`.
        """
        found = self.row()
        if found.status != "active":
            raise Conflict(code="registration_not_active")
        return found

    def mark(
        self, row: Registration, kind: str, facts: dict[str, Any] | None = None, *, told: bool
    ) -> None:
        """The event and the audit row of an act; a notice where the person should read of it."""
        add_event(self.db, row, kind=kind, now=self.now, facts=facts)
        audit.record(
            self.db,
            actor=self.actor,
            action=f"registration.{kind}",
            subject=("registration", row.id),
            now=self.now,
            lg_code=row.lg_code,
            person_id=row.person_id,
        )
        if told:
            draft = NoticeDraft(
                person_id=row.person_id,
                kind=f"registration_{kind}",
                period_key=f"{row.id}:{self.now.isoformat()}",
                lg_code=row.lg_code,
                facts={"government": self.government.name},
            )
            tell(self.db, [draft], now=self.now)

    def link(self, row: Registration) -> None:
        """R02: let the prefecture's row follow."""
        self.db.flush()
        refresh_source(
            self.db,
            actor=self.actor,
            lg_code=row.lg_code,
            person_id=row.person_id,
            expires_on=queries.premium_until(queries.living_term(self.db, row)),
            now=self.now,
            book=self.book,
        )


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
        Refused: `body_not_joined` (R01); `guardian_contact_needed`, `managed_only` (R18).
    """
    scene = _Scene(db, actor, queries.government(db, lg_code), now, book)
    person = queries.person(db, actor.person_id)
    if not queries.accepts(scene.government, book, scene.today):
        raise refused("body_not_joined", rule="R01", names=(scene.government.name,))
    _check_age(db, person, book, scene.today)
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


def _row_for(scene: _Scene, person: Person) -> Registration:
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


def _begin(scene: _Scene, row: Registration, *, opt_out: bool) -> None:
    """A direct origin begins, on a new row, a past one, or beside a derived one."""
    person = queries.person(scene.db, row.person_id)
    came_back = row.status not in {"active", "pending"}
    if row.status != "active":
        row.registered_on = scene.today
        for field, value in copies_of(person, scene.book, scene.today).items():
            setattr(row, field, value)
        home = queries.residence_of(scene.db, person)
        row.residence_relation = relation(home, queries.body_of(scene.government)).value
    _revive(row, scene.today)
    row.link_opted_out = opt_out
    scene.mark(row, "registered", {"again": came_back}, told=True)
    scene.link(row)


def _revive(row: Registration, today: date) -> None:
    row.status, row.direct, row.last_access_on = "active", True, today
    row.clock_due_on = UNPLANNED
    row.released_on = row.restore_until = row.ended_on = row.pseudonymised_on = None
    row.ended_reason = None


def _check_age(db: Session, person: Person, book: PolicyBook, today: date) -> None:
    """R18: under 18 a guardian's confirmed contact; under 13 inside the guardian's account only."""
    born = queries.birth_of(person)
    if born is None:
        return
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


def leave(db: Session, *, actor: Actor, lg_code: str, now: datetime, book: PolicyBook) -> None:
    """R02: end the direct origin. A prefecture stays while municipalities carry it.

    Premium ends with it, applications are withdrawn, cards are revoked. Leaving twice is leaving
    once.

    Raises:
        NotFound: There never was a registration.
        Refused: `derived_registration`: it follows from municipalities; opt out there.
    """
    scene = _Scene(db, actor, queries.government(db, lg_code), now, book)
    row = scene.row()
    if row.status != "active":
        return
    if not row.direct:
        codes = tuple(entry["code"] for entry in row.derived_from)
        names = tuple(g.name for g in queries.governments(db, codes).values())
        raise refused("derived_registration", rule="R02", names=names, action="opt_out")
    _end_direct(scene, row, status="withdrawn", reason="left")
    scene.mark(row, "left", told=True)


def end_without_contact(
    db: Session, *, actor: Actor, person_id: UUID, now: datetime, book: PolicyBook
) -> int:
    """R18: a minor without any guardian's confirmed contact holds no registration; how many ended.

    For the transaction that withdraws a consent, in the minor's context; `actor` is the guardian.
    """
    person = queries.person(db, person_id, lock=True)
    try:
        _check_age(db, person, book, japan_day(now))
    except Refused:
        rows = db.scalars(
            select(Registration)
            .where(
                Registration.person_id == person_id,
                Registration.status == "active",
                Registration.direct,
            )
            .order_by(Registration.lg_code)
            .with_for_update()
        ).all()
        for row in rows:
            scene = _Scene(db, actor, queries.government(db, row.lg_code), now, book)
            _end_direct(scene, row, status="ended", reason="consent_withdrawn")
            scene.mark(row, "left", told=True)
        return len(rows)
    return 0


def _end_direct(scene: _Scene, row: Registration, *, status: str, reason: str) -> None:
    end_premium(
        scene.db,
        actor=scene.actor,
        registration=row,
        reason=reason,
        now=scene.now,
        book=scene.book,
    )
    withdraw_applications(
        scene.db, actor=scene.actor, registrations=[row], now=scene.now, book=scene.book
    )
    row.direct = False
    if not row.derived:
        row.status, row.ended_on, row.ended_reason = status, scene.today, reason
        row.restore_until = None
        revoke_cards(scene.db, row, reason=reason, now=scene.now)
    scene.link(row)


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
    scene = _Scene(db, actor, queries.government(db, lg_code), now, book)
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
    scene = _Scene(db, actor, queries.government(db, lg_code), now, book)
    row = scene.active_row()
    row.last_access_on = max(row.last_access_on, scene.today)
    scene.mark(row, "kept", told=False)
    db.flush()
    return row


def restore(
    db: Session, *, actor: Actor, lg_code: str, now: datetime, book: PolicyBook
) -> Registration:
    """R06: one tap brings a released registration back, for the months the nation gives.

    Restoring twice is restoring once.

    Raises:
        NotFound: There never was a registration.
        Conflict: It ended in another way (`not_released`): register again.
        Gone: `restore_over`: the time has passed: register again.
        Refused: `body_not_joined` (R01).
    """
    scene = _Scene(db, actor, queries.government(db, lg_code), now, book)
    row = scene.row()
    if row.status == "active":
        return row
    if row.status != "released_dormant":
        raise Conflict(code="not_released")
    if row.restore_until is None or scene.today > row.restore_until:
        raise Gone(code="restore_over")
    if not queries.accepts(scene.government, book, scene.today):
        raise refused("body_not_joined", rule="R01", names=(scene.government.name,))
    _revive(row, scene.today)
    scene.mark(row, "restored", told=True)
    scene.link(row)
    return row


def close_account(
    db: Session, *, actor: Actor, reason: str, now: datetime, book: PolicyBook
) -> int:
    """R32: the person closes the account: registrations end, nothing is deleted here.

    The mail address goes at once, so that no notice leaves any more, sign-ins end, and the same
    address may begin anew. Returns how many registrations ended.
    """
    person = queries.person(db, actor.person_id, lock=True)
    rows = db.scalars(
        select(Registration)
        .where(Registration.person_id == person.id, Registration.direct)
        .order_by(Registration.lg_code)
    ).all()
    living = [row for row in rows if row.status in {"active", "released_dormant"}]
    for row in living:
        scene = _Scene(db, actor, queries.government(db, row.lg_code), now, book)
        locked = scene.row()
        _end_direct(scene, locked, status="closed", reason=reason)
        scene.mark(locked, "closed", told=False)
    person.closed_at, person.closed_reason = now, reason
    account = db.get_one(Account, person.id)
    account.closed_at, account.email, account.email_key = now, None, None
    audit.record(
        db,
        actor=actor,
        action="person.close",
        subject=("person", person.id),
        now=now,
        person_id=person.id,
        purpose=reason,
    )
    db.flush()
    return len(living)
