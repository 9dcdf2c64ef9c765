"""証明書: a sheet that says a registration holds, and the check that anybody may make of it (R22).

The number is the local government's code and ten random characters: whoever reads the sheet finds
the local government by it, and asks there. Nothing but valid, tier, body and the moment is told.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from secrets import token_bytes
from typing import Final

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from activities.cards import living_registration
from core import audit, shortcode
from core.access import Actor
from core.clock import japan_day
from core.errors import NotFound
from core.shortcode import CERTIFICATE
from registry import queries
from registry.derived_links import derived_expiry
from registry.evidence import Evidence
from registry.models import Certificate, LocalGovernment, Registration
from registry.rules.counting import window_rolling
from registry.rules.facts import Tier

_BODY_CODE: Final = 6
#: What is shown of those made so far.
MOST_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate with the registration it speaks of."""

    certificate: Certificate
    registration: Registration
    government: LocalGovernment

    @property
    def holds(self) -> bool:
        """Whether what it says of the registration is still so."""
        own, now = self.certificate, self.registration
        same = own.tier == Tier.BASIC or now.tier == Tier.PREMIUM
        return own.revoked_at is None and now.status == "active" and same

    @property
    def number(self) -> str:
        """As it is written: `212172-7KQ2M9XD3A`."""
        return f"{self.certificate.lg_code}-{self.certificate.number}"


def issue(
    db: Session, *, actor: Actor, lg_code: str, now: datetime, evidence: Evidence
) -> Certificate:
    """R22: a certificate as things stand today; asked for again on one day, it is the same one.

    Raises:
        NotFound: There is no registration.
        Conflict: `registration_not_active`.
    """
    row = living_registration(db, actor, lg_code, lock=True)
    today = japan_day(now)
    last = db.scalars(
        select(Certificate)
        .where(Certificate.lg_code == lg_code, Certificate.registration_id == row.id)
        .order_by(Certificate.issued_at.desc())
        .limit(1)
    ).first()
    period = window_rolling(today)
    took_part = evidence.participations(db, lg_code, [row.id], period).get(row.id, ())
    counted = [one for one in took_part if one.counted]
    said = (row.tier, len(counted), sum(one.minutes for one in counted))
    if (
        last is not None
        and last.revoked_at is None
        and japan_day(last.issued_at) == today
        and (last.tier, last.counted, last.minutes) == said
    ):
        return last
    made = Certificate(
        lg_code=lg_code,
        number=shortcode.new_code(token_bytes, CERTIFICATE),
        registration_id=row.id,
        person_id=row.person_id,
        issued_at=now,
        tier=row.tier,
        premium_until=_premium_until(db, row),
        counted=said[1],
        minutes=said[2],
    )
    db.add(made)
    db.flush()
    _record(db, actor, made, "certificate.issue", now)
    return made


def _premium_until(db: Session, row: Registration) -> date | None:
    if row.tier != Tier.PREMIUM:
        return None
    return queries.premium_until(queries.living_term(db, row)) or derived_expiry(row)


def own(db: Session, *, actor: Actor, lg_code: str | None = None) -> Sequence[Issued]:
    """The person's certificates that were not taken back, the latest first."""
    statement = _with_registration().where(
        Certificate.person_id == actor.person_id, Certificate.revoked_at.is_(None)
    )
    if lg_code is not None:
        statement = statement.where(Certificate.lg_code == lg_code)
    rows = db.execute(statement.order_by(Certificate.issued_at.desc()).limit(MOST_SHOWN))
    return [Issued(*row) for row in rows]


def one_of_own(db: Session, *, actor: Actor, number: str, lock: bool = False) -> Issued:
    """One of the person's certificates, by its number.

    Raises:
        NotFound: There is none, or it was taken back.
    """
    found = _find(db, number, actor, lock=lock)
    if found is None or found.certificate.revoked_at is not None:
        raise NotFound(code="not_found")
    return found


def revoke(db: Session, *, actor: Actor, number: str, now: datetime) -> Certificate:
    """R22: take it back: whoever checks it from now on learns that it does not hold.

    Raises:
        NotFound: There is none, or it was taken back already.
    """
    row = one_of_own(db, actor=actor, number=number, lock=True).certificate
    row.revoked_at = now
    db.flush()
    _record(db, actor, row, "certificate.revoke", now)
    return row


def body_of(number: str) -> str:
    """The local government a number names.

    Raises:
        NotFound: It cannot be a certificate's number: a character was misread.
    """
    plain = shortcode.normalise(number)
    if not re.fullmatch(rf"\d{{{_BODY_CODE}}}.+", plain, re.ASCII) or not shortcode.is_valid(
        plain[_BODY_CODE:], CERTIFICATE
    ):
        raise NotFound(code="not_found")
    return plain[:_BODY_CODE]


def check(db: Session, *, number: str) -> Issued | None:
    """R22: what anybody may ask of a certificate; None when there is none or it holds no longer.

    Works in the context of the local government that the number names (`body_of`).
    """
    found = _find(db, number, None, lock=False)
    return found if found is not None and found.holds else None


def _with_registration() -> Select[Certificate, Registration, LocalGovernment]:
    return (
        select(Certificate, Registration, LocalGovernment)
        .join(
            Registration,
            (Registration.lg_code == Certificate.lg_code)
            & (Registration.id == Certificate.registration_id),
        )
        .join(LocalGovernment, LocalGovernment.code == Certificate.lg_code)
    )


def _find(db: Session, number: str, actor: Actor | None, *, lock: bool) -> Issued | None:
    lg_code = body_of(number)
    statement = _with_registration().where(
        Certificate.lg_code == lg_code,
        Certificate.number == shortcode.normalise(number)[_BODY_CODE:],
    )
    if actor is not None:
        statement = statement.where(Certificate.person_id == actor.person_id)
    if lock:
        statement = statement.with_for_update(of=Certificate)
    row = db.execute(statement).one_or_none()
    return None if row is None else Issued(*row)


def _record(db: Session, actor: Actor, row: Certificate, action: str, now: datetime) -> None:
    audit.record(
        db,
        actor=actor,
        action=action,
        subject=("certificate", row.id),
        now=now,
        lg_code=row.lg_code,
        person_id=row.person_id,
    )
