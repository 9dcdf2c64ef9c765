"""決めごとを試す: a manager asks the model what other numbers would do to this very body (R33)."""

from datetime import date
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query, Response
from sqlalchemy.orm import Session

from admin import trials as told
from admin.desk import Desk, ManagerDesk, Problems
from admin.forms import Form, FormDep
from core.errors import NotFound, invalid
from registry import policies
from reporting import trials
from reporting.reading import own_counts

router = APIRouter(include_in_schema=False)
TRIALS: Final = "/staff/{lg_code}/trials"
#: What a year of supports for one premium registrant costs, until somebody says.
USUAL_YEN: Final = 2_000
#: While an answer is waited for and the reader wants it, the page is opened again after so long.
AGAIN_SECONDS: Final = 15
Again = Annotated[bool, Query()]


def _show_all(
    desk: Desk, form: Form | None = None, errors: Problems = (), status: int = 200
) -> Response:
    with desk.transaction() as db:
        own = policies.body_policy(db, desk.book, desk.lg_code, desk.today)
        rows = trials.trials_of(db, lg_code=desk.lg_code)
        given = {} if form is None else {name: form.one(name) for name in (*trials.TRIED, "yen")}
        return desk.render(
            db,
            "trials.html",
            here="settings",
            status=status,
            errors=errors,
            counted=own_counts(db, desk.lg_code).total("registrations") or 0,
            limits=trials.bounds(own, desk.lg_code, desk.today),
            mode=own.on("decision.mode", desk.today, desk.lg_code).value,
            rows=[(row, told.changes(desk.say, row)) for row in rows],
            running=any(row.state == "asked" for row in rows),
            given=given,
            yen=USUAL_YEN,
            most_yen=trials.MOST_YEN,
        )


@router.get(TRIALS)
def all_trials(desk: ManagerDesk) -> Response:
    """R33: what can be tried, and what was."""
    return _show_all(desk)


def _wanted(form: Form) -> trials.Wanted:
    """Raises Invalid."""
    values: dict[str, int | str] = {}
    for field in trials.TRIED:
        value = form.one(field) if field == "mode" else form.amount(field)
        if value not in (None, ""):
            values[field] = value
    yen = form.amount("yen")
    if yen is None:
        raise invalid("number_needed", field="yen")
    return trials.Wanted(values, yen)


@router.post(TRIALS)
def ask(desk: ManagerDesk, form: FormDep) -> Response:
    """R33: the model is asked; the answer comes to a page of its own."""

    def work(db: Session) -> str:
        row = trials.ask(
            db,
            actor=desk.actor,
            lg_code=desk.lg_code,
            wanted=_wanted(form),
            now=desk.now,
            book=desk.book,
        )
        return f"{desk.home}/trials/{row.id}"

    return desk.act(form, work, lambda errors, status: _show_all(desk, form, errors, status))


@router.get(TRIALS + "/{trial_id}")
def one_trial(desk: ManagerDesk, trial_id: UUID, again: Again = False) -> Response:
    """R33: the answer, or that it is on its way; the page opens itself again only when asked to."""
    with desk.transaction() as db:
        row = trials.trial(db, lg_code=desk.lg_code, trial_id=trial_id)
        result = row.result or {}
        return desk.render(
            db,
            "trial.html",
            here="settings",
            row=row,
            changes=told.changes(desk.say, row),
            result=result,
            since=date.fromisoformat(result["since"]) if result else None,
            shown=told.shown(desk.say, result) if result else None,
            again=again and row.state == "asked",
            seconds=AGAIN_SECONDS,
        )


@router.get(TRIALS + "/{trial_id}/compare.html")
def download(desk: ManagerDesk, trial_id: UUID) -> Response:
    """R33: the same as a page to keep and to print.

    Raises:
        NotFound: There is no answer.
    """
    with desk.transaction() as db:
        page = trials.trial(db, lg_code=desk.lg_code, trial_id=trial_id).page
    if page is None:
        raise NotFound(code="not_found")
    return Response(
        page,
        # A file to keep: no browser opens it as a page of this site.
        media_type="application/octet-stream",
        headers={
            "Content-Disposition": f'attachment; filename="compare-{desk.lg_code}.html"',
            "Cache-Control": "no-store",
        },
    )
