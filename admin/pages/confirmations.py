"""2人目の確認: what one member of staff asked for and another one has to confirm (P19, C47)."""

from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Response
from sqlalchemy.orm import Session

from admin.desk import Again, ApproverDesk, Desk, Done, Problems
from admin.forms import FormDep
from admin.numbers import label_of, requirement_words, shown_value
from core.formats import day
from registry import confirming, staff
from registry.confirming import Kind
from registry.models import Confirmation

router = APIRouter(include_in_schema=False)
PAGE: Final = "/staff/{lg_code}/confirmations"


@dataclass(frozen=True, slots=True)
class Wish:
    """One thing that waits, as it is shown; `mine` if who looks asked for it."""

    row: Confirmation
    words: str
    asked_by: str
    mine: bool
    may_confirm: bool


def show(desk: Desk, *, errors: Problems = (), status: int = 200, done: str = "") -> Response:
    """What waits, the oldest first, and who asked."""
    with desk.transaction() as db:
        names = {f"staff:{one.account_id}": one.name for one in staff.staff_of(db, desk.lg_code)}
        wishes = [
            Wish(
                row,
                told(desk, row),
                names.get(row.asked_by, desk.say("職員")),
                row.asked_by == desk.actor.label,
                confirming.may_confirm(row, desk.actor),
            )
            for row in confirming.waiting(db, desk.lg_code, now=desk.now)
        ]
        return desk.render(
            db,
            "confirmations.html",
            here="settings",
            status=status,
            errors=errors,
            done=done,
            wishes=wishes,
        )


def told(desk: Desk, row: Confirmation) -> str:
    """What would be done, in a sentence."""
    match Kind(row.kind):
        case Kind.REQUIREMENT:
            return desk.say(
                "{day}からの要件：{words}",
                day=day(date.fromisoformat(row.subject), desk.language),
                words=requirement_words(desk, row.facts["tree"]),
            )
        case Kind.AUTO_MODE:
            parameter = desk.book.parameters.get(row.subject)
            return desk.say(
                "{day}から「{setting}」を「{value}」にする",
                day=day(date.fromisoformat(row.facts["since"]), desk.language),
                setting=label_of(desk, parameter) if parameter else row.subject,
                value=shown_value(desk, row.facts["value"]),
            )
        case Kind.MANAGER_ROLE:
            return desk.say("{name}さんを管理者にする", name=row.name or "")


@router.get(PAGE)
def list_confirmations(desk: ApproverDesk, done: Done = "") -> Response:
    """Those who decide see what waits; whoever asked cannot be the second person."""
    return show(desk, done=done)


def _again(desk: Desk) -> Again:
    return lambda errors, status: show(desk, errors=errors, status=status)


@router.post(PAGE + "/{confirmation_id}/confirm")
def confirm(desk: ApproverDesk, confirmation_id: UUID, form: FormDep) -> Response:
    """C47: done at once, with two names on it."""
    desk.prove_fresh()

    def work(db: Session) -> str:
        confirming.confirm(
            db,
            actor=desk.actor,
            lg_code=desk.lg_code,
            confirmation_id=confirmation_id,
            now=desk.now,
            book=desk.book,
        )
        return f"{desk.home}/confirmations?done=confirmed"

    return desk.act(form, work, _again(desk))


@router.post(PAGE + "/{confirmation_id}/decline")
def decline(desk: ApproverDesk, confirmation_id: UUID, form: FormDep) -> Response:
    """Nothing is done; whoever asked may take it back the same way."""

    def work(db: Session) -> str:
        row = confirming.decline(
            db,
            actor=desk.actor,
            lg_code=desk.lg_code,
            confirmation_id=confirmation_id,
            now=desk.now,
        )
        return f"{desk.home}/confirmations?done=wish_{row.state}"

    return desk.act(form, work, _again(desk))
