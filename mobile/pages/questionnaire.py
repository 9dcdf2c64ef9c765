"""アンケート: the first questionnaire; everything but the first question may stay empty (R04)."""

from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from core.errors import NotFound, Refused
from core.web import Platform, PlatformDep
from mobile.pages.occasions import town_name
from mobile.pages.shell import (
    PUBLIC,
    Form,
    FormDep,
    Registrant,
    act_as_person,
    again,
    show,
)
from registry import queries, survey
from registry.doors import BookDep, LgCode, as_person
from registry.rules.survey import Question, QuestionKind, Survey

router = APIRouter(include_in_schema=False)


def words_of(question: Question, lang: str) -> str:
    return question.en if lang == "en" else question.ja


def options_of(question: Question, lang: str) -> list[tuple[str, str]]:
    return [(one.code, one.en if lang == "en" else one.ja) for one in question.options]


def _survey_page(
    request: Request, platform: Platform, lg_code: str, asked: Survey, given: dict[str, Any]
) -> dict[str, Any]:
    lang = platform.phone.language(request)
    with platform.database.transaction(PUBLIC) as db:
        name = town_name(queries.government(db, lg_code))
    return {
        "name": name,
        "lg_code": lg_code,
        "questions": [(one, words_of(one, lang), options_of(one, lang)) for one in asked.questions],
        "given": given,
        "short": {asked.shortcut_answer: asked.skipped},
    }


@router.get("/towns/{lg_code}/survey")
def survey_page(
    request: Request, lg_code: LgCode, actor: Registrant, platform: PlatformDep, book: BookDep
) -> Response:
    """R04: the questions, with what was answered before; all but the first may stay empty."""
    asked, given = survey.form(book, platform.clock.now()), {}
    with platform.database.transaction(as_person(actor)) as db:
        row = queries.registration_of(db, lg_code=lg_code, person_id=actor.person_id)
        if row is None or row.status != "active":
            raise NotFound(code="not_found")
        before = survey.answers_of(db, row)
        given = dict(before.answers) if before is not None else {}
    return show(request, "survey.html", **_survey_page(request, platform, lg_code, asked, given))


@router.post("/towns/{lg_code}/survey")
def answer(
    request: Request,
    lg_code: LgCode,
    form: FormDep,
    actor: Registrant,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """Keep the answers; again replaces them."""
    now = platform.clock.now()
    asked = survey.form(book, now)
    given = _given(asked, form)

    def work(db: Session) -> None:
        survey.answer(db, actor=actor, lg_code=lg_code, answers=given, now=now, book=book)

    try:
        return act_as_person(request, form, actor, work, f"/towns/{lg_code}?done=answered")
    except Refused as error:
        page = _survey_page(request, platform, lg_code, asked, given)
        return again(request, "survey.html", error, **page)


def _given(asked: Survey, form: Form) -> dict[str, Any]:
    """The answers as the rule wants them: numbers as numbers, several as a list."""
    found: dict[str, Any] = {}
    for question in asked.questions:
        if question.kind is QuestionKind.SEVERAL:
            found[question.key] = form.many(question.key)
        elif question.kind is QuestionKind.NUMBER:
            text = form.one(question.key)
            short = text.isdecimal() and len(text) <= 6  # noqa: PLR2004 (no answer is longer)
            found[question.key] = int(text) if short else (text or None)
        else:
            found[question.key] = form.one(question.key)
    return {key: value for key, value in found.items() if value not in (None, "", [])}
