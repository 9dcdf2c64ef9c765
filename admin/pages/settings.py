"""設定: the requirement as it holds, who decides how, own numbers, places of stay, staff."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from activities import stays
from activities.models import StayPlace
from admin import requirements, words
from admin.desk import (
    ROLE_NAMES,
    TOLD_IN_PLACE,
    Again,
    ClerkDesk,
    Desk,
    Done,
    ManagerDesk,
    Problems,
    ViewerDesk,
    status_of,
)
from admin.forms import Form, FormDep
from admin.numbers import label_of, shown_value
from core.access import Role
from core.errors import invalid
from registry import confirming, policies, staff
from registry.doors import GATE
from registry.models import RequirementDraft, StaffRole
from registry.people import refuse_individual_number
from registry.policies import Setting
from registry.rules.parameters import Kind, May

router = APIRouter(include_in_schema=False)
SETTINGS = "/staff/{lg_code}/settings"
#: Kinds of setting that one field can change.
_SIMPLE = frozenset({Kind.INTEGER, Kind.NUMBER, Kind.FLAG, Kind.TEXT})


def show(
    desk: Desk,
    *,
    errors: Problems = (),
    status: int = 200,
    done: str = "",
) -> Response:
    """Everything a local government sets for itself, and what the nation has set."""
    with desk.transaction() as db:
        found = policies.settings_of(db, lg_code=desk.lg_code, book=desk.book, day=desk.today)
        own = sorted(filter(_changeable, found), key=_order)
        places = db.scalars(
            select(StayPlace)
            .where(StayPlace.lg_code == desk.lg_code, StayPlace.closed_at.is_(None))
            .order_by(StayPlace.name)
        ).all()
        return desk.render(
            db,
            "settings.html",
            here="settings",
            status=status,
            errors=errors,
            done=done,
            versions=requirements.held(db, desk),
            draft=db.get(RequirementDraft, desk.lg_code) if desk.may(Role.MANAGER) else None,
            own=own,
            national=[one for one in found if one not in own],
            shown=lambda one, value: shown_value(desk, value, one.parameter.unit),
            label=lambda one: label_of(desk, one.parameter),
            choices=lambda setting: _choices(desk, setting),
            places=places,
            people=_people(db, desk),
            wishes=confirming.waiting(db, desk.lg_code, now=desk.now),
            roles=[(role.value, desk.say(name)) for role, name in ROLE_NAMES.items()],
            role_words={role.value: desk.say(name) for role, name in ROLE_NAMES.items()},
        )


def _people(db: Session, desk: Desk) -> list[StaffRole]:
    """Who works here, for managers only."""
    if not desk.may(Role.MANAGER):
        return []
    return [one for one in staff.staff_of(db, desk.lg_code) if one.ended_at is None]


def _changeable(setting: Setting) -> bool:
    parameter = setting.parameter
    return (
        parameter.local.may is not May.NEVER
        and parameter.kind in _SIMPLE
        and parameter.key != policies.REQUIREMENT
    )


def _order(setting: Setting) -> tuple[bool, str]:
    """Who decides comes first, as managers come for that."""
    key = setting.parameter.key
    return not key.startswith("decision."), key


def _choices(desk: Desk, setting: Setting) -> list[tuple[str, str]]:
    """What a field may be set to; empty where a number is written."""
    parameter = setting.parameter
    if parameter.kind is Kind.FLAG:
        return [("yes", desk.say("はい")), ("no", desk.say("いいえ"))]
    return [(option, shown_value(desk, option)) for option in parameter.options]


@router.get(SETTINGS)
def list_settings(desk: ViewerDesk, done: Done = "") -> Response:
    """Anybody at the desk may read them; managers change them."""
    return show(desk, done=done)


def _again(desk: Desk) -> Again:
    return lambda errors, status: show(desk, errors=errors, status=status)


# --- own numbers and ways of deciding (R15) -------------------------------------------------------


@router.post(SETTINGS + "/values/{key}")
def set_value(desk: ManagerDesk, key: str, form: FormDep) -> Response:
    """R15: one's own value from a day on; deciding by machine alone waits for a second person."""
    desk.prove_fresh()

    def work(db: Session) -> str:
        value = _value(desk, key, form)
        two = policies.needs_two(key, value)
        change = confirming.ask_value if two else policies.set_body_value
        change(
            db,
            actor=desk.actor,
            lg_code=desk.lg_code,
            key=key,
            value=value,
            since=form.day("since"),
            now=desk.now,
            book=desk.book,
        )
        return desk.home + ("/confirmations?done=asked" if two else "/settings?done=setting_set")

    return desk.act(form, work, _again(desk))


def _value(desk: Desk, key: str, form: Form) -> object:
    text = form.needed("value", most=40)
    parameter = desk.book.parameters.get(key)
    kind = None if parameter is None else parameter.kind
    if kind is Kind.FLAG:
        return text == "yes"
    if kind is Kind.INTEGER:
        return form.amount("value")
    if kind is Kind.NUMBER:
        try:
            return float(text)
        except ValueError:
            raise invalid("number_needed", field="value") from None
    return text


# --- places of stay (R11) -------------------------------------------------------------------------


@router.post(SETTINGS + "/places")
def open_place(desk: ClerkDesk, form: FormDep) -> Response:
    """R11: where a stay can be proved."""

    def work(db: Session) -> str:
        kind = form.needed("kind", most=20)
        if not words.known("place_kind", kind):
            raise invalid("field_needed", field="kind")
        stays.open_place(
            db,
            actor=desk.actor,
            lg_code=desk.lg_code,
            name=form.needed("name", most=120),
            kind=kind,
            now=desk.now,
        )
        return f"{desk.home}/settings?done=place_opened"

    return desk.act(form, work, _again(desk))


# --- staff ----------------------------------------------------------------------------------------


@router.post(SETTINGS + "/staff")
def appoint(desk: ManagerDesk, form: FormDep) -> Response:
    """A role for somebody, proved at their first sign-in; another manager waits for a second one."""
    desk.prove_fresh()
    try:
        name = form.needed("name", most=60)
        refuse_individual_number(name, field="name")
        role = _role(form)
        with desk.platform.database.transaction(GATE) as db:
            account_id = staff.account_for_duty(
                db,
                kind="staff",
                email=form.needed("email", most=254),
                secret=desk.platform.secret,
                now=desk.now,
            )
    except TOLD_IN_PLACE as error:
        return _again(desk)(desk.problems(error), status_of(error))

    whom: dict[str, Any] = {"lg_code": desk.lg_code, "account_id": account_id, "name": name}

    def work(db: Session) -> str:
        if role is Role.MANAGER:
            confirming.ask_manager(db, actor=desk.actor, now=desk.now, book=desk.book, **whom)
            return f"{desk.home}/confirmations?done=asked"
        staff.appoint(db, actor=desk.actor, role=role, now=desk.now, **whom)
        return f"{desk.home}/settings?done=staff_added"

    return desk.act(form, work, _again(desk))


def _role(form: Form) -> Role:
    try:
        return Role(form.needed("role"))
    except ValueError:
        raise invalid("field_needed", field="role") from None


@router.post(SETTINGS + "/staff/{account_id}/end")
def dismiss(desk: ManagerDesk, account_id: UUID, form: FormDep) -> Response:
    """From their next request on; somebody stays who may appoint."""
    desk.prove_fresh()

    def work(db: Session) -> str:
        staff.dismiss(
            db, actor=desk.actor, lg_code=desk.lg_code, account_id=account_id, now=desk.now
        )
        return f"{desk.home}/settings?done=staff_ended"

    return desk.act(form, work, _again(desk))
