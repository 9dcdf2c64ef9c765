"""The API for a member of one's family: the same rights as the pages, under one's own name (R18).

Every door looks the tie up first and then is the usual door, answered for the person stood by;
the record names who acted.
"""

from dataclasses import replace
from datetime import date
from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from activities import api_activities
from activities.schemas_activities import SignUpIn, SignUpOut
from activities.schemas_checkin import CheckInOut, OwnCheckIn
from core.access import Actor
from core.ids import new_id
from core.problems import problems
from core.web import Answer, Items, Platform, PlatformDep, answer_once
from mobile import api_cards, kin
from mobile.kin import Kin
from registry import api_registrations, families
from registry.doors import BookDep, EvidenceDep, LgCode, PersonActor, as_person
from registry.rules.families import FamilyAct
from registry.schemas_identity import GuardianshipOut
from registry.schemas_registration import RegisterIn, RegistrationOut

router = APIRouter(tags=["guardians"])

KIN = "/me/guardianships/{guardianship_id}"
REFUSALS = problems(401, 404, 409, 410, 422)


class ChildIn(BaseModel):
    """A child under 13, who has no sign-in of its own."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"nickname": "太郎", "birth_year": 2018, "consent": True}]},
    )

    nickname: str = Field(max_length=40, description="How the child is called")
    birth_year: int = Field(description="The last day of it protects most")
    consent: Literal[True] = Field(description="As the child's guardian, to the terms")


class KinOut(BaseModel):
    """Somebody in whose name one may act."""

    id: UUID = Field(description="Of the guardianship, which the doors below take")
    name: str
    scope: Literal["managed", "helper"]
    until: date | None = Field(description="The last day of it")
    may: list[FamilyAct] = Field(description="What one may do for them today")


def _acting(platform: Platform, actor: Actor, tie: UUID, act: FamilyAct) -> Kin:
    return kin.one_of_kin(platform, actor, tie, act)


@router.post(
    "/me/children",
    status_code=201,
    summary="Register a young child of one's own",
    response_model=GuardianshipOut,
    responses=problems(401, 409, 422),
)
def add_child(
    request: Request, given: ChildIn, actor: PersonActor, platform: PlatformDep, book: BookDep
) -> Response:
    """R18: the guardian is an adult and acts for it until its 13th birthday."""
    now, child = platform.clock.now(), replace(actor, behalf_of=new_id())
    keeper = kin.keeper_with_room(platform, actor, book)

    def work(db: Session) -> Answer:
        row = families.add_child(
            db,
            actor=child,
            keeper=keeper,
            nickname=given.nickname,
            birth_year=given.birth_year,
            now=now,
            book=book,
        )
        return Answer.of(GuardianshipOut.of(row, role="guardian"), 201)

    return answer_once(request, as_person(child), actor=child, work=work)


@router.get(KIN, summary="Who it is and what one may do for them", responses=REFUSALS)
def look(guardianship_id: UUID, actor: PersonActor, platform: PlatformDep) -> KinOut:
    """R18: for a guardian of a managed child and for a helper."""
    found, now = _acting(platform, actor, guardianship_id, FamilyAct.LOOK), platform.clock.now()
    return KinOut.model_validate(
        {
            "id": found.tie.id,
            "name": found.name,
            "scope": found.tie.scope,
            "until": found.tie.until,
            "may": [act for act in FamilyAct if kin.may(found, act, now)],
        }
    )


# --- towns ----------------------------------------------------------------------------------------


@router.get(f"{KIN}/registrations", summary="List their registrations", responses=REFUSALS)
def registrations(
    guardianship_id: UUID, actor: PersonActor, platform: PlatformDep, book: BookDep
) -> Items[RegistrationOut]:
    """All they ever had, living ones first."""
    found = _acting(platform, actor, guardianship_id, FamilyAct.LOOK)
    return api_registrations.list_registrations(found.actor, platform, book)


@router.post(
    f"{KIN}/registrations",
    status_code=201,
    summary="Register a managed child with a local government",
    response_model=RegistrationOut,
    responses=REFUSALS,
)
def register(
    request: Request,
    guardianship_id: UUID,
    given: RegisterIn,
    actor: PersonActor,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """R03: basic, at once, as `POST /me/registrations`. Helpers are refused (`not_for_others`)."""
    found = _acting(platform, actor, guardianship_id, FamilyAct.REGISTER)
    return api_registrations.register(request, given, found.actor, platform, book)


@router.delete(
    f"{KIN}/registrations/{{lg_code}}",
    summary="End a managed child's registration",
    response_model=RegistrationOut,
    responses=REFUSALS,
)
def leave(
    request: Request,
    guardianship_id: UUID,
    lg_code: LgCode,
    actor: PersonActor,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """R02: as `DELETE /me/registrations/{lg_code}`."""
    found = _acting(platform, actor, guardianship_id, FamilyAct.LEAVE)
    return api_registrations.leave(request, lg_code, found.actor, book)


# --- places ---------------------------------------------------------------------------------------


@router.get(f"{KIN}/sign-ups", summary="List their places that lie ahead", responses=REFUSALS)
def sign_ups(guardianship_id: UUID, actor: PersonActor, platform: PlatformDep) -> Items[SignUpOut]:
    """The next hundred at most, the latest first."""
    found = _acting(platform, actor, guardianship_id, FamilyAct.LOOK)
    return api_activities.list_sign_ups(found.actor, platform, upcoming=True, limit=100)


@router.post(
    f"{KIN}/sign-ups",
    status_code=201,
    summary="Take a place for them",
    response_model=SignUpOut,
    responses=REFUSALS,
)
def sign_up(
    request: Request,
    guardianship_id: UUID,
    given: SignUpIn,
    actor: PersonActor,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """C33: as `POST /me/sign-ups`; a managed child is registered on the way (R03)."""
    found = _acting(platform, actor, guardianship_id, FamilyAct.SIGN_UP)
    kin.join_on_the_way(platform, book, found, given.lg_code, platform.clock.now())
    return api_activities.sign_up(request, given, found.actor, platform, book)


@router.delete(
    f"{KIN}/sign-ups/{{lg_code}}/{{session_id}}",
    summary="Give their place back",
    response_model=SignUpOut,
    responses=REFUSALS,
)
def cancel_sign_up(
    request: Request,
    guardianship_id: UUID,
    lg_code: LgCode,
    session_id: UUID,
    actor: PersonActor,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """C33: as `DELETE /me/sign-ups/{lg_code}/{session_id}`."""
    found = _acting(platform, actor, guardianship_id, FamilyAct.SIGN_UP)
    return api_activities.cancel_sign_up(request, lg_code, session_id, found.actor, platform, book)


# --- the card, and the day itself -----------------------------------------------------------------


@router.get(f"{KIN}/registrations/{{lg_code}}/card", summary="Show their card", responses=REFUSALS)
def card(
    request: Request,
    guardianship_id: UUID,
    lg_code: LgCode,
    actor: PersonActor,
    platform: PlatformDep,
    book: BookDep,
    evidence: EvidenceDep,
) -> api_cards.CardOut | None:
    """R22: with a freshly signed code; null when none was issued."""
    found = _acting(platform, actor, guardianship_id, FamilyAct.SHOW_CARD)
    return api_cards.read(request, lg_code, found.actor, platform, book, evidence)


@router.post(
    f"{KIN}/registrations/{{lg_code}}/card",
    status_code=201,
    summary="Have a new card issued for them",
    response_model=api_cards.CardOut,
    responses=REFUSALS,
)
def issue_card(
    request: Request,
    guardianship_id: UUID,
    lg_code: LgCode,
    actor: PersonActor,
    platform: PlatformDep,
    book: BookDep,
    evidence: EvidenceDep,
) -> Response:
    """R22: the one before it is refused from now on."""
    found = _acting(platform, actor, guardianship_id, FamilyAct.SHOW_CARD)
    return api_cards.issue(request, lg_code, found.actor, platform, book, evidence)


@router.post(f"{KIN}/check-ins", summary="Check them in at a venue", responses=REFUSALS)
def check_in(
    request: Request,
    guardianship_id: UUID,
    given: OwnCheckIn,
    actor: PersonActor,
    platform: PlatformDep,
    book: BookDep,
) -> CheckInOut:
    """R19, F15: the code one has read oneself, with one's own scan id; each is counted alone."""
    found = _acting(platform, actor, guardianship_id, FamilyAct.CHECK_IN)
    return CheckInOut.of(kin.check_in(request, platform, book, found, given))
