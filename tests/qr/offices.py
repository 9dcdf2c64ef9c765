"""A local government with its keys, and a phone it has certified: what the tests sign with."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric import ec

from qr.codes import (
    CardCode,
    VenueCode,
    certify_phone,
    sign_card,
    sign_phone_code,
    sign_venue_code,
    step_at,
)
from qr.keys import KeyRecord, KeyScope, PlannedKey, key_ring, new_key, signer_for
from qr.signatures import KeyRing, KeyUse, compressed_point, es256_signer

SECRET = bytes(range(32))
NOW = datetime(2026, 11, 21, 1, 0, 10, tzinfo=UTC)  # 10:00:10 in Japan, 10 s into a step
EXPIRES = NOW.replace(second=0) + timedelta(days=365)
HIDA = "212172"
KESENNUMA = "042056"
CARD_ID = bytes.fromhex("00112233445566778899")
ROTATE_S = 30


def make_key(use: KeyUse, lg_code: str | None) -> KeyRecord:
    planned = PlannedKey(
        KeyScope(use, lg_code), NOW - timedelta(days=30), NOW + timedelta(days=730)
    )
    return new_key(planned, secret=SECRET)


@dataclass(frozen=True, slots=True)
class Office:
    """One local government's keys, and a phone it has certified."""

    card_key: KeyRecord
    venue_key: KeyRecord
    device: ec.EllipticCurvePrivateKey

    @property
    def ring(self) -> KeyRing:
        return key_ring([self.card_key, self.venue_key])

    @property
    def card(self) -> CardCode:
        lg_code = self.card_key.lg_code or HIDA
        return CardCode(self.card_key.kid, lg_code, CARD_ID, EXPIRES)

    @property
    def certificate(self) -> bytes:
        point = compressed_point(self.device.public_key())
        return certify_phone(self.card, point, signer_for(self.card_key, secret=SECRET))

    def card_text(self) -> str:
        return sign_card(self.card, signer_for(self.card_key, secret=SECRET))

    def phone_text(self, at: datetime = NOW) -> str:
        return sign_phone_code(self.certificate, step_at(at, ROTATE_S), es256_signer(self.device))

    def venue_text(self, venue: VenueCode) -> str:
        return sign_venue_code(venue, signer_for(self.venue_key, secret=SECRET))
