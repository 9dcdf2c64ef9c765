"""The API's door to one's own card."""

from datetime import date

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from activities.api_checkin import presence_of
from activities.card_doors import with_keys
from activities.cards import SignedCard, issue_card, living_card, stays_long
from core.problems import problems
from core.web import Answer, PlatformDep, answer_once
from qr.store import KeyStore
from registry.doors import BookDep, EvidenceDep, LgCode, PersonActor, as_person

router = APIRouter(tags=["cards"])


class CardOut(BaseModel):
    """登録証: what stands on it, and the code as text and as a picture (R19, R22)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "lg_code": "212172",
                    "tier": "basic",
                    "member_number": "K7Q2M9XDW3HP",
                    "expires_on": "2028-05-31",
                    "long_stay": False,
                    "code": "FJ1:6BFOXN*TS0BI$ZDYSHYJL…",
                    "svg": "<svg …>",
                }
            ]
        }
    )

    lg_code: str
    tier: str
    member_number: str
    expires_on: date = Field(description="Last day of the card; also signed into the code")
    long_stay: bool = Field(description="Marked as long stay (R11), among premium")
    code: str = Field(description="What a reception scans; copyable, so it also asks for the name")
    svg: str = Field(description="The code as a picture, ready to be shown or printed")

    @classmethod
    def of(cls, signed: SignedCard, *, long_stay: bool) -> "CardOut":
        """A living card as it is read outside."""
        return cls(
            lg_code=signed.card.lg_code,
            tier=signed.registration.tier,
            member_number=signed.registration.member_number,
            expires_on=signed.card.expires_on,
            long_stay=long_stay,
            code=signed.code,
            svg=signed.svg(signed.government.name),
        )


@router.post(
    "/me/registrations/{lg_code}/card",
    status_code=201,
    summary="Have a new card issued",
    response_model=CardOut,
    responses=problems(401, 404, 409),
)
def issue(
    request: Request,
    lg_code: LgCode,
    actor: PersonActor,
    platform: PlatformDep,
    book: BookDep,
    evidence: EvidenceDep,
) -> Response:
    """R22: one living card a registration; the one before it is refused from now on."""
    now = platform.clock.now()

    def with_these(keys: KeyStore) -> Response:
        def work(db: Session) -> Answer:
            signed = issue_card(db, actor=actor, lg_code=lg_code, keys=keys, now=now, book=book)
            marked = stays_long(db, signed.registration, evidence, now, book)
            return Answer.of(CardOut.of(signed, long_stay=marked), 201)

        return answer_once(request, as_person(actor), actor=actor, work=work)

    return with_keys(platform, presence_of(request).keys, lg_code, with_these)


@router.get(
    "/me/registrations/{lg_code}/card",
    summary="Read one's own card",
    responses=problems(401, 404, 409),
)
def read(
    request: Request,
    lg_code: LgCode,
    actor: PersonActor,
    platform: PlatformDep,
    book: BookDep,
    evidence: EvidenceDep,
) -> CardOut | None:
    """The card that holds today, with a freshly signed code; null when none was issued."""
    now = platform.clock.now()

    def with_these(keys: KeyStore) -> CardOut | None:
        with platform.database.transaction(as_person(actor)) as db:
            signed = living_card(db, actor=actor, lg_code=lg_code, keys=keys, now=now)
            if signed is None:
                return None
            marked = stays_long(db, signed.registration, evidence, now, book)
            return CardOut.of(signed, long_stay=marked)

    return with_keys(platform, presence_of(request).keys, lg_code, with_these)
