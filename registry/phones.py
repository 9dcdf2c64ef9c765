"""The phones that can show a card: which there are, and how they stop (R22, C11).

A phone's key is bound to the sign-in that had it certified. Signing out stops it, as does the
owner from any other phone after a loss. What it signed before that instant keeps counting (C28).
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import audit, sealing
from core.access import Actor, ActorKind
from core.clock import japan_day
from core.errors import NotFound
from core.web import Platform
from registry.doors import as_person
from registry.models import Card


def sign_in_ref(secret: str, lg_code: str, token_hash: str) -> str:
    """A sign-in as one body's rows name it: two bodies cannot tell that it is the same (R25)."""
    return sealing.index(secret, f"card-sign-in:{lg_code}", token_hash)


def own_phones(
    db: Session, *, actor: Actor, now: datetime, lg_code: str | None = None
) -> Sequence[Card]:
    """The actor's living phone keys, the newest first."""
    query = select(Card).where(
        Card.person_id == actor.person_id,
        Card.kind == "phone",
        Card.revoked_at.is_(None),
        Card.expires_on >= japan_day(now),
    )
    if lg_code is not None:
        query = query.where(Card.lg_code == lg_code)
    return db.scalars(query.order_by(Card.issued_at.desc(), Card.id)).all()


def revoke_phone(db: Session, *, actor: Actor, lg_code: str, phone_id: UUID, now: datetime) -> Card:
    """R22: one phone shows this card no longer; twice is once.

    Raises:
        NotFound: It is no phone of the actor's.
    """
    card = db.get(Card, (lg_code, phone_id), with_for_update=True)
    if card is None or card.kind != "phone" or card.person_id != actor.person_id:
        raise NotFound(code="not_found")
    if card.revoked_at is None:
        _revoke(db, actor, card, now, "owner")
    return card


def revoke_all_phones(db: Session, *, actor: Actor, now: datetime) -> int:
    """R22: no phone shows any card of the actor's until it is certified anew; how many stopped."""
    living = own_phones(db, actor=actor, now=now)
    for card in living:
        _revoke(db, actor, card, now, "owner")
    return len(living)


def revoke_signed_out(
    db: Session, *, actor: Actor, secret: str, token_hash: str, now: datetime
) -> int:
    """R22: the keys that one sign-in had certified end with it; how many stopped."""
    ended = [
        card
        for card in own_phones(db, actor=actor, now=now)
        if card.sign_in_ref == sign_in_ref(secret, card.lg_code, token_hash)
    ]
    for card in ended:
        _revoke(db, actor, card, now, "signed_out")
    return len(ended)


def stop_with_sign_in(
    platform: Platform, actor: Actor, token_hash: str | None = None, *, now: datetime
) -> None:
    """R22: a sign-in is about to end, or with no hash all of them: so do the keys they certified.

    Before the session, in a transaction of the person: whatever breaks in between leaves a sign-in
    without a key and never a key without a sign-in.
    """
    if actor.kind is not ActorKind.PERSON:
        return
    with platform.database.transaction(as_person(actor)) as db:
        if token_hash is None:
            revoke_all_phones(db, actor=actor, now=now)
        else:
            revoke_signed_out(
                db, actor=actor, secret=platform.secret, token_hash=token_hash, now=now
            )


def _revoke(db: Session, actor: Actor, card: Card, now: datetime, reason: str) -> None:
    card.revoked_at, card.revoked_reason = now, reason
    audit.record(
        db,
        actor=actor,
        action="card.phone_revoke",
        subject=("card", card.id),
        now=now,
        lg_code=card.lg_code,
        person_id=card.person_id,
    )
