"""Acts on duty that ask once more who one is: roles, numbers, closing, all the operator writes."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Final

from fastapi import Depends

from core.access import Actor, Role
from core.passkey_list import can_prove
from core.web import Platform, PlatformDep
from registry.doors import GATE, OperatorActor, staff_with

#: How long ago staff and operators must have proved themselves (d-11).
ON_DUTY: Final = timedelta(minutes=5)


def must_verify(platform: Platform, actor: Actor) -> bool:
    """Whether only a passkey is proof: whoever has one proves themselves with it.

    A code from the mailbox stays the proof of those who have none.
    """
    if actor.id is None:
        return True
    with platform.database.transaction(GATE) as db:
        return can_prove(db, actor.id)


def prove_on_duty(platform: Platform, actor: Actor, *, now: datetime) -> None:
    """Refuse unless a member of staff or an operator proved themselves a short while ago (d-11).

    Raises:
        SignInNeeded: `fresh_sign_in_needed`.
    """
    actor.require_fresh(within=ON_DUTY, now=now, verified=must_verify(platform, actor))


def _fresh_staff(role: Role) -> Callable[..., Actor]:
    def fresh_staff(
        actor: Annotated[Actor, Depends(staff_with(role))], platform: PlatformDep
    ) -> Actor:
        prove_on_duty(platform, actor, now=platform.clock.now())
        return actor

    return fresh_staff


def _fresh_operator(actor: OperatorActor, platform: PlatformDep) -> Actor:
    prove_on_duty(platform, actor, now=platform.clock.now())
    return actor


FreshApprover = Annotated[Actor, Depends(_fresh_staff(Role.APPROVER))]
FreshManager = Annotated[Actor, Depends(_fresh_staff(Role.MANAGER))]
FreshOperator = Annotated[Actor, Depends(_fresh_operator)]
