"""Doors of staff for somebody who died or is ill for long, and for putting a mistake right (R32)."""

from collections.abc import Sequence
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from core.access import Actor
from core.db import Context, for_person
from core.problems import problems
from core.web import Answer, Platform, PlatformDep, answer_once
from registry import closing, members, parting
from registry.doors import GATE, BookDep, LgCode
from registry.fresh_doors import FreshApprover
from registry.own_case import refuse_own_case

router = APIRouter(tags=["registrants"])
REGISTRATION = "/local-governments/{lg_code}/registrations/{registration_id}"


class ClosingIn(BaseModel):
    """Why staff close for somebody, and from whom they know."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"reason": "deceased", "told_by": "family", "seen": "death_certificate"}]
        },
    )

    reason: closing.ClosingReason = Field(
        description="deceased closes the account; long_illness ends this registration alone"
    )
    told_by: closing.ToldBy
    seen: closing.Seen | None = Field(
        default=None, description="The paper that staff saw; needed when the family asks"
    )


class ClosingOut(BaseModel):
    """What a closing ended."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"registrations": 2, "wards": 0}]})

    registrations: int = Field(description="Registrations that ended, those derived not counted")
    wards: int = Field(description="Minors who were told to name another guardian")


class ReopeningOut(BaseModel):
    """What came back."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"registrations": 2}]})

    registrations: int


def person_at(
    platform: Platform, actor: Actor, *, lg_code: str, registration_id: UUID
) -> tuple[UUID, Context]:
    """Whose registration it is, and the context in which staff act for them.

    Raises:
        NotFound: Not of this local government.
        Forbidden: `own_application`: nobody decides about themselves (C47).
    """

    def person_of(db: Session) -> UUID:
        return members.member(db, lg_code=lg_code, registration_id=registration_id).person_id

    person_id = refuse_own_case(platform, actor, lg_code, person_of)
    return person_id, for_person(person_id, actor=actor.label, request_id=actor.request_id)


def wards_at(platform: Platform, person_id: UUID) -> Sequence[parting.Ward]:
    """Those somebody stands by, as the gate knows them."""
    with platform.database.transaction(GATE) as db:
        return parting.wards_of(db, person_id=person_id)


@router.post(
    f"{REGISTRATION}/closing",
    summary="Close for somebody who died or is ill for long",
    response_model=ClosingOut,
    responses=problems(401, 403, 404, 409, 422),
)
def close(
    request: Request,
    lg_code: LgCode,
    registration_id: UUID,
    given: ClosingIn,
    actor: FreshApprover,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """R32: notices stop at once, everything that holds ends, and nothing is deleted."""
    now = platform.clock.now()
    person_id, context = person_at(
        platform, actor, lg_code=lg_code, registration_id=registration_id
    )
    wards = wards_at(platform, person_id)

    def work(db: Session) -> Answer:
        closed = closing.close_for_person(
            db,
            actor=actor,
            lg_code=lg_code,
            person_id=person_id,
            told=closing.Told(given.reason, given.told_by, given.seen),
            wards=wards,
            now=now,
            book=book,
        )
        return Answer.of(ClosingOut(registrations=closed.registrations, wards=closed.wards))

    return answer_once(request, context, actor=actor, work=work)


@router.post(
    f"{REGISTRATION}/reopening",
    summary="Put right that an account was closed by mistake",
    response_model=ReopeningOut,
    responses=problems(401, 403, 404, 409, 410),
)
def reopen(
    request: Request,
    lg_code: LgCode,
    registration_id: UUID,
    actor: FreshApprover,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """R32, R15: within 90 days; sign-in, notices and basic registrations come back."""
    now = platform.clock.now()
    person_id, context = person_at(
        platform, actor, lg_code=lg_code, registration_id=registration_id
    )

    def work(db: Session) -> Answer:
        count = closing.reopen(
            db,
            actor=actor,
            lg_code=lg_code,
            person_id=person_id,
            secret=platform.secret,
            now=now,
            book=book,
        )
        return Answer.of(ReopeningOut(registrations=count))

    return answer_once(request, context, actor=actor, work=work)
