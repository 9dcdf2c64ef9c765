"""証明書: made, saved as PDF, taken back; anybody checks it at /verify (R22)."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from core.clock import japan_day
from core.shortcode import MAX_TEXT
from core.web import PlatformDep
from mobile import certificates
from mobile.api_certificates import sheet
from mobile.certificate_sheet import check_url
from mobile.pages.occasions import town_name
from mobile.pages.shell import FormDep, Registrant, act_as_person, show
from registry.doors import BookDep, EvidenceDep, LgCode, as_person
from registry.overview import held_by

router = APIRouter(include_in_schema=False)

PAGE = "/me/certificate"
Number = Annotated[str, Path(max_length=MAX_TEXT)]


@router.get(PAGE)
def certificate(
    request: Request, actor: Registrant, platform: PlatformDep, book: BookDep
) -> Response:
    """Those made so far, and one button for each town."""
    today = japan_day(platform.clock.now())
    with platform.database.transaction(as_person(actor)) as db:
        made = certificates.own(db, actor=actor)
        held = held_by(db, person_id=actor.person_id, today=today, book=book)
    return show(
        request,
        "certificates.html",
        made=[(one, town_name(one.government)) for one in made],
        held=[
            (one.row.lg_code, town_name(one.government))
            for one in held
            if one.row.status == "active"
        ],
        url_of=lambda one: check_url(platform.settings.public_url, one),
    )


@router.post(PAGE + "/{lg_code}")
def issue(
    request: Request,
    lg_code: LgCode,
    form: FormDep,
    actor: Registrant,
    platform: PlatformDep,
    evidence: EvidenceDep,
) -> Response:
    """As things stand today."""
    now = platform.clock.now()

    def work(db: Session) -> object:
        return certificates.issue(db, actor=actor, lg_code=lg_code, now=now, evidence=evidence)

    return act_as_person(request, form, actor, work, PAGE)


@router.get(PAGE + "/{number}/sheet.pdf")
def save(request: Request, number: Number, actor: Registrant, platform: PlatformDep) -> Response:
    """The sheet, to be printed or sent on."""
    return sheet(request, platform, actor, number)


@router.post(PAGE + "/{number}/revoke")
def revoke(
    request: Request, number: Number, form: FormDep, actor: Registrant, platform: PlatformDep
) -> Response:
    """Taken back; whoever checks it learns that it does not hold."""
    now = platform.clock.now()

    def work(db: Session) -> object:
        return certificates.revoke(db, actor=actor, number=number, now=now)

    return act_as_person(request, form, actor, work, PAGE)
