"""登録証: the card on the screen, and the same to print and cut out (R22)."""

from datetime import timedelta
from typing import Final

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from activities.api_checkin import presence_of
from activities.card_doors import with_keys
from activities.cards import SignedCard, issue_card, living_card, stays_long
from core.access import Actor
from core.clock import japan_day
from core.shortcode import MEMBER, grouped
from core.texts import N_
from core.web import Platform, PlatformDep
from mobile.pages.occasions import town_name
from mobile.pages.shell import FormDep, Registrant, act_as_person, show, translator
from qr.pdf import SheetWords, card_pdf
from qr.sheets import CardWords
from qr.store import KeyStore
from registry.doors import BookDep, EvidenceDep, LgCode, as_person
from registry.overview import Held, held_by
from registry.rules.policy import PolicyBook

router = APIRouter(include_in_schema=False)

#: How long a code that the server shows holds: for phones that run no scripts.
SCREEN_CODE: Final = timedelta(minutes=10)
TIERS = {"basic": N_("ベーシック登録"), "premium": N_("プレミアム登録")}


@router.get("/card")
def cards(request: Request, actor: Registrant, platform: PlatformDep, book: BookDep) -> Response:
    """All cards; somebody with one registration sees it at once."""
    with platform.database.transaction(as_person(actor)) as db:
        held = _living(db, actor, platform, book)
    if len(held) == 1:
        return RedirectResponse(f"/card/{held[0].row.lg_code}", status_code=303)
    return show(request, "cards.html", held=held, town_name=town_name)


def _living(
    db: Session, actor: Actor, platform: Platform, book: PolicyBook, lg_code: str | None = None
) -> list[Held]:
    today = japan_day(platform.clock.now())
    found = held_by(db, person_id=actor.person_id, today=today, book=book, lg_code=lg_code)
    return [one for one in found if one.row.status == "active"]


@router.get("/card/{lg_code}")
def card(
    request: Request,
    lg_code: LgCode,
    actor: Registrant,
    platform: PlatformDep,
    book: BookDep,
    evidence: EvidenceDep,
) -> Response:
    """One card with its code, or the button that makes it."""
    with platform.database.transaction(as_person(actor)) as db:
        held = _living(db, actor, platform, book, lg_code)
        if not held:
            return RedirectResponse(f"/towns/{lg_code}", status_code=303)
        marked = stays_long(db, held[0].row, evidence, platform.clock.now(), book)
    signed = signed_card(request, platform, actor, lg_code, lasts=SCREEN_CODE)
    _ = translator(request)
    title = _("{body}の登録証", body=held[0].government.name)
    return show(
        request,
        "card.html",
        held=held[0],
        number=grouped(held[0].row.member_number, MEMBER),
        picture=None if signed is None else signed.svg(title),
        until=platform.clock.now() + SCREEN_CODE,
        long_stay=marked,
        many=len(_living_codes(platform, actor, book)) > 1,
    )


def _living_codes(platform: Platform, actor: Actor, book: PolicyBook) -> list[str]:
    with platform.database.transaction(as_person(actor)) as db:
        return [one.row.lg_code for one in _living(db, actor, platform, book)]


def signed_card(
    request: Request,
    platform: Platform,
    actor: Actor,
    lg_code: str,
    lasts: timedelta | None = None,
) -> SignedCard | None:
    """The living card with a code that was signed just now; None where none has been made."""

    def with_these(keys: KeyStore) -> SignedCard | None:
        with platform.database.transaction(as_person(actor)) as db:
            return living_card(
                db,
                actor=actor,
                lg_code=lg_code,
                keys=keys,
                now=platform.clock.now(),
                lasts=lasts,
            )

    return with_keys(platform, presence_of(request).keys, lg_code, with_these)


@router.post("/card/{lg_code}")
def issue(
    request: Request,
    lg_code: LgCode,
    form: FormDep,
    actor: Registrant,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """Make a card; the one before it holds no longer."""
    now = platform.clock.now()

    def with_these(keys: KeyStore) -> Response:
        def work(db: Session) -> SignedCard:
            return issue_card(db, actor=actor, lg_code=lg_code, keys=keys, now=now, book=book)

        return act_as_person(request, form, actor, work, f"/card/{lg_code}")

    return with_keys(platform, presence_of(request).keys, lg_code, with_these)


@router.get("/card/{lg_code}/paper.svg")
def paper(request: Request, lg_code: LgCode, actor: Registrant, platform: PlatformDep) -> Response:
    """The wallet card as a drawing of 85.6 by 54 mm."""
    drawing = _drawing(request, platform, actor, lg_code)
    if drawing is None:
        return RedirectResponse(f"/card/{lg_code}", status_code=303)
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(drawing, media_type="image/svg+xml", headers=headers)


@router.get("/card/{lg_code}/paper.pdf")
def paper_pdf(
    request: Request, lg_code: LgCode, actor: Registrant, platform: PlatformDep
) -> Response:
    """The wallet card in the middle of an A4 sheet with lines to cut along."""
    drawing = _drawing(request, platform, actor, lg_code)
    if drawing is None:
        return RedirectResponse(f"/card/{lg_code}", status_code=303)
    _ = translator(request)
    words = SheetWords(
        title=_("ふるさと住民登録証"),
        steps=(
            _("「実際のサイズ」（100%）で印刷します。"),
            _("線にそって切り取ります。"),
            _("受付で、お名前とあわせて見せてください。"),
        ),
        lost=_("なくしたときは、登録証の画面で作り直すと、前の登録証は使えなくなります。"),
    )
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f'inline; filename="card-{lg_code}.pdf"',
        "X-Content-Type-Options": "nosniff",
    }
    return Response(card_pdf(drawing, words), media_type="application/pdf", headers=headers)


def _drawing(request: Request, platform: Platform, actor: Actor, lg_code: str) -> str | None:
    signed = signed_card(request, platform, actor, lg_code)
    if signed is None:
        return None
    _ = translator(request)
    words = CardWords(
        heading=_("ふるさと住民登録証"),
        number=_("登録番号"),
        note=_("受付で、お名前とあわせて確認します。"),
        alt=_("ふるさと住民登録証"),
    )
    return signed.printed(_(TIERS[signed.registration.tier]), words)
