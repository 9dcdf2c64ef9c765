"""R18: a child that grew out of its guardian's account gets a sign-in of its own."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core import audit, signin
from core.access import Actor
from core.errors import Conflict, invalid, refused
from core.models import Account
from core.web import Platform
from registry import guardians
from registry.doors import GATE
from registry.models import Guardianship
from registry.rules.families import Tie


def waits_for_sign_in(db: Session, row: Guardianship) -> bool:
    """R18: whether a child is old enough and nobody can sign in as it yet (at the gate)."""
    if row.scope == Tie.MANAGED or row.state != "living":
        return False
    account = db.get(Account, row.person_id)
    return account is not None and account.closed_at is None and account.email_key is None


def give_sign_in(
    platform: Platform, *, actor: Actor, row: Guardianship, code: str, binding: str, now: datetime
) -> None:
    """R18: the child's own address becomes its sign-in, proved by a code mailed there.

    Whether the address has an account already is told only to whoever proved to hold it.

    Raises:
        Invalid: `code_wrong`; the try is counted.
        Gone: `code_expired`.
        Refused: `not_for_others`: the child is managed still, or signs in already.
        Conflict: `address_taken`.
    """
    with platform.database.transaction(GATE) as db:
        proved = signin.check_code(
            db, code="".join(code.split()), binding=binding, secret=platform.secret, now=now
        )
    # After the commit: a wrong try counts.
    if proved is None:
        raise invalid("code_wrong", field="code")
    with platform.database.transaction(GATE) as db:
        found = guardians.ward_of(db, actor=actor, guardianship_id=row.id)
        if not waits_for_sign_in(db, found):
            raise refused("not_for_others", rule="R18")
        account = db.scalars(
            select(Account).where(Account.id == row.person_id).with_for_update()
        ).one()
        account.email, account.email_key = proved.email, proved.email_key
        account.email_verified_at = now
        try:
            with db.begin_nested():
                db.flush()
        except IntegrityError as error:
            raise Conflict(code="address_taken") from error
        audit.record(
            db,
            actor=actor,
            action="person.sign_in_given",
            subject=("person", row.person_id),
            now=now,
            person_id=row.person_id,
            purpose=audit.ON_BEHALF,
            fields=["email"],
        )
