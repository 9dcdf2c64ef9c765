"""A local government's own figures as counted, for its staff: JSON and CSV, each cell told (R17)."""

from typing import Final

from fastapi import APIRouter, Response

from core.problems import problems
from core.tables import CSV, as_csv
from core.web import Items, PlatformDep
from registry.doors import LgCode, ViewerActor, as_body
from reporting import reading
from reporting.definitions import figures
from reporting.schemas import OwnFigureOut

router = APIRouter(prefix="/local-governments/{lg_code}/figures", tags=["figures"])
HEAD: Final = ("day", "figure", "figure_ja", "cell", "cell_ja", "value", "unit_ja", "meaning_ja")
#: The desk's own numbers are for the desk: no cache on the way keeps them.
PRIVATE: Final = {"Cache-Control": "no-store"}


@router.get("", summary="Read the own figures", responses=problems(401, 403, 404, 422))
def own_figures(
    actor: ViewerActor, lg_code: LgCode, platform: PlatformDep, response: Response
) -> Items[OwnFigureOut]:
    """R17: as counted in the last night, small numbers too, each figure with what it means."""
    with platform.database.transaction(as_body(actor, lg_code)) as db:
        counts = reading.own_counts(db, lg_code)
        names = reading.prefecture_names(db)
    response.headers.update(PRIVATE)
    shown = [OwnFigureOut.of(one, counts, names) for one in figures().values()]
    return Items[OwnFigureOut](items=shown, next_cursor=None)


@router.get(
    "/csv",
    summary="Read the own figures, as CSV",
    response_class=Response,
    responses=CSV | problems(401, 403, 404, 422),
)
def own_figures_as_csv(actor: ViewerActor, lg_code: LgCode, platform: PlatformDep) -> Response:
    """R17: the same cells for a spreadsheet, each line with the words of the dictionary."""
    with platform.database.transaction(as_body(actor, lg_code)) as db:
        counts = reading.own_counts(db, lg_code)
        names = reading.prefecture_names(db)
    rows = [
        [
            "" if counts.day is None else counts.day.isoformat(),
            one.name,
            one.title.ja,
            cell,
            reading.cell_words(one.name, cell, "ja", names),
            value,
            one.unit.ja,
            one.meaning.ja,
        ]
        for one in figures().values()
        for cell, value in sorted(counts.of(one.name).items())
    ]
    return as_csv(f"furusato-{lg_code}-{counts.day or 'none'}.csv", HEAD, rows, PRIVATE)
