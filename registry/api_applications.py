"""Doors of staff: applications to decide, judgements to read, terms to extend (R14, R15)."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy.orm import Session

from core import audit
from core.access import Actor
from core.db import for_person
from core.errors import NotFound, invalid
from core.problems import problems
from core.web import (
    Answer,
    Items,
    PlatformDep,
    answer_once,
    decode_cursor,
    encode_cursor,
    platform_of,
)
from registry import approvals, judging, members, terms
from registry.doors import (
    ApproverActor,
    BookDep,
    EvidenceDep,
    LgCode,
    ViewerActor,
    as_body,
)
from registry.models import Application, Registration
from registry.own_case import refuse_own_case
from registry.schemas_premium import (
    ConsentEndedOut,
    DecidedOut,
    DecisionIn,
    ExtensionIn,
    JudgementOut,
    StaffApplicationOut,
    TermOut,
)
from registry.withdrawing import withdraw_told

staff_router = APIRouter(tags=["applications"])
STAFF = "/local-governments/{lg_code}"


@staff_router.get(
    STAFF + "/applications",
    summary="List open applications by deadline",
    responses=problems(401, 403, 404, 422),
)
def list_applications(
    request: Request,
    lg_code: LgCode,
    actor: ViewerActor,
    platform: PlatformDep,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Items[StaffApplicationOut]:
    """R15: what waits for staff, soonest deadline first."""
    now = platform.clock.now()
    after = None if cursor is None else _after(cursor)
    with platform.database.transaction(as_body(actor, lg_code)) as db:
        rows = approvals.inbox(db, actor=actor, lg_code=lg_code, now=now, after=after, limit=limit)
    language = platform.desk.language(request)
    last = rows[-1] if len(rows) == limit else None
    return Items[StaffApplicationOut](
        items=[StaffApplicationOut.of(row, platform.texts, language) for row in rows],
        next_cursor=last and encode_cursor(last.deadline.isoformat(), str(last.application.id)),
    )


def _after(cursor: str) -> tuple[datetime, UUID]:
    day, number = decode_cursor(cursor, 2)
    try:
        when = datetime.fromisoformat(day)
        found = when, UUID(number)
    except ValueError as error:
        raise invalid("cursor", field="cursor") from error
    if when.tzinfo is None:
        raise invalid("cursor", field="cursor")
    return found


def _decide(
    request: Request,
    actor: Actor,
    lg_code: str,
    application_id: UUID,
    decision: Callable[..., Application],
) -> Response:
    """What staff decide of an application that is not their own (R15), answered once a key."""
    platform = platform_of(request)
    now = platform.clock.now()

    def applicant(db: Session) -> UUID:
        return approvals.applicant_of(db, lg_code=lg_code, application_id=application_id)

    def work(db: Session) -> Answer:
        row = decision(db, actor=actor, lg_code=lg_code, application_id=application_id, now=now)
        return Answer.of(DecidedOut.of(row))

    refuse_own_case(platform, actor, lg_code, applicant)
    return answer_once(request, as_body(actor, lg_code), actor=actor, work=work)


@staff_router.post(
    STAFF + "/applications/{application_id}/approve",
    summary="Grant an application",
    response_model=DecidedOut,
    responses=problems(401, 403, 404, 409),
)
def approve(
    request: Request,
    lg_code: LgCode,
    application_id: UUID,
    actor: ApproverActor,
    book: BookDep,
    evidence: EvidenceDep,
) -> Response:
    """R13, R15, C37, C47: facts are looked at again; the last place goes to exactly one."""
    decision = partial(approvals.approve, book=book, evidence=evidence)
    return _decide(request, actor, lg_code, application_id, decision)


@staff_router.post(
    STAFF + "/applications/{application_id}/refuse",
    summary="Refuse an application with a reason",
    response_model=DecidedOut,
    responses=problems(401, 403, 404, 409, 422),
)
def refuse(
    request: Request,
    lg_code: LgCode,
    application_id: UUID,
    given: DecisionIn,
    actor: ApproverActor,
    book: BookDep,
) -> Response:
    """R15: the person reads the reason; the place falls free."""
    decision = partial(approvals.refuse, reason=given.reason, book=book)
    return _decide(request, actor, lg_code, application_id, decision)


@staff_router.post(
    STAFF + "/applications/{application_id}/object",
    summary="Object before an application takes effect",
    response_model=DecidedOut,
    responses=problems(401, 403, 404, 409, 422),
)
def object_to(
    request: Request,
    lg_code: LgCode,
    application_id: UUID,
    given: DecisionIn,
    actor: ApproverActor,
    book: BookDep,
) -> Response:
    """R15: within the hours of objection; the application goes to review by a human."""
    decision = partial(approvals.object_to, reason=given.reason, book=book)
    return _decide(request, actor, lg_code, application_id, decision)


@staff_router.post(
    STAFF + "/applications/{application_id}/reverse",
    summary="Undo a grant",
    response_model=DecidedOut,
    responses=problems(401, 403, 404, 409, 422),
)
def reverse(
    request: Request,
    lg_code: LgCode,
    application_id: UUID,
    given: DecisionIn,
    actor: ApproverActor,
    book: BookDep,
) -> Response:
    """R15: within 90 days; the person is basic again and reads why."""
    decision = partial(approvals.reverse, reason=given.reason, book=book)
    return _decide(request, actor, lg_code, application_id, decision)


@staff_router.get(
    STAFF + "/judgements/{judgement_id}",
    summary="Read a judgement with its reasons",
    responses=problems(401, 403, 404),
)
def read_judgement(
    request: Request,
    lg_code: LgCode,
    judgement_id: UUID,
    actor: ViewerActor,
    platform: PlatformDep,
) -> JudgementOut:
    """R15: facts, numbers with their sources, reasons, and whether the rules still say the same."""
    with platform.database.transaction(as_body(actor, lg_code)) as db:
        row = judging.judgement(db, judgement_id)
        report = judging.replay_report(db, judgement_id)
        names = judging.names_in(db, report.stored.reasons)
        audit.record(
            db,
            actor=actor,
            action="judgement.read",
            subject=("judgement", row.id),
            now=platform.clock.now(),
            lg_code=lg_code,
            person_id=row.person_id,
            purpose="premium",
        )
        language = platform.desk.language(request)
        return JudgementOut.of(row, report, platform.texts, language, names)


@staff_router.post(
    STAFF + "/registrations/{registration_id}/extension",
    summary="Extend a term for a disaster or an illness",
    response_model=TermOut,
    responses=problems(401, 403, 404, 409, 422),
)
def extend_term(
    request: Request,
    lg_code: LgCode,
    registration_id: UUID,
    given: ExtensionIn,
    actor: ApproverActor,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """R14, C40: until a day, for a reason; the term is judged and premium lasts until then."""
    now = platform.clock.now()
    refuse_own_case(
        platform,
        actor,
        lg_code,
        lambda db: members.member(db, lg_code=lg_code, registration_id=registration_id).person_id,
    )

    def work(db: Session) -> Answer:
        term = terms.extend(
            db,
            actor=actor,
            lg_code=lg_code,
            registration_id=registration_id,
            until=given.until,
            reason=given.reason,
            now=now,
            book=book,
        )
        return Answer.of(TermOut.of(term))

    return answer_once(request, as_body(actor, lg_code), actor=actor, work=work)


@staff_router.post(
    STAFF + "/registrations/{registration_id}/consent-withdrawal",
    summary="Record that a guardian withdrew their consent",
    response_model=ConsentEndedOut,
    responses=problems(401, 403, 404, 409),
)
def withdraw_consent(
    request: Request,
    lg_code: LgCode,
    registration_id: UUID,
    actor: ApproverActor,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """R18: told by letter or at the counter. Premium of the minor ends everywhere, at once."""
    now = platform.clock.now()
    with platform.database.transaction(as_body(actor, lg_code)) as db:
        row = db.get(Registration, (lg_code, registration_id))
        if row is None or row.minor_until is None:
            raise NotFound(code="not_found")
        person_id = row.person_id

    def work(db: Session) -> Answer:
        ended = withdraw_told(db, actor=actor, person_id=person_id, now=now, book=book)
        return Answer.of(ConsentEndedOut(ended=ended))

    context = for_person(person_id, actor=actor.label, request_id=actor.request_id)
    return answer_once(request, context, actor=actor, work=work)
