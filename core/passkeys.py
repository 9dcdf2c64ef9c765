"""Passkeys: a face, a finger or a device's PIN instead of a mailed code, for every audience.

A ceremony has two halves. `begin_…` (core.passkey_challenges) keeps a challenge on the server;
`claim` takes it away, in a transaction of its own, so that a challenge is good for one try
whatever comes of it; `finish_…` checks what the device signed. Who holds the device is always
verified (trust d-11), and a mailed code always remains as another way in.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import webauthn
from sqlalchemy import select, update
from sqlalchemy.orm import Session
from webauthn.authentication.verify_authentication_response import VerifiedAuthentication
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import AuthenticatorTransport

from core import audit, sealing
from core.access import Actor, ActorKind, system
from core.errors import Conflict, Refused, invalid
from core.ids import new_id, new_token
from core.models import Account, Passkey, WebSession
from core.passkey_challenges import Claimed, Party, Purpose, living
from core.passkey_list import plain_name
from core.signin import SignedIn, open_session

_TRANSPORTS = {one.value for one in AuthenticatorTransport}
#: What damaged input makes the verifier say, besides its own complaints.
_UNREADABLE = (WebAuthnException, ValueError, TypeError, KeyError, AttributeError)


@dataclass(frozen=True, slots=True)
class Opened:
    """Whose passkey it was, and the session it opened: none when the key may be a copy."""

    account_id: UUID
    passkey_id: UUID
    kind: str
    token: str | None


def finish_registration(
    db: Session,
    *,
    party: Party,
    actor: Actor,
    signed_in: SignedIn,
    claimed: Claimed | None,
    credential: Mapping[str, Any],
    name: str,
    now: datetime,
) -> Passkey:
    """Keep the public half of a key that a device has made for this account.

    Args:
        db: A transaction of the gate.
        party: Who we are.
        actor: Who is signed in, for the audit trail.
        signed_in: The session that asked.
        claimed: The challenge, already taken away.
        credential: What the browser's `toJSON` gave.
        name: What its owner will know it by.
        now: The instant.

    Raises:
        Gone: `challenge_gone`: used, older than five minutes, or another session's.
        Invalid: `passkey_wrong`: not from our page, not verified, or not what was asked for.
        Conflict: `passkey_known`: the key is kept already.
    """
    asked = living(claimed, Purpose.REGISTER, signed_in)
    try:
        made = webauthn.verify_registration_response(
            credential=dict(credential),
            expected_challenge=asked.challenge,
            expected_rp_id=party.domain,
            expected_origin=party.origin,
            require_user_verification=True,
        )
    except _UNREADABLE as error:
        raise invalid("passkey_wrong", field="credential") from error
    if db.scalar(select(Passkey.id).where(Passkey.credential_id == made.credential_id)):
        raise Conflict(code="passkey_known")
    row = Passkey(
        id=new_id(),
        account_id=signed_in.account_id,
        credential_id=made.credential_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        name=plain_name(name),
        device_type=made.credential_device_type.value,
        backed_up=made.credential_backed_up,
        aaguid=made.aaguid,
        transports=_transports(credential),
        created_at=now,
    )
    db.add(row)
    db.flush()
    audit.record(
        db,
        actor=actor,
        action="passkey.add",
        subject=("passkey", row.id),
        now=now,
        person_id=actor.id if actor.kind is ActorKind.PERSON else None,
    )
    return row


def finish_sign_in(
    db: Session,
    *,
    party: Party,
    claimed: Claimed | None,
    credential: Mapping[str, Any],
    transport: str,
    user_agent: str,
    now: datetime,
    device: str = "",
) -> Opened:
    """Open a session for whoever holds a key of ours.

    A counter that went back means that the key may have been copied: the key is blocked and
    nothing opens. That must be committed, so it is an answer here and not an exception.

    Args:
        db: A transaction of the gate.
        party: Who we are.
        claimed: The challenge, already taken away.
        credential: What the browser's `toJSON` gave.
        transport: `cookie` or `bearer`.
        user_agent: As the browser or app calls itself.
        now: The instant.
        device: The browser's mark.

    Raises:
        Gone: `challenge_gone`.
        Invalid: `passkey_wrong`.
        Refused: `passkey_unknown`: removed, or of another kind of account; `passkey_blocked`.
    """
    asked = living(claimed, Purpose.SIGN_IN, None)
    row = _key_of(db, credential)
    account = db.get_one(Account, row.account_id)
    if account.closed_at or account.kind != asked.kind:
        raise Refused(code="passkey_unknown")
    handle = _response(credential).get("userHandle")
    if handle != bytes_to_base64url(account.id.bytes):
        raise invalid("passkey_wrong", field="credential")
    if not _used(db, row, asked, _verify(party, asked, row, credential), now):
        return Opened(account.id, row.id, account.kind, None)
    token = open_session(
        db,
        account=account,
        transport=transport,
        user_agent=user_agent,
        now=now,
        device=device,
        method="passkey",
    )
    return Opened(account.id, row.id, account.kind, token)


def finish_confirmation(
    db: Session,
    *,
    party: Party,
    signed_in: SignedIn,
    claimed: Claimed | None,
    credential: Mapping[str, Any],
    now: datetime,
) -> Opened:
    """Note that the user was verified just now; the session gets a new token (d-11).

    Raises:
        Gone, Invalid, Refused: As `finish_sign_in`; a key of another account is unknown.
    """
    asked = living(claimed, Purpose.CONFIRM, signed_in)
    row = _key_of(db, credential)
    if row.account_id != signed_in.account_id:
        raise Refused(code="passkey_unknown")
    if not _used(db, row, asked, _verify(party, asked, row, credential), now):
        return Opened(row.account_id, row.id, signed_in.kind, None)
    token = new_token()
    db.execute(
        update(WebSession)
        .where(WebSession.token_hash == signed_in.token_hash, WebSession.ended_at.is_(None))
        .values(token_hash=sealing.digest(token), user_verified_at=now, last_seen_at=now)
    )
    return Opened(row.account_id, row.id, signed_in.kind, token)


def _key_of(db: Session, credential: Mapping[str, Any]) -> Passkey:
    """The kept key an answer names, locked: counters move one by one."""
    try:
        credential_id = base64url_to_bytes(str(credential.get("rawId", "")))
    except ValueError as error:
        raise invalid("passkey_wrong", field="credential") from error
    row = db.execute(
        select(Passkey).where(Passkey.credential_id == credential_id).with_for_update()
    ).scalar_one_or_none()
    if row is None:
        raise Refused(code="passkey_unknown")
    if row.blocked_at:
        raise Refused(code="passkey_blocked")
    return row


def _verify(
    party: Party, asked: Claimed, row: Passkey, credential: Mapping[str, Any]
) -> VerifiedAuthentication:
    """What the device signed, when it did.

    The counter is compared by `_used`, after the signature: only its holder can move it.
    """
    try:
        return webauthn.verify_authentication_response(
            credential=dict(credential),
            expected_challenge=asked.challenge,
            expected_rp_id=party.domain,
            expected_origin=party.origin,
            credential_public_key=row.public_key,
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except _UNREADABLE as error:
        raise invalid("passkey_wrong", field="credential") from error


def _used(
    db: Session, row: Passkey, asked: Claimed, done: VerifiedAuthentication, now: datetime
) -> bool:
    """Whether the counter grew, or never counts; else the key is blocked."""
    if (done.new_sign_count or row.sign_count) and done.new_sign_count <= row.sign_count:
        row.blocked_at = now
        audit.record(
            db,
            actor=system("gate"),
            action="passkey.block",
            subject=("passkey", row.id),
            now=now,
            person_id=row.account_id if asked.kind == ActorKind.PERSON else None,
            outcome="refused",
        )
        return False
    row.sign_count, row.last_used_at = done.new_sign_count, now
    row.backed_up = done.credential_backed_up
    return True


def _transports(credential: Mapping[str, Any]) -> list[str]:
    """How the browser reaches the key, as far as we know the words."""
    told = _response(credential).get("transports")
    return sorted(_TRANSPORTS & {str(one) for one in told}) if isinstance(told, list) else []


def _response(credential: Mapping[str, Any]) -> Mapping[str, Any]:
    """The inner half of what a browser gave, if it gave one."""
    found = credential.get("response")
    return found if isinstance(found, dict) else {}
