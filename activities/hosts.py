"""On whose behalf somebody acts in a local government: a host organisation, its staff, a device."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from activities.models import OrganisationMember, ScannerDevice
from core.access import Actor, ActorKind, Role
from core.errors import Forbidden, NotFound
from core.sealing import digest


class HostRole(StrEnum):
    """What a person may do for a host organisation; an organiser may all that reception may."""

    RECEPTION = "reception"
    ORGANISER = "organiser"


@dataclass(frozen=True, slots=True)
class Host:
    """Somebody acting for host organisations of one local government.

    Attributes:
        actor: Who acts.
        lg_code: The local government below which the organisations are.
        roles: Role by organisation; empty for staff.
        staff: Staff from clerk upwards, who act for every organisation of their body.
    """

    actor: Actor
    lg_code: str
    roles: Mapping[UUID, HostRole] = field(default_factory=lambda: MappingProxyType({}))
    staff: bool = False

    def may(self, organisation_id: UUID, role: HostRole = HostRole.ORGANISER) -> bool:
        """Whether this host may act for an organisation in a role."""
        return self.staff or self.roles.get(organisation_id) in {role, HostRole.ORGANISER}

    def require(self, organisation_id: UUID, role: HostRole = HostRole.ORGANISER) -> None:
        """Refuse unless this host may act for the organisation.

        Raises:
            NotFound: The organisation is not theirs, which must look like no organisation.
            Forbidden: It is theirs, in a role that does not suffice.
        """
        if not self.staff and organisation_id not in self.roles:
            raise NotFound(code="not_found")
        if not self.may(organisation_id, role):
            raise Forbidden(code="forbidden")

    @property
    def organisation_ids(self) -> tuple[UUID, ...] | None:
        """The organisations reached; None for staff, who reach all of their body."""
        return None if self.staff else tuple(self.roles)


@dataclass(frozen=True, slots=True)
class Device:
    """An enrolled scanner: it acts for one organisation, whoever holds it (C27)."""

    actor: Actor
    lg_code: str
    organisation_id: UUID
    label: str
    ends_at: datetime

    def require(self, organisation_id: UUID) -> None:
        """Refuse what is not of the device's organisation, as if there were nothing."""
        if organisation_id != self.organisation_id:
            raise NotFound(code="not_found")


def look_up_host(db: Session, *, actor: Actor, lg_code: str) -> Host:
    """Whom an actor may act for below a local government.

    Args:
        db: A transaction of the gate: nobody's rows are reached before this is known.
        actor: A signed-in registrant or member of staff.
        lg_code: The local government asked about.

    Raises:
        NotFound: Nothing there is theirs.
    """
    if actor.kind is ActorKind.STAFF and actor.has_role(lg_code, Role.CLERK):
        return Host(actor, lg_code, staff=True)
    roles: dict[UUID, HostRole] = {}
    if actor.kind is ActorKind.PERSON:
        found = db.execute(
            select(OrganisationMember.organisation_id, OrganisationMember.role).where(
                OrganisationMember.lg_code == lg_code,
                OrganisationMember.person_id == actor.person_id,
                OrganisationMember.ended_at.is_(None),
            )
        ).all()
        roles = {organisation_id: HostRole(role) for organisation_id, role in found}
    if not roles:
        raise NotFound(code="not_found")
    return Host(actor, lg_code, MappingProxyType(roles))


def look_up_device(db: Session, *, token: str) -> ScannerDevice | None:
    """The device behind a token, ended or not; None for an unknown token (C27).

    Args:
        db: A transaction of the gate.
        token: As the device was given it at enrolment.
    """
    return db.execute(
        select(ScannerDevice).where(ScannerDevice.token_hash == digest(token))
    ).scalar_one_or_none()
