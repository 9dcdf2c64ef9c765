"""What an answer of the identity provider must satisfy (R12, P23). Pure.

Every check refuses with `IdentityRefused`; none repeats what the provider sent.
"""

import base64
import binascii
import hashlib
import hmac
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from core.errors import Problem, Refused
from registry.idp_config import ID_TOKEN_ALGORITHM, Pinned, SigningAlgorithm
from registry.rules.facts import IdentityLevel

ATTEMPT_LIFETIME = timedelta(minutes=10)
#: How far the provider's clock may be from ours.
CLOCK_SKEW = timedelta(minutes=5)

_LONGEST_QUERY = 16_384
_LONGEST_CODE = 2_048
_LONGEST_SUBJECT = 255
_LONGEST_TOKEN = 32_768
#: Header parameters that bring a key, or change how a token is read.
_FORBIDDEN_HEADER = frozenset({"jwk", "jku", "x5u", "x5c", "crit", "b64", "zip"})

#: What the provider may say instead of a code, and what the person can do about it.
_PROVIDER_REASONS = {
    "cancelled": "start_again",
    "pin_locked": "visit_counter",
    "certificate_revoked": "visit_counter",
    "certificate_expired": "visit_counter",
    "certificate_missing": "visit_counter",
}
_PROVIDER_OUTAGES = frozenset({"server_error", "temporarily_unavailable"})
_PROVIDER_ERRORS = frozenset(
    {
        "access_denied",
        "consent_required",
        "interaction_required",
        "invalid_request",
        "invalid_scope",
        "login_required",
        "unauthorized_client",
        "unsupported_response_type",
    }
)


class IdentityRefused(Refused):
    """An identity step that verified nobody (R12).

    `problems[0]` has the code again, in `found` the failed check (a fixed word, never the
    provider's text), and in `action` what the person can do: `start_again`, `try_later`,
    `visit_counter` or `ask_support`.
    """


def refusal(code: str, *, found: str | None = None, action: str = "start_again") -> IdentityRefused:
    """A refusal of R12 with its one reason."""
    problem = Problem(code=code, rule="R12", found=found, action=action)
    return IdentityRefused(code=code, problems=(problem,))


