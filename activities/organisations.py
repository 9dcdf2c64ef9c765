"""Host organisations, their people, and the trust a local government has in them (R10)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from activities.hosts import HostRole
from activities.models import (
    Organisation,
    OrganisationInvitation,
    OrganisationMember,
    OrganisationTrust,
)
from activities.queries import organisation_of, trust_on
from activities.refusals import policy_now
from activities.rules.designation import never_counts, trust_until
from core import audit
from core.access import Actor, Role
from core.clock import japan_day
from core.errors import Conflict, Gone, NotFound, invalid, refused
from core.ids import new_token
from core.outbox import NoticeDraft, tell
from core.sealing import digest
from registry.rules.policy import PolicyBook

#: How long an invitation can be accepted.
INVITATION_LIFE = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Invited:
    """An invitation and its token, which is told once and not stored.

    The token begins with the local government's code, so that its area is known before
    anything is looked up.
    """

    invitation: OrganisationInvitation
    token: str


def create_organisation(
    db: Session, *, actor: Actor, lg_code: str, name: str, kind: str, now: datetime
) -> Organisation:
    """Enter a host organisation below a local government.

    Raises:
        Conflict: `organisation_exists`, there is one of this name.
    """
    actor.require_role(lg_code, Role.CLERK)
    taken = db.scalars(
        select(Organisation.id).where(Organisation.lg_code == lg_code, Organisation.name == name)
    ).first()
    if taken is not None:
        raise Conflict(code="organisation_exists")
    row = Organisation(lg_code=lg_code, name=name, kind=kind, state="active", created_at=now)
    db.add(row)
    db.flush()
    audit.record(
        db,
        actor=actor,
        action="organisation.create",
        subject=("organisation", row.id),
        lg_code=lg_code,
        now=now,
    )
    return row


def invite_member(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    organisation_id: UUID,
    name: str,
    role: HostRole,
    now: datetime,
) -> Invited:
    """Make an invitation that the person accepts with their own account.

    A local government reads no accounts: it hands the link over, and who opens it signed in
    becomes the member.
    """
    actor.require_role(lg_code, Role.CLERK)
    organisation_of(db, lg_code, organisation_id)
    token = f"{lg_code}.{new_token()}"
    row = OrganisationInvitation(
        lg_code=lg_code,
        organisation_id=organisation_id,
        role=role.value,
        name=name,
        token_hash=digest(token),
        invited_by=actor.label,
        created_at=now,
        expires_at=now + INVITATION_LIFE,
    )
    db.add(row)
    db.flush()
    audit.record(
        db,
        actor=actor,
        action="organisation.invite",
        subject=("organisation", organisation_id),
        lg_code=lg_code,
        fields=["name"],
        now=now,
    )
    return Invited(row, token)


def invitation_area(token: str) -> str:
    """The local government an invitation belongs to, read from the token itself.

    Raises:
        Gone: It is no invitation.
    """
    lg_code, dot, rest = token.partition(".")
    if not (dot and rest and len(lg_code) == 6 and lg_code.isascii() and lg_code.isdigit()):  # noqa: PLR2004 - digits of a code
        raise Gone(code="invitation_ended")
    return lg_code


def accept_invitation(
    db: Session, *, actor: Actor, lg_code: str, token: str, now: datetime
) -> OrganisationMember:
    """Become a member of the organisation that invited; an invitation works once.

    Works in the context of the local government (`invitation_area`), for the person acting.

    Raises:
        Gone: `invitation_ended`: unknown, used or past its end, which look alike.
    """
    person_id = actor.person_id
    row = db.scalars(
        select(OrganisationInvitation)
        .where(
            OrganisationInvitation.lg_code == lg_code,
            OrganisationInvitation.token_hash == digest(token),
        )
        .with_for_update()
    ).one_or_none()
    if row is None or row.accepted_at is not None or row.expires_at <= now:
        raise Gone(code="invitation_ended")
    row.accepted_at = now
    member = db.get(OrganisationMember, (lg_code, row.organisation_id, person_id))
    if member is None:
        member = OrganisationMember(
            lg_code=lg_code, organisation_id=row.organisation_id, person_id=person_id
        )
        db.add(member)
    member.role, member.name = row.role, row.name
    member.granted_at, member.ended_at = now, None
    db.flush()
    audit.record(
        db,
        actor=actor,
        action="organisation.join",
        subject=("organisation", row.organisation_id),
        lg_code=lg_code,
        person_id=person_id,
        now=now,
    )
    return member


def remove_member(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    organisation_id: UUID,
    person_id: UUID,
    now: datetime,
) -> OrganisationMember:
    """End a person's right to act for an organisation; what they did before stays (C28)."""
    actor.require_role(lg_code, Role.CLERK)
    member = db.get(OrganisationMember, (lg_code, organisation_id, person_id))
    if member is None or member.ended_at is not None:
        raise NotFound(code="not_found")
    member.ended_at = now
    organisation = organisation_of(db, lg_code, organisation_id)
    audit.record(
        db,
        actor=actor,
        action="organisation.remove_member",
        subject=("organisation", organisation_id),
        lg_code=lg_code,
        person_id=person_id,
        now=now,
    )
    tell(
        db,
        [
            NoticeDraft(
                person_id,
                "organisation_membership_ended",
                f"{organisation_id}:{now.isoformat()}",
                lg_code,
                {"organisation": organisation.name},
            )
        ],
        now=now,
    )
    return member


