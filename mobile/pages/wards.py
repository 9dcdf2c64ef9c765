"""家族ひとりの画面: what is done for a child or somebody helped, always under one's own name (R18)."""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from activities import signup
from activities.api_checkin import presence_of
from activities.card_doors import with_keys
from activities.cards import SignedCard, issue_card, living_card
from activities.search import own_sign_ups
from core.access import Actor
from core.clock import japan_day
from core.errors import Conflict, DomainError, Gone, Invalid, Refused, TooMany, Unavailable
from core.shortcode import MEMBER, grouped
from core.web import Platform, PlatformDep
from mobile.kin import Kin, engagements_of, join_on_the_way, may, one_of_kin
from mobile.pages.occasions import town_name
from mobile.pages.shell import (
    FormDep,
    Registrant,
    act,
    act_as_person,
    again,
    plain_problems,
    rehearsal,
    show,
    translator,
)
from qr.store import KeyStore
from registry import families, growing, guardians, identifying, keepers, leaving, registration
from registry.doors import GATE, BookDep, LgCode, as_body, as_person
from registry.overview import Held, held_by
from registry.rules.families import FamilyAct
from registry.rules.policy import PolicyBook
from registry.signing_in import send_code

router = APIRouter(include_in_schema=False)

_REFUSED: Final = 409
_COMING: Final = 20
#: How long a code shown for somebody holds.
SCREEN_CODE: Final = timedelta(minutes=10)


def _page(guardianship_id: UUID) -> str:
    return f"/family/{guardianship_id}"


def _held(platform: Platform, actor: Actor, book: PolicyBook) -> list[Held]:
    today = japan_day(platform.clock.now())
    with platform.database.transaction(as_person(actor)) as db:
        found = held_by(db, person_id=actor.person_id, today=today, book=book)
    return [one for one in found if one.row.status == "active"]


@router.get("/family/{guardianship_id}")
def ward(
    request: Request, guardianship_id: UUID, actor: Registrant, platform: PlatformDep, book: BookDep
) -> Response:
    """Their towns, cards and places; what one may do for them, and until when."""
    return show(request, "ward.html", **_ward(platform, actor, guardianship_id, book))


def _ward(
    platform: Platform, actor: Actor, guardianship_id: UUID, book: PolicyBook
) -> dict[str, Any]:
    kin = one_of_kin(platform, actor, guardianship_id, FamilyAct.LOOK)
    now = platform.clock.now()
    held = _held(platform, kin.actor, book)
    with platform.database.transaction(as_person(kin.actor)) as db:
        coming = own_sign_ups(db, person_id=kin.actor.person_id, limit=_COMING, since=now)
        keeping = keepers.keepers_of(db, person_id=kin.actor.person_id) if kin.is_child else []
    codes = {one.row.lg_code for one in held}
    registers = may(kin, FamilyAct.REGISTER, now)
    return {
        "kin": kin,
        "keeping": keeping,
        "contact": "",
        "towns": [(one, town_name(one.government)) for one in held],
        "coming": [one for one in reversed(coming) if one.sign_up.state != "cancelled"],
        "more_towns": [
            (one.row.lg_code, town_name(one.government))
            for one in (_held(platform, actor, book) if registers else [])
            if one.row.direct and one.row.lg_code not in codes
        ],
        "now": now,
    }


def _no(
    request: Request, kin: Kin, guardianship_id: UUID, error: DomainError, lg_code: str
) -> Response:
    return show(
        request,
        "refused.html",
        _REFUSED,
        title=kin.name,
        town="",
        lg_code=lg_code,
        reasons=plain_problems(error),
        back_href=_page(guardianship_id),
    )


# --- towns and places -----------------------------------------------------------------------------


