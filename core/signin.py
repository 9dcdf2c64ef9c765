"""Signing in: a code by e-mail, then a session that the server can end. No passwords.

Sessions and security counters live in PostgreSQL: losing Redis logs nobody out and resets
no counter. Tokens and codes are stored hashed.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core import sealing
from core.errors import Gone, NotFound, Refused, invalid
from core.ids import new_id, new_token
from core.limits import too_many
from core.models import Account, SignInCode, WebSession

CODE_LIFE = timedelta(minutes=10)
CODE_TRIES = 5
CODES_IN_TEN_MINUTES = 3
CODES_A_DAY = 10
STARTS_A_MINUTE = 10

#: Idle and absolute life of a sign-in by kind of account.
LIVES = {
    "person": (timedelta(days=14), timedelta(days=30)),
    "staff": (timedelta(minutes=30), timedelta(hours=12)),
    "operator": (timedelta(minutes=15), timedelta(hours=8)),
}
#: A session's last use is written down at most this often.
TOUCH = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class IssuedCode:
    """A code on its way: what to mail, and what the browser must bring back."""

    email: str
    code: str
    binding: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A living session and whose it is.

    Attributes:
        method: `code`, `passkey` or `sso`.
        user_verified_at: When a passkey last verified who holds the device, for acts that need it.
    """

    account_id: UUID
    kind: str
    email: str | None
    signed_in_at: datetime
    token_hash: str
    session_id: UUID
    method: str = "code"
    user_verified_at: datetime | None = None


