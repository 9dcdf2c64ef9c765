"""Doors for what a second person has to confirm (P19, C47)."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from core.access import Actor
from core.problems import problems
from core.web import Answer, Items, PlatformDep, answer_once
from registry import confirming
from registry.doors import ApproverActor, BookDep, LgCode, as_body
from registry.fresh_doors import FreshApprover
from registry.models import Confirmation

router = APIRouter(tags=["settings"])
AREA = "/local-governments/{lg_code}/confirmations"


class ConfirmationOut(BaseModel):
    """Something that one member of staff asked for and another one has to confirm."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    kind: Literal["requirement", "auto_mode", "manager_role"]
    subject: str = Field(
        examples=["2027-10-01"],
        description="The day of a requirement, the key of a setting, or whom a role is for.",
    )
    facts: dict[str, Any] = Field(examples=[{"tree": {"count": 5}}])
    name: str | None = Field(description="For the role of manager, whose.")
    state: Literal["open", "confirmed", "declined", "cancelled", "expired"]
    asked_by: str
    asked_at: datetime
    expires_at: datetime
    answered_by: str | None
    answered_at: datetime | None

    @classmethod
    def waits(cls, row: Confirmation) -> Answer:
        """The answer to a wish that waits for its second person."""
        return Answer.of(cls.model_validate(row), 202)


#: What a door says that may ask for a second person instead of doing what was wanted.
WAITS: dict[int | str, dict[str, Any]] = {
    202: {"model": ConfirmationOut, "description": "It waits for a second person."}
}


@router.get(AREA, summary="What waits for a second person", responses=problems(401, 403, 404))
def list_confirmations(
    lg_code: LgCode, actor: ApproverActor, platform: PlatformDep
) -> Items[ConfirmationOut]:
    """The oldest first; what has run out of days is not among them."""
    with platform.database.transaction(as_body(actor, lg_code)) as db:
        found = confirming.waiting(db, lg_code, now=platform.clock.now())
        return Items[ConfirmationOut](items=[ConfirmationOut.model_validate(one) for one in found])


def _answer(
    request: Request, actor: Actor, lg_code: str, work: Callable[[Session], Confirmation]
) -> Response:
    return answer_once(
        request,
        as_body(actor, lg_code),
        actor=actor,
        work=lambda db: Answer.of(ConfirmationOut.model_validate(work(db))),
    )


@router.post(
    f"{AREA}/{{confirmation_id}}/confirm",
    summary="Confirm as the second person",
    response_model=ConfirmationOut,
    responses=problems(401, 403, 404, 409),
)
def confirm(
    request: Request,
    lg_code: LgCode,
    confirmation_id: UUID,
    actor: FreshApprover,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """C47: it is done at once; never by whoever asked, which the database refuses as well."""
    now = platform.clock.now()
    return _answer(
        request,
        actor,
        lg_code,
        lambda db: confirming.confirm(
            db, actor=actor, lg_code=lg_code, confirmation_id=confirmation_id, now=now, book=book
        ),
    )


@router.post(
    f"{AREA}/{{confirmation_id}}/decline",
    summary="Decline, or take back one's own wish",
    response_model=ConfirmationOut,
    responses=problems(401, 403, 404, 409),
)
def decline(
    request: Request,
    lg_code: LgCode,
    confirmation_id: UUID,
    actor: ApproverActor,
    platform: PlatformDep,
) -> Response:
    """Nothing is done; it may be asked for again."""
    now = platform.clock.now()
    return _answer(
        request,
        actor,
        lg_code,
        lambda db: confirming.decline(
            db, actor=actor, lg_code=lg_code, confirmation_id=confirmation_id, now=now
        ),
    )
