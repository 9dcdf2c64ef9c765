"""登録証・証明書を確かめる: anybody learns valid, tier, body and as of, and nothing else (R22)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from sqlalchemy import select
from starlette.responses import Response

from activities.api_checkin import presence_of
from core.access import ANONYMOUS
from core.clock import japan_day, wall_now
from core.db import for_body
from core.errors import Invalid, NotFound, invalid
from core.limits import Limit
from core.web import Platform, PlatformDep, address_of
from mobile.api_certificates import holding
from mobile.pages.occasions import town_name
from mobile.pages.shell import PUBLIC, FormDep, again, show, visitor
from qr.codes import MAX_TEXT, CodeError, Kind, Refusal, parse, verify
from qr.signatures import KeyRing
from registry.doors import BookDep
from registry.models import Card, LocalGovernment, Registration
from registry.rules.policy import PolicyBook

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What anybody may learn of a card."""

    valid: bool
    as_of: datetime
    town: str = ""
    tier: str = ""
    certificate: bool = False


@router.get("/verify", dependencies=[Depends(visitor)])
def ask(request: Request, code: Annotated[str, Query(max_length=MAX_TEXT)] = "") -> Response:
    """A field for the code that was scanned; a scanner may hand it over in the address."""
    return show(request, "verify.html", verdict=None, code=code)


@router.post("/verify", dependencies=[Depends(visitor)])
def answer(request: Request, form: FormDep, platform: PlatformDep, book: BookDep) -> Response:
    """Whether it holds now. Why it does not is not said: the holder asks their own page."""
    return _answer(request, platform, book, form.one("code"))


@router.get("/verify/{number}", dependencies=[Depends(visitor)])
def answer_number(
    request: Request,
    number: Annotated[str, Path(max_length=MAX_TEXT)],
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """R22: the address printed on a certificate, for whoever was handed one."""
    return _answer(request, platform, book, number)


def _answer(request: Request, platform: Platform, book: PolicyBook, code: str) -> Response:
    limit = Limit("verify", platform.settings.limit_verifications)
    platform.limiter.take(limit, address_of(request), now=platform.clock.now())
    try:
        verdict = _judge_certificate(platform, code) or _judge(request, platform, book, code)
    except Invalid as found:
        coded = code.strip().upper().startswith("FJ1")
        error = found if coded else invalid("number_misread", field="code")
        return again(request, "verify.html", error, verdict=None, code=code[:300])
    return show(request, "verify.html", verdict=verdict, code="")


def _judge_certificate(platform: Platform, number: str) -> Verdict | None:
    """R22: what is told of a certificate; None when this is no certificate's number."""
    now = platform.clock.now()
    try:
        found = holding(platform, number)
    except NotFound:
        return None
    if found is None:
        return Verdict(valid=False, as_of=now, certificate=True)
    return Verdict(True, now, town_name(found.government), found.certificate.tier, certificate=True)


def _judge(request: Request, platform: Platform, book: PolicyBook, code: str) -> Verdict:
    """R22: signature first, then whether the card and the registration still hold.

    Raises:
        Invalid: This is no code of a card.
    """
    now = platform.clock.now()
    keys = presence_of(request).keys
    with platform.database.transaction(PUBLIC) as db:
        keys.refresh(db, wall=wall_now())
    today = japan_day(now)
    rotate_s = int(book.on("checkin.rotate_s", today).value)
    tolerance = int(book.on("checkin.step_tolerance", today).value)
    try:
        lg_code, card_ref = _read(code, keys.ring, rotate_s, tolerance, now)
    except CodeError as error:
        if error.code is Refusal.MALFORMED:
            raise invalid("malformed", field="code") from error
        return Verdict(valid=False, as_of=now)
    with platform.database.transaction(for_body(lg_code, actor=ANONYMOUS.label)) as db:
        row = db.execute(
            select(Registration.tier, LocalGovernment)
            .join(
                Card,
                (Card.lg_code == Registration.lg_code) & (Card.registration_id == Registration.id),
            )
            .join(LocalGovernment, LocalGovernment.code == Registration.lg_code)
            .where(
                Card.lg_code == lg_code,
                Card.card_ref == card_ref,
                Card.revoked_at.is_(None),
                Registration.status == "active",
            )
        ).one_or_none()
    if row is None:
        return Verdict(valid=False, as_of=now)
    return Verdict(valid=True, as_of=now, town=town_name(row[1]), tier=row[0])


def _read(
    code: str, ring: KeyRing, rotate_s: int, tolerance: int, now: datetime
) -> tuple[str, str]:
    """Local government and reference of a card's code.

    Raises:
        CodeError: It does not hold.
    """
    found = verify(
        parse(code),
        keyring=ring,
        expected_kinds={Kind.CARD, Kind.PHONE},
        lg_code=None,
        now=now,
        rotate_s=rotate_s,
        step_tolerance=tolerance,
    )
    return found.lg_code, (found.card_id or b"").hex()
