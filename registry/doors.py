"""Who stands at the door: sign-ins become actors here, for pages and API alike."""

from collections.abc import Callable
from types import MappingProxyType
from typing import Annotated

from fastapi import Depends, Path, Request
from sqlalchemy import select

from core.access import ANONYMOUS, Actor, ActorKind, Role
from core.db import Context, for_body, for_person
from core.errors import Forbidden, NotFound, SignInNeeded
from core.signin import session_of
from core.tenancy import Audience
from core.web import cookie_name, platform_of, request_id
from registry.evidence import Evidence
from registry.models import StaffRole
from registry.rules.policy import PolicyBook

GATE = Context(Audience.GATE, actor="system:gate")


def token_of(request: Request) -> str | None:
    """The session token a request carries: a bearer token, else the cookie."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return token
    return request.cookies.get(cookie_name(platform_of(request).settings))


def current_actor(request: Request) -> Actor:
    """Who is asking, looked up once a request; anonymous without a living session."""
    known: Actor | None = getattr(request.state, "actor", None)
    if known is not None:
        return known
    actor = _look_up(request)
    request.state.actor = actor
    return actor


def _look_up(request: Request) -> Actor:
    platform = platform_of(request)
    token = token_of(request)
    if token is None:
        return ANONYMOUS
    with platform.database.transaction(GATE) as db:
        signed_in = session_of(db, token, now=platform.clock.now())
        if signed_in is None:
            return ANONYMOUS
        request.state.signed_in = signed_in
        roles: dict[str, frozenset[Role]] = {}
        if signed_in.kind == "staff":
            found = db.execute(
                select(StaffRole.lg_code, StaffRole.role).where(
                    StaffRole.account_id == signed_in.account_id, StaffRole.ended_at.is_(None)
                )
            ).all()
            for code, role in found:
                roles[code] = roles.get(code, frozenset()) | {Role(role)}
    return Actor(
        ActorKind(signed_in.kind),
        id=signed_in.account_id,
        roles=MappingProxyType(roles),
        signed_in_at=signed_in.signed_in_at,
        user_verified_at=signed_in.user_verified_at,
        request_id=request_id(request),
    )


AnyActor = Annotated[Actor, Depends(current_actor)]


def person_actor(actor: AnyActor) -> Actor:
    """A signed-in registrant."""
    return _of_kind(actor, ActorKind.PERSON)


def operator_actor(actor: AnyActor) -> Actor:
    """A signed-in operator."""
    return _of_kind(actor, ActorKind.OPERATOR)


def _of_kind(actor: Actor, kind: ActorKind) -> Actor:
    if actor.kind is ActorKind.ANONYMOUS:
        raise SignInNeeded(code="sign_in_needed")
    if actor.kind is not kind:
        raise Forbidden(code="forbidden")
    return actor


LgCode = Annotated[str, Path(pattern=r"^\d{6}$", description="全国地方公共団体コード, 6 digits")]


def staff_with(role: Role) -> Callable[[Actor, str], Actor]:
    """A dependency: staff of the path's local government with at least this role.

    Staff of another one get the answer an unknown address gets.
    """

    def staff_actor(actor: AnyActor, lg_code: LgCode) -> Actor:
        _of_kind(actor, ActorKind.STAFF)
        if not actor.roles.get(lg_code):
            raise NotFound(code="not_found")
        actor.require_role(lg_code, role)
        return actor

    return staff_actor


PersonActor = Annotated[Actor, Depends(person_actor)]
OperatorActor = Annotated[Actor, Depends(operator_actor)]
ViewerActor = Annotated[Actor, Depends(staff_with(Role.VIEWER))]
ClerkActor = Annotated[Actor, Depends(staff_with(Role.CLERK))]
ApproverActor = Annotated[Actor, Depends(staff_with(Role.APPROVER))]
ManagerActor = Annotated[Actor, Depends(staff_with(Role.MANAGER))]


def as_person(actor: Actor) -> Context:
    """The transaction context of a registrant's own rows."""
    return for_person(actor.person_id, actor=actor.label, request_id=actor.request_id)


def as_body(actor: Actor, lg_code: str) -> Context:
    """The transaction context of a local government an actor works in."""
    return for_body(lg_code, actor=actor.label, request_id=actor.request_id)


def as_operator(actor: Actor) -> Context:
    """The transaction context of the operator."""
    return Context(Audience.OPERATOR, actor=actor.label, request_id=actor.request_id)


def book_of(request: Request) -> PolicyBook:
    """The national numbers this process works with."""
    book: PolicyBook = request.app.state.policy_book
    return book


BookDep = Annotated[PolicyBook, Depends(book_of)]


def evidence_of(request: Request) -> Evidence:
    """How this process finds presence; the roof hands it over."""
    evidence: Evidence = request.app.state.evidence
    return evidence


EvidenceDep = Annotated[Evidence, Depends(evidence_of)]
