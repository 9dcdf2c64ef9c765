"""受付: from a poster's code, a venue's code or a typed one to a stored answer (R19).

The scan id is made with the form, before the first try: a form sent twice, or sent again after
a lost reply, gets the first answer. Whoever has no account yet is led through sign-in and first
profile and comes back with the same scan id.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Final
from uuid import UUID, uuid4

from fastapi import APIRouter, Query, Request
from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.responses import JSONResponse, RedirectResponse, Response

from activities.api_checkin import own_scan, presence_of
from activities.card_doors import with_keys
from activities.cards import issue_card
from activities.models import ActivitySession, CheckIn, ScanAttempt
from activities.presence import run, source_for
from activities.schemas_checkin import OwnCheckIn
from core import shortcode
from core.access import Actor
from core.errors import Conflict, Gone, NotFound, Refused, invalid
from core.shortcode import MEMBER, grouped
from core.web import Platform, PlatformDep, wants_json
from mobile.kin import Kin, answers_of, kin_of
from mobile.kin import check_in as check_in_kin
from mobile.pages.cards import SCREEN_CODE, signed_card
from mobile.pages.devices import offered
from mobile.pages.occasions import (
    Occasion,
    asked_poster,
    occasion_in,
    town_name,
    way_to_premium,
)
from mobile.pages.scanning import scan_page
from mobile.pages.shell import (
    Form,
    FormDep,
    Registrant,
    VisitorDep,
    plain_problems,
    show,
    translator,
    who_tag,
)
from qr.codes import MAX_TEXT
from qr.store import KeyStore
from registry import queries, registration, survey
from registry.doors import BookDep, EvidenceDep, LgCode, as_body, as_person
from registry.models import LocalGovernment
from registry.rules.policy import PolicyBook

public_router = APIRouter(include_in_schema=False)
router = APIRouter(include_in_schema=False)

_REFUSED: Final = 409
ScanQuery = Annotated[UUID | None, Query()]


@dataclass(frozen=True, slots=True)
class _Presence:
    """Whether somebody has come to a session and left it."""

    arrived: bool = False
    left: bool = False


def _presence(db: Session, actor: Actor, lg_code: str, session_id: UUID) -> _Presence:
    found = set(
        db.scalars(
            select(CheckIn.direction).where(
                CheckIn.lg_code == lg_code,
                CheckIn.session_id == session_id,
                CheckIn.person_id == actor.person_id,
                CheckIn.annulled_at.is_(None),
            )
        )
    )
    return _Presence(arrived="in" in found, left="out" in found)


# --- a poster -------------------------------------------------------------------------------------


@public_router.get("/c/{code}")
@public_router.get("/C/{code}")
def poster(
    request: Request,
    code: str,
    visitor: VisitorDep,
    platform: PlatformDep,
    scan: ScanQuery = None,
) -> Response:
    """What the poster is for, and one button."""
    occasion = asked_poster(request, platform, code)
    scan_id, been, registered = scan or uuid4(), _Presence(), False
    kin = list[Kin]()
    if visitor.person is not None:
        kin = kin_of(platform, visitor.actor)
        with platform.database.transaction(as_person(visitor.actor)) as db:
            if scan is None or _attempt(db, visitor.actor, occasion.lg_code, scan) is not None:
                scan_id = uuid4()
            been = _presence(db, visitor.actor, occasion.lg_code, occasion.session_id)
            registered = _is_registered(db, visitor.actor, occasion.lg_code)
    return show(
        request,
        "poster.html",
        place=occasion,
        code=shortcode.normalise(code),
        scan_id=scan_id,
        arrived=been.arrived,
        left=been.left,
        registered=registered,
        known=visitor.person is not None,
        kin=kin,
    )


def _is_registered(db: Session, actor: Actor, lg_code: str) -> bool:
    row = queries.registration_of(db, lg_code=lg_code, person_id=actor.person_id)
    return row is not None and row.status == "active"


@router.post("/c/{code}")
@router.post("/C/{code}")
def check_in_from_poster(
    request: Request,
    code: str,
    form: FormDep,
    actor: Registrant,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """One tap: a basic registration with the town if there is none yet, then the reception."""
    return receive(request, platform, book, actor, code=code, form=form)


def receive(
    request: Request,
    platform: Platform,
    book: PolicyBook,
    actor: Actor,
    *,
    code: str,
    form: Form,
) -> Response:
    """R03, R19: register with the poster's town on the way, check in, show what came of it."""
    _check_owner(platform, actor, form)
    occasion = asked_poster(request, platform, code)
    given = _given(form, code)
    try:
        if _join_on_the_way(platform, book, actor, occasion):
            _first_card(request, platform, book, actor, occasion.lg_code)
        for one in kin_of(platform, actor):
            if form.one(f"with-{one.tie.id}"):
                check_in_kin(request, platform, book, one, given)
    except (Refused, Conflict) as error:
        if wants_json(request):
            raise
        return show(
            request,
            "refused.html",
            _REFUSED,
            title=occasion.title,
            town=occasion.town,
            lg_code=occasion.lg_code,
            reasons=plain_problems(error),
            back_href=f"/c/{shortcode.normalise(code)}",
        )
    return _answered(request, platform, actor, given)


def _join_on_the_way(
    platform: Platform, book: PolicyBook, actor: Actor, occasion: Occasion
) -> bool:
    """R03: a basic registration with the poster's town; whether it was made just now."""
    with platform.database.transaction(as_person(actor)) as db:
        if _is_registered(db, actor, occasion.lg_code):
            return False
        registration.register(
            db, actor=actor, lg_code=occasion.lg_code, now=platform.clock.now(), book=book
        )
        return True