def digest_of_state(state: str) -> str:
    """SHA-256 of a state in hex: what the attempt's row is found by."""
    return hashlib.sha256(state.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class KeptAttempt:
    """An attempt as it was stored; times are protocol time, as `now` of begin and finish is.

    `used_at` is what the row said before this callback claimed it: an attempt is used once.
    """

    state_hash: str
    nonce: str
    verifier: str
    scopes: tuple[str, ...]
    begun_at: datetime
    used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Callback:
    """The request that came back, as it came: every parameter, in order, repeated ones too."""

    params: tuple[tuple[str, str], ...]
    method: str = "GET"

    @classmethod
    def from_query(cls, query: str, *, method: str = "GET") -> "Callback":
        """From the raw query string of the request."""
        try:
            pairs = parse_qsl(query[:_LONGEST_QUERY], keep_blank_values=True, max_num_fields=30)
        except ValueError:
            pairs = []
        return cls(tuple(pairs), method)

    def one(self, name: str) -> str | None:
        """The only value of a parameter; None when it is absent, empty or repeated."""
        values = [value for key, value in self.params if key == name]
        return values[0] if len(values) == 1 and values[0] else None

    @property
    def state_hash(self) -> str | None:
        """What to look the attempt up by; None when there is nothing to look for."""
        state = self.one("state")
        return None if state is None else digest_of_state(state)


def check_callback(
    config: Pinned, callback: Callback, attempt: KeptAttempt | None, now: datetime
) -> str:
    """The code of a callback that answers this attempt (R12)."""
    names = [name for name, _ in callback.params]
    if callback.method != "GET":
        raise refusal("callback_malformed", found="method")
    if len(set(names)) != len(names):
        raise refusal("callback_malformed", found="repeated")
    state = callback.state_hash
    if state is None:
        raise refusal("callback_malformed", found="state")
    if attempt is None or not hmac.compare_digest(state, attempt.state_hash):
        raise refusal("attempt_unknown")
    if attempt.used_at is not None:
        raise refusal("attempt_used")
    if not timedelta(0) <= now - attempt.begun_at < ATTEMPT_LIFETIME:
        raise refusal("attempt_expired")
    if "iss" in names and callback.one("iss") != config.issuer:
        raise refusal("callback_malformed", found="issuer")
    if "error" in names and "code" in names:
        raise refusal("callback_malformed", found="error_with_code")
    if "error" in names:
        raise _provider_refusal(callback)
    code = callback.one("code")
    if code is None or len(code) > _LONGEST_CODE:
        raise refusal("callback_malformed", found="code")
    return code


def _provider_refusal(callback: Callback) -> IdentityRefused:
    """The provider's error in our own words; unknown ones stay unnamed."""
    error, reason = callback.one("error"), callback.one("error_description")
    if error == "access_denied" and reason in _PROVIDER_REASONS:
        return refusal(reason, action=_PROVIDER_REASONS[reason])
    if error in _PROVIDER_OUTAGES:
        return refusal("provider_unavailable", found="callback", action="try_later")
    found = error if error in _PROVIDER_ERRORS else "unknown"
    return refusal("provider_error", found=found)


def strict_json(raw: bytes, *, code: str) -> dict[str, Any]:
    """A JSON object without repeated names and without NaN; refused with `code` otherwise."""
    try:
        value = json.loads(raw, object_pairs_hook=_unique_pairs, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise refusal(code, found="json") from error
    if not isinstance(value, dict):
        raise refusal(code, found="json")
    return value


def _unique_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("a name is repeated")
    return values


def _no_constant(name: str) -> None:
    raise ValueError(name)


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a token answer must bring."""

    access_token: str
    id_token: str


def check_token_answer(answer: Mapping[str, Any], attempt: KeptAttempt) -> Tokens:
    """Both tokens, of the type and for exactly the scopes that were asked for (R12)."""
    kind = answer.get("token_type")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise refusal("token_malformed", found="token_type")
    tokens = [answer.get(name) for name in ("access_token", "id_token")]
    for name, token in zip(("access_token", "id_token"), tokens, strict=True):
        if not isinstance(token, str) or not 0 < len(token) <= _LONGEST_TOKEN:
            raise refusal("token_malformed", found=name)
        if not token.isascii() or not token.isprintable() or " " in token:
            raise refusal("token_malformed", found=name)
    scope = answer.get("scope", " ".join(attempt.scopes))
    if not isinstance(scope, str) or sorted(scope.split()) != sorted(attempt.scopes):
        raise refusal("token_malformed", found="scope")
    return Tokens(str(tokens[0]), str(tokens[1]))


def check_token_header(token: str, algorithm: SigningAlgorithm = ID_TOKEN_ALGORITHM) -> str:
    """The key id of an ID token whose header names our algorithm and brings no key (R12)."""
    first, dot, _ = token.partition(".")
    try:
        raw = base64.urlsafe_b64decode(first + "=" * (-len(first) % 4))
    except (ValueError, binascii.Error) as error:
        raise refusal("id_token_invalid", found="header") from error
    header = strict_json(raw, code="id_token_invalid")
    if not dot or header.get("alg") != algorithm:
        raise refusal("id_token_invalid", found="alg")
    if _FORBIDDEN_HEADER & header.keys():
        raise refusal("id_token_invalid", found="header")
    kid = header.get("kid")
    if not isinstance(kid, str) or not kid:
        raise refusal("id_token_invalid", found="kid")
    return kid


def check_claims(
    config: Pinned,
    claims: Mapping[str, Any],
    attempt: KeptAttempt,
    *,
    access_token: str,
    now: datetime,
) -> str:
    """The subject of an ID token whose signature has been verified (R12)."""
    acr = claims.get("acr")
    checks = {
        "iss": claims.get("iss") == config.issuer,
        "aud": claims.get("aud") in (config.client_id, [config.client_id]),
        "azp": claims.get("azp", config.client_id) == config.client_id,
        "nonce": _same(claims.get("nonce"), attempt.nonce),
        "exp": _seconds(claims.get("exp")) > now.timestamp(),
        "iat": abs(_seconds(claims.get("iat")) - now.timestamp()) <= CLOCK_SKEW.total_seconds(),
        "nbf": "nbf" not in claims or _seconds(claims["nbf"]) <= (now + CLOCK_SKEW).timestamp(),
        "at_hash": "at_hash" not in claims or _same(claims["at_hash"], half_hash(access_token)),
        "acr": set(config.acr_values.split()) <= set(acr.split() if isinstance(acr, str) else ()),
        "sub": valid_subject(claims.get("sub")),
    }
    for name, holds in checks.items():
        if not holds:
            raise refusal("id_token_invalid", found=name)
    return str(claims["sub"])


def valid_subject(subject: object) -> bool:
    """Whether a subject has the form OpenID Connect allows: 1 to 255 ASCII characters."""
    return (
        isinstance(subject, str)
        and 0 < len(subject) <= _LONGEST_SUBJECT
        and subject.isascii()
        and subject.isprintable()
    )


def level_of(scopes: tuple[str, ...]) -> IdentityLevel:
    """The level reached: with the signing certificate when `sign` was part of the visit (R12)."""
    return IdentityLevel.MNC_SIGN if "sign" in scopes else IdentityLevel.MNC_USER


def half_hash(access_token: str) -> str:
    """`at_hash` of an access token for ES256: the left half of its SHA-256, base64url."""
    half = hashlib.sha256(access_token.encode()).digest()[:16]
    return base64.urlsafe_b64encode(half).rstrip(b"=").decode()


def _same(found: object, expected: str) -> bool:
    return isinstance(found, str) and hmac.compare_digest(found.encode(), expected.encode())


def _seconds(value: object) -> float:
    """A NumericDate; NaN, which no comparison accepts, when it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.nan