@router.post("/family/{guardianship_id}/towns/{lg_code}")
def register(
    request: Request,
    guardianship_id: UUID,
    lg_code: LgCode,
    form: FormDep,
    actor: Registrant,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """R03, R18: a guardian registers a managed child with a town."""
    kin = one_of_kin(platform, actor, guardianship_id, FamilyAct.REGISTER)
    now = platform.clock.now()

    def work(db: Session) -> None:
        registration.register(db, actor=kin.actor, lg_code=lg_code, now=now, book=book)

    try:
        return act_as_person(request, form, kin.actor, work, _page(guardianship_id))
    except (Refused, Conflict) as error:
        return _no(request, kin, guardianship_id, error, lg_code)


@router.post("/family/{guardianship_id}/towns/{lg_code}/leave")
def leave(
    request: Request,
    guardianship_id: UUID,
    lg_code: LgCode,
    form: FormDep,
    actor: Registrant,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """R02, R18: a guardian ends a managed child's registration with a town."""
    kin = one_of_kin(platform, actor, guardianship_id, FamilyAct.LEAVE)
    now = platform.clock.now()

    def work(db: Session) -> None:
        leaving.leave(db, actor=kin.actor, lg_code=lg_code, now=now, book=book)

    try:
        return act_as_person(request, form, kin.actor, work, _page(guardianship_id))
    except (Refused, Conflict) as error:
        return _no(request, kin, guardianship_id, error, lg_code)


@router.post("/family/{guardianship_id}/sign-ups/{lg_code}/{session_id}")
def sign_up(
    request: Request,
    guardianship_id: UUID,
    lg_code: LgCode,
    session_id: UUID,
    form: FormDep,
    actor: Registrant,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """C33, R18: take a place for a member of the family."""
    kin = one_of_kin(platform, actor, guardianship_id, FamilyAct.SIGN_UP)
    now = platform.clock.now()
    elsewhere = engagements_of(platform.database, kin, now)

    def work(db: Session) -> signup.Signed:
        return signup.sign_up(
            db,
            actor=kin.actor,
            lg_code=lg_code,
            session_id=session_id,
            insurance_proof=form.one("insurance_proof") == "yes",
            elsewhere=elsewhere,
            book=book,
            now=now,
        )

    try:
        join_on_the_way(platform, book, kin, lg_code, now)
        return act(
            request, form, as_body(kin.actor, lg_code), kin.actor, work, _page(guardianship_id)
        )
    except (Refused, Conflict) as error:
        return _no(request, kin, guardianship_id, error, lg_code)


@router.post("/family/{guardianship_id}/sign-ups/{lg_code}/{session_id}/cancel")
def cancel(
    request: Request,
    guardianship_id: UUID,
    lg_code: LgCode,
    session_id: UUID,
    form: FormDep,
    actor: Registrant,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """C33, R18: give the place of a member of the family back."""
    kin = one_of_kin(platform, actor, guardianship_id, FamilyAct.SIGN_UP)
    now = platform.clock.now()

    def work(db: Session) -> signup.Signed:
        return signup.cancel_sign_up(
            db, actor=kin.actor, lg_code=lg_code, session_id=session_id, book=book, now=now
        )

    try:
        return act(
            request, form, as_body(kin.actor, lg_code), kin.actor, work, _page(guardianship_id)
        )
    except (Refused, Conflict) as error:
        return _no(request, kin, guardianship_id, error, lg_code)


# --- the card -------------------------------------------------------------------------------------


@router.get("/family/{guardianship_id}/card/{lg_code}")
def card(
    request: Request,
    guardianship_id: UUID,
    lg_code: LgCode,
    actor: Registrant,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """R22: the card of a child or of somebody helped, shown on this phone."""
    kin = one_of_kin(platform, actor, guardianship_id, FamilyAct.SHOW_CARD)
    held = [one for one in _held(platform, kin.actor, book) if one.row.lg_code == lg_code]
    if not held:
        return RedirectResponse(_page(guardianship_id), status_code=303)
    now = platform.clock.now()

    def with_these(keys: KeyStore) -> SignedCard | None:
        with platform.database.transaction(as_person(kin.actor)) as db:
            return living_card(
                db, actor=kin.actor, lg_code=lg_code, keys=keys, now=now, lasts=SCREEN_CODE
            )

    signed = with_keys(platform, presence_of(request).keys, lg_code, with_these)
    title = translator(request)("{body}の登録証", body=held[0].government.name)
    return show(
        request,
        "ward_card.html",
        kin=kin,
        held=held[0],
        number=grouped(held[0].row.member_number, MEMBER),
        picture=None if signed is None else signed.svg(title),
        until=now + SCREEN_CODE,
    )


@router.post("/family/{guardianship_id}/card/{lg_code}")
def issue(
    request: Request,
    guardianship_id: UUID,
    lg_code: LgCode,
    form: FormDep,
    actor: Registrant,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """R22: make the card that is shown."""
    kin = one_of_kin(platform, actor, guardianship_id, FamilyAct.SHOW_CARD)
    now = platform.clock.now()

    def with_these(keys: KeyStore) -> Response:
        def work(db: Session) -> SignedCard:
            return issue_card(db, actor=kin.actor, lg_code=lg_code, keys=keys, now=now, book=book)

        return act_as_person(
            request, form, kin.actor, work, f"{_page(guardianship_id)}/card/{lg_code}"
        )

    return with_keys(platform, presence_of(request).keys, lg_code, with_these)


# --- ends -----------------------------------------------------------------------------------------


# --- a second guardian, and the end ---------------------------------------------------------------


@router.post("/family/{guardianship_id}/guardians")
def ask_keeper(
    request: Request,
    guardianship_id: UUID,
    form: FormDep,
    actor: Registrant,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """R18: another adult is asked to look after a managed child too."""
    kin = one_of_kin(platform, actor, guardianship_id, FamilyAct.ASK_GUARDIAN)
    now, made = platform.clock.now(), list[guardians.Invited]()
    child, contact = kin.actor, form.one("contact")

    def work(db: Session) -> None:
        made[:] = [
            keepers.ask_keeper(db, actor=child, person_id=child.person_id, contact=contact, now=now)
        ]

    try:
        answer = act_as_person(request, form, child, work, _page(guardianship_id))
        for invited in made:
            language = platform.phone.language(request)
            identifying.mail_invitation(platform, invited, language=language)
    except (Invalid, Conflict, TooMany, Unavailable) as error:
        page = _ward(platform, actor, guardianship_id, book) | {"contact": contact}
        return again(request, "ward.html", error, **page)
    if made and rehearsal(platform):
        link = identifying.invitation_link(platform, made[0].token)
        page = _ward(platform, actor, guardianship_id, book)
        return show(request, "ward.html", **page, shown_link=link)
    return answer


@router.post("/family/{guardianship_id}/guardians/withdraw")
def take_back(
    request: Request,
    guardianship_id: UUID,
    form: FormDep,
    actor: Registrant,
    platform: PlatformDep,
) -> Response:
    """R18: an invitation nobody answered is taken back."""
    kin = one_of_kin(platform, actor, guardianship_id, FamilyAct.ASK_GUARDIAN)
    child, now, asked = kin.actor, platform.clock.now(), form.id("asked")

    def work(db: Session) -> None:
        keepers.take_back(
            db, actor=child, person_id=child.person_id, guardianship_id=asked, now=now
        )

    return act_as_person(request, form, child, work, _page(guardianship_id))


@router.post("/family/{guardianship_id}/end")
def end(
    request: Request,
    guardianship_id: UUID,
    form: FormDep,
    actor: Registrant,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """R18: one tap by the guardian or helper. A managed child's account closes with it."""
    kin = one_of_kin(platform, actor, guardianship_id, FamilyAct.LOOK)
    now = platform.clock.now()

    def work(db: Session) -> None:
        families.end_tie(db, actor=actor, row=kin.tie, now=now, book=book)

    return act(request, form, identifying.as_ward(actor, kin.tie), actor, work, "/family")


@router.get("/family/{guardianship_id}/own-sign-in")
def own_sign_in(
    request: Request, guardianship_id: UUID, actor: Registrant, platform: PlatformDep
) -> Response:
    """R18: where a child that grew up gets a sign-in of its own."""
    return show(
        request,
        "own_sign_in.html",
        guardianship_id=guardianship_id,
        **_growing(platform, actor, guardianship_id),
    )


def _growing(platform: Platform, actor: Actor, guardianship_id: UUID) -> dict[str, Any]:
    with platform.database.transaction(GATE) as db:
        row = guardians.ward_of(db, actor=actor, guardianship_id=guardianship_id)
        waits = growing.waits_for_sign_in(db, row)
    name = families.name_of(platform, families.acting_for(actor, row))
    return {"name": name, "waits": waits, "binding": "", "shown_code": None}


@router.post("/family/{guardianship_id}/own-sign-in")
def begin_own_sign_in(
    request: Request, guardianship_id: UUID, form: FormDep, actor: Registrant, platform: PlatformDep
) -> Response:
    """R18: mail a code to the child's address, then ask for it here."""
    page = _growing(platform, actor, guardianship_id)
    try:
        issued = send_code(
            platform,
            kind="person",
            email=form.one("email"),
            address=request.client.host if request.client else "unknown",
            language=platform.phone.language(request),
            now=platform.clock.now(),
        )
    except (Invalid, TooMany, Unavailable) as error:
        return again(request, "own_sign_in.html", error, guardianship_id=guardianship_id, **page)
    page["binding"] = issued.binding
    page["shown_code"] = issued.code if rehearsal(platform) else None
    return show(request, "own_sign_in.html", guardianship_id=guardianship_id, **page)


@router.post("/family/{guardianship_id}/own-sign-in/code")
def prove_own_sign_in(
    request: Request, guardianship_id: UUID, form: FormDep, actor: Registrant, platform: PlatformDep
) -> Response:
    """R18: the code from the child's mail; from now on it signs in itself."""
    page = _growing(platform, actor, guardianship_id)
    with platform.database.transaction(GATE) as db:
        row = guardians.ward_of(db, actor=actor, guardianship_id=guardianship_id)
    try:
        growing.give_sign_in(
            platform,
            actor=actor,
            row=row,
            code=form.one("code"),
            binding=form.one("binding"),
            now=platform.clock.now(),
        )
    except (Invalid, Gone, Refused, Conflict) as error:
        page["binding"] = form.one("binding")
        return again(request, "own_sign_in.html", error, guardianship_id=guardianship_id, **page)
    return RedirectResponse("/family", status_code=303)
