"""Doors of passkeys. Ceremonies carry no idempotency key: a challenge is good for one try."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy.orm import Session

from core import passkey_challenges, passkey_list, passkeys, signin
from core.access import Actor, ActorKind
from core.browsers import browser_of
from core.db import Context, for_person
from core.errors import SignInNeeded
from core.outbox import NoticeDraft, tell
from core.passkey_challenges import party_of
from core.problems import problems
from core.tenancy import Audience
from core.web import Answer, Items, Platform, PlatformDep, address_of, answer_once, device_of
from registry.api_signin import SessionDep, token_answer
from registry.doors import GATE, AnyActor, BookDep
from registry.fresh_doors import must_verify, prove_on_duty
from registry.schemas_passkeys import (
    ChallengeOut,
    PasskeyAnswer,
    PasskeyMade,
    PasskeyName,
    PasskeyOut,
    SignInChallengeAsked,
)
from registry.schemas_signin import SignInOut
from registry.signing_in import claimed_of, prove_passkey, token_of_opened

public_router = APIRouter(tags=["passkeys"])
own_router = APIRouter(tags=["passkeys"])


def signed_in_actor(_session: SessionDep, actor: AnyActor) -> Actor:
    """Whoever is signed in, of any kind."""
    return actor


SignedInActor = Annotated[Actor, Depends(signed_in_actor)]


def at_the_gate(actor: Actor) -> Context:
    """The transaction context of somebody's own sign-in."""
    return Context(Audience.GATE, actor=actor.label, request_id=actor.request_id)


# --- signing in -----------------------------------------------------------------------------------


@public_router.post(
    "/passkey-sign-ins/challenges",
    status_code=201,
    summary="Ask for a challenge to sign in with a passkey",
    responses=problems(409, 422, 429),
)
def challenge_to_sign_in(
    request: Request, given: SignInChallengeAsked, platform: PlatformDep
) -> ChallengeOut:
    """For `navigator.credentials.get`, also with `mediation: conditional`: five minutes, one try."""
    with platform.database.transaction(GATE) as db:
        made = passkey_challenges.begin_sign_in(
            db,
            party=party_of(platform.settings),
            kind=given.kind,
            secret=platform.secret,
            address=address_of(request),
            now=platform.clock.now(),
        )
    return ChallengeOut.of(made)


@public_router.post(
    "/passkey-sign-ins",
    status_code=201,
    summary="Sign in with a passkey",
    response_model=SignInOut,
    responses=problems(409, 410, 422),
)
def sign_in(
    request: Request, given: PasskeyAnswer, platform: PlatformDep, book: BookDep
) -> Response:
    """A bearer token for an app, or a cookie for a browser, as with a mailed code.

    The device verified who holds it. A key whose counter went back is blocked and its owner
    told; a mailed code still opens the account.
    """
    device = device_of(request) if given.transport == "cookie" else ""
    token, found = prove_passkey(
        platform,
        binding=given.binding,
        credential=given.credential,
        transport=given.transport,
        user_agent=request.headers.get("user-agent", ""),
        device=device,
        now=platform.clock.now(),
        book=book,
    )
    return token_answer(platform, given.transport, found, token, device)


# --- one's own keys -------------------------------------------------------------------------------


@own_router.get("/passkeys", summary="List one's own passkeys", responses=problems(401))
def list_passkeys(session: SessionDep, platform: PlatformDep) -> Items[PasskeyOut]:
    """Names, when made, when last used. Private halves never leave the devices."""
    with platform.database.transaction(GATE) as db:
        rows = passkey_list.passkeys_of(db, session.account_id)
        return Items[PasskeyOut](items=[PasskeyOut.of(row) for row in rows])


@own_router.post(
    "/passkeys/challenges",
    status_code=201,
    summary="Ask for a challenge to add a passkey",
    responses=problems(401, 409),
)
def challenge_to_add(
    session: SessionDep, actor: SignedInActor, platform: PlatformDep
) -> ChallengeOut:
    """For `navigator.credentials.create`; at most ten keys an account.

    Staff and operators who have a key prove themselves with it first: a mailbox alone adds none.
    """
    _prove_if_on_duty(platform, actor)
    with platform.database.transaction(GATE) as db:
        made = passkey_challenges.begin_registration(
            db, party=party_of(platform.settings), signed_in=session, now=platform.clock.now()
        )
    return ChallengeOut.of(made)