def normal_email(address: str) -> str:
    """The address in one spelling, lower case.

    Raises:
        Invalid: It is not an address.
    """
    try:
        found = validate_email(address.strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise invalid("email", field="email") from error
    return found.normalized.lower()


def email_key(secret: str, email: str) -> str:
    """The blind index under which an address is found."""
    return sealing.index(secret, "email", email)


def start(
    db: Session, *, kind: str, email: str, secret: str, address: str, now: datetime
) -> IssuedCode:
    """Make a code for an address, known or not: the two must look alike.

    Args:
        db: A transaction of the gate.
        kind: `person`, `staff` or `operator`.
        email: As typed.
        secret: The platform's secret.
        address: The network address that asked; kept hashed, for the limit.
        now: The instant.

    Raises:
        Invalid: The address is none.
        TooMany: 3 codes in ten minutes or 10 a day for one address, 10 a minute from one place.
    """
    email = normal_email(email)
    key = email_key(secret, email)
    asker = sealing.index(secret, "address", address)
    _within(db, SignInCode.email_key == key, timedelta(minutes=10), CODES_IN_TEN_MINUTES, now)
    _within(db, SignInCode.email_key == key, timedelta(days=1), CODES_A_DAY, now)
    _within(db, SignInCode.address_hash == asker, timedelta(minutes=1), STARTS_A_MINUTE, now)
    code = f"{secrets.randbelow(10**8):08d}"
    binding = new_token()
    row_id = new_id()
    db.add(
        SignInCode(
            id=row_id,
            kind=kind,
            email=email,
            email_key=key,
            code_hash=sealing.index(secret, f"code:{row_id}", code),
            binding_hash=sealing.digest(binding),
            address_hash=asker,
            created_at=now,
            expires_at=now + CODE_LIFE,
        )
    )
    return IssuedCode(email, code, binding, now + CODE_LIFE)


def _within(db: Session, which: object, window: timedelta, limit: int, now: datetime) -> None:
    since = now - window
    count = db.scalar(
        select(func.count()).select_from(SignInCode).where(which, SignInCode.created_at > since)  # type: ignore[arg-type] # a column comparison
    )
    if (count or 0) >= limit:
        raise too_many(window)


def check_code(
    db: Session, *, code: str, binding: str, secret: str, now: datetime
) -> SignInCode | None:
    """The code's row when the code is right; None after counting a wrong try.

    A wrong try must be committed to count, so it is an answer here and not an exception.

    Raises:
        Gone: The code has expired, was used, or has had its five tries.
    """
    row = db.execute(
        select(SignInCode)
        .where(SignInCode.binding_hash == sealing.digest(binding))
        .with_for_update()
    ).scalar_one_or_none()
    if row is None or row.used_at or row.expires_at <= now or row.tries >= CODE_TRIES:
        raise Gone(code="code_expired")
    row.tries += 1
    if not sealing.same(row.code_hash, sealing.index(secret, f"code:{row.id}", code)):
        return None
    row.used_at = now
    return row


def account_for(db: Session, *, proved: SignInCode, now: datetime) -> Account | None:
    """The account behind a proved address; registrants get theirs at the first sign-in.

    Staff and operators are made by those who may; nobody becomes one by having an address.
    """
    if proved.kind == "person":
        db.execute(
            insert(Account)
            .values(
                id=new_id(),
                kind="person",
                email=proved.email,
                email_key=proved.email_key,
                email_verified_at=now,
                created_at=now,
            )
            .on_conflict_do_nothing()
        )
    account = db.execute(
        select(Account).where(Account.kind == proved.kind, Account.email_key == proved.email_key)
    ).scalar_one_or_none()
    return None if account is None or account.closed_at else account


def open_session(
    db: Session,
    *,
    account: Account,
    transport: str,
    user_agent: str,
    now: datetime,
    device: str = "",
    method: str = "code",
    verified: bool = False,
) -> str:
    """A new session; returns its token, which is not stored.

    Args:
        db: A transaction of the gate.
        account: Whose.
        transport: `cookie` or `bearer`.
        user_agent: As the browser or app calls itself.
        now: The instant.
        device: The mark the browser was given at an earlier sign-in, or is given with this one.
        method: `code`; `sso`; or `passkey`, which always verifies who holds the device.
        verified: Whether the provider of an `sso` says it verified them just as well.
    """
    token = new_token()
    _, absolute = LIVES[account.kind]
    db.add(
        WebSession(
            token_hash=sealing.digest(token),
            account_id=account.id,
            transport=transport,
            created_at=now,
            last_seen_at=now,
            expires_at=now + absolute,
            user_agent=user_agent[:200],
            device_hash=sealing.digest(device) if device else "",
            method=method,
            user_verified_at=now if verified or method == "passkey" else None,
        )
    )
    return token


def sign_in(
    db: Session,
    *,
    code: str,
    binding: str,
    secret: str,
    transport: str,
    user_agent: str,
    now: datetime,
    device: str = "",
) -> str | None:
    """Prove the code and open a session: its token, or None when the code is wrong.

    Raises:
        Gone: As `check_code`.
        Refused: The address belongs to nobody of this kind.
    """
    proved = check_code(db, code=code, binding=binding, secret=secret, now=now)
    if proved is None:
        return None
    account = account_for(db, proved=proved, now=now)
    if account is None:
        raise Refused(code="forbidden")
    return open_session(
        db,
        account=account,
        transport=transport,
        user_agent=user_agent,
        now=now,
        device=device,
    )


def session_of(db: Session, token: str, *, now: datetime) -> SignedIn | None:
    """Whose living session a token is, or None."""
    row = db.execute(
        select(WebSession, Account)
        .join(Account, Account.id == WebSession.account_id)
        .where(WebSession.token_hash == sealing.digest(token))
    ).one_or_none()
    if row is None:
        return None
    session, account = row
    idle, _ = LIVES[account.kind]
    if (
        session.ended_at
        or account.closed_at
        or session.expires_at <= now
        or session.last_seen_at + idle <= now
    ):
        return None
    if now - session.last_seen_at > TOUCH:
        db.execute(
            update(WebSession)
            .where(WebSession.token_hash == session.token_hash)
            .values(last_seen_at=now)
        )
    return SignedIn(
        account.id,
        account.kind,
        account.email,
        session.created_at,
        session.token_hash,
        session.id,
        session.method,
        session.user_verified_at,
    )


def living_sessions(db: Session, signed_in: SignedIn, *, now: datetime) -> list[WebSession]:
    """Where an account is signed in, the latest used first."""
    idle, _ = LIVES[signed_in.kind]
    return list(
        db.scalars(
            select(WebSession)
            .where(
                WebSession.account_id == signed_in.account_id,
                WebSession.ended_at.is_(None),
                WebSession.expires_at > now,
                WebSession.last_seen_at > now - idle,
            )
            .order_by(WebSession.last_seen_at.desc(), WebSession.created_at.desc())
        )
    )


def is_new_device(db: Session, signed_in: SignedIn) -> tuple[bool, str]:
    """Whether the account was signed in before, and never here (d-11); and what "here" calls itself.

    A browser is known by its mark, an app by what it calls itself; the first sign-in of all
    is nothing to be told about.
    """
    here = db.get_one(WebSession, signed_in.token_hash)
    same = (
        WebSession.device_hash == here.device_hash
        if here.device_hash
        else (WebSession.transport == here.transport) & (WebSession.user_agent == here.user_agent)
    )
    before, known = db.execute(
        select(func.count(), func.count().filter(same)).where(
            WebSession.account_id == here.account_id, WebSession.token_hash != here.token_hash
        )
    ).one()
    return bool(before and not known), here.user_agent


def end_session(db: Session, token_hash: str, *, now: datetime) -> None:
    """End one session."""
    db.execute(
        update(WebSession)
        .where(WebSession.token_hash == token_hash, WebSession.ended_at.is_(None))
        .values(ended_at=now)
    )


def end_other(db: Session, signed_in: SignedIn, session_id: UUID, *, now: datetime) -> str:
    """End one of the account's sessions, and say which; another account's is not found."""
    found = db.scalar(
        select(WebSession.token_hash).where(
            WebSession.id == session_id, WebSession.account_id == signed_in.account_id
        )
    )
    if found is None:
        raise NotFound(code="not_found")
    end_session(db, found, now=now)
    return found


def end_all_sessions(db: Session, account_id: UUID, *, now: datetime) -> None:
    """End every session of an account."""
    db.execute(
        update(WebSession)
        .where(WebSession.account_id == account_id, WebSession.ended_at.is_(None))
        .values(ended_at=now)
    )
