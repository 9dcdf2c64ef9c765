"""記録: who did or looked at what, when and why; managers read it, and nothing deletes it (C48)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from sqlalchemy.orm import Session

from activities.paging import after, cursor, page
from activities.trail import FILE_ROWS, Wanted, events_of_body, events_of_operators
from admin.desk import TOLD_IN_PLACE, Desk, ManagerDesk, Problems, problems_of, status_of
from admin.desk_words import ACTORS, AUDIT
from admin.export_lines import RECORD, event_line, moment
from admin.operating import ControlDep
from core.errors import invalid
from core.models import AuditEvent
from core.tables import as_csv
from core.texts import Translate
from registry.members import person_of_number
from registry.staff import staff_of

router = APIRouter(include_in_schema=False)
operator_router = APIRouter(include_in_schema=False)
PATH = "/staff/{lg_code}/audit"
PAGE = 50
Cursor = Annotated[str | None, Query(max_length=400)]
PRIVATE: Final = {"Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the page's form was filled in with."""

    action: Annotated[str, Query(max_length=64)] = ""
    person: Annotated[UUID | None, Query()] = None
    number: Annotated[str, Query(max_length=20)] = ""
    staff: Annotated[str, Query(max_length=36)] = ""
    since: Annotated[str, Query(max_length=10)] = ""
    until: Annotated[str, Query(max_length=10)] = ""

    @property
    def address(self) -> str:
        """These fields as the end of an address."""
        given = {
            "action": self.action,
            "person": self.person,
            "number": self.number,
            "staff": self.staff,
            "since": self.since,
            "until": self.until,
        }
        return urlencode({name: str(value) for name, value in given.items() if value})

    def wanted(self, person_id: UUID | None) -> Wanted:
        """As a search. Raises Invalid: a day or an id that is none."""
        try:
            staff = UUID(self.staff) if self.staff else None
        except ValueError:
            raise invalid("field_needed", field="staff") from None
        return Wanted.of(
            person_id, staff, self.action, _day(self.since, "since"), _day(self.until, "until")
        )


AskedDep = Annotated[Asked, Depends()]


def _day(text: str, field: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise invalid("day_needed", field=field) from None


def _of_body(db: Session, desk: Desk, asked: Asked) -> Wanted:
    """A search of a local government; a member's number stands for the person.

    Raises:
        Invalid: `no_such_number`, or a day that is none.
    """
    person_id = asked.person
    if asked.number.strip():
        person_id = person_of_number(db, lg_code=desk.lg_code, number=asked.number)
        if person_id is None:
            raise invalid("no_such_number", field="number")
    return asked.wanted(person_id)


@router.get(PATH)
def list_events(desk: ManagerDesk, asked: AskedDep, where: Cursor = None) -> Response:
    """The newest first, by person, member of staff, act and time; this look is one more row."""
    problems: Problems = ()
    status, found = 200, list[AuditEvent]()
    with desk.transaction() as db:
        try:
            wanted = _of_body(db, desk, asked)
        except TOLD_IN_PLACE as error:
            problems, status = problems_of(desk.request, error), status_of(error)
        else:
            found = events_of_body(
                db,
                actor=desk.actor,
                lg_code=desk.lg_code,
                now=desk.now,
                limit=PAGE + 1,
                after=after(where),
                wanted=wanted,
            )
        rows, last = page(found, PAGE)
        return desk.render(
            db,
            "audit.html",
            here="audit",
            status=status,
            errors=problems,
            rows=rows,
            asked=asked,
            actions=_actions(desk.say),
            people=_people(db, desk),
            kinds=_kinds(desk.say),
            first=where is None,
            older=last and cursor(last.at, last.id),
            own=desk.actor.label,
            names=_names(db, desk),
            most=FILE_ROWS,
        )


@router.get(PATH + "/file")
def take_events(desk: ManagerDesk, asked: AskedDep) -> Response:
    """The same rows as a file, after a proof of who one is; taking it is recorded (d-11, C48)."""
    desk.prove_fresh()
    with desk.transaction() as db:
        rows = events_of_body(
            db,
            actor=desk.actor,
            lg_code=desk.lg_code,
            now=desk.now,
            limit=FILE_ROWS,
            wanted=_of_body(db, desk, asked),
            look="audit.export",
        )
        names = _names(db, desk)
    return _file(desk.say, rows, names, f"audit-{desk.lg_code}-{desk.today}.csv")


def _actions(say: Translate) -> list[tuple[str, str]]:
    named = ((code, say(told)) for code, told in AUDIT.items())
    return sorted(named, key=lambda one: one[1])


def _kinds(say: Translate) -> Mapping[str, str]:
    return {kind: say(told) for kind, told in ACTORS.items()}


def _names(db: Session, desk: Desk) -> Mapping[str, str]:
    return {f"staff:{one.account_id}": one.name for one in staff_of(db, desk.lg_code)}


def _people(db: Session, desk: Desk) -> list[tuple[str, str]]:
    """Everybody who worked here, once."""
    return list({str(one.account_id): one.name for one in staff_of(db, desk.lg_code)}.items())


def _file(
    say: Translate, rows: Sequence[AuditEvent], names: Mapping[str, str], name: str
) -> Response:
    found = (event_line(one, names, say) for one in rows)
    return as_csv(name, [say(one) for one in RECORD], found, PRIVATE)


@operator_router.get("/operator/audit")
def list_operators_events(control: ControlDep, asked: AskedDep, where: Cursor = None) -> Response:
    """What operators did; rows about people are not among them. This look is one more row."""
    problems: Problems = ()
    status, found = 200, list[AuditEvent]()
    try:
        wanted = asked.wanted(None)
    except TOLD_IN_PLACE as error:
        problems, status = problems_of(control.request, error), status_of(error)
    else:
        with control.platform.database.transaction(control.context) as db:
            found = events_of_operators(
                db,
                actor=control.actor,
                now=control.now,
                limit=PAGE + 1,
                after=after(where),
                wanted=wanted,
            )
    rows, last = page(found, PAGE)
    return control.render(
        "operator_audit.html",
        here="audit",
        status=status,
        errors=problems,
        rows=rows,
        asked=asked,
        actions=_actions(control.say),
        kinds=_kinds(control.say),
        first=where is None,
        older=last and cursor(last.at, last.id),
        own=control.actor.label,
        names={},
        most=FILE_ROWS,
    )


@operator_router.get("/operator/audit/file")
def take_operators_events(control: ControlDep, asked: AskedDep) -> Response:
    """The same rows as a file, after a proof of who one is; taking it is recorded (d-11)."""
    control.prove_fresh()
    with control.platform.database.transaction(control.context) as db:
        rows = events_of_operators(
            db,
            actor=control.actor,
            now=control.now,
            limit=FILE_ROWS,
            wanted=asked.wanted(None),
            look="audit.export",
        )
        return _file(control.say, rows, {}, f"audit-operators-{moment(control.now)[:10]}.csv")
