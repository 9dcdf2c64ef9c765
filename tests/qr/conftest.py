"""Keys and codes for the tests of the signed codes."""

from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from qr.codes import Kind, VenueCode, step_at
from qr.signatures import KeyUse
from tests.qr.offices import HIDA, NOW, ROTATE_S, Office, make_key


@pytest.fixture(scope="session")
def office() -> Office:
    return Office(
        make_key(KeyUse.CARD, HIDA),
        make_key(KeyUse.VENUE, HIDA),
        ec.generate_private_key(ec.SECP256R1()),
    )


@pytest.fixture(scope="session")
def texts(office: Office) -> dict[Kind, str]:
    """One good code of each kind, made for ``NOW``."""
    venue = VenueCode(office.venue_key.kid, HIDA, UUID(int=7, version=4), step_at(NOW, ROTATE_S))
    return {
        Kind.CARD: office.card_text(),
        Kind.PHONE: office.phone_text(),
        Kind.VENUE: office.venue_text(venue),
    }
