"""まち: find a local government, register, answer, link, keep, restore, leave (R01–R07)."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from activities import paging
from core.access import ActorKind
from core.clock import japan_day
from core.errors import Conflict, Refused
from core.web import Platform, PlatformDep
from mobile.pages.occasions import town_name
from mobile.pages.questionnaire import options_of, words_of
from mobile.pages.shell import (
    PUBLIC,
    FormDep,
    Registrant,
    Visitor,
    VisitorDep,
    act_as_person,
    again,
    plain_problems,
    show,
    visitor,
)
from registry import access, leaving, news, queries, registration, survey
from registry.applicants import numbers
from registry.doors import BookDep, LgCode, as_person
from registry.governments import find
from registry.models import LocalGovernment, Registration
from registry.overview import Held, held_by
from registry.rules.dormancy import AccessKind
from registry.rules.facts import DecisionMode
from registry.rules.modes import DecisionKind, mode_for
from registry.rules.policy import PolicyBook
from registry.rules.requirement import describe_en, describe_ja
from registry.rules.versions import version_for_term

public_router = APIRouter(include_in_schema=False)
router = APIRouter(include_in_schema=False)

_PAGE: Final = 30
#: Pieces of news on the town's own page, and on a page of news.
_NEWS, _NEWS_PAGE = 3, 20
_REFUSED: Final = 409
CodeQuery = Annotated[str, Query(pattern=r"^(\d{6})?$")]


@dataclass(frozen=True, slots=True)
class Asked:
    """What premium asks for in one town, in words, and who decides."""

    sentence: str
    mode: DecisionMode
    veto_hours: int
    most: int


# --- finding --------------------------------------------------------------------------------------


@public_router.get("/towns")
def towns(
    request: Request,
    visitor: VisitorDep,
    platform: PlatformDep,
    book: BookDep,
    q: Annotated[str, Query(max_length=40)] = "",
    prefecture: CodeQuery = "",
    after: CodeQuery = "",
) -> Response:
    """One's own first, then those that were looked for."""
    held, found = _held(platform, book, visitor), []
    with platform.database.transaction(PUBLIC) as db:
        prefectures = find(db, kind="prefecture", limit=47)
        if q or prefecture:
            found = list(
                find(
                    db,
                    text=q,
                    prefecture_code=prefecture or None,
                    after=after or None,
                    limit=_PAGE + 1,
                )
            )
        ready = {one.code for one in found if queries.accepts(one, book, _today(platform))}
    shown = found[:_PAGE]
    older = None
    if len(found) > _PAGE:
        older = f"/towns?q={q}&prefecture={prefecture}&after={shown[-1].code}"
    return show(
        request,
        "towns.html",
        held=[one for one in held if one.row.status in {"active", "released_dormant"}],
        q=q,
        prefecture=prefecture,
        prefectures=[(one.code, one.name) for one in prefectures],
        found=shown,
        searched=bool(q or prefecture),
        ready=ready,
        joined={one.row.lg_code for one in held if one.row.status == "active"},
        older=older,
        town_name=town_name,
    )


def _today(platform: Platform) -> Any:
    return japan_day(platform.clock.now())


def _held(
    platform: Platform, book: PolicyBook, visitor: Visitor, lg_code: str | None = None
) -> list[Held]:
    if visitor.person is None:
        return []
    with platform.database.transaction(as_person(visitor.actor)) as db:
        return list(
            held_by(
                db,
                person_id=visitor.actor.person_id,
                today=_today(platform),
                book=book,
                lg_code=lg_code,
            )
        )


# --- one town -------------------------------------------------------------------------------------


@public_router.get("/towns/{lg_code}")
def town(
    request: Request, lg_code: LgCode, visitor: VisitorDep, platform: PlatformDep, book: BookDep
) -> Response:
    """R06: for its registrants, opening this page is an access and restarts the clock."""
    if visitor.person is not None:
        with platform.database.transaction(as_person(visitor.actor)) as db:
            access.touch(
                db,
                lg_code=lg_code,
                person_id=visitor.actor.person_id,
                kind=AccessKind.PAGE,
                today=_today(platform),
                book=book,
            )
    page = _town_page(request, platform, book, visitor, lg_code)
    return show(request, "town.html", **page, tie="")


@public_router.get("/towns/{lg_code}/news", dependencies=[Depends(visitor)])
def town_news(
    request: Request,
    lg_code: LgCode,
    platform: PlatformDep,
    after: Annotated[str, Query(max_length=400)] = "",
) -> Response:
    """R23: all that the town tells, the latest first."""
    with platform.database.transaction(PUBLIC) as db:
        name = town_name(queries.government(db, lg_code))
        found = news.news_of(
            db, lg_code=lg_code, limit=_NEWS_PAGE + 1, after=paging.after(after or None)
        )
    shown, last = paging.page(found, _NEWS_PAGE)
    older = None
    if last is not None:
        at = paging.cursor(last.published_at, last.id)
        older = f"/towns/{lg_code}/news?" + urlencode({"after": at})
    return show(request, "news.html", rows=shown, older=older, name=name, lg_code=lg_code)


def _restorable(row: Registration, today: date) -> bool:
    """R06: whether one tap brings back a direct origin, while the row lives by its towns."""
    until = row.restore_until
    return queries.direct_released(row) and until is not None and today <= until


