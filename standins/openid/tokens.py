"""Tokens and facts as the stand-in answers them, right or wrong on command."""

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from standins.openid.keys import KeyRing, new_key
from standins.openid.state import Grant, State

SANDBOX_ISSUER = "https://sb-auth-and-sign.go.jp/api/realms/main"
#: Satisfies the check digit rule; belongs to nobody, it is the example of public test data.
SAMPLE_INDIVIDUAL_NUMBER = "123456789018"
_LONG_SUBJECT = 300


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def s256(verifier: str) -> str:
    """The PKCE challenge of a verifier."""
    return _b64(hashlib.sha256(verifier.encode()).digest())


def subject_of(state: State, grant: Grant) -> str:
    """The pairwise subject a grant speaks about."""
    return grant.card.subject(grant.request.client_id, state.config.subject_secret)


def id_token(state: State, grant: Grant, access_token: str) -> str:
    """The ID token of a grant, with whatever fault its answer was told to have."""
    claims = _bent_claims(_claims(state, grant, access_token), state, grant)
    return _signed(claims, state.keys, grant.answer.faults)


def _claims(state: State, grant: Grant, access_token: str) -> dict[str, Any]:
    now = int(state.config.clock().timestamp())
    return {
        "iss": state.config.issuer,
        "sub": subject_of(state, grant),
        "aud": grant.request.client_id,
        "azp": grant.request.client_id,
        "exp": now + state.config.token_seconds,
        "iat": now,
        "auth_time": now,
        "nonce": grant.request.nonce,
        "acr": grant.request.acr,
        "at_hash": _b64(hashlib.sha256(access_token.encode()).digest()[:16]),
        "session_state": grant.session_state,
        "typ": "ID",
    }


def _bent_claims(claims: dict[str, Any], state: State, grant: Grant) -> dict[str, Any]:
    """The claims with the commanded faults."""
    hour = int(timedelta(hours=1).total_seconds())
    us = grant.request.client_id
    others = [nonce for nonce in state.nonces_seen if nonce != grant.request.nonce]
    changes: dict[str, dict[str, Any]] = {
        "id_token_issuer_slash": {"iss": claims["iss"] + "/"},
        "id_token_issuer_sandbox": {"iss": SANDBOX_ISSUER},
        "id_token_audience_other": {"aud": "somebodyelse"},
        "id_token_audience_stranger": {"aud": [us, "somebodyelse"]},
        "id_token_expired": {"iat": claims["iat"] - hour, "exp": claims["iat"] - hour + 60},
        "id_token_from_future": {"iat": claims["iat"] + hour, "exp": claims["exp"] + hour},
        "id_token_without_nonce": {"nonce": None},
        "id_token_nonce_of_other_attempt": {"nonce": others[-1] if others else "another-nonce"},
        "id_token_without_subject": {"sub": None},
        "id_token_subject_long": {"sub": "s" * _LONG_SUBJECT},
        "id_token_acr_lower": {"acr": "aal2"},
        "id_token_azp_other": {"azp": "somebodyelse"},
        "id_token_at_hash_wrong": {"at_hash": _b64(bytes(16))},
    }
    for fault, change in changes.items():
        if fault in grant.answer.faults:
            claims |= change
    return {key: value for key, value in claims.items() if value is not None}


def _signed(claims: dict[str, Any], keys: KeyRing, faults: frozenset[str]) -> str:
    """The JWS, with the commanded faults of header, key and signature."""
    if "id_token_hs256_public_key" in faults:
        return _hs256_with_public_key(claims, keys)
    ours, stranger = keys.current, new_key()
    good = (ours.private, "ES256", {"kid": ours.kid})
    bent: dict[str, tuple[Any, str, dict[str, Any]]] = {
        "id_token_alg_none": ("", "none", {"kid": ours.kid}),
        "id_token_rs256": (keys.rsa, "RS256", {"kid": keys.rsa_kid}),
        "id_token_unknown_kid": (stranger.private, "ES256", {"kid": stranger.kid}),
        "id_token_embedded_key": (
            stranger.private,
            "ES256",
            {"kid": stranger.kid, "jwk": stranger.public_jwk()},
        ),
        "id_token_key_url": (
            ours.private,
            "ES256",
            {"kid": ours.kid, "jku": "https://keys.invalid/certs"},
        ),
        "id_token_bad_signature": (stranger.private, "ES256", {"kid": ours.kid}),
    }
    key, algorithm, headers = next(
        (variant for fault, variant in bent.items() if fault in faults), good
    )
    return jwt.encode(claims, key, algorithm, headers)


def _hs256_with_public_key(claims: dict[str, Any], keys: KeyRing) -> str:
    """The classic confusion: our public key as the secret of an HMAC. PyJWT rightly refuses to."""
    pem = keys.current.private.public_key().public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    )
    header = {"alg": "HS256", "typ": "JWT", "kid": keys.current.kid}
    signed = ".".join(_b64(json.dumps(part).encode()) for part in (header, claims))
    return f"{signed}.{_b64(hmac.new(pem, signed.encode(), hashlib.sha256).digest())}"


def token_answer(state: State, grant: Grant, access_token: str) -> str:
    """The JSON text of a successful token answer, with the commanded faults."""
    faults = grant.answer.faults
    scopes = list(grant.request.scopes)
    if "token_scope_smaller" in faults:
        scopes = scopes[:-1]
    if "token_scope_larger" in faults:
        scopes.append("email")
    answer = {
        "access_token": access_token,
        "expires_in": state.config.token_seconds,
        "refresh_expires_in": 0,
        "token_type": "mac" if "token_type_other" in faults else "Bearer",
        "not-before-policy": 0,
        "session_state": grant.session_state,
        "scope": " ".join(scopes),
    }
    if "token_without_id_token" not in faults:
        answer["id_token"] = id_token(state, grant, access_token)
    text = json.dumps(answer)
    if "token_two_id_tokens" in faults:
        second = json.dumps(id_token(state, grant, access_token))
        text = f'{text[:-1]}, "id_token": {second}}}'
    return text


def userinfo_answer(state: State, grant: Grant) -> dict[str, Any]:
    """Subject and consented facts, with the commanded faults."""
    faults, scopes = grant.answer.faults, frozenset(grant.request.scopes)
    answer: dict[str, Any] = {"sub": subject_of(state, grant)}
    answer |= grant.card.facts(scopes, grant.answer.fact_format)
    now = state.config.clock()
    if "userinfo_other_subject" in faults:
        answer["sub"] = "0" * 36
    if "userinfo_without_subject" in faults:
        del answer["sub"]
    if "userinfo_facts_missing" in faults:
        answer = {"sub": answer["sub"]}
    if "userinfo_facts_wrong_type" in faults:
        answer |= {"name": ["山田", "花子"], "birthdate": 19850315}
    if "userinfo_birth_date_future" in faults:
        answer["birthdate"] = (now + timedelta(days=400)).strftime("%Y%m%d")
    if "userinfo_minor_as_adult" in faults:
        answer["birthdate"] = "19700101"
    if "userinfo_individual_number" in faults:
        answer["address"] = f"{grant.card.address} {SAMPLE_INDIVIDUAL_NUMBER}"
    return answer
