"""Staff sign in with an account of their local government: OpenID Connect, code and PKCE (d-11).

The protocol's checks are those of the My Number card (`idp_checks`, `idp_http`); what differs is
who vouches for whom. A provider vouches for staff of its own local government only, for nobody
who was not appointed before, and for nobody who works elsewhere as well: it never makes a right.
Times of the protocol are the machine's own (`wall_now`).
"""

import base64
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, get_args
from urllib.parse import quote, urlencode, urlsplit

import httpx
from joserfc import jws
from joserfc.errors import JoseError
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from core import audit, sealing, signin
from core.access import Actor, ActorKind
from core.errors import Forbidden, NotFound, Refused, invalid
from core.limits import too_many
from core.models import Account
from core.settings import Environment, Settings
from registry import queries
from registry.idp_checks import (
    CLOCK_SKEW,
    Callback,
    KeptAttempt,
    check_callback,
    check_claims,
    check_token_answer,
    check_token_header,
    digest_of_state,
    refusal,
    strict_json,
)
from registry.idp_config import SigningAlgorithm
from registry.idp_http import KeyCache, call
from registry.models import StaffProvider, StaffRole, StaffVisit

#: Where the provider sends the browser back to, below the public address.
CALLBACK: Final = "/staff/signin/callback/"
LIFE: Final = timedelta(minutes=10)
SCOPES: Final = ("openid", "email")
#: The provider must have seen the person itself so lately, or ask again.
MAX_AGE: Final = timedelta(minutes=5)
VISITS_A_MINUTE: Final = 20
_KEYS: Final = KeyCache()


@dataclass(frozen=True, slots=True)
class Provider:
    """One local government's provider, as pinned; `checks` of the protocol read it (Pinned)."""

    lg_code: str
    issuer: str
    auth_url: str
    token_url: str
    certs_url: str
    client_id: str
    redirect_uri: str
    token_algorithm: SigningAlgorithm
    verified_acr: str
    secret: str = field(repr=False)
    acr_values: str = ""
    timeout_seconds: float = 5.0
    answer_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the operator writes down of a provider; an empty secret keeps the one there is."""

    issuer: str
    auth_url: str
    token_url: str
    certs_url: str
    client_id: str
    client_secret: str = field(repr=False)
    algorithm: str
    verified_acr: str = ""


@dataclass(frozen=True, slots=True)
class Visit:
    """Where to send the browser, and what it brings back besides the answer."""

    url: str
    binding: str


# --- set by the operator --------------------------------------------------------------------------


def set_provider(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    wanted: Wanted,
    settings: Settings,
    now: datetime,
) -> StaffProvider:
    """Pin a local government's provider, or change what is pinned.

    Raises:
        Forbidden: Somebody else than the operator.
        NotFound: No such local government.
        Invalid: `provider_address`: no secure address, or not all below the issuer's host;
            `field_needed`.
    """
    _only_operator(actor)
    queries.government(db, lg_code)
    _check_addresses(wanted, production=settings.environment is Environment.PRODUCTION)
    if wanted.algorithm not in get_args(SigningAlgorithm):
        raise invalid("field_needed", field="algorithm")
    row = db.get(StaffProvider, lg_code) or StaffProvider(lg_code=lg_code)
    for name in ("issuer", "auth_url", "token_url", "certs_url", "client_id", "algorithm"):
        setattr(row, name, getattr(wanted, name))
    row.verified_acr, row.set_by, row.set_at = wanted.verified_acr, actor.label, now
    if wanted.client_secret:
        row.secret_sealed = sealing.seal(
            settings.secret_key.get_secret_value(), _place(lg_code), wanted.client_secret
        )
    elif row.secret_sealed is None:
        raise invalid("field_needed", field="client_secret")
    db.add(row)
    db.flush()
    _record(db, actor, "staff_provider.set", lg_code, now)
    return row


def end_provider(db: Session, *, actor: Actor, lg_code: str, now: datetime) -> None:
    """From now on nobody signs in that way; sessions that are open go on to their end."""
    _only_operator(actor)
    queries.government(db, lg_code)
    row = db.get(StaffProvider, lg_code)
    if row is None:
        return
    db.delete(row)
    db.flush()
    _record(db, actor, "staff_provider.end", lg_code, now)


def _only_operator(actor: Actor) -> None:
    if actor.kind is not ActorKind.OPERATOR:
        raise Forbidden(code="forbidden")


def _check_addresses(wanted: Wanted, *, production: bool) -> None:
    """All at the issuer's own host, and over TLS, but for a stand-in on this machine."""
    origin = urlsplit(wanted.issuer)
    local = origin.hostname in {"127.0.0.1", "localhost"} and not production
    for name in ("issuer", "auth_url", "token_url", "certs_url"):
        parts = urlsplit(getattr(wanted, name))
        same = (parts.scheme, parts.netloc) == (origin.scheme, origin.netloc)
        plain = parts.username is None and not parts.fragment and bool(parts.hostname)
        if not (same and plain and (parts.scheme == "https" or (local and parts.scheme == "http"))):
            raise invalid("provider_address", field=name)


