"""How many signed codes one core reads and verifies a second (target of R19's doors: 4,000)."""

import json
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import process_time
from typing import Any
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric import ec

from qr.codes import (
    CardCode,
    Kind,
    VenueCode,
    certify_phone,
    parse,
    sign_card,
    sign_phone_code,
    sign_venue_code,
    step_at,
    verify,
)
from qr.keys import KeyScope, PlannedKey, key_ring, new_key, signer_for
from qr.signatures import KeyUse, compressed_point, es256_signer

# Different codes, so that nothing is gained from having seen one before.
CODES = 300
SECONDS_EACH = 0.7
# Ed25519 verifications alone, one core of the machine the targets were set on.
LIMIT = 5_900
TARGET = 4_000
ROTATE_S = 30
NOW = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)
LG_CODE = "212172"


def run() -> dict[str, dict[str, Any]]:
    """Codes a second, from text to verdict, for each kind; about two seconds in all."""
    secret = secrets.token_bytes(32)
    keys = {
        use: new_key(
            PlannedKey(KeyScope(use, LG_CODE), NOW, NOW + timedelta(days=700)), secret=secret
        )
        for use in (KeyUse.CARD, KeyUse.VENUE)
    }
    ring = key_ring(keys.values())
    sign = {use: signer_for(key, secret=secret) for use, key in keys.items()}
    step = step_at(NOW, ROTATE_S)

    def card() -> CardCode:
        expires_at = NOW + timedelta(days=365)
        return CardCode(keys[KeyUse.CARD].kid, LG_CODE, secrets.token_bytes(10), expires_at)

    def paper() -> str:
        return sign_card(card(), sign[KeyUse.CARD])

    def phone() -> str:
        device = ec.generate_private_key(ec.SECP256R1())
        point = compressed_point(device.public_key())
        certificate = certify_phone(card(), point, sign[KeyUse.CARD])
        return sign_phone_code(certificate, step, es256_signer(device))

    def venue() -> str:
        content = VenueCode(keys[KeyUse.VENUE].kid, LG_CODE, uuid4(), step)
        return sign_venue_code(content, sign[KeyUse.VENUE])

    def read(text: str) -> None:
        verify(
            parse(text),
            keyring=ring,
            expected_kinds=frozenset(Kind),
            lg_code=LG_CODE,
            now=NOW,
            rotate_s=ROTATE_S,
            step_tolerance=1,
        )

    return {
        "code_verify": _figure(paper, read, "paper card, one signature"),
        "code_verify_venue": _figure(venue, read, "venue code, one signature"),
        "code_verify_phone": _figure(phone, read, "phone code, two signatures and a new key"),
    }


def _figure(make: Callable[[], str], read: Callable[[str], None], what: str) -> dict[str, Any]:
    texts = [make() for _ in range(CODES)]
    # Seconds of one core, whatever else the machine does meanwhile.
    done, started = 0, process_time()
    while (elapsed := process_time() - started) < SECONDS_EACH:
        for text in texts:
            read(text)
        done += len(texts)
    value = round(done / elapsed)
    return {
        "value": value,
        "unit": "codes/s",
        "target": TARGET,
        "limit": LIMIT,
        "of_limit": round(value / LIMIT, 2),
        "what": what,
    }


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
