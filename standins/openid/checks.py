"""Strict reading of what relying parties send: requests, forms and client assertions."""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import jwt

from standins.openid.config import Client, Config
from standins.openid.state import AuthRequest, State

KNOWN_SCOPES = frozenset({"openid", "name", "address", "birthdate", "gender", "sign"})
KNOWN_ACR = frozenset({"aal2", "aal3", "crl"})
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

_CLIENT_ID = re.compile(r"[A-Za-z0-9]{1,255}")
_PRINTABLE = re.compile(r"[\x20-\x7e]{1,255}")
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{1,128}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_SKEW = timedelta(seconds=30)


@dataclass(eq=False)
class ProtocolError(Exception):
    """An OAuth error; `status` matters at the token endpoint only."""

    error: str
    description: str
    status: int = 400


class UntrustedRequestError(Exception):
    """No answer may be sent to the redirect address of this request."""


def read_pairs(raw: str) -> dict[str, str]:
    """Parameters of a query or form, each at most once."""
    pairs = parse_qsl(raw, keep_blank_values=True, max_num_fields=50)
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ProtocolError("invalid_request", "a parameter is repeated")
    return values


def trusted_redirect(config: Config, params: Mapping[str, str]) -> Client:
    """The client, once its id and redirect address are known to belong together."""
    client = config.client(params.get("client_id"))
    if client is None or _CLIENT_ID.fullmatch(client.id) is None:
        raise UntrustedRequestError("クライアントが登録されていません。")
    if params.get("redirect_uri") not in client.redirect_uris:
        raise UntrustedRequestError("リダイレクト先が登録されていません。")
    return client


def read_auth_request(params: Mapping[str, str], client: Client) -> AuthRequest:
    """A valid authorization request, or the error to send back by redirect."""
    if params.get("response_type") != "code":
        raise ProtocolError("unsupported_response_type", "only code is offered")
    for name in ("state", "nonce"):
        if _PRINTABLE.fullmatch(params.get(name, "")) is None:
            raise ProtocolError("invalid_request", f"{name} is required, 1 to 255 characters")
    if params.get("code_challenge_method") != "S256":
        raise ProtocolError("invalid_request", "code_challenge_method must be S256")
    if _CHALLENGE.fullmatch(params.get("code_challenge", "")) is None:
        raise ProtocolError("invalid_request", "code_challenge is required")
    scopes = tuple(params.get("scope", "").split(" "))
    if "openid" not in scopes or not KNOWN_SCOPES.issuperset(scopes):
        raise ProtocolError("invalid_scope", "openid is required; an unknown scope is refused")
    _check_sign_transaction(params, scopes)
    acr = params.get("acr_values", "aal3")
    if not KNOWN_ACR.issuperset(acr.split(" ")):
        raise ProtocolError("invalid_request", "acr_values is unknown")
    return AuthRequest(
        client.id,
        params["redirect_uri"],
        scopes,
        params["state"],
        params["nonce"],
        params["code_challenge"],
        acr,
    )


def _check_sign_transaction(params: Mapping[str, str], scopes: tuple[str, ...]) -> None:
    """`sign_transaction_id` is a UUID and comes exactly with the scope `sign`."""
    given = params.get("sign_transaction_id")
    if (given is not None) != ("sign" in scopes):
        raise ProtocolError("invalid_request", "sign and sign_transaction_id belong together")
    if given is not None:
        try:
            uuid.UUID(given)
        except ValueError:
            raise ProtocolError("invalid_request", "sign_transaction_id is no UUID") from None


def valid_verifier(verifier: str) -> bool:
    """Whether a code verifier has the length and characters of RFC 7636."""
    return _VERIFIER.fullmatch(verifier) is not None


def authenticate_client(state: State, form: Mapping[str, str], *, has_basic: bool) -> Client:
    """The client that signed the assertion; private_key_jwt and nothing else."""
    config = state.config
    client = config.client(form.get("client_id"))
    if (
        client is None
        or has_basic
        or "client_secret" in form
        or form.get("client_assertion_type") != ASSERTION_TYPE
    ):
        raise _not_client("private_key_jwt is required")
    claims = _verified_claims(form.get("client_assertion", ""), client)
    if claims.get("iss") != client.id or claims.get("sub") != client.id:
        raise _not_client("iss and sub must be the client")
    if claims.get("aud") not in {config.token_url, config.issuer}:
        raise _not_client("aud is another server")
    now, until = config.clock(), _instant(claims.get("exp"))
    longest = timedelta(seconds=config.assertion_seconds)
    if until is None or until <= now or until > now + longest:
        raise _not_client("exp is missing, past or too far ahead")
    issued = _instant(claims.get("iat"))
    if issued is not None and issued > now + _SKEW:
        raise _not_client("iat is in the future")
    jti = claims.get("jti")
    if not isinstance(jti, str) or not jti or not state.spend_jti(client.id, jti, until):
        raise _not_client("jti is missing or was used")
    return client


def _not_client(description: str) -> ProtocolError:
    return ProtocolError("invalid_client", description, 401)


def _verified_claims(assertion: str, client: Client) -> dict[str, Any]:
    """The claims of an assertion signed with one of the client's published keys."""
    try:
        kid = jwt.get_unverified_header(assertion).get("kid")
        keys = [key for key in client.jwks["keys"] if kid is None or key.get("kid") == kid]
        for jwk in keys:
            key = jwt.PyJWK(jwk)
            if key.algorithm_name not in client.algorithms:
                continue
            try:
                claims: dict[str, Any] = jwt.decode(
                    assertion,
                    key,
                    algorithms=[key.algorithm_name],
                    # Times and audience are judged above, by the stand-in's own clock.
                    options={
                        "verify_exp": False,
                        "verify_iat": False,
                        "verify_nbf": False,
                        "verify_aud": False,
                    },
                )
            except jwt.InvalidSignatureError:
                continue
            return claims
    except jwt.PyJWTError as error:
        raise _not_client("the assertion cannot be read") from error
    raise _not_client("no published key signed the assertion")


def _instant(value: object) -> datetime | None:
    """A NumericDate as an instant."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return datetime.fromtimestamp(value, UTC)
