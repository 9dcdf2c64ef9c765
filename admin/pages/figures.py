"""数字: the figures of a body, of a prefecture's area, of the nation, and for everybody (R17)."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy.orm import Session

from admin import figures
from admin.desk import Desk, ViewerDesk
from admin.figures import Line, Section, Shown
from admin.operating import ControlDep
from core.clock import japan_day
from core.errors import NotFound
from core.formats import day as day_words
from core.texts import Translate
from core.tiles import tiles
from core.web import platform_of
from registry import queries
from registry.doors import BookDep
from registry.models import LocalGovernment
from reporting import definitions, reading
from reporting.api import VISITOR
from reporting.models import NATION

router = APIRouter(include_in_schema=False)
operator_router = APIRouter(include_in_schema=False)
public_router = APIRouter(include_in_schema=False)
STAFF = "/staff/{lg_code}"
Code = Annotated[str, Query(max_length=6)]


@router.get(STAFF + "/figures")
def own_figures(desk: ViewerDesk) -> Response:
    """R17: one's own cells as counted; of municipalities, a prefecture sees what is published."""
    with desk.transaction() as db:
        government = queries.government(db, desk.lg_code)
        names = reading.prefecture_names(db)
        counts = reading.own_counts(db, desk.lg_code)
        area = None
        if government.kind == "prefecture":
            area = figures.published(db, "prefecture", desk.lg_code, names, desk.language)
        size = counts.total("registrations") or 0
        minutes = counts.total("staff_minutes") or 0
        return desk.render(
            db,
            "figures.html",
            here="figures",
            own=figures.shown(counts, names, desk.language),
            months=_months(db, desk),
            minutes_each=round(minutes / size, 1) if size else 0,
            area=area,
            least=desk.book.on("stats.k", desk.today).value,
            **figures.words_of(desk.language),
        )


def _months(db: Session, desk: Desk) -> Section:
    lines = [
        Line(day_words(day, desk.language), value)
        for day, value in reading.months(db, desk.lg_code, "registrations")
    ]
    unit = definitions.figures()["registrations"].unit.said(desk.language)
    title, meaning = desk.say("登録の数の動き"), desk.say("毎月1日と、昨夜の数です。")
    return Section("months", title, meaning, unit, lines)


def _by_prefecture(
    area: Shown, names: Mapping[str, str], say: Translate, lang: str
) -> Mapping[str, Any]:
    """The registrations of each prefecture of the nation as a map."""
    values = {part.code: part.of("registrations", "total") for part in area.parts}
    section = Section(
        "where",
        say("都道府県ごとの登録"),
        say("その都道府県の市町村と都道府県への登録の数（延べ）です。"),
        definitions.figures()["registrations"].unit.said(lang),
        [Line(names[code], value, code) for code, value in values.items() if value != 0],
    )
    return {"where": section, "where_tiles": tiles(values, names)}


@operator_router.get("/operator/figures")
def national_figures(control: ControlDep) -> Response:
    """R17: the nation's numbers as published, with their source and day."""
    lang = control.language
    with control.platform.database.transaction(control.context) as db:
        names = reading.prefecture_names(db)
        area = figures.published(db, "nation", NATION, names, lang)
        return control.render(
            "operator_figures.html",
            here="figures",
            area=area,
            sources=sorted({s for one in definitions.figures().values() for s in one.source}),
            least=control.book.on("stats.k", japan_day(control.now)).value,
            **_by_prefecture(area, names, control.say, lang),
            **figures.words_of(lang),
        )


@public_router.get("/open-data")
def open_figures(
    request: Request, book: BookDep, prefecture: Code = "", body: Code = ""
) -> Response:
    """R17: what is published of the nation, a prefecture or a local government, for everybody."""
    platform = platform_of(request)
    lang = platform.desk.language(request)
    say = platform.texts.translator(lang)
    with platform.database.transaction(VISITOR) as db:
        names = reading.prefecture_names(db)
        place = _place(db, prefecture, body)
        level, code = ("body", body) if body else ("prefecture", prefecture)
        if place is None:
            level, code = "nation", NATION
        area = figures.published(db, level, code, names, lang)
        return platform.desk.render(
            request,
            "open_figures.html",
            level=level,
            place=place,
            area=area,
            names=names,
            least=book.on("stats.k", japan_day(platform.clock.now())).value,
            **(_by_prefecture(area, names, say, lang) if place is None else {}),
            **figures.words_of(lang),
        )


def _place(db: Session, prefecture: str, body: str) -> LocalGovernment | None:
    """The place that is asked for; None is the nation.

    Raises:
        NotFound: There is no such place.
    """
    if not prefecture and not body:
        return None
    row = queries.government(db, body or prefecture)
    if prefecture and not body and row.kind != "prefecture":
        raise NotFound(code="not_found")
    return row
