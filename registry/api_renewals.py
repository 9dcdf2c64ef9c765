"""Doors of staff for renewals: what waits, objecting, deciding, undoing (R15)."""

from collections.abc import Callable
from datetime import date, datetime
from functools import partial
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from core.access import Actor
from core.problems import problems
from core.web import Answer, Items, PlatformDep, answer_once, platform_of
from registry import judging, renewal_reversal, renewal_staff
from registry.doors import (
    ApproverActor,
    BookDep,
    EvidenceDep,
    LgCode,
    ViewerActor,
    as_body,
)
from registry.models import Judgement, Registration, Term
from registry.own_case import refuse_own_case
from registry.schemas_premium import DecisionIn, TermOut

router = APIRouter(tags=["renewals"])
RENEWALS = "/local-governments/{lg_code}/renewals"


class WaitingRenewalOut(BaseModel):
    """A renewal that waits: for an objection until an instant, or for staff."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "term_id": "5a1f6f0e-6c0b-4d0e-9d51-0a8f6f2f6a11",
                    "registration_id": "9f0c3d1e-6c6f-4a3e-8b59-2a8f4f0b1c11",
                    "display_name": "佐藤花子",
                    "last_day": "2029-02-28",
                    "state": "veto",
                    "effective_at": "2029-01-02T18:00:00Z",
                    "judgement_id": "2b7e1516-28ae-4d2a-abf7-158809cf4f3c",
                    "outcome": "renewed",
                    "asked_on": "2028-12-30",
                }
            ]
        }
    )

    term_id: UUID
    registration_id: UUID
    display_name: str
    last_day: date
    state: str = Field(description="veto: takes effect by itself; review: a human decides")
    effective_at: datetime | None
    judgement_id: UUID | None
    outcome: str | None = Field(description="What the rules say")
    asked_on: date | None

    @classmethod
    def of(
        cls, term: Term, registration: Registration, judgement: Judgement | None
    ) -> "WaitingRenewalOut":
        """A term with its registration and the judgement it rests on."""
        return cls(
            term_id=term.id,
            registration_id=registration.id,
            display_name=registration.display_name,
            last_day=term.last_day,
            state=term.renewal_state,
            effective_at=term.renewal_effective_at,
            judgement_id=term.renewal_judgement_id,
            outcome=None if judgement is None else judgement.outcome,
            asked_on=None if judgement is None else judgement.as_of,
        )


def _decide(
    request: Request, actor: Actor, lg_code: str, term_id: UUID, decision: Callable[..., Term]
) -> Response:
    """What staff decide of a renewal that is not their own (R15), answered once a key."""
    platform = platform_of(request)
    now = platform.clock.now()

    def holder(db: Session) -> UUID:
        return renewal_staff.person_of(db, lg_code=lg_code, term_id=term_id)

    def work(db: Session) -> Answer:
        row = decision(db, actor=actor, lg_code=lg_code, term_id=term_id, now=now)
        return Answer.of(TermOut.of(row))

    refuse_own_case(platform, actor, lg_code, holder)
    return answer_once(request, as_body(actor, lg_code), actor=actor, work=work)


@router.get(RENEWALS, summary="List renewals that wait", responses=problems(401, 403, 404))
def list_waiting(
    lg_code: LgCode, actor: ViewerActor, platform: PlatformDep
) -> Items[WaitingRenewalOut]:
    """R15: those open to objection, and those a human decides; by last day, 500 at most."""
    with platform.database.transaction(as_body(actor, lg_code)) as db:
        rows = renewal_staff.waiting_renewals(
            db, actor=actor, lg_code=lg_code, now=platform.clock.now()
        )
        return Items[WaitingRenewalOut](items=[WaitingRenewalOut.of(*row) for row in rows])


@router.post(
    RENEWALS + "/{term_id}/object",
    summary="Object before a renewal takes effect",
    response_model=TermOut,
    responses=problems(401, 403, 404, 409, 422),
)
def object_renewal(
    request: Request,
    lg_code: LgCode,
    term_id: UUID,
    given: DecisionIn,
    actor: ApproverActor,
    book: BookDep,
) -> Response:
    """R15: within the hours of objection; the renewal then waits for a human."""
    decision = partial(renewal_staff.object_renewal, reason=given.reason, book=book)
    return _decide(request, actor, lg_code, term_id, decision)


@router.post(
    RENEWALS + "/{term_id}/approve",
    summary="Renew",
    response_model=TermOut,
    responses=problems(401, 403, 404, 409),
)
def approve(
    request: Request,
    lg_code: LgCode,
    term_id: UUID,
    actor: ApproverActor,
    book: BookDep,
    evidence: EvidenceDep,
) -> Response:
    """R14, R15: the next year begins the day after this one ends, however late the decision."""
    decision = partial(
        renewal_staff.decide_renewal_by_staff, approve=True, book=book, evidence=evidence
    )
    return _decide(request, actor, lg_code, term_id, decision)


@router.post(
    RENEWALS + "/{term_id}/refuse",
    summary="Refuse a renewal with a reason",
    response_model=TermOut,
    responses=problems(401, 403, 404, 409, 422),
)
def refuse(
    request: Request,
    lg_code: LgCode,
    term_id: UUID,
    given: DecisionIn,
    actor: ApproverActor,
    book: BookDep,
    evidence: EvidenceDep,
) -> Response:
    """R14, R15: the year runs out, then its grace, then back to basic; the person reads why."""
    decision = partial(
        renewal_staff.decide_renewal_by_staff,
        approve=False,
        reason=given.reason,
        book=book,
        evidence=evidence,
    )
    return _decide(request, actor, lg_code, term_id, decision)


@router.post(
    "/local-governments/{lg_code}/judgements/{judgement_id}/reverse",
    summary="Undo what a night decided",
    response_model=TermOut,
    responses=problems(401, 403, 404, 409, 422),
)
def reverse(
    request: Request,
    lg_code: LgCode,
    judgement_id: UUID,
    given: DecisionIn,
    actor: ApproverActor,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """R15: within 90 days, a renewal or a return to basic."""
    now = platform.clock.now()
    refuse_own_case(
        platform, actor, lg_code, lambda db: judging.judgement(db, judgement_id).person_id
    )

    def work(db: Session) -> Answer:
        row = renewal_reversal.reverse(
            db,
            actor=actor,
            lg_code=lg_code,
            judgement_id=judgement_id,
            reason=given.reason,
            now=now,
            book=book,
        )
        return Answer.of(TermOut.of(row))

    return answer_once(request, as_body(actor, lg_code), actor=actor, work=work)
