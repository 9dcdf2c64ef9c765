"""前の年度の活動を写す: a fiscal year's activities once more, each date where it falls next year (R09)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query, Response
from sqlalchemy.orm import Session

from activities import copying_year
from activities.copying_year import Chosen, Held, Moved, Year
from activities.hosts import Host
from activities.making import Made, Making, Wanted
from activities.rules.next_year import copied_by_default
from admin.desk import ClerkDesk, Desk, Done, Problems
from admin.forms import Form, FormDep
from core.clock import JAPAN
from core.errors import Invalid, Refused, invalid

router = APIRouter(include_in_schema=False)
PAGE: Final = "/staff/{lg_code}/activities/last-year"
FIRST_YEAR, LAST_YEAR = 2025, 2100
ONE_DAY: Final = timedelta(days=1)
Fiscal = Annotated[int | None, Query(ge=FIRST_YEAR, le=LAST_YEAR)]


@dataclass(frozen=True, slots=True)
class Row:
    """A date as the form shows it: what is written in it, and what would become of it."""

    moved: Moved
    chosen: bool
    day: str
    starts: str
    ends: str
    capacity: str
    told: Problems = ()
    good: bool = False


#: The rows of each activity, and whether it is ticked.
Shown = Sequence[tuple[Held, bool, Sequence[Row]]]


def show(
    desk: Desk,
    year: int,
    *,
    after: UUID | None = None,
    form: Form | None = None,
    outcomes: Mapping[UUID, Sequence[tuple[UUID, Made]]] | None = None,
    errors: Problems = (),
    status: int = 200,
    done: str = "",
) -> Response:
    """The list, as it is offered first or as it was written, with what would come of it."""
    after = _after(form) if form else after
    with desk.transaction() as db:
        found = copying_year.held_in(db, lg_code=desk.lg_code, year=year, after=after)
        made = {key: one for rows in (outcomes or {}).values() for key, one in rows}
        shown = [
            (held, _ticked(form, "activity", held.activity.id), _rows(desk, held, form, made))
            for held in found.held
        ]
        this = copied_by_default(desk.today)
        return desk.render(
            db,
            "copying.html",
            here="activities",
            status=status,
            errors=errors,
            done=done,
            year=year,
            years=sorted({this - 1, this, this + 1, year}),
            found=found,
            shown=shown,
            after=after,
            looked=outcomes is not None,
            good=sum(one.session is not None for one in made.values()),
            bad=sum(one.error is not None for one in made.values()),
        )


def _rows(desk: Desk, held: Held, form: Form | None, made: Mapping[UUID, Made]) -> list[Row]:
    return [_row(desk, moved, form, made.get(moved.session.id)) for moved in held.dates]


def _row(desk: Desk, moved: Moved, form: Form | None, made: Made | None) -> Row:
    session = moved.session
    begin, end = moved.starts_at.astimezone(JAPAN), moved.ends_at.astimezone(JAPAN)
    usual = {
        "day": begin.date().isoformat(),
        "starts": f"{begin:%H:%M}",
        "ends": f"{end:%H:%M}",
        "capacity": str(session.capacity or ""),
    }

    def text(name: str) -> str:
        written = None if form is None else form.data.get(f"{name}-{session.id}")
        return written[:20] if isinstance(written, str) else usual[name]

    error = made.error if made else None
    return Row(
        moved,
        _ticked(form, "session", session.id),
        **{name: text(name) for name in usual},
        told=desk.problems(error) if error is not None else (),
        good=made is not None and made.session is not None,
    )


def _ticked(form: Form | None, name: str, key: UUID) -> bool:
    """Everything is ticked until somebody unticks it."""
    return form is None or str(key) in form.many(name)


@router.get(PAGE)
def last_year(
    desk: ClerkDesk, year: Fiscal = None, after: UUID | None = None, done: Done = ""
) -> Response:
    """R09: what a fiscal year held and the next does not yet, all ticked."""
    return show(desk, year or copied_by_default(desk.today), after=after, done=done)


@router.post(PAGE + "/preview")
def look(desk: ClerkDesk, form: FormDep) -> Response:
    """R09: what would come of each date; nothing is kept."""
    try:
        year = _year(form)
    except Invalid as error:
        return show(desk, copied_by_default(desk.today), errors=desk.problems(error), status=422)
    try:
        with desk.transaction() as db:
            outcomes = _copied(db, desk, form, year, keep=False)
    except (Invalid, Refused) as error:
        return show(desk, year, form=form, errors=desk.problems(error), status=422)
    return show(desk, year, form=form, outcomes=outcomes)


@router.post(PAGE)
def copy(desk: ClerkDesk, form: FormDep) -> Response:
    """R09, R10: proposals in one step; a trusted organisation's are designated by its trust."""
    desk.prove_fresh()

    def work(db: Session) -> str:
        year = _year(form)
        copying_year.take_turn(db, lg_code=desk.lg_code, year=year)
        outcomes = _copied(db, desk, form, year, keep=True)
        left = any(made.error for rows in outcomes.values() for _, made in rows)
        done = "year_partly" if left else "year_copied"
        after = _after(form)
        where = f"&after={after}" if after else ""
        return f"{desk.home}/activities/last-year?year={year}{where}&done={done}"

    def again(errors: Problems, status: int) -> Response:
        try:
            year = _year(form)
        except Invalid:
            year = copied_by_default(desk.today)
        return show(desk, year, form=form, errors=errors, status=status)

    return desk.act(form, work, again)


def _year(form: Form) -> int:
    year = form.amount("year")
    if year is None or not FIRST_YEAR <= year <= LAST_YEAR:
        raise invalid("number_needed", field="year")
    return year


def _after(form: Form) -> UUID | None:
    """The page the form was on."""
    return form.id("after") if form.flag("after") else None


def _copied(
    db: Session, desk: Desk, form: Form, year: int, *, keep: bool
) -> dict[UUID, list[tuple[UUID, Made]]]:
    """What became of each chosen date, by activity.

    Raises:
        Invalid: `choose_rows`, or a day or time that is none.
    """
    found = copying_year.held_in(db, lg_code=desk.lg_code, year=year, after=_after(form))
    chosen = _chosen(form, found)
    if not chosen:
        raise invalid("choose_rows", field="activity")
    making = Making(db, Host(desk.actor, desk.lg_code, staff=True), desk.book, desk.now)
    orders = [
        Chosen(held.activity.id, [_wanted(form, moved) for moved in dates])
        for held, dates in chosen
    ]
    made = copying_year.copy_year(making, orders, keep=keep)
    return {
        held.activity.id: [
            (moved.session.id, one)
            for moved, one in zip(dates, made[held.activity.id], strict=True)
        ]
        for held, dates in chosen
    }


def _chosen(form: Form, found: Year) -> list[tuple[Held, list[Moved]]]:
    ticked = [held for held in found.held if _ticked(form, "activity", held.activity.id)]
    pairs = [
        (held, [one for one in held.dates if _ticked(form, "session", one.session.id)])
        for held in ticked
    ]
    return [(held, dates) for held, dates in pairs if dates]


def _wanted(form: Form, moved: Moved) -> Wanted:
    key = moved.session.id
    day = form.day(f"day-{key}")
    starts_at = form.moment(day, f"starts-{key}")
    ends_at = form.moment(day, f"ends-{key}")
    if ends_at <= starts_at:
        ends_at = form.moment(day + ONE_DAY, f"ends-{key}")
    return Wanted(starts_at, ends_at, moved.session.place, form.amount(f"capacity-{key}"))
