"""C47: nobody decides about themselves, whatever account they do it from."""

from collections.abc import Callable
from uuid import UUID

from sqlalchemy.orm import Session

from core.access import Actor
from core.errors import Forbidden
from core.web import Platform
from registry.approvals import is_same_human
from registry.doors import GATE, as_body


def refuse_own_case(
    platform: Platform, actor: Actor, lg_code: str, person_of: Callable[[Session], UUID]
) -> UUID:
    """C47: staff and registrant are compared by sign-in address, which only the gate sees.

    Args:
        platform: The services.
        actor: Who is about to decide.
        lg_code: Where.
        person_of: Finds whose case it is, in a transaction of the local government.

    Returns:
        Whose case it is.

    Raises:
        Forbidden: `own_application`: it is the actor's own.
    """
    with platform.database.transaction(as_body(actor, lg_code)) as db:
        person_id = person_of(db)
    with platform.database.transaction(GATE) as db:
        if is_same_human(db, staff_id=actor.id, person_id=person_id):
            raise Forbidden(code="own_application")
    return person_id
