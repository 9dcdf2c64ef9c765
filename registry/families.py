"""R18: acting for a member of one's family: who may, and for whom; children without a sign-in.

A guardian registers a young child with a nickname and a year of birth, and acts for it; a helper
lends a hand to an adult who asked for it. Acts are done by the usual use cases in the person's own
context, under the name of whoever acts (`Actor.behalf_of`), so that the trail holds both.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from core import audit, sealing
from core.access import Actor
from core.clock import japan_day
from core.db import Context, Database
from core.errors import Conflict, refused
from core.ids import new_id, new_token
from core.models import Account
from core.web import Platform
from registry import guardians, keepers, people, queries
from registry.closing import close_own_account
from registry.doors import GATE, as_person
from registry.models import Guardianship, Person, Registration
from registry.rules.families import FamilyAct, Tie, managed_until, may_act, may_be_managed
from registry.rules.minors import youngest_birth_date
from registry.rules.policy import PolicyBook

#: Children one guardian may manage; more would be an institution, which needs another way in.
MOST_CHILDREN = 10


@dataclass(frozen=True, slots=True)
class Keeper:
    """A guardian as a child's row names them."""

    name: str
    email: str


def keeper_of(db: Session, *, actor: Actor, now: datetime, book: PolicyBook) -> Keeper:
    """R18: whether somebody may manage children: an adult by year of birth (own context).

    Raises:
        Refused: `birth_year_needed`, `guardian_is_minor`.
    """
    person = queries.person(db, actor.person_id)
    if queries.birth_of(person) is None:
        raise refused("birth_year_needed", rule="R18", field="birth_year")
    if queries.minor_until(person, book, japan_day(now)) is not None:
        raise refused("guardian_is_minor", rule="R18")
    return Keeper(person.nickname, db.get_one(Account, actor.person_id).email or "")


def require_room(db: Session, *, actor: Actor) -> None:
    """R18: one guardian manages a family (at the gate).

    Raises:
        Conflict: `too_many_children`.
    """
    managed = [
        one
        for one in guardians.spoken_for(db, actor=actor)
        if one.scope == Tie.MANAGED and one.state == "living"
    ]
    if len(managed) >= MOST_CHILDREN:
        raise Conflict(code="too_many_children")


def check_keeper(
    platform: Platform, *, actor: Actor, token: str, now: datetime, book: PolicyBook
) -> None:
    """R18: whoever is asked to manage a child is of age and has room; other scopes ask nothing.

    Raises:
        NotFound, Gone: As `guardians.by_token`.
        Refused: `birth_year_needed`, `guardian_is_minor`.
        Conflict: `too_many_children`.
    """
    with platform.database.transaction(GATE) as db:
        row = guardians.by_token(db, token, now=now)
        if row.scope != Tie.MANAGED or row.state != "invited":
            return
        require_room(db, actor=actor)
    with platform.database.transaction(as_person(actor)) as db:
        keeper_of(db, actor=actor, now=now, book=book)


def add_child(
    db: Session,
    *,
    actor: Actor,
    keeper: Keeper,
    nickname: str,
    birth_year: int | None,
    now: datetime,
    book: PolicyBook,
) -> Guardianship:
    """R18: a guardian registers a young child, who has no sign-in of its own.

    Args:
        db: A transaction of the child to be (`behalf_of`).
        actor: The guardian, in the child's name.
        keeper: What `keeper_of` said of the guardian.
        nickname: How the child is called.
        birth_year: Its year of birth; the last day of it protects most.
        now: The instant.
        book: The policy book.

    Raises:
        Invalid: As `people.create_profile`.
        Refused: `too_old_to_manage`: from that age on the child signs in itself.
    """
    today = japan_day(now)
    managed_under = book.on("minor.managed_under", today).value
    child_id = actor.person_id
    # No key of the address: mail for the child reaches the guardian, and nobody signs in as it.
    db.add(Account(id=child_id, kind="person", email=keeper.email, created_at=now))
    db.flush()
    profile = people.Profile(nickname=nickname, birth_year=birth_year)
    child = people.create_profile(db, actor=actor, profile=profile, now=now, book=book)
    born = youngest_birth_date(child.birth_year or today.year)
    # Somebody born this year has been born, whatever day of it protects most.
    if not may_be_managed(min(born, today), today, managed_under=managed_under):
        raise refused("too_old_to_manage", rule="R18", needed=managed_under)
    row = Guardianship(
        id=new_id(),
        person_id=child_id,
        guardian_id=actor.id,
        guardian_name=keeper.name,
        contact=keeper.email,
        state="living",
        scope=Tie.MANAGED.value,
        until=managed_until(born, managed_under),
        text_version=guardians.CONSENT_TEXT,
        invite_hash=sealing.digest(new_token()),
        invited_at=now,
        contact_confirmed_at=now,
    )
    db.add(row)
    db.flush()
    audit.record(
        db,
        actor=actor,
        action="guardianship.manage",
        subject=("guardianship", row.id),
        now=now,
        person_id=child_id,
        purpose=f"{row.scope}:{row.text_version}",
    )
    return row