def grant_trust(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    organisation_id: UUID,
    categories: Sequence[str],
    book: PolicyBook,
    now: datetime,
) -> OrganisationTrust:
    """R10: designate an organisation's projects in principle, in some categories.

    Holds from today to the fiscal year's end and a month.

    Raises:
        Invalid: `category_unknown` or no category.
        Refused: `never_counts`, a category that never counts cannot be trusted either.
        Conflict: `trust_exists`, a grant lasts as long already or was made today.
    """
    actor.require_role(lg_code, Role.APPROVER)
    organisation_of(db, lg_code, organisation_id)
    today = japan_day(now)
    policy = policy_now(db, book, lg_code, now)
    known = policy.texts("activity.categories")
    for category in categories:
        if never_counts(category, policy):
            raise refused("never_counts", rule="R09", found=category)
    if not categories or not set(categories) <= set(known):
        raise invalid("category_unknown", field="categories", names=known)
    last = trust_on(db, lg_code, organisation_id, today)
    until = trust_until(today, policy)
    # In the month after the fiscal year the next grant is made before the last one runs out.
    lasts = last is not None and last.withdrawn_on is None and last.until >= until
    if last is not None and (lasts or last.since == today):
        raise Conflict(code="trust_exists")
    row = OrganisationTrust(
        lg_code=lg_code,
        organisation_id=organisation_id,
        since=today,
        until=until,
        categories=sorted(set(categories)),
        granted_by=actor.label,
    )
    db.add(row)
    audit.record(
        db,
        actor=actor,
        action="organisation.trust",
        subject=("organisation", organisation_id),
        lg_code=lg_code,
        now=now,
    )
    return row


def withdraw_trust(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    organisation_id: UUID,
    reason: str,
    now: datetime,
) -> OrganisationTrust:
    """R10: back to pattern 1 from today; what was designated before stays so."""
    actor.require_role(lg_code, Role.APPROVER)
    today = japan_day(now)
    row = trust_on(db, lg_code, organisation_id, today)
    if row is None or row.withdrawn_on is not None or row.until < today:
        raise NotFound(code="not_found")
    row.withdrawn_on, row.withdrawn_reason = today, reason
    audit.record(
        db,
        actor=actor,
        action="organisation.withdraw_trust",
        subject=("organisation", organisation_id),
        lg_code=lg_code,
        now=now,
    )
    return row
