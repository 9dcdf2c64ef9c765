"""Doors of certificates: one's own, and the check that anybody may make (R22)."""

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from core.access import ANONYMOUS, Actor
from core.db import for_body
from core.limits import Limit
from core.problems import problems
from core.shortcode import MAX_TEXT
from core.web import Answer, Items, Platform, PlatformDep, address_of, answer_once
from mobile import certificates
from mobile.certificate_sheet import Reader, certificate_pdf, check_url
from mobile.certificates import Issued
from registry.doors import EvidenceDep, LgCode, PersonActor, as_person

public_router = APIRouter(tags=["certificates"])
router = APIRouter(tags=["certificates"])
Number = Annotated[str, Path(max_length=MAX_TEXT, examples=["212172-7KQ2M9XD3A"])]
_EXAMPLE: dict[str, Any] = {
    "number": "212172-7KQ2M9XD3A",
    "lg_code": "212172",
    "tier": "premium",
    "issued_at": "2027-06-01T10:00:00+09:00",
    "premium_until": "2028-05-31",
    "counted": 4,
    "minutes": 720,
    "holds": True,
    "url": "https://furusato.example/verify/212172-7KQ2M9XD3A",
}


class CertificateOut(BaseModel):
    """証明書: what stood so on the day it was made, and whether it still holds."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    number: str
    lg_code: str
    tier: str
    issued_at: datetime
    premium_until: date | None
    counted: int = Field(description="Participations that counted in the year up to that day")
    minutes: int
    holds: bool
    url: str = Field(description="Where anybody may check it")

    @classmethod
    def of(cls, one: Issued, public_url: str) -> "CertificateOut":
        """One's own certificate as it is read outside."""
        row = one.certificate
        return cls(
            number=one.number,
            lg_code=row.lg_code,
            tier=row.tier,
            issued_at=row.issued_at,
            premium_until=row.premium_until,
            counted=row.counted,
            minutes=row.minutes,
            holds=one.holds,
            url=check_url(public_url, one),
        )


class CheckedOut(BaseModel):
    """What anybody may learn of a certificate, and nothing else."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "valid": True,
                    "lg_code": "212172",
                    "tier": "premium",
                    "as_of": "2027-06-01T10:00:00+09:00",
                }
            ]
        }
    )

    valid: bool
    as_of: datetime
    lg_code: str | None = None
    tier: str | None = None


@router.post(
    "/me/registrations/{lg_code}/certificates",
    status_code=201,
    summary="Make a certificate",
    response_model=CertificateOut,
    responses=problems(401, 404, 409),
)
def issue(
    request: Request,
    lg_code: LgCode,
    actor: PersonActor,
    platform: PlatformDep,
    evidence: EvidenceDep,
) -> Response:
    """R22: as things stand today; twice on one day with nothing new, it is the same one."""
    now = platform.clock.now()

    def work(db: Session) -> Answer:
        row = certificates.issue(db, actor=actor, lg_code=lg_code, now=now, evidence=evidence)
        made = certificates.one_of_own(db, actor=actor, number=row.lg_code + row.number)
        return Answer.of(CertificateOut.of(made, platform.settings.public_url), 201)

    return answer_once(request, as_person(actor), actor=actor, work=work)


@router.get("/me/certificates", summary="List one's certificates", responses=problems(401))
def own(actor: PersonActor, platform: PlatformDep) -> Items[CertificateOut]:
    """The latest twenty that were not taken back."""
    with platform.database.transaction(as_person(actor)) as db:
        made = certificates.own(db, actor=actor)
    url = platform.settings.public_url
    return Items[CertificateOut](items=[CertificateOut.of(one, url) for one in made])


@router.get(
    "/me/certificates/{number}/sheet",
    summary="Save a certificate as PDF",
    response_class=Response,
    responses=problems(401, 404)
    | {200: {"content": {"application/pdf": {"schema": {"type": "string"}}}}},
)
def save(request: Request, number: Number, actor: PersonActor, platform: PlatformDep) -> Response:
    """In the language of the request."""
    return sheet(request, platform, actor, number)


@router.post(
    "/me/certificates/{number}/revoke",
    summary="Take a certificate back",
    response_model=CertificateOut,
    responses=problems(401, 404, 409),
)
def revoke(request: Request, number: Number, actor: PersonActor, platform: PlatformDep) -> Response:
    """R22: from now on a check says that it does not hold."""
    now = platform.clock.now()

    def work(db: Session) -> Answer:
        found = certificates.one_of_own(db, actor=actor, number=number, lock=True)
        certificates.revoke(db, actor=actor, number=number, now=now)
        return Answer.of(CertificateOut.of(found, platform.settings.public_url))

    return answer_once(request, as_person(actor), actor=actor, work=work)


@public_router.get(
    "/certificates/{number}", summary="Check a certificate", responses=problems(404, 429)
)
def check(request: Request, number: Number, platform: PlatformDep) -> CheckedOut:
    """R22: without an account; whether it holds, of which body and tier, as of now.

    404 only for what cannot be a number; an unknown one and one that ended are told alike.
    """
    now = platform.clock.now()
    limit = Limit("verify", platform.settings.limit_verifications)
    platform.limiter.take(limit, address_of(request), now=now)
    found = holding(platform, number)
    if found is None:
        return CheckedOut(valid=False, as_of=now)
    row = found.certificate
    return CheckedOut(valid=True, as_of=now, lg_code=row.lg_code, tier=row.tier)


def holding(platform: Platform, number: str) -> Issued | None:
    """R22: the certificate with this number, as long as it holds.

    Raises:
        NotFound: This can be no certificate's number.
    """
    lg_code = certificates.body_of(number)
    with platform.database.transaction(for_body(lg_code, actor=ANONYMOUS.label)) as db:
        return certificates.check(db, number=number)


def sheet(request: Request, platform: Platform, actor: Actor, number: str) -> Response:
    """One's own certificate as a PDF."""
    with platform.database.transaction(as_person(actor)) as db:
        found = certificates.one_of_own(db, actor=actor, number=number)
    lang = platform.phone.language(request)
    content = certificate_pdf(
        found,
        public_url=platform.settings.public_url,
        reader=Reader(platform.texts.translator(lang), lang),
    )
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="certificate-{found.number}.pdf"',
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, media_type="application/pdf", headers=headers)
