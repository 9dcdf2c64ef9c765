"""R23: browsers in which a person wants to be told; each can be stopped from every other one."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core import audit, push, sealing
from core.access import Actor
from core.errors import Conflict, NotFound, TooMany, invalid
from core.ids import new_id
from core.settings import Settings
from registry.models import PushSubscription

MOST_DEVICES = 10
_POINT, _SECRET = 65, 16


@dataclass(frozen=True, slots=True)
class Browser:
    """What a browser hands out when somebody lets it show notices."""

    endpoint: str
    p256dh: str
    auth: str
    device: str
    session_hash: str


def check(settings: Settings, browser: Browser) -> None:
    """R23, d-13: whether we can and may send there.

    Raises:
        Conflict: `push_unavailable`: no key was set up; trying again does not help.
        Invalid: An address of no known push service, or keys that are none.
    """
    if push.public_key(settings) is None:
        raise Conflict(code="push_unavailable")
    if not push.is_push_service(settings, browser.endpoint):
        raise invalid("push_service_unknown", field="endpoint")
    for field, text, length in (
        ("p256dh", browser.p256dh, _POINT),
        ("auth", browser.auth, _SECRET),
    ):
        try:
            found = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except (binascii.Error, ValueError) as error:
            raise invalid("validation", field=field) from error
        if len(found) != length:
            raise invalid("validation", field=field)


def forget_others(db: Session, *, actor: Actor, endpoint: str) -> None:
    """A browser shows notices of whoever uses it now, and of nobody before (at the gate)."""
    db.execute(
        delete(PushSubscription).where(
            PushSubscription.endpoint_hash == sealing.digest(endpoint),
            PushSubscription.person_id != actor.person_id,
        )
    )


def forget_session(db: Session, session_hash: str) -> None:
    """Who signs out is told nothing more in that browser (at the gate)."""
    db.execute(delete(PushSubscription).where(PushSubscription.session_hash == session_hash))


def subscribe(db: Session, *, actor: Actor, browser: Browser, now: datetime) -> PushSubscription:
    """R23: notices of the person are shown in this browser from now on; twice is once.

    Raises:
        TooMany: `rate_limited`: ten browsers are told already.
    """
    own = PushSubscription.person_id == actor.person_id
    hashed = sealing.digest(browser.endpoint)
    db.execute(delete(PushSubscription).where(own, PushSubscription.endpoint_hash == hashed))
    if (db.scalar(select(func.count()).select_from(PushSubscription).where(own)) or 0) >= (
        MOST_DEVICES
    ):
        raise TooMany(code="rate_limited")
    found = db.scalars(
        insert(PushSubscription)
        .values(
            id=new_id(),
            person_id=actor.person_id,
            endpoint=browser.endpoint,
            endpoint_hash=hashed,
            p256dh=browser.p256dh,
            auth=browser.auth,
            session_hash=browser.session_hash,
            device=browser.device[:80],
            created_at=now,
        )
        .returning(PushSubscription)
    ).one()
    _record(db, actor, "person.push_on", found.id, now)
    return found


def stop(db: Session, *, actor: Actor, subscription_id: UUID, now: datetime) -> None:
    """R23: a browser shows no more notices.

    Raises:
        NotFound: None of the person's.
    """
    row = db.get(PushSubscription, subscription_id)
    if row is None or row.person_id != actor.person_id:
        raise NotFound(code="not_found")
    db.delete(row)
    db.flush()
    _record(db, actor, "person.push_off", subscription_id, now)


def browsers_of(db: Session, *, actor: Actor) -> Sequence[PushSubscription]:
    """Where a person's notices are shown, the latest first."""
    return db.scalars(
        select(PushSubscription)
        .where(PushSubscription.person_id == actor.person_id)
        .order_by(PushSubscription.created_at.desc(), PushSubscription.id)
    ).all()


def _record(db: Session, actor: Actor, action: str, subject: UUID, now: datetime) -> None:
    audit.record(
        db,
        actor=actor,
        action=action,
        subject=("push_subscription", subject),
        now=now,
        person_id=actor.person_id,
    )