def _record(db: Session, actor: Actor, action: str, lg_code: str, now: datetime) -> None:
    audit.record(
        db,
        actor=actor,
        action=action,
        subject=("local_government", lg_code),
        now=now,
        lg_code=lg_code,
    )


def _place(lg_code: str) -> str:
    return f"staff_provider:{lg_code}"


# --- a visit ----------------------------------------------------------------------------------------


def provider_of(db: Session, lg_code: str, settings: Settings) -> Provider:
    """The pinned provider, with its secret opened.

    Raises:
        NotFound: This local government has none.
    """
    row = db.get(StaffProvider, lg_code)
    if row is None:
        raise NotFound(code="not_found")
    algorithm: SigningAlgorithm = "ES256" if row.algorithm == "ES256" else "RS256"
    return Provider(
        lg_code=lg_code,
        issuer=row.issuer,
        auth_url=row.auth_url,
        token_url=row.token_url,
        certs_url=row.certs_url,
        client_id=row.client_id,
        redirect_uri=f"{settings.public_url}{CALLBACK}{lg_code}",
        token_algorithm=algorithm,
        verified_acr=row.verified_acr,
        secret=sealing.unseal(
            settings.secret_key.get_secret_value(), _place(lg_code), row.secret_sealed
        ),
    )


def begin(
    db: Session,
    *,
    provider: Provider,
    secret: str,
    wanted: str,
    address: str,
    at: datetime,
    randbytes: Callable[[int], bytes] = secrets.token_bytes,
) -> Visit:
    """Begin a visit: fresh state, nonce and PKCE verifier, kept for this browser only.

    Raises:
        TooMany: Too many visits from one place.
    """
    asker = sealing.index(secret, "address", address)
    lately = db.scalar(
        select(func.count())
        .select_from(StaffVisit)
        .where(StaffVisit.address_hash == asker, StaffVisit.begun_at > at - timedelta(minutes=1))
    )
    if (lately or 0) >= VISITS_A_MINUTE:
        raise too_many(timedelta(minutes=1))
    state, nonce, verifier, binding = (_text(randbytes(32)) for _ in range(4))
    place = digest_of_state(state)
    db.add(
        StaffVisit(
            lg_code=provider.lg_code,
            state_hash=place,
            binding_hash=sealing.digest(binding),
            nonce_sealed=sealing.seal(secret, f"nonce:{place}", nonce),
            verifier_sealed=sealing.seal(secret, f"verifier:{place}", verifier),
            wanted=wanted,
            address_hash=asker,
            begun_at=at,
            expires_at=at + LIFE,
        )
    )
    asked = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": provider.redirect_uri,
        "scope": " ".join(SCOPES),
        "state": state,
        "nonce": nonce,
        "code_challenge": _text(bytes.fromhex(sealing.digest(verifier))),
        "code_challenge_method": "S256",
        "max_age": str(int(MAX_AGE.total_seconds())),
    }
    if provider.verified_acr:
        asked["acr_values"] = provider.verified_acr
    joint = "&" if urlsplit(provider.auth_url).query else "?"
    return Visit(f"{provider.auth_url}{joint}{urlencode(asked)}", binding)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A visit that is used up by being looked at."""

    kept: KeptAttempt
    wanted: str


def claim(
    db: Session, *, callback: Callback, lg_code: str, binding: str, secret: str, at: datetime
) -> Claimed | None:
    """Take the visit this callback answers; None when this browser began none here.

    Commit before anything else happens: whatever comes of it, it was its one use.
    """
    place = callback.state_hash
    row = db.scalars(
        select(StaffVisit)
        .where(
            StaffVisit.state_hash == (place or ""),
            StaffVisit.lg_code == lg_code,
            StaffVisit.binding_hash == sealing.digest(binding),
        )
        .with_for_update()
    ).one_or_none()
    if row is None:
        return None
    used_before = row.used_at
    db.execute(update(StaffVisit).where(StaffVisit.id == row.id).values(used_at=at))
    kept = KeptAttempt(
        row.state_hash,
        sealing.unseal(secret, f"nonce:{place}", row.nonce_sealed),
        sealing.unseal(secret, f"verifier:{place}", row.verifier_sealed),
        SCOPES,
        row.begun_at,
        used_before,
    )
    return Claimed(kept, row.wanted)


@dataclass(frozen=True, slots=True)
class Vouched:
    """Whom the provider vouches for, and whether it verified who holds the device."""

    email: str
    verified: bool


def finish(
    provider: Provider,
    http: httpx.Client,
    *,
    callback: Callback,
    claimed: Claimed | None,
    at: datetime,
    keys: KeyCache = _KEYS,
) -> Vouched:
    """Turn a callback into a proved address, or refuse.

    Raises:
        IdentityRefused: Nobody was vouched for; no text of the provider is in it.
    """
    attempt = None if claimed is None else claimed.kept
    code = check_callback(provider, callback, attempt, at)
    if attempt is None:
        raise refusal("attempt_unknown")
    answer = call(
        provider,
        http,
        "POST",
        provider.token_url,
        step="token",
        headers={"Authorization": _basic(provider)},
        form={
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": provider.redirect_uri,
            "code_verifier": attempt.verifier,
        },
    )
    # Providers may grant more scopes than were asked for; nothing is taken but the address.
    granted = {name: value for name, value in answer.items() if name != "scope"}
    tokens = check_token_answer(granted, attempt)
    claims = _claims(provider, http, tokens.id_token, keys, at)
    check_claims(provider, claims, attempt, access_token=tokens.access_token, now=at)
    seen = claims.get("auth_time")
    recent = isinstance(seen, int) and not isinstance(seen, bool)
    if not recent or at - datetime.fromtimestamp(int(seen or 0), at.tzinfo) > MAX_AGE + CLOCK_SKEW:
        raise refusal("id_token_invalid", found="auth_time")
    email = claims.get("email")
    if not isinstance(email, str) or claims.get("email_verified") is not True:
        raise refusal("id_token_invalid", found="email")
    verified = bool(provider.verified_acr) and claims.get("acr") == provider.verified_acr
    return Vouched(email, verified)


def _claims(
    provider: Provider, http: httpx.Client, token: str, keys: KeyCache, at: datetime
) -> dict[str, Any]:
    """The claims of an ID token signed by the provider with the pinned algorithm."""
    algorithm = provider.token_algorithm
    key = keys.find(provider, http, check_token_header(token, algorithm), at)
    try:
        signed = jws.deserialize_compact(token, key, algorithms=[algorithm])
    except (JoseError, ValueError) as error:
        raise refusal("id_token_invalid", found="signature") from error
    return strict_json(signed.payload or b"", code="id_token_invalid")


def _basic(provider: Provider) -> str:
    """client_secret_basic: both halves as form values (RFC 6749, 2.3.1)."""
    pair = f"{quote(provider.client_id, safe='')}:{quote(provider.secret, safe='')}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def open_for(
    db: Session,
    *,
    lg_code: str,
    vouched: Vouched,
    secret: str,
    user_agent: str,
    device: str,
    now: datetime,
) -> str:
    """The token of a session for somebody who was appointed there before, and only there.

    Raises:
        Refused: `sso_unknown`: nobody with this address works there; or they work elsewhere too,
            and one local government vouches for nobody at another one.
    """
    key = signin.email_key(secret, signin.normal_email(vouched.email))
    account = db.scalars(
        select(Account).where(
            Account.kind == "staff", Account.email_key == key, Account.closed_at.is_(None)
        )
    ).one_or_none()
    places = set(
        db.scalars(
            select(StaffRole.lg_code).where(
                StaffRole.account_id == (account.id if account else None),
                StaffRole.ended_at.is_(None),
            )
        )
    )
    if account is None or places != {lg_code}:
        raise Refused(code="sso_unknown")
    return signin.open_session(
        db,
        account=account,
        transport="cookie",
        user_agent=user_agent,
        now=now,
        device=device,
        method="sso",
        verified=vouched.verified,
    )


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
