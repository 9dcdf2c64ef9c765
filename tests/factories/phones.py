"""Phones whose keys are certified, for tests without a browser."""

from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from fastapi.testclient import TestClient

from mobile.api_phones import from_base64url
from mobile.phones import proof_message
from qr.codes import sign_phone_code
from qr.keys import base64url
from qr.signatures import compressed_point, es256_signer
from tests.factories.registry import HIDA, SignedIn


@dataclass
class PhoneInHand:
    """A private key and what the server says of it."""

    key: ec.EllipticCurvePrivateKey
    certificate: bytes = b""
    id: str = ""
    status: int = 0
    answer: Any = None

    @property
    def point(self) -> bytes:
        return compressed_point(self.key.public_key())

    def code(self, step: int) -> str:
        """What the phone shows in one step."""
        return sign_phone_code(self.certificate, step, es256_signer(self.key))


def phones_path(lg_code: str = HIDA) -> str:
    """The API's list of phones."""
    return f"/api/v1/me/registrations/{lg_code}/card/phones"


def certify_phone_of(
    client: TestClient,
    someone: SignedIn,
    *,
    lg_code: str = HIDA,
    phone: PhoneInHand | None = None,
    challenge: str | None = None,
    proof: bytes | None = None,
    name: str = "iPhone",
) -> PhoneInHand:
    """Ask for a certificate as a phone does; `challenge` and `proof` replace the honest ones."""
    phone = phone or PhoneInHand(ec.generate_private_key(ec.SECP256R1()))
    if challenge is None:
        listed = client.get(phones_path(lg_code), headers=someone.headers)
        challenge = listed.json().get("challenge", "1.x")
    signature = proof or es256_signer(phone.key)(proof_message(challenge, phone.point))
    sent = {
        "public_key": base64url(phone.point),
        "challenge": challenge,
        "proof": base64url(signature),
        "name": name,
    }
    answer = client.post(phones_path(lg_code), json=sent, headers=someone.headers)
    phone.status, phone.answer = answer.status_code, answer.json()
    if answer.status_code == 201:
        phone.id = phone.answer["id"]
        phone.certificate = from_base64url(phone.answer["certificate"])
    return phone
