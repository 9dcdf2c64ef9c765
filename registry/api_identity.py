"""Doors of the identity check: the API that begins one, and the way back of the browser (R12)."""

from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.orm import Session

from core.clock import wall_now
from core.problems import problems
from core.web import Answer, PlatformDep, answer_once
from registry import identifying, identity
from registry.api_signin import SessionDep
from registry.doors import BookDep, EvidenceDep, PersonActor, as_person
from registry.identity_provider import CALLBACK
from registry.schemas_identity import AttemptIn, AttemptOut, AttemptStarted

person_router = APIRouter(tags=["identity"])
callback_router = APIRouter(include_in_schema=False)


@person_router.post(
    "/me/identity-attempts",
    status_code=201,
    summary="Begin an identity check with the card",
    response_model=AttemptStarted,
    responses=problems(401, 404, 409, 422, 429),
)
def start_attempt(
    request: Request,
    given: AttemptIn,
    actor: PersonActor,
    session: SessionDep,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """R12: send the browser to `url`; it comes back to `/identity/callback` with this sign-in.

    One use, ten minutes. The 12-digit Individual Number is never asked for and never taken.
    """
    now = platform.clock.now()
    provider = identifying.ready(platform, actor=actor, guardianship_id=given.guardianship_id)

    def work(db: Session) -> Answer:
        started = identity.start_attempt(
            db,
            actor=actor,
            purpose=given.purpose,
            session_hash=session.token_hash,
            provider=provider,
            now=now,
            at=wall_now(),
            book=book,
            next_path=given.next,
            guardianship_id=given.guardianship_id,
        )
        return Answer.of(
            AttemptStarted(id=started.attempt_id, url=started.url, expires_at=started.expires_at),
            201,
        )

    return answer_once(request, as_person(actor), actor=actor, work=work)


@person_router.get(
    "/me/identity-attempts/{attempt_id}",
    summary="Read how an identity check ended",
    responses=problems(401, 404),
)
def read_attempt(
    request: Request, attempt_id: UUID, actor: PersonActor, platform: PlatformDep
) -> AttemptOut:
    """`verified` with the level proved, or `refused` with the reason."""
    with platform.database.transaction(as_person(actor)) as db:
        row = identity.attempt_of(db, actor=actor, attempt_id=attempt_id)
    language = platform.phone.language(request)
    detail = platform.texts.reason_sentence(language, {"code": row.result or "unknown"})
    return AttemptOut.of(row, detail)


@callback_router.get(CALLBACK)
def come_back(
    request: Request,
    actor: PersonActor,
    session: SessionDep,
    platform: PlatformDep,
    book: BookDep,
    evidence: EvidenceDep,
) -> Response:
    """R12: the browser returns from the provider; on to where it came from, or a page that says why."""
    path = identifying.finish(
        platform,
        actor=actor,
        session_hash=session.token_hash,
        query=request.url.query,
        now=platform.clock.now(),
        book=book,
        evidence=evidence,
    )
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return RedirectResponse(path, status_code=303, headers=headers)
