"""Our side of the identity check with the My Number card: the protocol, no database (R12).

`begin` makes the address to send the browser to; `finish` turns the callback into a verified
identity or refuses with `IdentityRefused`. In between the caller keeps the attempt: found by
the state's hash, bound to the browser session, single use, ten minutes. Tokens are never
stored. The caller's `now` is protocol time (`core.clock.wall_now()`), because the provider's
clock does not follow a rehearsal; `today` is the day of the scheme.
"""

import base64
import hashlib
import hmac
import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

import httpx
from joserfc import jws, jwt
from joserfc.errors import JoseError

from registry.idp_checks import (
    Callback,
    IdentityRefused,
    KeptAttempt,
    check_callback,
    check_claims,
    check_token_answer,
    check_token_header,
    digest_of_state,
    level_of,
    refusal,
    strict_json,
)
from registry.idp_config import (
    ID_TOKEN_ALGORITHM,
    ProviderConfig,
    UnsafeProviderError,
    new_signing_key,
    provider_at,
    public_keys,
    read_signing_key,
)
from registry.idp_facts import Facts, read_facts
from registry.idp_http import KeyCache, call
from registry.rules.facts import IdentityLevel

__all__ = [
    "GUARDIAN_SCOPES",
    "PREMIUM_SCOPES",
    "PREMIUM_YOUNG_SCOPES",
    "RENEWAL_SCOPES",
    "SIGN_IN_SCOPES",
    "Attempt",
    "Callback",
    "Facts",
    "IdentityRefused",
    "KeptAttempt",
    "KeyCache",
    "ProviderConfig",
    "UnsafeProviderError",
    "VerifiedIdentity",
    "begin",
    "blind_index",
    "digest_of_state",
    "finish",
    "new_signing_key",
    "pairwise",
    "provider_at",
    "public_keys",
    "read_signing_key",
]

#: What each purpose asks for, and no more. `sign` uses the signing certificate, which nobody
#: under 15 has; it is what lifts the level to `mnc_sign`.
PREMIUM_SCOPES = ("openid", "name", "address", "birthdate", "gender", "sign")
PREMIUM_YOUNG_SCOPES = ("openid", "name", "address", "birthdate", "gender")
RENEWAL_SCOPES = ("openid", "address")
GUARDIAN_SCOPES = ("openid", "name", "birthdate")
SIGN_IN_SCOPES = ("openid",)

_ASSERTION_SECONDS = 60
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_SECRET_BYTES = 32
_JTI_BYTES = 16

#: One process, one memory of published keys.
_KEYS = KeyCache()


@dataclass(frozen=True, slots=True)
class Attempt:
    """A visit to the provider that begins: where to send the browser, and what to keep."""

    url: str = field(repr=False)
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    scopes: tuple[str, ...]
    begun_at: datetime

    def kept(self) -> KeptAttempt:
        """What `finish` will need: the state only as its hash."""
        return KeptAttempt(
            digest_of_state(self.state), self.nonce, self.verifier, self.scopes, self.begun_at
        )


@dataclass(frozen=True, slots=True)
class VerifiedIdentity:
    """Who the card says it is. `subject` is the provider's, pairwise for us; `facts` as asked."""

    subject: str = field(repr=False)
    level: IdentityLevel
    acr: str
    facts: Facts = field(repr=False)
    checked_at: datetime


def begin(
    config: ProviderConfig,
    scopes: tuple[str, ...],
    *,
    now: datetime,
    randbytes: Callable[[int], bytes] = secrets.token_bytes,
) -> Attempt:
    """Begin a visit: fresh state, nonce, PKCE verifier (S256) and the address to go to (R12)."""
    state, nonce, verifier = (_text(randbytes(_SECRET_BYTES)) for _ in range(3))
    params = {
        "response_type": "code",
        "client_id": config.client_id,
        "redirect_uri": config.redirect_uri,
        "scope": " ".join(scopes),
        "state": state,
        "nonce": nonce,
        "code_challenge": _text(hashlib.sha256(verifier.encode()).digest()),
        "code_challenge_method": "S256",
        "acr_values": config.acr_values,
    }
    if "sign" in scopes:
        params["sign_transaction_id"] = str(uuid.UUID(bytes=randbytes(16), version=4))
    url = f"{config.auth_url}?{urlencode(params)}"
    return Attempt(url, state, nonce, verifier, scopes, now)


