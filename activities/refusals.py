"""Reasons of the rules as refusals of the platform, and the numbers they are judged by."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from core.clock import japan_day
from core.errors import Problem, Refused
from registry.policies import body_policy
from registry.rules.policy import Policy, PolicyBook
from registry.rules.reasons import Reason


def problem_of(reason: Reason) -> Problem:
    """A rule's reason in the shape every audience gets it."""
    return Problem(
        code=reason.code,
        rule=reason.rule,
        found=reason.found,
        needed=reason.needed,
        names=reason.names,
        action=reason.action or None,
    )


def refuse(reasons: Iterable[Reason]) -> None:
    """Refuse with every reason given; nothing happens without one."""
    problems = tuple(problem_of(reason) for reason in reasons)
    if problems:
        raise Refused(code=problems[0].code, problems=problems)


def policy_now(db: Session, book: PolicyBook, lg_code: str, now: datetime) -> Policy:
    """A local government's numbers on the Japanese day of an instant."""
    day = japan_day(now)
    return body_policy(db, book, lg_code, day).snapshot(day, lg_code)
