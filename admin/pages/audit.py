"""記録: who did or looked at what, when and why; managers read it, and nothing deletes it (C48)."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from activities.paging import after, cursor, page
from activities.trail import events_of_body
from admin.desk import ManagerDesk
from admin.desk_words import AUDIT
from registry.staff import staff_of

router = APIRouter(include_in_schema=False)
PATH = "/staff/{lg_code}/audit"
PAGE = 50
Action = Annotated[str, Query(max_length=64)]
Cursor = Annotated[str | None, Query(max_length=400)]
Person = Annotated[UUID | None, Query()]


@router.get(PATH)
def list_events(
    desk: ManagerDesk, action: Action = "", person: Person = None, where: Cursor = None
) -> Response:
    """The newest first; this look is one more row."""
    with desk.transaction() as db:
        rows = events_of_body(
            db,
            actor=desk.actor,
            lg_code=desk.lg_code,
            now=desk.now,
            limit=PAGE + 1,
            after=after(where),
            person_id=person,
            action=action or None,
        )
        shown, last = page(rows, PAGE)
        actions = sorted(
            ((code, desk.say(words)) for code, words in AUDIT.items()), key=lambda one: one[1]
        )
        return desk.render(
            db,
            "audit.html",
            here="audit",
            rows=shown,
            actions=actions,
            action=action,
            person=person,
            first=where is None,
            older=last and cursor(last.at, last.id),
            own=desk.actor.label,
            names={f"staff:{one.account_id}": one.name for one in staff_of(db, desk.lg_code)},
        )
