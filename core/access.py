"""Who acts. Doors make an `Actor` from a sign-in; use cases ask it and never the request."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

from core.errors import Forbidden, SignInNeeded

#: How long ago one must have proved oneself for closing an account or taking all data (d-11).
FRESH = timedelta(minutes=15)


class ActorKind(StrEnum):
    """Kinds of actor; also the first half of an actor's label in the audit trail."""

    ANONYMOUS = "anonymous"
    PERSON = "person"
    STAFF = "staff"
    DEVICE = "device"
    OPERATOR = "operator"
    SYSTEM = "system"


class Role(StrEnum):
    """Roles of staff in one local government; each may do what those before it may."""

    VIEWER = "viewer"
    CLERK = "clerk"
    APPROVER = "approver"
    MANAGER = "manager"

    @property
    def rank(self) -> int:
        """Order of the roles, from 0."""
        return list(Role).index(self)


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody acting, with the rights that were looked up at the door.

    Attributes:
        kind: What kind of actor.
        id: Account, device or nothing (anonymous, system).
        roles: For staff, the roles in each local government by code.
        signed_in_at: When this sign-in began, for acts that need a fresh one.
        user_verified_at: When a passkey last verified who holds the device, likewise.
        name: For the system, the job; else empty.
        behalf_of: The person in whose name somebody of their family acts (R18); the label stays
            that of whoever acts.
    """

    kind: ActorKind
    id: UUID | None = None
    roles: Mapping[str, frozenset[Role]] = field(default_factory=lambda: MappingProxyType({}))
    signed_in_at: datetime | None = None
    name: str = ""
    request_id: str | None = None
    user_verified_at: datetime | None = None
    behalf_of: UUID | None = None

    @property
    def label(self) -> str:
        """`kind:id`, as audit and idempotency keep it."""
        return f"{self.kind.value}:{self.id or self.name}"

    def has_role(self, lg_code: str, needed: Role) -> bool:
        """Whether the actor is staff of this local government with at least this role."""
        return any(role.rank >= needed.rank for role in self.roles.get(lg_code, ()))

    def require_role(self, lg_code: str, needed: Role) -> None:
        """Refuse unless the actor has at least this role there."""
        if not self.has_role(lg_code, needed):
            raise Forbidden(code="forbidden")

    def require_fresh(self, *, within: timedelta, now: datetime, verified: bool = False) -> None:
        """Refuse unless the actor proved who they are a short while ago (d-11).

        Args:
            within: How long ago at most.
            now: The instant.
            verified: Only a passkey that verified the user counts, not a mailed code.

        Raises:
            SignInNeeded: `fresh_sign_in_needed`.
        """
        proofs = (self.user_verified_at, None if verified else self.signed_in_at)
        if not any(proof and proof > now - within for proof in proofs):
            raise SignInNeeded(code="fresh_sign_in_needed")

    @property
    def person_id(self) -> UUID:
        """The registrant acting, or the one in whose name they act."""
        if self.kind is not ActorKind.PERSON or self.id is None:
            raise Forbidden(code="forbidden")
        return self.behalf_of or self.id


ANONYMOUS = Actor(ActorKind.ANONYMOUS, name="visitor")


def system(job: str) -> Actor:
    """The platform itself, at a named job."""
    return Actor(ActorKind.SYSTEM, name=job)
