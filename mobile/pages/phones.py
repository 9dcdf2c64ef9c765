"""登録証を表示できる携帯電話: which phones make codes, and stopping them (R22)."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from fastapi import APIRouter, Request
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.responses import Response

from activities.cards import living_registration
from core import signin
from core.access import Actor
from core.models import WebSession
from core.web import Platform, PlatformDep
from mobile.pages.shell import FormDep, Registrant, act_as_person, show
from registry.doors import GATE, LgCode, as_person
from registry.models import Card
from registry.phones import own_phones, revoke_phone, sign_in_ref

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class PhoneRow:
    """A phone as its owner sees it."""

    id: UUID
    name: str | None
    since: datetime
    until: date
    here: bool


@router.get("/card/{lg_code}/phones")
def phones(request: Request, lg_code: LgCode, actor: Registrant, platform: PlatformDep) -> Response:
    """The phones that show this card; the one in the hand is marked."""
    here = sign_in_ref(platform.secret, lg_code, request.state.signed_in.token_hash)
    with platform.database.transaction(as_person(actor)) as db:
        living_registration(db, actor, lg_code, lock=False)
        found = own_phones(db, actor=actor, now=platform.clock.now(), lg_code=lg_code)
        rows = [
            PhoneRow(
                id=card.id,
                name=card.device_name,
                since=card.issued_at,
                until=card.expires_on,
                here=card.sign_in_ref == here,
            )
            for card in found
        ]
    return show(request, "phones.html", lg_code=lg_code, phones=rows)


@router.post("/card/{lg_code}/phones/{phone_id}/stop")
def stop(
    request: Request,
    lg_code: LgCode,
    phone_id: UUID,
    form: FormDep,
    actor: Registrant,
    platform: PlatformDep,
) -> Response:
    """Stop one phone; where it is signed in, it is signed out, or it would begin anew."""
    stopped: list[Card] = []

    def work(db: Session) -> None:
        now = platform.clock.now()
        stopped.append(revoke_phone(db, actor=actor, lg_code=lg_code, phone_id=phone_id, now=now))

    answer = act_as_person(request, form, actor, work, f"/card/{lg_code}/phones")
    if stopped:
        ref = stopped[0].sign_in_ref
        _sign_out_others(request, platform, actor, only=(lg_code, ref or ""))
    return answer


@router.post("/card/phones/stop")
def stop_others(
    request: Request, form: FormDep, actor: Registrant, platform: PlatformDep
) -> Response:
    """R22: a phone was lost. Every other phone stops, in every town, and is signed out."""
    hash_here = request.state.signed_in.token_hash

    def work(db: Session) -> None:
        now = platform.clock.now()
        for card in own_phones(db, actor=actor, now=now):
            if card.sign_in_ref != sign_in_ref(platform.secret, card.lg_code, hash_here):
                revoke_phone(db, actor=actor, lg_code=card.lg_code, phone_id=card.id, now=now)

    lg_code = form.one("lg_code")
    then = f"/card/{lg_code}/phones" if lg_code.isdecimal() and lg_code.isascii() else "/card"
    answer = act_as_person(request, form, actor, work, then)
    _sign_out_others(request, platform, actor)
    return answer


def _sign_out_others(
    request: Request, platform: Platform, actor: Actor, only: tuple[str, str] | None = None
) -> None:
    """End the actor's other sign-ins; `only` the one that a body's row names."""
    hash_here = request.state.signed_in.token_hash
    now = platform.clock.now()
    with platform.database.transaction(GATE) as db:
        hashes = db.scalars(
            select(WebSession.token_hash).where(
                WebSession.account_id == actor.person_id,
                WebSession.ended_at.is_(None),
                WebSession.token_hash != hash_here,
            )
        ).all()
        for token_hash in hashes:
            if only is None or sign_in_ref(platform.secret, only[0], token_hash) == only[1]:
                signin.end_session(db, token_hash, now=now)