def _town_page(
    request: Request, platform: Platform, book: PolicyBook, visitor: Visitor, lg_code: str
) -> dict[str, Any]:
    lang = platform.phone.language(request)
    held = _held(platform, book, visitor, lg_code)
    with platform.database.transaction(PUBLIC) as db:
        government = queries.government(db, lg_code)
        prefecture = queries.government(db, government.prefecture_code)
        asked = asked_for_premium(db, government, platform, book, lang)
        latest = news.news_of(db, lg_code=lg_code, limit=_NEWS)
    form = survey.form(book, platform.clock.now())
    first = next(one for one in form.questions if one.key == form.shortcut_question)
    return {
        "government": government,
        "name": town_name(government),
        "prefecture": prefecture,
        "prefecture_ready": queries.accepts(prefecture, book, _today(platform)),
        "ready": queries.accepts(government, book, _today(platform)),
        "held": held[0] if held else None,
        "restorable": bool(held) and _restorable(held[0].row, _today(platform)),
        "asked": asked,
        "news": latest,
        "signed": visitor.actor.kind is ActorKind.PERSON,
        "ties": options_of(first, lang),
        "tie_words": words_of(first, lang),
        "link_default": visitor.person is None or visitor.person.link_default,
    }


def asked_for_premium(
    db: Session, government: LocalGovernment, platform: Platform, book: PolicyBook, lang: str
) -> Asked:
    """R07, R15: the requirement in force as a sentence, and how applications are decided."""
    today = _today(platform)
    policy, versions = numbers(db, book, queries.body_of(government), today)
    tree = version_for_term(versions, today).tree
    sentence = describe_en(tree) if lang == "en" else describe_ja(tree)
    return Asked(
        sentence,
        mode_for(policy, DecisionKind.REGISTRATION),
        veto_hours=policy.integer("decision.veto_hours"),
        most=policy.integer("premium.cap"),
    )


@router.post("/towns/{lg_code}/join")
def join(
    request: Request,
    lg_code: LgCode,
    form: FormDep,
    actor: Registrant,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """R02–R04: a basic registration with the one answer that is asked of everybody."""
    now = platform.clock.now()

    def work(db: Session) -> None:
        registration.register(
            db,
            actor=actor,
            lg_code=lg_code,
            now=now,
            book=book,
            link_opt_out=None if not form.one("asked_link") else form.one("link") != "yes",
            answers={"tie": form.one("tie")},
        )

    try:
        return act_as_person(request, form, actor, work, f"/towns/{lg_code}/survey")
    except Refused as error:
        if any(one.field for one in error.problems):
            visitor = Visitor(actor, request.state.person)
            page = _town_page(request, platform, book, visitor, lg_code)
            return again(request, "town.html", error, **page, tie=form.one("tie"))
        return _refusal(request, platform, lg_code, error)


def _refusal(
    request: Request, platform: Platform, lg_code: str, error: Refused | Conflict
) -> Response:
    with platform.database.transaction(PUBLIC) as db:
        name = town_name(queries.government(db, lg_code))
    return show(
        request,
        "refused.html",
        _REFUSED,
        title=name,
        town="",
        lg_code=lg_code,
        reasons=plain_problems(error),
        back_href=f"/towns/{lg_code}",
    )


@router.post("/towns/{lg_code}/link")
def link(
    request: Request,
    lg_code: LgCode,
    form: FormDep,
    actor: Registrant,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """R02: with the prefecture, or without it."""
    now, linked = platform.clock.now(), form.one("linked") == "yes"

    def work(db: Session) -> None:
        registration.set_link(db, actor=actor, lg_code=lg_code, linked=linked, now=now, book=book)

    return act_as_person(request, form, actor, work, f"/towns/{lg_code}")


@router.post("/towns/{lg_code}/keep")
def keep(
    request: Request,
    lg_code: LgCode,
    form: FormDep,
    actor: Registrant,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """R06: one tap says that the tie still holds."""
    now = platform.clock.now()

    def work(db: Session) -> None:
        registration.keep(db, actor=actor, lg_code=lg_code, now=now, book=book)

    return act_as_person(request, form, actor, work, f"/towns/{lg_code}?done=kept")


@router.post("/towns/{lg_code}/restore")
def restore(
    request: Request,
    lg_code: LgCode,
    form: FormDep,
    actor: Registrant,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """R06: one tap brings a released registration back."""
    now = platform.clock.now()

    def work(db: Session) -> None:
        registration.restore(db, actor=actor, lg_code=lg_code, now=now, book=book)

    return act_as_person(request, form, actor, work, f"/towns/{lg_code}?done=restored")


@router.get("/towns/{lg_code}/leave")
def ask_leave(
    request: Request, lg_code: LgCode, actor: Registrant, platform: PlatformDep, book: BookDep
) -> Response:
    """What ends with the registration, before it does."""
    held = _held(platform, book, Visitor(actor, request.state.person), lg_code)
    if not held or held[0].row.status != "active":
        return RedirectResponse(f"/towns/{lg_code}", status_code=303)
    return show(request, "leave.html", held=held[0], name=town_name(held[0].government))


@router.post("/towns/{lg_code}/leave")
def leave(
    request: Request,
    lg_code: LgCode,
    form: FormDep,
    actor: Registrant,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """R02: end the direct registration."""
    now = platform.clock.now()

    def work(db: Session) -> None:
        leaving.leave(db, actor=actor, lg_code=lg_code, now=now, book=book)

    try:
        return act_as_person(request, form, actor, work, f"/towns/{lg_code}?done=left")
    except Refused as error:
        return _refusal(request, platform, lg_code, error)
