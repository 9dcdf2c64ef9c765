"""Doors of guardians: a minor asks, a guardian answers, and may take it back (R18)."""

from collections.abc import Callable
from uuid import UUID

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from core.access import Actor
from core.db import Context
from core.problems import problems
from core.web import Answer, Items, Platform, PlatformDep, answer_once
from registry import families, guardians, identifying, keepers
from registry.api_closing import person_at
from registry.doors import GATE, BookDep, LgCode, PersonActor, as_person
from registry.fresh_doors import FreshApprover
from registry.rules.families import FamilyAct
from registry.rules.policy import PolicyBook
from registry.schemas_identity import (
    ConfirmIn,
    GuardianshipOut,
    InvitationOut,
    InviteIn,
    KeeperIn,
)

person_router = APIRouter(tags=["guardians"])
staff_router = APIRouter(tags=["guardians"])
public_router = APIRouter(tags=["guardians"])

Ask = Callable[[Session], guardians.Invited]


@person_router.post(
    "/me/guardianships",
    status_code=201,
    summary="Ask a guardian for consent",
    response_model=GuardianshipOut,
    responses=problems(401, 404, 409, 422, 429, 503),
)
def invite(
    request: Request,
    given: InviteIn,
    actor: PersonActor,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """R18: a link goes to the guardian's address. It is answered within 30 days.

    An adult asks somebody for help with the scope `helper`: who accepts may sign up, show the card
    and check in for them until the months are over, and never apply, close or change a consent.
    """
    now = platform.clock.now()
    return _asked(
        request,
        platform,
        as_person(actor),
        actor,
        lambda db: guardians.invite(
            db,
            actor=actor,
            contact=given.contact,
            scope=given.scope,
            months=given.months,
            now=now,
            book=book,
        ),
    )


@person_router.get(
    "/me/guardianships",
    summary="List consents asked for and given",
    responses=problems(401),
)
def list_guardianships(actor: PersonActor, platform: PlatformDep) -> Items[GuardianshipOut]:
    """R18, C43: first as a minor, then as a guardian; newest first, ended ones included."""
    with platform.database.transaction(as_person(actor)) as db:
        asked = guardians.guardians_of(db, actor=actor)
    with platform.database.transaction(GATE) as db:
        given = guardians.spoken_for(db, actor=actor)
    return Items[GuardianshipOut](
        items=[
            *(GuardianshipOut.of(row, role="minor") for row in asked),
            *(GuardianshipOut.of(row, role="guardian") for row in given),
        ]
    )


@public_router.get(
    "/guardian-invitations/{token}",
    summary="Read an invitation",
    responses=problems(404, 410),
)
def read_invitation(token: str, platform: PlatformDep) -> InvitationOut:
    """R18: what is asked, for whoever holds the link; it names nobody."""
    with platform.database.transaction(GATE) as db:
        return InvitationOut.of(guardians.by_token(db, token, now=platform.clock.now()))


@person_router.post(
    "/guardian-invitations/{token}/confirm",
    summary="Confirm to be the guardian",
    response_model=GuardianshipOut,
    responses=problems(401, 403, 404, 409, 410),
)
def confirm(
    request: Request,
    token: str,
    given: ConfirmIn,
    actor: PersonActor,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """R18: signed in with the invited address. For premium the guardian's card comes next.

    Whoever becomes the guardian of a managed child is an adult by the year of birth they gave.

    Begin it with `POST /me/identity-attempts`, purpose `guardian`, and the id answered here.
    """
    now = platform.clock.now()
    families.check_keeper(platform, actor=actor, token=token, now=now, book=book)
    with platform.database.transaction(as_person(actor)) as db:
        name = guardians.ensure_person(db, actor=actor, nickname=given.nickname, now=now)

    def work(db: Session) -> Answer:
        row = guardians.confirm(db, actor=actor, token=token, now=now, name=name)
        return Answer.of(GuardianshipOut.of(row, role="guardian"))

    return answer_once(request, identifying.as_gate(actor), actor=actor, work=work)


@person_router.post(
    "/guardian-invitations/{token}/withdraw",
    summary="Withdraw consent, by the invitation's link",
    response_model=GuardianshipOut,
    responses=problems(401, 404, 409, 410),
)
def withdraw_by_link(
    request: Request, token: str, actor: PersonActor, platform: PlatformDep, book: BookDep
) -> Response:
    """R18, example 9: premium of the minor ends at once; the basic registration stays."""
    with platform.database.transaction(GATE) as db:
        row = guardians.by_token(db, token, now=platform.clock.now())
    return _withdraw(request, platform, actor, row.id, book)


@person_router.post(
    "/me/guardianships/{guardianship_id}/withdraw",
    summary="Withdraw consent",
    response_model=GuardianshipOut,
    responses=problems(401, 404, 409),
)
def withdraw(
    request: Request,
    guardianship_id: UUID,
    actor: PersonActor,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """R18, example 9: as the guardian or helper, without the link."""
    return _withdraw(request, platform, actor, guardianship_id, book)


def _withdraw(
    request: Request, platform: Platform, actor: Actor, guardianship_id: UUID, book: PolicyBook
) -> Response:
    found = identifying.ward_of(platform, actor, guardianship_id)
    now = platform.clock.now()

    def work(db: Session) -> Answer:
        row = families.end_tie(db, actor=actor, row=found, now=now, book=book)
        return Answer.of(GuardianshipOut.of(row, role="guardian"))

    return answer_once(request, identifying.as_ward(actor, found), actor=actor, work=work)


# --- a child's second guardian ----------------------------------------------------------------


def _asked(
    request: Request, platform: Platform, context: Context, actor: Actor, ask: Ask
) -> Response:
    """Store an invitation, answer it, and mail its link."""
    made: list[guardians.Invited] = []

    def work(db: Session) -> Answer:
        made[:] = [ask(db)]
        shown = platform.settings.show_sign_in_codes
        link = identifying.invitation_link(platform, made[0].token) if shown else None
        return Answer.of(GuardianshipOut.of(made[0].guardianship, role="minor", link=link), 201)

    response = answer_once(request, context, actor=actor, work=work)
    for invited in made:
        language = platform.phone.language(request)
        identifying.mail_invitation(platform, invited, language=language)
    return response


@person_router.post(
    "/me/guardianships/{guardianship_id}/guardians",
    status_code=201,
    summary="Ask another adult to be a managed child's guardian too",
    response_model=GuardianshipOut,
    responses=problems(401, 404, 409, 422, 429, 503),
)
def ask_keeper(
    request: Request,
    guardianship_id: UUID,
    given: KeeperIn,
    actor: PersonActor,
    platform: PlatformDep,
) -> Response:
    """R18: both may act for the child; when one goes, the other stays. Answered within 30 days."""
    now = platform.clock.now()
    acting, _ = families.in_name_of(
        platform, actor, guardianship_id, FamilyAct.ASK_GUARDIAN, now=now
    )
    return _asked(
        request,
        platform,
        as_person(acting),
        acting,
        lambda db: keepers.ask_keeper(
            db, actor=acting, person_id=acting.person_id, contact=given.contact, now=now
        ),
    )


@staff_router.post(
    "/local-governments/{lg_code}/registrations/{registration_id}/guardians",
    status_code=201,
    summary="Ask an adult to be the guardian of a child whose guardian died",
    response_model=GuardianshipOut,
    responses=problems(401, 403, 404, 409, 422, 429, 503),
)
def ask_for_orphan(
    request: Request,
    lg_code: LgCode,
    registration_id: UUID,
    given: KeeperIn,
    actor: FreshApprover,
    platform: PlatformDep,
) -> Response:
    """R18, R32: the child's registrations wait unchanged until the new guardian has answered."""
    now = platform.clock.now()
    person_id, context = person_at(
        platform, actor, lg_code=lg_code, registration_id=registration_id
    )
    return _asked(
        request,
        platform,
        context,
        actor,
        lambda db: keepers.ask_for_orphan(
            db, actor=actor, person_id=person_id, contact=given.contact, now=now
        ),
    )
