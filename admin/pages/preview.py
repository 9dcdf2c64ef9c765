"""試算: who would change tonight, and who by another requirement or another mode (R15, R33)."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from sqlalchemy.orm import Session

from admin import ahead
from admin.ahead import Ahead
from admin.desk import Desk, ViewerDesk
from core.errors import Invalid, invalid
from registry import foresight
from registry.doors import EvidenceDep
from registry.foresight import Foreseen, Look, Wanted
from registry.rules.facts import DecisionMode

router = APIRouter(include_in_schema=False)
#: As many times as a requirement may ask for in a look ahead.
MOST_TIMES = 365
PREVIEW = "/staff/{lg_code}/preview"
#: What somebody would have: a number of times, a mode.
Asked = Annotated[str, Query(max_length=400)]


@router.get(PREVIEW)
def preview(
    desk: ViewerDesk, evidence: EvidenceDep, count: Asked = "", mode: Asked = ""
) -> Response:
    """C46: decided by what decides in earnest; nothing is written but that somebody looked."""
    errors, wanted = [], None
    try:
        wanted = _wanted(count, mode)
    except Invalid as error:
        errors = desk.problems(error)
    day, over = foresight.next_night(desk.now)
    look = Look(desk.lg_code, day, over, desk.book, evidence)
    with desk.transaction() as db:
        return desk.render(
            db,
            "preview.html",
            here="today",
            status=422 if errors else 200,
            errors=errors,
            night=day,
            tonight=_told(db, desk, foresight.tonight(db, look)),
            supposed=_told(db, desk, foresight.by_other_numbers(db, look, wanted))
            if wanted
            else None,
            count=count,
            mode=mode,
            named=ahead.NAMED,
            most=look.range.limit,
        )


def _told(db: Session, desk: Desk, found: list[Foreseen]) -> Ahead:
    return ahead.told(db, found, actor=desk.actor, lg_code=desk.lg_code, now=desk.now)


def _wanted(count: str, mode: str) -> Wanted | None:
    """The other numbers somebody asked for; None when nothing was asked.

    Raises:
        Invalid: `number_needed`; `field_needed`.
    """
    if not (count.strip() or mode):
        return None
    tree = None
    if text := count.strip():
        # Full-width digits come from Japanese keyboards and are digits to `int`.
        if not (text.isdecimal() and len(text) <= len(str(MOST_TIMES))):
            raise invalid("number_needed", field="count")
        if not 1 <= int(text) <= MOST_TIMES:
            raise invalid("number_needed", field="count")
        tree = {"count": int(text)}
    if mode and mode not in list(DecisionMode):
        raise invalid("field_needed", field="mode")
    return Wanted(tree, DecisionMode(mode) if mode else None)
