"""What a device is asked to sign: made here, kept on the server, good for one try (trust d-11)."""

import ipaddress
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import webauthn
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session
from webauthn.helpers import generate_challenge, options_to_json_dict
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from core import sealing
from core.errors import Conflict, Gone, NotFound, Refused, TooMany
from core.ids import new_id, new_token
from core.models import Passkey, PasskeyChallenge
from core.passkey_list import MOST, passkeys_of
from core.settings import Settings
from core.signin import SignedIn

CHALLENGE_LIFE = timedelta(minutes=5)
#: A village hall has one address; a browser asks for one each time it shows the page.
CHALLENGES_A_MINUTE = 120
SERVICE = "ふるさと住民登録"
_VERIFIED = UserVerificationRequirement.REQUIRED


class Purpose(StrEnum):
    """What a challenge is for; an answer to one is none to another."""

    REGISTER = "register"
    SIGN_IN = "sign_in"
    CONFIRM = "confirm"


@dataclass(frozen=True, slots=True)
class Party:
    """Who we are to a browser: the domain keys belong to, and the one origin they are used from."""

    domain: str
    origin: str


@dataclass(frozen=True, slots=True)
class Ceremony:
    """The first half: what the browser is asked, and what it must bring back."""

    binding: str
    options: dict[str, Any]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Claimed:
    """A challenge that has been taken away: this is its one try."""

    challenge: bytes
    purpose: Purpose
    kind: str
    session_hash: str | None


def party_of(settings: Settings) -> Party:
    """Who we are, by the public address.

    Raises:
        Refused: `passkeys_unavailable`: an IP address is no domain, and browsers refuse it.
    """
    host = settings.public_host
    with suppress(ValueError):
        ipaddress.ip_address(host)
        raise Refused(code="passkeys_unavailable")
    return Party(settings.passkey_domain or host, settings.public_url.rstrip("/"))


def available(settings: Settings) -> bool:
    """Whether passkeys can be offered at the public address."""
    try:
        party_of(settings)
    except Refused:
        return False
    return True


def begin_registration(
    db: Session, *, party: Party, signed_in: SignedIn, now: datetime
) -> Ceremony:
    """Ask a device of somebody signed in for a new key.

    Raises:
        Conflict: `passkeys_full`: the account has ten.
    """
    known = passkeys_of(db, signed_in.account_id)
    if len(known) >= MOST:
        raise Conflict(code="passkeys_full")
    challenge = generate_challenge()
    shown = masked(signed_in.email or "")
    options = webauthn.generate_registration_options(
        rp_id=party.domain,
        rp_name=SERVICE,
        user_id=signed_in.account_id.bytes,
        user_name=shown,
        user_display_name=shown,
        challenge=challenge,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=_VERIFIED
        ),
        exclude_credentials=[_descriptor(one) for one in known],
    )
    return _keep(
        db,
        challenge,
        options_to_json_dict(options),
        Purpose.REGISTER,
        signed_in.kind,
        signed_in,
        now,
    )


def begin_sign_in(
    db: Session, *, party: Party, kind: str, secret: str, address: str, now: datetime
) -> Ceremony:
    """Ask any device for any of our keys that it holds: nobody has said who they are.

    Raises:
        TooMany: Too many from one place within a minute.
    """
    asker = sealing.index(secret, "address", address)
    asked = db.scalar(
        select(func.count())
        .select_from(PasskeyChallenge)
        .where(
            PasskeyChallenge.address_hash == asker,
            PasskeyChallenge.created_at > now - timedelta(minutes=1),
        )
    )
    if (asked or 0) >= CHALLENGES_A_MINUTE:
        raise TooMany(code="rate_limited")
    challenge = generate_challenge()
    options = webauthn.generate_authentication_options(
        rp_id=party.domain, challenge=challenge, user_verification=_VERIFIED
    )
    return _keep(
        db, challenge, options_to_json_dict(options), Purpose.SIGN_IN, kind, None, now, asker
    )


def begin_confirmation(
    db: Session, *, party: Party, signed_in: SignedIn, now: datetime
) -> Ceremony:
    """Ask somebody signed in to prove themselves again with one of their own keys (step-up).

    Raises:
        NotFound: `passkey_missing`: they have none.
    """
    known = passkeys_of(db, signed_in.account_id)
    if not known:
        raise NotFound(code="passkey_missing")
    challenge = generate_challenge()
    options = webauthn.generate_authentication_options(
        rp_id=party.domain,
        challenge=challenge,
        user_verification=_VERIFIED,
        allow_credentials=[_descriptor(one) for one in known],
    )
    return _keep(
        db,
        challenge,
        options_to_json_dict(options),
        Purpose.CONFIRM,
        signed_in.kind,
        signed_in,
        now,
    )


def _keep(
    db: Session,
    challenge: bytes,
    options: dict[str, Any],
    purpose: Purpose,
    kind: str,
    signed_in: SignedIn | None,
    now: datetime,
    asker: str = "",
) -> Ceremony:
    binding = new_token()
    db.add(
        PasskeyChallenge(
            id=new_id(),
            binding_hash=sealing.digest(binding),
            challenge=challenge,
            purpose=purpose.value,
            kind=kind,
            session_hash=None if signed_in is None else signed_in.token_hash,
            address_hash=asker,
            created_at=now,
            expires_at=now + CHALLENGE_LIFE,
        )
    )
    return Ceremony(binding, options, now + CHALLENGE_LIFE)


def claim(db: Session, *, binding: str, now: datetime) -> Claimed | None:
    """Take a challenge away: single use, five minutes. None when it is not there any more.

    To be committed before the answer is looked at; `living` refuses what is None.
    """
    row = db.execute(
        delete(PasskeyChallenge)
        .where(PasskeyChallenge.binding_hash == sealing.digest(binding))
        .returning(
            PasskeyChallenge.challenge,
            PasskeyChallenge.purpose,
            PasskeyChallenge.kind,
            PasskeyChallenge.session_hash,
            PasskeyChallenge.expires_at,
        )
    ).one_or_none()
    if row is None or row.expires_at <= now:
        return None
    return Claimed(row.challenge, Purpose(row.purpose), row.kind, row.session_hash)


def living(claimed: Claimed | None, purpose: Purpose, signed_in: SignedIn | None) -> Claimed:
    """The challenge, when it was made for this purpose and this session.

    Raises:
        Gone: `challenge_gone`.
    """
    session_hash = None if signed_in is None else signed_in.token_hash
    if claimed is None or claimed.purpose is not purpose or claimed.session_hash != session_hash:
        raise Gone(code="challenge_gone")
    return claimed


def masked(email: str) -> str:
    """An address as a list of keys on a shared device may show it."""
    local, _, domain = email.partition("@")
    return f"{local[:1]}***@{domain}" if domain else SERVICE


def _descriptor(row: Passkey) -> PublicKeyCredentialDescriptor:
    return PublicKeyCredentialDescriptor(
        id=row.credential_id,
        transports=[AuthenticatorTransport(one) for one in row.transports] or None,
    )
