"""R18: who may act for whom in a family, what they may do, and on which day it ends."""

from datetime import date
from enum import StrEnum

from registry.rules.calendars import add_months
from registry.rules.minors import age_on, birthday
from registry.rules.reasons import Reason


class Tie(StrEnum):
    """How somebody stands by somebody else, as a guardianship's scope says it."""

    MANAGED = "managed"  # a child below the age of own sign-ins, by its guardian
    HELPER = "helper"  # an adult who asked somebody to lend a hand


class FamilyAct(StrEnum):
    """What can be done in somebody else's name."""

    LOOK = "look"
    REGISTER = "register"
    LEAVE = "leave"
    SIGN_UP = "sign_up"
    SHOW_CARD = "show_card"
    CHECK_IN = "check_in"
    APPLY = "apply"
    CLOSE = "close"
    CHANGE_CONSENT = "change_consent"
    ASK_GUARDIAN = "ask_guardian"


_HELPING = frozenset({FamilyAct.LOOK, FamilyAct.SIGN_UP, FamilyAct.SHOW_CARD, FamilyAct.CHECK_IN})
#: A helper lends a hand on the day; what binds or ends something stays with the person.
_ALLOWED = {
    Tie.HELPER: _HELPING,
    Tie.MANAGED: _HELPING
    | {FamilyAct.REGISTER, FamilyAct.LEAVE, FamilyAct.CLOSE, FamilyAct.ASK_GUARDIAN},
}


def may_act(
    scope: str, state: str, act: FamilyAct, day: date, *, until: date | None
) -> Reason | None:
    """R18: why somebody may not do this in another one's name on a day; None: they may.

    A tie holds while it lives and before the day on which it ends. A guardian who only
    consents, and does not manage, does nothing in the child's name.
    """
    if scope not in set(Tie):
        return Reason("R18", "not_for_others", found=act.value)
    if state != "living" or (until is not None and day >= until):
        return Reason("R18", "tie_over", action="ask_person")
    if act not in _ALLOWED[Tie(scope)]:
        return Reason("R18", "not_for_others", found=act.value)
    return None


def may_be_managed(birth_date: date, day: date, *, managed_under: int) -> bool:
    """R18: whether a child is young enough to have no sign-in of its own."""
    return birth_date <= day and age_on(birth_date, day) < managed_under


def managed_until(birth_date: date, managed_under: int) -> date:
    """R18: the day from whose 00:00 a child may sign in itself and nobody acts for it."""
    return birthday(birth_date, managed_under)


def helps_until(day: date, months: int) -> date:
    """R18: the first day on which a helper's tie no longer holds; it is agreed on anew."""
    return add_months(day, months)
