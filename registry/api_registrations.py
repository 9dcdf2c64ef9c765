"""Doors of a person's own registrations."""

from collections.abc import Callable
from functools import partial

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from core.access import Actor
from core.clock import japan_day
from core.errors import NotFound
from core.problems import problems
from core.web import Answer, Items, Platform, PlatformDep, answer_once, platform_of
from registry import access, leaving, queries, registration, survey
from registry.doors import BookDep, LgCode, PersonActor, as_person
from registry.overview import held_by
from registry.rules.dormancy import AccessKind
from registry.rules.policy import PolicyBook
from registry.schemas_registration import (
    AnswersIn,
    AnswersOut,
    LinkIn,
    RegisterIn,
    RegistrationOut,
    SurveyOut,
)

router = APIRouter(tags=["registrations"])
public_router = APIRouter(tags=["registrations"])

REFUSALS = problems(401, 404, 409, 410, 422)


def one(
    db: Session, actor: Actor, lg_code: str, platform: Platform, book: PolicyBook
) -> RegistrationOut:
    """The person's registration with one local government.

    Raises:
        NotFound: There never was one.
    """
    db.flush()
    found = held_by(
        db,
        person_id=actor.person_id,
        today=japan_day(platform.clock.now()),
        book=book,
        lg_code=lg_code,
    )
    if not found:
        raise NotFound(code="not_found")
    return RegistrationOut.of(found[0])


def _change(
    request: Request, actor: Actor, lg_code: str, book: PolicyBook, act: Callable[..., object]
) -> Response:
    """What a person does with a registration of their own, and how it stands then."""
    platform = platform_of(request)

    def work(db: Session) -> Answer:
        act(db, actor=actor, lg_code=lg_code, now=platform.clock.now(), book=book)
        return Answer.of(one(db, actor, lg_code, platform, book))

    return answer_once(request, as_person(actor), actor=actor, work=work)


@router.get(
    "/me/registrations",
    summary="List one's own registrations",
    responses=problems(401),
)
def list_registrations(
    actor: PersonActor, platform: PlatformDep, book: BookDep
) -> Items[RegistrationOut]:
    """All registrations one ever had, living ones first, with their state and dates."""
    with platform.database.transaction(as_person(actor)) as db:
        found = held_by(
            db, person_id=actor.person_id, today=japan_day(platform.clock.now()), book=book
        )
        return Items[RegistrationOut](items=[RegistrationOut.of(held) for held in found])


@router.post(
    "/me/registrations",
    status_code=201,
    summary="Register with a local government",
    response_model=RegistrationOut,
    responses=REFUSALS,
)
def register(
    request: Request, given: RegisterIn, actor: PersonActor, platform: PlatformDep, book: BookDep
) -> Response:
    """R02, R03: basic, at once. The prefecture comes too, unless one opts out.

    Asking again changes nothing; after leaving it brings the same registration back.
    """

    def work(db: Session) -> Answer:
        registration.register(
            db,
            actor=actor,
            lg_code=given.lg_code,
            now=platform.clock.now(),
            book=book,
            link_opt_out=None if given.link is None else not given.link,
            answers=given.answers,
        )
        return Answer.of(one(db, actor, given.lg_code, platform, book), 201)

    return answer_once(request, as_person(actor), actor=actor, work=work)


@router.get(
    "/me/registrations/{lg_code}",
    summary="Open one registration",
    responses=problems(401, 404),
)
def open_registration(
    lg_code: LgCode, actor: PersonActor, platform: PlatformDep, book: BookDep
) -> RegistrationOut:
    """R06: opening a local government's page is an access and restarts its dormancy clock."""
    with platform.database.transaction(as_person(actor)) as db:
        access.touch(
            db,
            lg_code=lg_code,
            person_id=actor.person_id,
            kind=AccessKind.PAGE,
            today=japan_day(platform.clock.now()),
            book=book,
        )
        return one(db, actor, lg_code, platform, book)


@router.delete(
    "/me/registrations/{lg_code}",
    summary="Leave a local government",
    response_model=RegistrationOut,
    responses=REFUSALS,
)
def leave(request: Request, lg_code: LgCode, actor: PersonActor, book: BookDep) -> Response:
    """R02: end one's own registration; premium ends with it. A derived prefecture is opted out of."""
    return _change(request, actor, lg_code, book, leaving.leave)


@router.put(
    "/me/registrations/{lg_code}/link",
    summary="Opt out of the prefecture, or back in",
    response_model=RegistrationOut,
    responses=REFUSALS,
)
def set_link(
    request: Request,
    lg_code: LgCode,
    given: LinkIn,
    actor: PersonActor,
    book: BookDep,
) -> Response:
    """R02: for this municipality only; nothing else changes."""
    act = partial(registration.set_link, linked=given.linked)
    return _change(request, actor, lg_code, book, act)


@router.post(
    "/me/registrations/{lg_code}/keep",
    summary="Keep a registration that nears release",
    response_model=RegistrationOut,
    responses=REFUSALS,
)
def keep(request: Request, lg_code: LgCode, actor: PersonActor, book: BookDep) -> Response:
    """R06: one tap; the dormancy clock starts again today."""
    return _change(request, actor, lg_code, book, registration.keep)


@router.post(
    "/me/registrations/{lg_code}/restore",
    summary="Restore a released registration",
    response_model=RegistrationOut,
    responses=REFUSALS,
)
def restore(request: Request, lg_code: LgCode, actor: PersonActor, book: BookDep) -> Response:
    """R06: one tap, for twelve months after the release (a national setting)."""
    return _change(request, actor, lg_code, book, registration.restore)


# --- the first questionnaire --------------------------------------------------------------


@public_router.get("/first-questionnaire", summary="The first questionnaire")
def questionnaire(platform: PlatformDep, book: BookDep) -> SurveyOut:
    """R04: the version asked today. Only required questions must be answered."""
    return SurveyOut.of(survey.form(book, platform.clock.now()))


@router.get(
    "/me/registrations/{lg_code}/survey",
    summary="One's own answers",
    responses=problems(401, 404),
)
def my_answers(lg_code: LgCode, actor: PersonActor, platform: PlatformDep) -> AnswersOut:
    """R04: the newest answers given to this local government; empty before the first."""
    with platform.database.transaction(as_person(actor)) as db:
        row = queries.registration_of(db, lg_code=lg_code, person_id=actor.person_id)
        if row is None:
            raise NotFound(code="not_found")
        found = survey.answers_of(db, row)
    if found is None:
        return AnswersOut(answers={})
    return AnswersOut(version=found.version, answers=found.answers, answered_at=found.answered_at)


@router.post(
    "/me/registrations/{lg_code}/survey",
    summary="Answer the first questionnaire",
    response_model=AnswersOut,
    responses=REFUSALS,
)
def answer(
    request: Request,
    lg_code: LgCode,
    given: AnswersIn,
    actor: PersonActor,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """R04: kept with the version of the questionnaire; answering again replaces them."""

    def work(db: Session) -> Answer:
        row = survey.answer(
            db,
            actor=actor,
            lg_code=lg_code,
            answers=given.answers,
            now=platform.clock.now(),
            book=book,
        )
        out = AnswersOut(version=row.version, answers=row.answers, answered_at=row.answered_at)
        return Answer.of(out)

    return answer_once(request, as_person(actor), actor=actor, work=work)
