"""Doors of the audit trail: a local government's, and everybody's own (R25)."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from activities import trail
from activities.paging import Cursor, Limit, after, cursor, page
from activities.schemas_trail import AboutMeOut, AuditEventOut
from core.access import Actor
from core.models import AuditEvent
from core.problems import problems
from core.tables import CSV, as_csv
from core.web import Items, PlatformDep
from registry.doors import LgCode, ManagerActor, PersonActor, as_body, as_person

#: Rows of the spreadsheet at most.
CSV_ROWS = 5000

staff_router = APIRouter(prefix="/local-governments/{lg_code}", tags=["audit"])
own_router = APIRouter(tags=["audit"])


@staff_router.get(
    "/audit-events",
    summary="Read the audit trail of a local government",
    responses=problems(401, 403, 404, 422),
)
def list_events(
    lg_code: LgCode,
    actor: ManagerActor,
    platform: PlatformDep,
    person_id: UUID | None = None,
    account_id: Annotated[
        UUID | None, Query(description="Only what this member of staff did")
    ] = None,
    action: Annotated[str | None, Query(max_length=64)] = None,
    since: Annotated[date | None, Query(description="From this Japanese day on")] = None,
    until: Annotated[
        date | None, Query(description="Up to this Japanese day, itself included")
    ] = None,
    limit: Limit = 50,
    cursor_: Annotated[Cursor, Query(alias="cursor")] = None,
) -> Items[AuditEventOut]:
    """Who did or looked at what, the latest first. Reading it is recorded as well."""
    with platform.database.transaction(as_body(actor, lg_code)) as db:
        rows = trail.events_of_body(
            db,
            actor=actor,
            lg_code=lg_code,
            now=platform.clock.now(),
            limit=limit + 1,
            after=after(cursor_),
            wanted=trail.Wanted.of(person_id, account_id, action, since, until),
        )
    shown, last = page(rows, limit)
    return Items[AuditEventOut](
        items=[AuditEventOut.model_validate(one) for one in shown],
        next_cursor=None if last is None else cursor(last.at, last.id),
    )


@own_router.get(
    "/me/audit-events",
    summary="Read who looked at my data",
    responses=problems(401, 422),
)
def list_own_events(
    actor: PersonActor,
    platform: PlatformDep,
    lg_code: Annotated[str | None, Query(pattern=r"^\d{6}$")] = None,
    limit: Limit = 50,
    cursor_: Annotated[Cursor, Query(alias="cursor")] = None,
) -> Items[AboutMeOut]:
    """R25: every act and look at one's own data, with one local government or all; latest first."""
    with platform.database.transaction(as_person(actor)) as db:
        rows = trail.events_about(
            db, actor=actor, limit=limit + 1, after=after(cursor_), lg_code=lg_code
        )
    shown, last = page(rows, limit)
    return Items[AboutMeOut](
        items=[_about_me(one, actor) for one in shown],
        next_cursor=None if last is None else cursor(last.at, last.id),
    )


@own_router.get(
    "/me/audit-events/file",
    summary="Read who looked at my data, as CSV",
    response_class=Response,
    responses=problems(401, 422) | CSV,
)
def own_events_csv(
    actor: PersonActor,
    platform: PlatformDep,
    lg_code: Annotated[str | None, Query(pattern=r"^\d{6}$")] = None,
) -> Response:
    """R25: the latest 5,000 acts and looks, for a spreadsheet; the codes are those of the JSON."""
    with platform.database.transaction(as_person(actor)) as db:
        rows = trail.events_about(db, actor=actor, limit=CSV_ROWS, lg_code=lg_code)
    shown = [_about_me(row, actor) for row in rows]
    head = ("at", "lg_code", "actor_kind", "mine", "action", "purpose", "fields")
    lines = (
        [
            one.at.isoformat(),
            one.lg_code,
            one.actor_kind,
            one.mine,
            one.action,
            one.purpose,
            " ".join(one.fields or ()),
        ]
        for one in shown
    )
    return as_csv("looks.csv", head, lines, {"Cache-Control": "no-store"})


def _about_me(event: AuditEvent, actor: Actor) -> AboutMeOut:
    return AboutMeOut(
        id=event.id,
        at=event.at,
        lg_code=event.lg_code,
        actor_kind=event.actor.partition(":")[0],
        mine=event.actor == actor.label,
        action=event.action,
        purpose=event.purpose,
        fields=event.fields,
    )