def finish(
    config: ProviderConfig,
    http: httpx.Client,
    *,
    callback: Callback,
    attempt: KeptAttempt | None,
    now: datetime,
    today: date,
    known_birth_date: date | None = None,
    keys: KeyCache = _KEYS,
) -> VerifiedIdentity:
    """Turn a callback into a verified identity, or refuse (R12, P22, P23).

    `attempt` is None when this browser session has none for the callback's state. Claim the
    attempt's row (set used_at) before calling, whatever comes of it, and pass what used_at was.
    `known_birth_date` is that of an earlier check of the same person.

    Raises:
        IdentityRefused: nobody was verified; no text of the provider is in it.
    """
    code = check_callback(config, callback, attempt, now)
    if attempt is None:
        raise refusal("attempt_unknown")
    answer = call(
        config,
        http,
        "POST",
        config.token_url,
        step="token",
        form={
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": config.redirect_uri,
            "client_id": config.client_id,
            "code_verifier": attempt.verifier,
            "client_assertion_type": _ASSERTION_TYPE,
            "client_assertion": client_assertion(config, now=now),
        },
    )
    tokens = check_token_answer(answer, attempt)
    claims = _verified_claims(config, http, tokens.id_token, keys, now)
    subject = check_claims(config, claims, attempt, access_token=tokens.access_token, now=now)
    headers = {"Authorization": f"Bearer {tokens.access_token}"}
    info = call(config, http, "GET", config.userinfo_url, step="userinfo", headers=headers)
    if info.get("sub") != subject:
        raise refusal("subject_mismatch")
    facts = read_facts(info, attempt.scopes, today=today, known_birth_date=known_birth_date)
    return VerifiedIdentity(
        subject=subject,
        level=level_of(attempt.scopes),
        acr=str(claims.get("acr", "")),
        facts=facts,
        checked_at=now,
    )


def client_assertion(
    config: ProviderConfig,
    *,
    now: datetime,
    randbytes: Callable[[int], bytes] = secrets.token_bytes,
) -> str:
    """Our proof to the token endpoint (private_key_jwt): one minute, one use, one audience."""
    issued = int(now.timestamp())
    header = {"alg": config.signing_algorithm, "kid": config.signing_key.kid}
    claims = {
        "iss": config.client_id,
        "sub": config.client_id,
        "aud": config.assertion_audience,
        "jti": _text(randbytes(_JTI_BYTES)),
        "iat": issued,
        "exp": issued + _ASSERTION_SECONDS,
    }
    return jwt.encode(header, claims, config.signing_key, algorithms=[config.signing_algorithm])


def _verified_claims(
    config: ProviderConfig, http: httpx.Client, token: str, keys: KeyCache, now: datetime
) -> dict[str, Any]:
    """The claims of an ID token signed by the provider with the pinned algorithm."""
    key = keys.find(config, http, check_token_header(token), now)
    try:
        signed = jws.deserialize_compact(token, key, algorithms=[ID_TOKEN_ALGORITHM])
    except (JoseError, ValueError) as error:
        raise refusal("id_token_invalid", found="signature") from error
    return strict_json(signed.payload or b"", code="id_token_invalid")


def blind_index(key: bytes, subject: str) -> str:
    """The platform-wide index of a subject, 64 hex digits: one subject, one account (R12)."""
    return _keyed(key, "subject", subject)


def pairwise(key: bytes, subject: str) -> str:
    """A local government's own pseudonym of a subject, under that government's key (R12)."""
    return _keyed(key, "pairwise", subject)


def _keyed(key: bytes, purpose: str, subject: str) -> str:
    return hmac.new(key, f"{purpose}\n{subject}".encode(), hashlib.sha256).hexdigest()


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