def in_name_of(
    platform: Platform, actor: Actor, guardianship_id: UUID, act: FamilyAct, *, now: datetime
) -> tuple[Actor, Guardianship]:
    """R18: whoever may do this in another one's name, as the use cases want them.

    Raises:
        NotFound: The actor stands by nobody under this id.
        Refused: `tie_over`, `not_for_others`.
    """
    with platform.database.transaction(GATE) as db:
        row = guardians.ward_of(db, actor=actor, guardianship_id=guardianship_id)
    reason = may_act(row.scope, row.state, act, japan_day(now), until=row.until)
    if reason is not None:
        raise refused(reason.code, rule=reason.rule, found=reason.found, action=reason.action)
    return acting_for(actor, row), row


def acting_for(actor: Actor, row: Guardianship) -> Actor:
    """Whoever acts, in the name of the person of a tie; the doors ask `in_name_of` first."""
    return replace(actor, behalf_of=row.person_id)


def end_tie(
    db: Session, *, actor: Actor, row: Guardianship, now: datetime, book: PolicyBook
) -> Guardianship:
    """R18: the guardian or helper ends it: a consent, help, or a managed child's whole account.

    Where a second guardian manages the child, only this one's tie ends. Otherwise nobody else
    could act for it, so its registrations end with the account (R32).

    Args:
        db: A transaction of the person stood by (`identifying.as_ward`).
        actor: The guardian or helper, as looked up at the gate.
        row: What they end.
        now: The instant.
        book: The policy book.

    Raises:
        Conflict: `invitation_answered`: it has ended before; `account_closed`.
    """
    if row.scope != Tie.MANAGED:
        return guardians.withdraw(
            db, actor=actor, guardianship_id=row.id, reason="by_guardian", now=now, book=book
        )
    if not keepers.step_back(db, actor=actor, row=row, reason="by_guardian", now=now):
        close_own_account(db, actor=acting_for(actor, row), now=now, book=book)
    return db.get_one(Guardianship, row.id, populate_existing=True)


def holding(rows: Sequence[Guardianship], today: date) -> list[Guardianship]:
    """Ties under which somebody acts for somebody on a day."""
    return [
        row
        for row in rows
        if may_act(row.scope, row.state, FamilyAct.LOOK, today, until=row.until) is None
    ]


@dataclass(frozen=True, slots=True)
class Companion:
    """Somebody who may come with a person, from the body's own copy (R25).

    `tie` says how they stand by each other: `guardian`, `managed`, `helper` or `helped`; `family`
    for those who share a guardian or helper.
    """

    person_id: UUID
    registration_id: UUID
    display_name: str
    member_number: str
    tie: str


def who_comes_with(
    database: Database, body: Context, *, actor: Actor, person_id: UUID, now: datetime
) -> list[Companion]:
    """R18: the family of whoever shows a card, so that a reception takes all in one scan.

    A guardian or helper brings those they act for; a child or a helped person brings whoever acts
    for them, and the others of the same family. Only people registered with the body of the
    context are told, from the body's own copy, and each look is recorded.

    Args:
        database: For two transactions: ties are read at the gate, names in the body's context.
        body: The context of the local government (`for_body`).
        actor: Who looks: a host, staff, or the person.
        person_id: Whose card was shown.
        now: The instant.
    """
    with database.transaction(GATE) as db:
        ties = _circle(db, person_id, japan_day(now))
    if not ties:
        return []
    with database.transaction(body) as db:
        rows = db.scalars(
            select(Registration)
            .where(
                Registration.lg_code == body.lg_code,
                Registration.person_id.in_(ties),
                Registration.status == "active",
            )
            .order_by(Registration.kana, Registration.display_name, Registration.id)
        ).all()
        for row in rows:
            audit.record(
                db,
                actor=actor,
                action="family.read",
                subject=("registration", row.id),
                now=now,
                lg_code=row.lg_code,
                person_id=row.person_id,
                purpose="reception",
                fields=["display_name", "member_number"],
            )
    return [
        Companion(row.person_id, row.id, row.display_name, row.member_number, ties[row.person_id])
        for row in rows
    ]


def _circle(db: Session, person_id: UUID, today: date) -> dict[UUID, str]:
    """Everybody one tie away, and those who share the same guardian or helper (at the gate)."""
    own = holding(_ties(db, [person_id]), today)
    circle: dict[UUID, str] = {}
    keepers = [row.guardian_id for row in own if row.guardian_id and row.person_id == person_id]
    for row in holding(_ties(db, keepers), today) if keepers else []:
        if row.guardian_id in keepers:
            circle[row.person_id] = "family"
    for row in own:
        managed = row.scope == Tie.MANAGED
        if row.person_id == person_id and row.guardian_id is not None:
            circle[row.guardian_id] = "guardian" if managed else "helper"
        elif row.guardian_id == person_id:
            circle[row.person_id] = "managed" if managed else "helped"
    circle.pop(person_id, None)
    return circle


def _ties(db: Session, people_ids: Sequence[UUID]) -> Sequence[Guardianship]:
    return db.scalars(
        select(Guardianship)
        .where(
            or_(Guardianship.person_id.in_(people_ids), Guardianship.guardian_id.in_(people_ids)),
            Guardianship.state == "living",
            Guardianship.scope.in_([tie.value for tie in Tie]),
        )
        .order_by(Guardianship.invited_at, Guardianship.id)
    ).all()


def name_of(platform: Platform, actor: Actor) -> str:
    """How the person is called in whose name somebody acts."""
    with platform.database.transaction(as_person(actor)) as db:
        found = db.get(Person, actor.person_id)
    return "" if found is None else found.nickname
