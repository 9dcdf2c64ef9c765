"""Doors of premium for the person: applying, what is missing, taking back, renewing early."""

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from core.problems import problems
from core.web import Answer, PlatformDep, answer_once
from registry import choosing, premium, renewal_request
from registry.doors import BookDep, EvidenceDep, LgCode, PersonActor, as_person
from registry.schemas_premium import ApplicationOut, ApplyIn, MissingOut, TermOut

person_router = APIRouter(tags=["premium"])
OWN = "/me/registrations/{lg_code}"


@person_router.post(
    OWN + "/application",
    status_code=201,
    summary="Apply for premium",
    response_model=ApplicationOut,
    responses=problems(401, 404, 409, 422),
)
def apply_for_premium(
    request: Request,
    lg_code: LgCode,
    given: ApplyIn,
    actor: PersonActor,
    platform: PlatformDep,
    book: BookDep,
    evidence: EvidenceDep,
) -> Response:
    """R07, R12, R13, R16, R18: judged at once. `state` says what came of it.

    `granted`: premium begins today. `veto`, `review`: the local government may object, or
    decides. `waiting`: for a guardian. `refused`: with every reason, the local governments held
    and the way to exchange one.
    """
    now = platform.clock.now()
    language = platform.phone.language(request)

    def work(db: Session) -> Answer:
        applied = premium.apply(
            db,
            actor=actor,
            lg_code=lg_code,
            now=now,
            book=book,
            evidence=evidence,
            replaces=given.replaces_lg_code,
        )
        return Answer.of(ApplicationOut.of_applied(applied, platform.texts, language), 201)

    return answer_once(request, as_person(actor), actor=actor, work=work)


@person_router.get(
    OWN + "/application",
    summary="Read one's application",
    responses=problems(401, 404),
)
def read_application(lg_code: LgCode, actor: PersonActor, platform: PlatformDep) -> ApplicationOut:
    """The open one, else the last one, whatever became of it."""
    with platform.database.transaction(as_person(actor)) as db:
        row = premium.latest_application(db, person_id=actor.person_id, lg_code=lg_code)
        return ApplicationOut.of(row)


@person_router.delete(
    OWN + "/application",
    summary="Take an application back",
    response_model=ApplicationOut,
    responses=problems(401, 404, 409),
)
def withdraw_application(
    request: Request, lg_code: LgCode, actor: PersonActor, platform: PlatformDep, book: BookDep
) -> Response:
    """R13: the place it kept falls free at once."""
    now = platform.clock.now()

    def work(db: Session) -> Answer:
        row = premium.withdraw(db, actor=actor, lg_code=lg_code, now=now, book=book)
        return Answer.of(ApplicationOut.of(row))

    return answer_once(request, as_person(actor), actor=actor, work=work)


@person_router.get(
    OWN + "/premium",
    summary="See what is missing for premium",
    responses=problems(401, 404),
)
def what_is_missing(
    request: Request,
    lg_code: LgCode,
    actor: PersonActor,
    platform: PlatformDep,
    book: BookDep,
    evidence: EvidenceDep,
) -> MissingOut:
    """R07, C46: needed and found for each reason, by the code that judges. Nothing is stored."""
    now = platform.clock.now()
    with platform.database.transaction(as_person(actor)) as db:
        found = premium.missing(
            db, actor=actor, lg_code=lg_code, now=now, book=book, evidence=evidence
        )
        return MissingOut.of(found, platform.texts, platform.phone.language(request))


@person_router.delete(
    OWN + "/premium",
    status_code=204,
    summary="Give premium up and stay basic",
    responses=problems(401, 404, 409),
)
def give_up_premium(
    request: Request, lg_code: LgCode, actor: PersonActor, platform: PlatformDep, book: BookDep
) -> Response:
    """R13: the place falls free at once; the basic registration stays."""
    now = platform.clock.now()

    def work(db: Session) -> Answer:
        choosing.give_up(db, actor=actor, lg_code=lg_code, now=now, book=book)
        return Answer(status=204)

    return answer_once(request, as_person(actor), actor=actor, work=work)


@person_router.post(
    OWN + "/renewal",
    status_code=201,
    summary="Book the next term early",
    response_model=TermOut,
    responses=problems(401, 404, 409),
)
def request_renewal(
    request: Request,
    lg_code: LgCode,
    actor: PersonActor,
    platform: PlatformDep,
    book: BookDep,
    evidence: EvidenceDep,
) -> Response:
    """R14: from the first check on, whoever meets the requirement need not wait for the next one."""
    now = platform.clock.now()

    def work(db: Session) -> Answer:
        term = renewal_request.request_renewal(
            db, actor=actor, lg_code=lg_code, now=now, book=book, evidence=evidence
        )
        return Answer.of(TermOut.of(term), 201)

    return answer_once(request, as_person(actor), actor=actor, work=work)