@own_router.post(
    "/passkeys",
    status_code=201,
    summary="Add a passkey",
    responses=problems(401, 409, 410, 422),
)
def add_passkey(
    request: Request,
    given: PasskeyMade,
    session: SessionDep,
    actor: SignedInActor,
    platform: PlatformDep,
) -> PasskeyOut:
    """Keeps the public half; registrants are told by a notice, in case it was not they."""
    _prove_if_on_duty(platform, actor)
    now = platform.clock.now()
    claimed = claimed_of(platform, binding=given.binding, now=now)
    browser = browser_of(request.headers.get("user-agent", ""))
    with platform.database.transaction(at_the_gate(actor)) as db:
        row = passkeys.finish_registration(
            db,
            party=party_of(platform.settings),
            actor=actor,
            signed_in=session,
            claimed=claimed,
            credential=given.credential,
            name=given.name or browser or "passkey",
            now=now,
        )
        out = PasskeyOut.of(row)
    _tell_of_new(platform, actor, out)
    return out


def _prove_if_on_duty(platform: Platform, actor: Actor) -> None:
    if actor.kind is not ActorKind.PERSON and must_verify(platform, actor):
        prove_on_duty(platform, actor, now=platform.clock.now())


def _tell_of_new(platform: Platform, actor: Actor, made: PasskeyOut) -> None:
    if actor.kind is not ActorKind.PERSON:
        return
    draft = NoticeDraft(
        actor.person_id, "passkey_added", str(made.id), facts={"passkey": made.name}
    )
    with platform.database.transaction(for_person(actor.person_id)) as db:
        tell(db, [draft], now=made.created_at)


@own_router.patch(
    "/passkeys/{passkey_id}",
    summary="Rename a passkey",
    response_model=PasskeyOut,
    responses=problems(401, 404, 422),
)
def rename_passkey(
    request: Request,
    passkey_id: UUID,
    given: PasskeyName,
    actor: SignedInActor,
    platform: PlatformDep,
) -> Response:
    """So that one knows it in the list."""

    def work(db: Session) -> Answer:
        row = passkey_list.rename(
            db, actor=actor, passkey_id=passkey_id, name=given.name, now=platform.clock.now()
        )
        return Answer.of(PasskeyOut.of(row))

    return answer_once(request, at_the_gate(actor), actor=actor, work=work)


@own_router.delete(
    "/passkeys/{passkey_id}",
    status_code=204,
    summary="Remove a passkey",
    responses=problems(401, 404),
)
def remove_passkey(
    request: Request, passkey_id: UUID, actor: SignedInActor, platform: PlatformDep
) -> Response:
    """It opens nothing from then on; a mailed code still does, so nobody is locked out."""
    _prove_if_on_duty(platform, actor)

    def work(db: Session) -> Answer:
        passkey_list.remove(db, actor=actor, passkey_id=passkey_id, now=platform.clock.now())
        return Answer(status=204)

    return answer_once(request, at_the_gate(actor), actor=actor, work=work)


# --- proving oneself again ------------------------------------------------------------------------


@own_router.post(
    "/passkey-confirmations/challenges",
    status_code=201,
    summary="Ask for a challenge to prove oneself again",
    responses=problems(401, 404, 409),
)
def challenge_to_confirm(session: SessionDep, platform: PlatformDep) -> ChallengeOut:
    """For acts that need a fresh proof, within the sign-in that one has."""
    with platform.database.transaction(GATE) as db:
        made = passkey_challenges.begin_confirmation(
            db, party=party_of(platform.settings), signed_in=session, now=platform.clock.now()
        )
    return ChallengeOut.of(made)


@own_router.post(
    "/passkey-confirmations",
    summary="Prove oneself again with a passkey",
    response_model=SignInOut,
    responses=problems(401, 409, 410, 422),
)
def confirm(
    request: Request, given: PasskeyAnswer, session: SessionDep, platform: PlatformDep
) -> Response:
    """The same sign-in goes on under a new token; the old one is worth nothing from then on."""
    now = platform.clock.now()
    claimed = claimed_of(platform, binding=given.binding, now=now)
    with platform.database.transaction(GATE) as db:
        opened = passkeys.finish_confirmation(
            db,
            party=party_of(platform.settings),
            signed_in=session,
            claimed=claimed,
            credential=given.credential,
            now=now,
        )
    token = token_of_opened(platform, opened, now=now)
    with platform.database.transaction(GATE) as db:
        found = signin.session_of(db, token, now=now)
    if found is None:
        raise SignInNeeded(code="sign_in_needed")
    return token_answer(platform, given.transport, found, token, device_of(request), status=200)
