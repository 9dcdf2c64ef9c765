"""名簿からのご案内: somebody of a town's list is asked, and registers themselves or lets it be (R27)."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from core.access import ActorKind
from core.clock import japan_day
from core.errors import Conflict, Forbidden, Refused
from core.texts import N_
from core.web import PlatformDep
from mobile.pages.occasions import town_name
from mobile.pages.shell import (
    PUBLIC,
    FormDep,
    Registrant,
    VisitorDep,
    act_as_person,
    plain_problems,
    show,
)
from registry import list_letters, queries
from registry.doors import GATE, BookDep

public_router = APIRouter(include_in_schema=False)
router = APIRouter(include_in_schema=False)
PAGE: Final = "/list-invitations/{token}"
_REFUSED: Final = 409


@public_router.get(PAGE)
def invitation(
    request: Request, token: str, visitor: VisitorDep, platform: PlatformDep
) -> Response:
    """Which town asks, and what follows; it names nobody."""
    with platform.database.transaction(GATE) as db:
        row = list_letters.by_token(db, token, today=japan_day(platform.clock.now()))
        code, state, until = row.lg_code, row.state, row.answer_by
    with platform.database.transaction(PUBLIC) as db:
        town = town_name(queries.government(db, code))
    return show(
        request,
        "list_invitation.html",
        token=token,
        town=town,
        lg_code=code,
        agreed=state == "agreed",
        until=until,
        signed=visitor.actor.kind is ActorKind.PERSON,
    )


@router.post(PAGE)
def agree(
    request: Request,
    token: str,
    form: FormDep,
    actor: Registrant,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """R03, R27: they register by their own act; the line of the list then loses name and address."""
    now = platform.clock.now()
    with platform.database.transaction(GATE) as db:
        code = list_letters.by_token(db, token, today=japan_day(now)).lg_code
    try:
        answer = act_as_person(
            request,
            form,
            actor,
            lambda db: list_letters.agree(db, actor=actor, lg_code=code, now=now, book=book),
            f"/towns/{code}",
        )
    except (Refused, Conflict, Forbidden) as error:
        return show(
            request,
            "refused.html",
            _REFUSED,
            title=N_("登録のご案内"),
            town="",
            lg_code="",
            reasons=plain_problems(error),
            back_href=f"/list-invitations/{token}",
        )
    with platform.database.transaction(GATE) as db:
        list_letters.answered(db, token=token, now=now)
    return answer
