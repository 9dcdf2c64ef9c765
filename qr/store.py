"""Keys in the database: made when first needed, replaced in time, read through a short cache."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.models import SigningKey
from qr.keys import (
    KeyRecord,
    KeyScope,
    NoSigningKeyError,
    choose_signing_key,
    key_ring,
    new_key,
    revoked,
    rotation_plan,
    signer_for,
)
from qr.signatures import KeyRing, KeyStatus, KeyUse, Signer

#: A key signs for a year; it is replaced a month before and accepted until the last code ends.
SIGN_FOR = timedelta(days=365)
OVERLAP = timedelta(days=426)
LEAD = timedelta(days=30)
#: A revoked key stops working everywhere within this time.
FRESH = timedelta(seconds=3)


def read_keys(db: Session) -> tuple[KeyRecord, ...]:
    """All rows of the key table."""
    return tuple(
        KeyRecord(
            kid=row.kid,
            use=KeyUse(row.use),
            lg_code=row.lg_code,
            public_key=row.public_key,
            private_key_sealed=row.private_key_sealed,
            not_before=row.not_before,
            not_after=row.not_after,
            alg=row.alg,
            status=KeyStatus(row.status),
            revoked_at=row.revoked_at,
        )
        for row in db.execute(select(SigningKey)).scalars()
    )


def ensure_keys(
    db: Session, *, scopes: Iterable[KeyScope], secret: str, now: datetime
) -> tuple[str, ...]:
    """Make the keys these scopes need now or soon; safe to repeat. Returns new key ids.

    Needs a worker's or operator's transaction.
    """
    records = read_keys(db)
    plan = rotation_plan(
        records, scopes=scopes, now=now, sign_for=SIGN_FOR, overlap=OVERLAP, lead=LEAD
    )
    taken = {record.kid for record in records}
    made = []
    for planned in plan.create:
        record = new_key(planned, secret=secret.encode(), taken_kids=taken)
        taken.add(record.kid)
        made.append(record.kid)
        db.execute(
            insert(SigningKey).values(
                kid=record.kid,
                use=record.use.value,
                lg_code=record.lg_code,
                alg=record.alg,
                public_key=record.public_key,
                private_key_sealed=record.private_key_sealed,
                not_before=record.not_before,
                not_after=record.not_after,
                status=record.status.value,
            )
        )
    if plan.retire:
        db.execute(
            update(SigningKey)
            .where(SigningKey.kid.in_(plan.retire))
            .values(status=KeyStatus.RETIRED.value, private_key_sealed=None)
        )
    return tuple(made)


def revoke_key(db: Session, kid: str, *, at: datetime) -> None:
    """Nothing this key ever signed is accepted from now on (R22)."""
    record = next(one for one in read_keys(db) if one.kid == kid)
    ended = revoked(record, at=at)
    db.execute(
        update(SigningKey)
        .where(SigningKey.kid == kid)
        .values(status=ended.status.value, revoked_at=ended.revoked_at, private_key_sealed=None)
    )


@dataclass(slots=True)
class KeyStore:
    """The keys as one process sees them, at most three seconds old."""

    secret: str
    _records: tuple[KeyRecord, ...] = ()
    _ring: KeyRing = field(default_factory=lambda: KeyRing(()))
    _signers: dict[str, Signer] = field(default_factory=dict)
    _read_at: datetime | None = None

    def refresh(self, db: Session, *, wall: datetime) -> None:
        """Read the table again when the last look is too old. `wall` is the machine's time."""
        if self._read_at is not None and wall - self._read_at < FRESH:
            return
        records = read_keys(db)
        if records != self._records:
            self._records, self._ring = records, key_ring(records)
            known = {record.kid for record in records if record.private_key_sealed}
            self._signers = {kid: one for kid, one in self._signers.items() if kid in known}
        self._read_at = wall

    def forget(self) -> None:
        """Look again at the next chance: a key has just been made or revoked here."""
        self._read_at = None

    def is_fresh(self, *, wall: datetime) -> bool:
        """Whether the last look is recent enough to verify with."""
        return self._read_at is not None and wall - self._read_at < FRESH

    @property
    def ring(self) -> KeyRing:
        """The verifier's view."""
        return self._ring

    @property
    def records(self) -> tuple[KeyRecord, ...]:
        """All keys, for the published list."""
        return self._records

    def signer(
        self,
        *,
        use: KeyUse,
        lg_code: str | None,
        now: datetime,
        covers_until: datetime | None = None,
    ) -> tuple[str, Signer]:
        """Key id and signer for a scope.

        Raises:
            NoSigningKeyError: The scope has no key; `ensure_keys` makes it.
        """
        record = choose_signing_key(
            self._records, scope=KeyScope(use, lg_code), now=now, covers_until=covers_until
        )
        if record.kid not in self._signers:
            self._signers[record.kid] = signer_for(record, secret=self.secret.encode())
        return record.kid, self._signers[record.kid]


__all__ = ["KeyStore", "NoSigningKeyError", "ensure_keys", "read_keys", "revoke_key"]
