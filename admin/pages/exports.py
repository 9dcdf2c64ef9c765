"""書き出し: lists as files, made by a worker, for a day and for whoever asked (C52, d-13)."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from sqlalchemy.orm import Session

from admin import exporting, words
from admin.desk import ApproverDesk, ClerkDesk, Desk, Done, Problems
from admin.desk_words import AUDIT
from admin.export_lines import KINDS
from admin.forms import FIRST_YEAR, LAST_YEAR, Form, FormDep
from core.access import Role
from core.clock import japan_day
from core.errors import invalid
from core.texts import N_
from registry.members import person_of_number
from registry.staff import staff_of

router = APIRouter(include_in_schema=False)
EXPORTS: Final = "/staff/{lg_code}/exports"
STATES: Final[Mapping[str, tuple[str, str]]] = {
    "waits": (N_("ほかの職員の確認を待っています"), "info"),
    "asked": (N_("作っています"), "info"),
    "failed": (N_("作れませんでした。もう一度頼んでください"), "warn"),
    "ready": (N_("受け取れます"), "good"),
    "ended": (N_("時間が過ぎました"), "plain"),
}


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What the page's form was filled in with, by a list that leads here or by hand."""

    kind: Annotated[str, Query(max_length=16)] = "members"
    tier: Annotated[str, Query(max_length=20)] = ""
    status: Annotated[str, Query(max_length=20)] = "active"
    number: Annotated[str, Query(max_length=20)] = ""
    staff: Annotated[str, Query(max_length=36)] = ""
    action: Annotated[str, Query(max_length=64)] = ""
    since: Annotated[str, Query(max_length=10)] = ""
    until: Annotated[str, Query(max_length=10)] = ""

    @classmethod
    def of(cls, form: Form) -> "Narrowed":
        """As the form sends it."""
        return cls(**{one.name: form.one(one.name, most=64) for one in fields(cls)})


NarrowedDep = Annotated[Narrowed, Depends()]


def show(
    desk: Desk,
    asked: Narrowed,
    *,
    form: str = "xlsx",
    purpose: str = "",
    errors: Problems = (),
    status: int = 200,
    done: str = "",
) -> Response:
    """Whatever was asked for in these days, and the form for one more."""
    kinds = {kind: told for kind, told in KINDS.items() if desk.may(exporting.NEEDED[kind])}
    with desk.transaction() as db:
        return desk.render(
            db,
            "exports.html",
            here="members",
            errors=errors,
            status=status,
            done=done,
            rows=exporting.own(db, actor=desk.actor, lg_code=desk.lg_code),
            waiting=exporting.waiting(db, actor=desk.actor, lg_code=desk.lg_code, now=desk.now),
            names=dict(_names(db, desk)),
            alone=exporting.ALONE,
            kinds=kinds,
            all_kinds=KINDS,
            kind=asked.kind if asked.kind in kinds else "members",
            asked=asked,
            form=form,
            chosen_purpose=purpose,
            states=STATES,
            people=_people(db, desk),
            actions=sorted(
                ((code, desk.say(told)) for code, told in AUDIT.items()), key=lambda one: one[1]
            ),
            most=exporting.most_rows(desk.actor, desk.lg_code),
            a_day=exporting.MOST_A_DAY,
        )


def _people(db: Session, desk: Desk) -> list[tuple[str, str]]:
    return _names(db, desk) if desk.may(Role.MANAGER) else []


def _names(db: Session, desk: Desk) -> list[tuple[str, str]]:
    return list({str(one.account_id): one.name for one in staff_of(db, desk.lg_code)}.items())


@router.get(EXPORTS)
def all_exports(desk: ClerkDesk, asked: NarrowedDep, done: Done = "") -> Response:
    """C52: a visible list of one's own files, each with its state."""
    return show(desk, asked, done=done)


@router.post(EXPORTS)
def ask(desk: ClerkDesk, form: FormDep) -> Response:
    """C52, d-11: ask for a file, after a proof of who one is."""
    desk.prove_fresh()
    asked = Narrowed.of(form)
    purpose, shape = form.one("purpose", most=20), form.one("form", most=4)

    def work(db: Session) -> str:
        if not words.known("export_purpose", purpose):
            raise invalid("field_needed", field="purpose")
        exporting.ask(
            db,
            actor=desk.actor,
            lg_code=desk.lg_code,
            kind=asked.kind,
            form=shape,
            wanted=_wanted(db, desk, asked),
            purpose=purpose,
            language=desk.language,
            now=desk.now,
        )
        return f"{desk.home}/exports?kind={asked.kind}&done=export_asked"

    return desk.act(
        form,
        work,
        lambda errors, status: show(
            desk, asked, form=shape, purpose=purpose, errors=errors, status=status
        ),
    )


@router.post(EXPORTS + "/{file_id}/release")
def release(desk: ApproverDesk, form: FormDep, file_id: UUID) -> Response:
    """P19: a second person lets a file of many rows leave, after a proof of who they are."""
    desk.prove_fresh()

    def work(db: Session) -> str:
        exporting.release(db, actor=desk.actor, lg_code=desk.lg_code, file_id=file_id, now=desk.now)
        return f"{desk.home}/exports?done=export_released"

    return desk.act(
        form, work, lambda errors, status: show(desk, Narrowed(), errors=errors, status=status)
    )


def _wanted(db: Session, desk: Desk, asked: Narrowed) -> dict[str, str]:
    """Codes, days and ids that were understood; what is empty does not matter.

    Raises:
        Invalid: A day, a number or somebody's id that is none.
    """
    found: dict[str, Any] = {}
    if asked.kind == "members":
        found["tier"] = asked.tier if words.known("tier", asked.tier) else ""
        found["status"] = asked.status if words.known("registration_status", asked.status) else ""
    else:
        found["since"], found["until"] = _day(asked.since, "since"), _day(asked.until, "until")
    if asked.kind == "audit":
        found["action"] = asked.action if asked.action in AUDIT else ""
        found["staff"] = _staff(db, desk, asked.staff)
        if asked.number.strip():
            found["person_id"] = person_of_number(db, lg_code=desk.lg_code, number=asked.number)
            if found["person_id"] is None:
                raise invalid("no_such_number", field="number")
    return {name: str(value) for name, value in found.items() if value}


def _staff(db: Session, desk: Desk, account_id: str) -> str:
    if account_id and account_id not in dict(_people(db, desk)):
        raise invalid("field_needed", field="staff")
    return account_id


def _day(text: str, field: str) -> str:
    if not text:
        return ""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise invalid("day_needed", field=field) from None
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise invalid("day_needed", field=field)
    return found.isoformat()


@router.get(EXPORTS + "/{file_id}")
def take(desk: ClerkDesk, file_id: UUID) -> Response:
    """C52: the file, after a proof of who one is; for whoever asked, while its day lasts."""
    desk.prove_fresh()
    with desk.transaction() as db:
        row, data = exporting.take(
            db,
            actor=desk.actor,
            lg_code=desk.lg_code,
            file_id=file_id,
            secret=desk.platform.secret,
            now=desk.now,
        )
        name = f"{row.kind}-{row.lg_code}-{japan_day(row.asked_at):%Y%m%d}.{row.form}"
    return Response(
        data,
        media_type=exporting.FORMS[row.form],
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
        },
    )
