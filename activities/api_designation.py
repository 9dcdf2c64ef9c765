"""Doors of staff to proposals: the inbox, decisions, samples (R09, R10)."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy.orm import Session

from activities import designation
from activities.inbox import proposals_of
from activities.paging import Cursor, Limit, after, cursor, page
from activities.schemas_hosts import (
    DesignationIn,
    FindingIn,
    ProposalOut,
    ReasonIn,
)
from core.problems import problems
from core.web import Answer, Items, PlatformDep, answer_once
from registry.doors import ApproverActor, BookDep, LgCode, ViewerActor, as_body

router = APIRouter(prefix="/local-governments/{lg_code}", tags=["designation"])

_READ = problems(401, 403, 404, 422)
_WRITE = problems(401, 403, 404, 409, 422)
State = Literal["draft", "submitted", "designated", "returned", "rejected", "withdrawn"]


@router.get(
    "/activities",
    summary="List proposals: the inbox of designation",
    responses=_READ,
)
def list_proposals(
    lg_code: LgCode,
    actor: ViewerActor,
    platform: PlatformDep,
    state: Annotated[list[State] | None, Query(description="Any when left out")] = None,
    sampled: Annotated[
        bool | None, Query(description="Waiting to be looked at afterwards (R10)")
    ] = None,
    limit: Limit = 20,
    cursor_: Annotated[Cursor, Query(alias="cursor")] = None,
) -> Items[ProposalOut]:
    """`?state=submitted` is what waits for a decision."""
    with platform.database.transaction(as_body(actor, lg_code)) as db:
        rows = proposals_of(
            db,
            lg_code=lg_code,
            states=state or (),
            sampled=sampled,
            limit=limit + 1,
            after=after(cursor_),
        )
    shown, last = page(rows, limit)
    return Items[ProposalOut](
        items=[ProposalOut.model_validate(one) for one in shown],
        next_cursor=None if last is None else cursor(last.created_at, last.id),
    )


@router.post(
    "/activities/{activity_id}/designation",
    summary="Designate an activity",
    response_model=ProposalOut,
    responses=_WRITE,
)
def designate(
    request: Request,
    lg_code: LgCode,
    activity_id: UUID,
    given: DesignationIn,
    actor: ApproverActor,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """R09: the four questions confirmed; nobody designates what they proposed themselves (C47)."""
    now = platform.clock.now()

    def work(db: Session) -> Answer:
        activity = designation.designate(
            db,
            actor=actor,
            lg_code=lg_code,
            activity_id=activity_id,
            answers=given.answers,
            count_cap=given.count_cap,
            book=book,
            now=now,
        )
        return Answer.of(ProposalOut.model_validate(activity))

    return answer_once(request, as_body(actor, lg_code), actor=actor, work=work)


@router.post(
    "/activities/{activity_id}/return",
    summary="Return a proposal to be improved",
    response_model=ProposalOut,
    responses=_WRITE,
)
def return_proposal(
    request: Request,
    lg_code: LgCode,
    activity_id: UUID,
    given: ReasonIn,
    actor: ApproverActor,
    platform: PlatformDep,
) -> Response:
    """R09: the organisers read the reason and may hand it in again."""
    now = platform.clock.now()

    def work(db: Session) -> Answer:
        activity = designation.return_proposal(
            db,
            actor=actor,
            lg_code=lg_code,
            activity_id=activity_id,
            reason=given.reason,
            now=now,
        )
        return Answer.of(ProposalOut.model_validate(activity))

    return answer_once(request, as_body(actor, lg_code), actor=actor, work=work)


@router.post(
    "/activities/{activity_id}/rejection",
    summary="Reject a proposal",
    response_model=ProposalOut,
    responses=_WRITE,
)
def reject(
    request: Request,
    lg_code: LgCode,
    activity_id: UUID,
    given: ReasonIn,
    actor: ApproverActor,
    platform: PlatformDep,
) -> Response:
    """R09: the organisers read the reason."""
    now = platform.clock.now()

    def work(db: Session) -> Answer:
        activity = designation.reject(
            db,
            actor=actor,
            lg_code=lg_code,
            activity_id=activity_id,
            reason=given.reason,
            now=now,
        )
        return Answer.of(ProposalOut.model_validate(activity))

    return answer_once(request, as_body(actor, lg_code), actor=actor, work=work)


@router.post(
    "/activities/{activity_id}/designation-withdrawal",
    summary="Withdraw a designation",
    response_model=ProposalOut,
    responses=_WRITE,
)
def withdraw_designation(
    request: Request,
    lg_code: LgCode,
    activity_id: UUID,
    given: ReasonIn,
    actor: ApproverActor,
    platform: PlatformDep,
) -> Response:
    """R10: from now on; sessions to come are called off, what people did stays counted."""
    now = platform.clock.now()

    def work(db: Session) -> Answer:
        activity = designation.withdraw_designation(
            db,
            actor=actor,
            lg_code=lg_code,
            activity_id=activity_id,
            reason=given.reason,
            now=now,
        )
        return Answer.of(ProposalOut.model_validate(activity))

    return answer_once(request, as_body(actor, lg_code), actor=actor, work=work)


@router.post(
    "/activities/{activity_id}/audit-finding",
    summary="Say what a look at a sampled activity found",
    response_model=ProposalOut,
    responses=_WRITE,
)
def record_audit(
    request: Request,
    lg_code: LgCode,
    activity_id: UUID,
    given: FindingIn,
    actor: ApproverActor,
    platform: PlatformDep,
) -> Response:
    """R10: an anomaly leads the organisation back to pattern 1."""
    now = platform.clock.now()

    def work(db: Session) -> Answer:
        activity = designation.record_audit(
            db,
            actor=actor,
            lg_code=lg_code,
            activity_id=activity_id,
            sound=given.sound,
            note=given.note,
            now=now,
        )
        return Answer.of(ProposalOut.model_validate(activity))

    return answer_once(request, as_body(actor, lg_code), actor=actor, work=work)
