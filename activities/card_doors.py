"""What every door to cards does first: the body's keys are at hand, or are made (R22)."""

from collections.abc import Callable
from typing import TypeVar

from core.access import system
from core.clock import wall_now
from core.db import Context
from core.tenancy import Audience
from core.web import Platform
from qr.keys import KeyScope
from qr.signatures import KeyUse
from qr.store import KeyStore, NoSigningKeyError, ensure_keys
from registry.doors import GATE

T = TypeVar("T")
_KEYS = Context(Audience.WORKER, actor=system("card-keys").label)


def with_keys(platform: Platform, keys: KeyStore, lg_code: str, work: Callable[[KeyStore], T]) -> T:
    """Do `work` with the body's keys; one that has just joined gets its first key here.

    The nightly job makes keys in time; nobody who stands at a counter has to wait for it.
    """
    with platform.database.transaction(GATE) as db:
        keys.refresh(db, wall=wall_now())
    try:
        return work(keys)
    except NoSigningKeyError:
        fresh = KeyStore(platform.secret)
        with platform.database.transaction(_KEYS) as db:
            scopes = [KeyScope(KeyUse.CARD, lg_code)]
            ensure_keys(db, scopes=scopes, secret=platform.secret, now=platform.clock.now())
            fresh.refresh(db, wall=wall_now())
        return work(fresh)