def _first_card(
    request: Request, platform: Platform, book: PolicyBook, actor: Actor, lg_code: str
) -> None:
    """R22: whoever registers on the way has a card to show at once."""

    def with_these(keys: KeyStore) -> None:
        with platform.database.transaction(as_person(actor)) as db:
            issue_card(
                db,
                actor=actor,
                lg_code=lg_code,
                keys=keys,
                now=platform.clock.now(),
                book=book,
            )

    with_keys(platform, presence_of(request).keys, lg_code, with_these)


def _given(form: Form, code: str) -> OwnCheckIn:
    """The scan as the form says it; one that waited in the phone says when it was made (C26)."""
    waited = form.one("offline") == "yes"
    times = ("scanned_at", "offset_ms", "uncertainty_ms") if waited else ()
    fields: dict[str, Any] = {name: form.one(name) for name in times if form.one(name)}
    fields |= {
        "scan_id": form.one("scan_id"),
        "code": code,
        "direction": "out" if form.one("direction") == "out" else "in",
        "offline": waited,
    }
    try:
        return OwnCheckIn.model_validate(fields)
    except ValidationError as error:
        field = error.errors()[0]["loc"][0]
        raise invalid("validation", field=str(field)) from None


def _check_owner(platform: Platform, actor: Actor, form: Form) -> None:
    """A scan made by one person is never sent as another's, whoever is signed in by now.

    Raises:
        Conflict: `other_person`.
    """
    who = form.one("_who")
    if who and who != who_tag(platform, actor):
        raise Conflict(code="other_person")


def _answered(request: Request, platform: Platform, actor: Actor, given: OwnCheckIn) -> Response:
    """Judge and store one scan; then its page, or for the phone's worker what came of it."""
    lg_code, scan = own_scan(platform, actor, given)
    (answer,) = run(
        platform.database,
        as_body(actor, lg_code),
        presence_of(request),
        scans=[scan],
        source=source_for(actor),
        now=platform.clock.now(),
    )
    done = f"/done/{lg_code}/{scan.scan_id}"
    if wants_json(request):
        told = {"outcome": answer.outcome, "reason": answer.reason, "done": done}
        return JSONResponse(told)
    return RedirectResponse(done, status_code=303)


# --- a venue's code, or a typed one ---------------------------------------------------------------


@router.post("/v")
@router.post("/checkin")
def check_in_by_code(
    request: Request, form: FormDep, actor: Registrant, platform: PlatformDep, book: BookDep
) -> Response:
    """A poster's eight characters lead to its page; a venue's code is judged at once."""
    code = form.one("code")
    _check_owner(platform, actor, form)
    if shortcode.is_valid(code) and wants_json(request):
        return receive(request, platform, book, actor, code=code, form=form)
    if shortcode.is_valid(code):
        return RedirectResponse(f"/c/{shortcode.normalise(code)}", status_code=303)
    try:
        return _answered(request, platform, actor, _given(form, code[:MAX_TEXT] or "-"))
    except NotFound as error:
        if wants_json(request):
            raise
        wrong = invalid(error.code, field="code")
        return scan_page(request, known=True, code=code[:40], error=wrong)


# --- the answer -----------------------------------------------------------------------------------


def _attempt(db: Session, actor: Actor, lg_code: str, scan_id: UUID) -> ScanAttempt | None:
    return db.get(ScanAttempt, (lg_code, actor.label, scan_id))


@router.get("/done/{lg_code}/{scan_id}")
def done(
    request: Request,
    lg_code: LgCode,
    scan_id: UUID,
    actor: Registrant,
    platform: PlatformDep,
    book: BookDep,
    evidence: EvidenceDep,
) -> Response:
    """受付しました, or what is still missing and what to do.

    A scan that waited for the organiser turns into a reception here once they have confirmed.
    """
    with platform.database.transaction(as_person(actor)) as db:
        attempt = _attempt(db, actor, lg_code, scan_id)
        if attempt is None:
            raise Gone(code="not_found")
        government = db.get_one(LocalGovernment, lg_code)
        session = db.get(ActivitySession, (lg_code, attempt.session_id or UUID(int=0)))
        place = None if session is None else occasion_in(db, session)
        been = _Presence() if place is None else _presence(db, actor, lg_code, place.session_id)
        row = queries.registration_of(db, lg_code=lg_code, person_id=actor.person_id)
        active = row is not None and row.status == "active"
        confirmed = attempt.outcome == "needs_input" and attempt.direction == "in" and been.arrived
        page = {
            "outcome": "accepted" if confirmed else attempt.outcome,
            "reason": "counted" if confirmed else attempt.reason,
            "leaving": attempt.direction == "out",
            "reasons": attempt.answer.get("problems", []),
            "town": town_name(government),
            "body": government.name,
            "kana": government.kana,
            "survey_open": row is not None
            and active
            and row.direct
            and survey.answers_of(db, row) is None,
            "way": way_to_premium(
                db,
                actor=actor,
                government=government,
                now=platform.clock.now(),
                book=book,
                evidence=evidence,
            )
            if active
            else None,
        }
    shown = _card(request, platform, actor, lg_code) if active else {"row": None}
    page["together"] = answers_of(platform, actor, lg_code, scan_id)
    offer = offered(request)
    return show(
        request, "done.html", place=place, lg_code=lg_code, passkey_offered=offer, **page, **shown
    )


def _card(request: Request, platform: Platform, actor: Actor, lg_code: str) -> dict[str, Any]:
    """R22: the card below the answer, as the organiser reads it."""
    signed = signed_card(request, platform, actor, lg_code, lasts=SCREEN_CODE)
    if signed is None:
        return {"row": None}
    _ = translator(request)
    row = signed.registration
    return {
        "row": row,
        "number": grouped(row.member_number, MEMBER),
        "picture": signed.svg(_("{body}の登録証", body=signed.government.name)),
    }
