"""Doors of staff to proposals: the inbox, decisions, samples (R09, R10)."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy.orm import Session

from activities import designation
from activities.inbox import proposals_of
from activities.models import Activity
from activities.paging import Cursor, Limit, after, cursor, page
from activities.schemas_hosts import (
    DesignationIn,
    FindingIn,
    ProposalOut,
    ReasonIn,
)
from core.access import Actor
from core.problems import problems
from core.web import Answer, Items, PlatformDep, answer_once, platform_of
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


def _decide(
    request: Request,
    actor: Actor,
    lg_code: str,
    activity_id: UUID,
    decision: Callable[..., Activity],
) -> Response:
    """What staff decide of a proposal (R09), answered once a key."""
    now = platform_of(request).clock.now()

    def work(db: Session) -> Answer:
        activity = decision(db, actor=actor, lg_code=lg_code, activity_id=activity_id, now=now)
        return Answer.of(ProposalOut.model_validate(activity))

    return answer_once(request, as_body(actor, lg_code), actor=actor, work=work)


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
    book: BookDep,
) -> Response:
    """R09: the four questions confirmed; nobody designates what they proposed themselves (C47)."""
    decision = partial(
        designation.designate, answers=given.answers, count_cap=given.count_cap, book=book
    )
    return _decide(request, actor, lg_code, activity_id, decision)


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
) -> Response:
    """R09: the organisers read the reason and may hand it in again."""
    decision = partial(designation.return_proposal, reason=given.reason)
    return _decide(request, actor, lg_code, activity_id, decision)


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
) -> Response:
    """R09: the organisers read the reason."""
    decision = partial(designation.reject, reason=given.reason)
    return _decide(request, actor, lg_code, activity_id, decision)


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
) -> Response:
    """R10: from now on; sessions to come are called off, what people did stays counted."""
    decision = partial(designation.withdraw_designation, reason=given.reason)
    return _decide(request, actor, lg_code, activity_id, decision)


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
) -> Response:
    """R10: an anomaly leads the organisation back to pattern 1."""
    decision = partial(designation.record_audit, sound=given.sound, note=given.note)
    return _decide(request, actor, lg_code, activity_id, decision)
