"""The API's doors to the phones that can show one's card (R22)."""

import base64
import binascii
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from activities.api_checkin import presence_of
from activities.card_doors import with_keys
from activities.cards import living_registration
from core.clock import japan_day
from core.problems import problems
from core.web import Answer, Items, PlatformDep, answer_once
from mobile.phones import PhoneKey, certify, new_challenge
from qr.keys import base64url
from qr.store import KeyStore
from registry.doors import BookDep, LgCode, PersonActor, as_person
from registry.models import Card
from registry.phones import own_phones, revoke_all_phones, revoke_phone

router = APIRouter(tags=["cards"])


def _is_base64url(value: str) -> str:
    from_base64url(value)
    return value


def from_base64url(text: str) -> bytes:
    """Bytes of base64url without padding (RFC 7515).

    Raises:
        ValueError: It is not such a text.
    """
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("Not base64url.") from error


Base64Url = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_is_base64url)]


class PhoneOut(BaseModel):
    """A phone that can show this card."""

    id: UUID
    name: str | None = Field(examples=["iPhone"])
    public_key: str = Field(description="Compressed P-256 point, base64url")
    certified_at: datetime
    expires_on: str = Field(description="Last day it shows the card unless certified again")

    @classmethod
    def of(cls, card: Card) -> "PhoneOut":
        """A phone as its owner sees it."""
        return cls(
            id=card.id,
            name=card.device_name,
            public_key=base64url(bytes.fromhex(card.device_public_key or "")),
            certified_at=card.issued_at,
            expires_on=card.expires_on.isoformat(),
        )


class PhonesOut(Items[PhoneOut]):
    """The phones, and what a further one needs to be certified."""

    challenge: str = Field(description="To be signed within ten minutes")
    rotate_s: int = Field(description="Length of a code's step in seconds", examples=[30])


class PhoneKeyIn(BaseModel):
    """A phone's public key and the proof that it holds the private one."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "public_key": "Ai1xFkK3JrBEAWJ8qfusMvXIUw-xkDzE2wIlhxeSGkiB",
                    "challenge": "1811811600.5f2d",
                    "proof": "pKvURIxJVi2CgRXROh_M6pJ_UrTVRZKX-LQ-QtqJI4v"
                    "BNibkPcs43bCCSIkn7JBPtCBXRDmD6IWFF51QVRr-Yg",
                    "name": "iPhone",
                }
            ]
        },
    )

    public_key: Base64Url = Field(description="Compressed P-256 point, 33 bytes, base64url")
    challenge: str = Field(max_length=100, description="As read from the list of phones")
    proof: Base64Url = Field(
        description="ES256 (raw 64 bytes, base64url) over `FJ1 phone key`, a line feed, the"
        " challenge, a line feed, and the 33 bytes of the public key"
    )
    name: str = Field(default="", max_length=40)


class CertifiedOut(BaseModel):
    """What the phone keeps beside its private key."""

    id: UUID
    certificate: str = Field(description="120 bytes, base64url; stands first in every code")
    expires_at: datetime
    rotate_s: int


class StoppedOut(BaseModel):
    """How many keys of phones were stopped."""

    stopped: int


_PATH = "/me/registrations/{lg_code}/card/phones"


@router.get(
    _PATH, summary="List the phones that show one's card", responses=problems(401, 404, 409)
)
def phones(lg_code: LgCode, actor: PersonActor, platform: PlatformDep, book: BookDep) -> PhonesOut:
    """Living keys only; a phone that does not find its own key here has been stopped."""
    now = platform.clock.now()
    with platform.database.transaction(as_person(actor)) as db:
        living_registration(db, actor, lg_code, lock=False)
        found = own_phones(db, actor=actor, now=now, lg_code=lg_code)
        return PhonesOut(
            items=[PhoneOut.of(card) for card in found],
            challenge=new_challenge(platform.secret, actor=actor, lg_code=lg_code, now=now),
            rotate_s=int(book.on("checkin.rotate_s", japan_day(now)).value),
        )


@router.post(
    _PATH,
    status_code=201,
    summary="Certify a phone's key for one's card",
    response_model=CertifiedOut,
    responses=problems(401, 404, 409, 422),
)
def certify_key(
    request: Request,
    lg_code: LgCode,
    given: PhoneKeyIn,
    actor: PersonActor,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """R22: the phone signs its codes from now on, without network, for a month at most.

    The same key again is renewed. It ends with the sign-in that asks here.
    """
    now = platform.clock.now()
    phone = PhoneKey(
        public_key=from_base64url(given.public_key),
        challenge=given.challenge,
        proof=from_base64url(given.proof),
        name=given.name,
    )
    rotate_s = int(book.on("checkin.rotate_s", japan_day(now)).value)

    def with_these(keys: KeyStore) -> Response:
        def work(db: Session) -> Answer:
            done = certify(
                db,
                actor=actor,
                lg_code=lg_code,
                phone=phone,
                keys=keys,
                secret=platform.secret,
                token_hash=request.state.signed_in.token_hash,
                now=now,
                book=book,
            )
            out = CertifiedOut(
                id=done.card.id,
                certificate=base64url(done.certificate),
                expires_at=done.expires_at,
                rotate_s=rotate_s,
            )
            return Answer.of(out, 201)

        return answer_once(request, as_person(actor), actor=actor, work=work)

    return with_keys(platform, presence_of(request).keys, lg_code, with_these)


@router.delete(
    _PATH + "/{phone_id}",
    summary="Stop a phone from showing one's card",
    response_model=StoppedOut,
    responses=problems(401, 404),
)
def stop_phone(
    request: Request, lg_code: LgCode, phone_id: UUID, actor: PersonActor, platform: PlatformDep
) -> Response:
    """R22: refused at every connected reception at once; what it signed before keeps counting."""

    def work(db: Session) -> Answer:
        revoke_phone(db, actor=actor, lg_code=lg_code, phone_id=phone_id, now=platform.clock.now())
        return Answer.of(StoppedOut(stopped=1))

    return answer_once(request, as_person(actor), actor=actor, work=work)


@router.delete(
    "/me/card-phones",
    summary="Stop every phone from showing any of one's cards",
    response_model=StoppedOut,
    responses=problems(401),
)
def stop_all_phones(request: Request, actor: PersonActor, platform: PlatformDep) -> Response:
    """R22: for a lost phone, from any other. Paper cards hold on."""

    def work(db: Session) -> Answer:
        stopped = revoke_all_phones(db, actor=actor, now=platform.clock.now())
        return Answer.of(StoppedOut(stopped=stopped))

    return answer_once(request, as_person(actor), actor=actor, work=work)
