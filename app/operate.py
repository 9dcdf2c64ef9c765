"""What an operator looks at and does from the console, outside a web request."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from core import audit
from core.access import Actor, ActorKind
from core.clock import japan_day
from core.db import Context, Database
from core.errors import NotFound
from core.tenancy import Audience
from qr.keys import KeyRecord, KeyScope
from qr.signatures import KeyStatus, KeyUse
from qr.store import ensure_keys, read_keys, revoke_key
from registry.doors import GATE
from registry.queries import accepting_codes
from registry.rules.policy import PolicyBook
from registry.staff import account_for_duty

CONSOLE = Actor(ActorKind.SYSTEM, name="console")
_OPERATOR = Context(Audience.OPERATOR, actor=CONSOLE.label)
#: What a local government signs: its registrants' cards, and the codes at its venues.
_USES = (KeyUse.CARD, KeyUse.VENUE)


def list_keys(database: Database) -> Sequence[KeyRecord]:
    """All signing keys, by local government, use and age (R22)."""
    with database.transaction(_OPERATOR) as db:
        keys = read_keys(db)
    return sorted(keys, key=lambda key: (key.lg_code or "", key.use, key.not_before))


def rotate_keys(
    database: Database, *, book: PolicyBook, secret: str, now: datetime
) -> tuple[str, ...]:
    """Make the keys that are needed now or soon, retire those that have ended (R22).

    Every local government that takes registrations has its keys, the published list has its
    root key. Safe to repeat. Returns the ids of the new keys.
    """
    with database.transaction(_OPERATOR) as db:
        made = ensure_keys(db, scopes=_scopes(db, book, now), secret=secret, now=now)
        for kid in made:
            _record(db, "signing_key.create", kid, now)
    return made


def withdraw_key(
    database: Database, kid: str, *, book: PolicyBook, secret: str, now: datetime
) -> tuple[str, ...]:
    """Revoke a key that was lost or misused, and make its successor (R22).

    Returns the ids of the new keys. Cards it signed must be issued again.

    Raises:
        NotFound: There is no key of this id.
    """
    with database.transaction(_OPERATOR) as db:
        if not any(key.kid == kid and key.status is not KeyStatus.REVOKED for key in read_keys(db)):
            raise NotFound(code="not_found")
        revoke_key(db, kid, at=now)
        _record(db, "signing_key.revoke", kid, now)
    return rotate_keys(database, book=book, secret=secret, now=now)


def add_operator(database: Database, email: str, *, secret: str, now: datetime) -> UUID:
    """Let somebody sign in as the operator (運営), by a code sent to this address; safe to repeat.

    Only the console does this: whoever can reach it holds the platform's settings anyway.

    Raises:
        Invalid: It is no address.
    """
    with database.transaction(GATE) as db:
        account_id = account_for_duty(db, kind="operator", email=email, secret=secret, now=now)
        audit.record(
            db, actor=CONSOLE, action="operator.add", subject=("account", account_id), now=now
        )
    return account_id


def _scopes(db: Session, book: PolicyBook, now: datetime) -> list[KeyScope]:
    bodies = accepting_codes(db, book, japan_day(now))
    return [
        KeyScope(KeyUse.ROOT, None),
        *(KeyScope(use, code) for code in bodies for use in _USES),
    ]


def _record(db: Session, action: str, kid: str, now: datetime) -> None:
    audit.record(db, actor=CONSOLE, action=action, subject=("signing_key", kid), now=now)
