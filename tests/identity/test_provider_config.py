"""P23, R12: what is pinned about the provider, and that production refuses stand-ins."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from joserfc.jwk import ECKey

from registry.idp import (
    ProviderConfig,
    UnsafeProviderError,
    new_signing_key,
    provider_at,
    public_keys,
    read_signing_key,
)
from tests.identity.rig import REDIRECT, StandIn

KEY = new_signing_key()
REAL = "https://auth-and-sign.go.jp/api/realms/main"


def _provider(issuer: str, **changes: Any) -> ProviderConfig:
    values = {"client_id": "furusato", "redirect_uri": REDIRECT, "signing_key": KEY}
    return provider_at(issuer, **{**values, **changes})


def test_p23_production_is_assumed_and_refuses_the_running_standin(standin: StandIn) -> None:
    with pytest.raises(UnsafeProviderError, match="production"):
        _provider(standin.issuer)
    assert _provider(standin.issuer, production=False).issuer == standin.issuer


@pytest.mark.parametrize(
    "issuer",
    [
        "https://sb-auth-and-sign.go.jp/api/realms/main",
        "http://auth-and-sign.go.jp/api/realms/main",
        "https://auth-and-sign.go.jp.evil.invalid/api/realms/main",
        "https://auth-and-sign.go.jp:8443/api/realms/main",
        "https://user@auth-and-sign.go.jp/api/realms/main",
        "https://localhost/api/realms/main",
    ],
)
def test_p23_production_accepts_the_national_host_only(issuer: str) -> None:
    with pytest.raises(UnsafeProviderError, match="production"):
        _provider(issuer)


def test_r12_endpoints_lie_below_the_issuer() -> None:
    config = _provider(REAL)
    assert config.auth_url == f"{REAL}/protocol/openid-connect/auth"
    assert config.assertion_audience == config.token_url == f"{REAL}/protocol/openid-connect/token"
    assert _provider(REAL, audience="issuer").assertion_audience == REAL
    assert "PRIVATE" not in repr(config)
    assert "'d'" not in repr(config)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"issuer": f"{REAL}/"}, "slash"),
        ({"token_url": "https://keys.invalid/token"}, "not at the issuer"),
        ({"certs_url": "http://auth-and-sign.go.jp/certs"}, "not at the issuer"),
        ({"assertion_audience": "https://elsewhere.invalid"}, "addressed"),
        ({"signing_key": ECKey.import_key(KEY.as_pem(private=False))}, "private"),
    ],
)
def test_p23_addresses_that_do_not_belong_together_are_refused(
    change: dict[str, Any], reason: str
) -> None:
    good = _provider(REAL)
    values = {name: getattr(good, name) for name in ProviderConfig.__slots__}
    with pytest.raises(UnsafeProviderError, match=reason):
        ProviderConfig(**{**values, **change})


def _pem(key: Any) -> bytes:
    return bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def test_r12_signing_key_decides_the_algorithm() -> None:
    p256 = read_signing_key(_pem(ec.generate_private_key(ec.SECP256R1())))
    rsa_key = read_signing_key(_pem(rsa.generate_private_key(65537, 2048)))
    assert _provider(REAL, signing_key=p256).signing_algorithm == "ES256"
    assert _provider(REAL, signing_key=rsa_key).signing_algorithm == "RS256"
    published = public_keys(p256, rsa_key)["keys"]
    assert [jwk["kid"] for jwk in published] == [p256.kid, rsa_key.kid]
    assert not any("d" in jwk for jwk in published)


@pytest.mark.parametrize(
    "pem",
    [
        b"",
        b"no key",
        _pem(ec.generate_private_key(ec.SECP384R1())),
        _pem(rsa.generate_private_key(65537, 1024)),  # noqa: S505 - too weak on purpose: it is refused
        _pem(ed25519.Ed25519PrivateKey.generate()),
        ec.generate_private_key(ec.SECP256R1())
        .public_key()
        .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    ],
)
def test_r12_other_keys_are_refused(pem: bytes) -> None:
    with pytest.raises(UnsafeProviderError):
        read_signing_key(pem)
