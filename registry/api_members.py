"""Doors of a local government's registrants, for its staff."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query

from core.errors import invalid
from core.problems import problems
from core.web import Items, PlatformDep, decode_cursor, encode_cursor, limit_search
from registry import members
from registry.doors import LgCode, ViewerActor, as_body
from registry.schemas_registration import EventOut, MemberDetailOut, MemberOut

router = APIRouter(tags=["registrants"])
AREA = "/local-governments/{lg_code}"


@router.get(
    f"{AREA}/registrations",
    summary="Registrants of one's local government",
    responses=problems(401, 403, 404, 422, 429),
)
def list_registrations(
    lg_code: LgCode,
    actor: ViewerActor,
    platform: PlatformDep,
    q: Annotated[str, Query(max_length=80, description="Name, reading or member number.")] = "",
    tier: Literal["basic", "premium"] | None = None,
    status: Annotated[str, Query(max_length=20, description="A status, or all.")] = "active",
    cursor: Annotated[str | None, Query(max_length=120)] = None,
    limit: Annotated[int, Query(ge=1, le=members.MAX_PAGE)] = 50,
) -> Items[MemberOut]:
    """R25: the body's own copy; each look is recorded."""
    if q.strip():
        limit_search(platform, actor)
    with platform.database.transaction(as_body(actor, lg_code)) as db:
        rows = members.list_members(
            db,
            actor=actor,
            lg_code=lg_code,
            now=platform.clock.now(),
            text=q,
            tier=tier,
            status=None if status == "all" else status,
            after=None if cursor is None else _place(cursor),
            limit=limit + 1,
        )
    shown = rows[:limit]
    return Items[MemberOut](
        items=[MemberOut.of(row) for row in shown],
        next_cursor=encode_cursor(str(shown[-1].id)) if len(rows) > limit else None,
    )


def _place(cursor: str) -> UUID:
    try:
        return UUID(decode_cursor(cursor, 1)[0])
    except ValueError as error:
        raise invalid("cursor", field="cursor") from error


@router.get(
    f"{AREA}/registrations/{{registration_id}}",
    summary="One registrant with their history",
    responses=problems(401, 403, 404, 422),
)
def open_registration(
    lg_code: LgCode, registration_id: UUID, actor: ViewerActor, platform: PlatformDep
) -> MemberDetailOut:
    """R25: recorded, and the person can read that it was looked at."""
    with platform.database.transaction(as_body(actor, lg_code)) as db:
        row, events = members.open_member(
            db,
            actor=actor,
            lg_code=lg_code,
            registration_id=registration_id,
            now=platform.clock.now(),
        )
    return MemberDetailOut(
        **MemberOut.of(row).model_dump(),
        events=[EventOut(kind=one.kind, at=one.at, facts=one.facts) for one in events],
    )
