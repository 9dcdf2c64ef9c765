"""Open data: the published figures for everybody, as JSON and CSV, with their dictionary (R17)."""

from datetime import date
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response
from sqlalchemy.orm import Session

from core.clock import japan_day
from core.db import Context
from core.errors import NotFound
from core.problems import problems
from core.tables import CSV, as_csv
from core.tenancy import Audience
from core.web import Items, PlatformDep, decode_cursor, encode_cursor
from registry.doors import BookDep
from reporting import reading
from reporting.definitions import Group, figures
from reporting.reading import Asked
from reporting.schemas import FigureOut, Level, OpenValueOut

router = APIRouter(tags=["open-data"])
#: A visitor sees what everybody may see, and no person's rows.
VISITOR: Final = Context(Audience.PERSON, actor="anonymous:visitor")
HEAD: Final = (
    "day", "level", "code", "name", "prefecture", "figure", "cell", "cell_ja", "value", "is_hidden",
)  # fmt: skip
#: Published once a month: whoever asks again within the hour has it.
CACHE: Final = {"Cache-Control": "public, max-age=3600"}
Day = Annotated[date | None, Query(description="A published day; the last one when left out.")]
Figure = Annotated[str | None, Query(max_length=24, description="Only this figure.")]
Prefecture = Annotated[
    str | None, Query(pattern=r"^\d{6}$", description="Only this prefecture and its bodies.")
]


@router.get("/open-data/figures", summary="The dictionary of the figures")
def dictionary(platform: PlatformDep, book: BookDep, response: Response) -> Items[FigureOut]:
    """R17: each figure with its meaning, unit, source, parts, and the statement that counts it."""
    least = book.on("stats.k", japan_day(platform.clock.now())).value
    response.headers.update(CACHE)
    shown = [one for one in figures().values() if one.group is not Group.OWN]
    return Items[FigureOut](items=[FigureOut.of(one, least) for one in shown], next_cursor=None)


@router.get("/open-data/values", summary="Published figures as JSON", responses=problems(404, 422))
def values(
    platform: PlatformDep,
    response: Response,
    day: Day = None,
    level: Level | None = None,
    figure: Figure = None,
    prefecture: Prefecture = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 500,
) -> Items[OpenValueOut]:
    """R17: in the order of level, code, figure and cell; a cell that is not there is zero."""
    with platform.database.transaction(VISITOR) as db:
        asked = _asked(db, day, level, figure, prefecture)
        rows = reading.open_rows(
            db, asked, after=None if cursor is None else _place(cursor), limit=limit + 1
        )
    shown = rows[:limit]
    response.headers.update(CACHE)
    return Items[OpenValueOut](
        items=[OpenValueOut.of(row) for row in shown],
        next_cursor=encode_cursor(*shown[-1].place) if len(rows) > limit else None,
    )


@router.get(
    "/open-data/values/csv",
    summary="Published figures as CSV",
    response_class=Response,
    responses=CSV | problems(404, 422),
)
def values_as_csv(
    platform: PlatformDep,
    day: Day = None,
    level: Level | None = None,
    figure: Figure = None,
    prefecture: Prefecture = None,
) -> Response:
    """R17: the same cells in one file, which Excel opens as it is."""
    with platform.database.transaction(VISITOR) as db:
        asked = _asked(db, day, level, figure, prefecture)
        names = reading.prefecture_names(db)
        rows = reading.open_rows(db, asked, after=None, limit=None)
    told = (
        [
            row.day.isoformat(),
            row.level,
            row.code,
            row.name,
            row.prefecture,
            row.figure,
            row.cell,
            reading.cell_words(row.figure, row.cell, "ja", names),
            "" if row.value is None else row.value,
            "true" if row.value is None else "false",
        ]
        for row in rows
    )
    return as_csv(f"furusato-figures-{asked.day:%Y-%m-%d}.csv", HEAD, told, CACHE)


def _asked(
    db: Session, day: date | None, level: str | None, figure: str | None, prefecture: str | None
) -> Asked:
    """What is asked for, of a day that is published; before the first one there is nothing.

    Raises:
        NotFound: Nothing was published on that day.
    """
    days = reading.open_days(db)
    if day is not None and day not in days:
        raise NotFound(code="not_found")
    return Asked(day or next(iter(days), date.min), level, figure, prefecture)


def _place(cursor: str) -> reading.Place:
    level, code, figure, cell = decode_cursor(cursor, 4)
    return level, code, figure, cell
