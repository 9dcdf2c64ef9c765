"""Web Push: our key towards push services (VAPID), and the services we send to at all (d-13)."""

import base64
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from core.settings import Environment, Settings


@cache
def private_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """The platform's own key on P-256, read once a process.

    Raises:
        ValueError: The file holds no such key.
    """
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
        raise ValueError(f"{path.name} holds no private key on P-256")
    return key


def public_key(settings: Settings) -> str | None:
    """What browsers subscribe with; None where no key was set up and nothing can be pushed."""
    if settings.push_private_key_file is None:
        return None
    public = private_key(settings.push_private_key_file).public_key()
    point = public.public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    return base64.urlsafe_b64encode(point).decode().rstrip("=")


def ensure_key(path: Path) -> Path:
    """The key of a rehearsal, made at its first start and kept from then on (PEM)."""
    if not path.exists():
        pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        path.touch(mode=0o600)
        path.write_bytes(pem)
    return path


def is_push_service(settings: Settings, endpoint: str) -> bool:
    """d-13: whether an address a browser gave is one of a known push service, over https.

    Nothing else is ever called: the address comes from outside.
    """
    try:
        parts = urlsplit(endpoint)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    if parts.username is not None or parts.password is not None:
        return False
    if settings.environment is not Environment.TEST and (
        parts.scheme != "https" or port not in {None, 443}
    ):
        return False
    known = [one.strip() for one in settings.push_services.split(",") if one.strip()]
    return any(host.endswith(one) if one.startswith(".") else host == one for one in known)
