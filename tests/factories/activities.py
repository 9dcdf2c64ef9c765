"""Hosts, activities, sessions and sign-ups for tests, made through the real use cases."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from uuid import UUID

from activities import organisations, signup
from activities.designation import designate
from activities.hosts import Host, HostRole
from activities.models import Activity, ActivitySession, Organisation, OrganisationMember
from activities.proposing import ProposalFields, propose, submit
from activities.sessions import add_session
from activities.signup import Engagement, Signed
from core.access import Actor, ActorKind, Role
from core.db import Database, for_body, for_person
from core.ids import new_id
from registry.policybook import load_policy
from registry.rules.policy import PolicyBook

#: 2027-06-01 10:00 in Japan, as the test clock.
NOW = datetime(2027, 6, 1, 1, 0, tzinfo=UTC)
HIDA = "212172"
BOOK = load_policy()
YES = {
    "public_nature": True,
    "local_contribution": True,
    "shortage_of_hands": True,
    "substance_and_time": True,
}


def staff_actor(lg_code: str = HIDA, role: Role = Role.MANAGER) -> Actor:
    """A member of staff of one local government; no account behind it."""
    return Actor(
        ActorKind.STAFF,
        id=new_id(),
        roles=MappingProxyType({lg_code: frozenset({role})}),
    )


def person_actor(person_id: UUID) -> Actor:
    """A signed-in registrant."""
    return Actor(ActorKind.PERSON, id=person_id)


def host_actor(lg_code: str, organisation_id: UUID, person_id: UUID) -> Host:
    """A person acting for an organisation, as the door would find it."""
    return Host(person_actor(person_id), lg_code, {organisation_id: HostRole.ORGANISER})


def staff_host(lg_code: str = HIDA) -> Host:
    """Staff acting in a host's place."""
    return Host(staff_actor(lg_code), lg_code, staff=True)


def create_organisation(
    database: Database,
    lg_code: str = HIDA,
    *,
    name: str | None = None,
    kind: str = "npo",
    now: datetime = NOW,
) -> Organisation:
    """A host organisation; its name is unique unless given."""
    actor = staff_actor(lg_code)
    with database.transaction(for_body(lg_code, actor=actor.label)) as db:
        return organisations.create_organisation(
            db,
            actor=actor,
            lg_code=lg_code,
            name=name or f"里山の会 {new_id().hex[:8]}",
            kind=kind,
            now=now,
        )


def create_member(
    database: Database,
    organisation: Organisation,
    person_id: UUID,
    *,
    role: HostRole = HostRole.ORGANISER,
    now: datetime = NOW,
) -> OrganisationMember:
    """A person who acts for the organisation, invited and accepted."""
    lg_code, actor = organisation.lg_code, staff_actor(organisation.lg_code)
    with database.transaction(for_body(lg_code, actor=actor.label)) as db:
        invited = organisations.invite_member(
            db,
            actor=actor,
            lg_code=lg_code,
            organisation_id=organisation.id,
            name="主催 花子",
            role=role,
            now=now,
        )
    person = person_actor(person_id)
    with database.transaction(for_body(lg_code, actor=person.label)) as db:
        return organisations.accept_invitation(
            db, actor=person, lg_code=lg_code, token=invited.token, now=now
        )


def create_activity(
    database: Database,
    organisation: Organisation,
    *,
    fields: ProposalFields | None = None,
    book: PolicyBook = BOOK,
    now: datetime = NOW,
) -> Activity:
    """A submitted proposal, entered by staff for the host."""
    host = staff_host(organisation.lg_code)
    with database.transaction(for_body(organisation.lg_code, actor=host.actor.label)) as db:
        activity = propose(
            db,
            host=host,
            organisation_id=organisation.id,
            fields=fields or ProposalFields("農作業のお手伝い", "agriculture_forestry"),
            book=book,
            now=now,
        )
        return submit(db, host=host, activity_id=activity.id, book=book, now=now, answers=YES)


def create_designated_activity(
    database: Database,
    organisation: Organisation | None = None,
    lg_code: str = HIDA,
    *,
    fields: ProposalFields | None = None,
    book: PolicyBook = BOOK,
    now: datetime = NOW,
) -> Activity:
    """An activity that counts, designated by staff (pattern 1) unless its host is trusted."""
    organisation = organisation or create_organisation(database, lg_code, now=now)
    lg_code = organisation.lg_code
    activity = create_activity(database, organisation, fields=fields, book=book, now=now)
    if activity.published:
        return activity
    actor = staff_actor(lg_code)
    with database.transaction(for_body(lg_code, actor=actor.label)) as db:
        return designate(
            db,
            actor=actor,
            lg_code=lg_code,
            activity_id=activity.id,
            answers=YES,
            book=book,
            now=now,
        )


def create_session(
    database: Database,
    activity: Activity,
    *,
    starts_at: datetime | None = None,
    hours: float = 3,
    place: str = "古川町公民館",
    capacity: int | None = None,
    now: datetime = NOW,
) -> ActivitySession:
    """A session of an activity; four days from now at 9 in the morning unless said otherwise."""
    host = staff_host(activity.lg_code)
    start = starts_at or now + timedelta(days=4) - timedelta(hours=1)
    with database.transaction(for_body(activity.lg_code, actor=host.actor.label)) as db:
        return add_session(
            db,
            host=host,
            activity_id=activity.id,
            starts_at=start,
            ends_at=start + timedelta(hours=hours),
            place=place,
            capacity=capacity,
            now=now,
        )


def sign_up(
    database: Database,
    session: ActivitySession,
    person_id: UUID,
    *,
    insurance_proof: bool = False,
    elsewhere: Sequence[Engagement] | None = None,
    book: PolicyBook = BOOK,
    now: datetime = NOW,
) -> Signed:
    """A registered person signs up, as the door does it: own engagements first, then the place."""
    actor = person_actor(person_id)
    if elsewhere is None:
        with database.transaction(for_person(person_id)) as db:
            elsewhere = signup.engagements(db, person_id=person_id, now=now)
    with database.transaction(for_body(session.lg_code, actor=actor.label)) as db:
        return signup.sign_up(
            db,
            actor=actor,
            lg_code=session.lg_code,
            session_id=session.id,
            insurance_proof=insurance_proof,
            elsewhere=elsewhere,
            book=book,
            now=now,
        )
