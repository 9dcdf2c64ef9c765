"""Decisions about rows of 今日, one or many: looked at before, done, and taken back (R15)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, TypedDict
from uuid import UUID

from sqlalchemy.orm import Session

from activities import reconsidering, stays
from core.access import Actor
from core.errors import DomainError, NotFound
from registry import approvals, queries, renewal_staff, taking_back
from registry.evidence import Evidence
from registry.models import Term
from registry.rules.policy import PolicyBook

#: So many are decided at once.
MOST: Final = 50


@dataclass(frozen=True, slots=True)
class Chosen:
    """A row by its key, `kind:id`; a stay's id is `person:day`."""

    kind: str
    id: UUID
    day: date | None = None

    @property
    def key(self) -> str:
        """The key of the row."""
        tail = f":{self.day.isoformat()}" if self.day else ""
        return f"{self.kind}:{self.id}{tail}"


@dataclass(frozen=True, slots=True)
class Deciding:
    """Who decides, where, when and by which numbers."""

    actor: Actor
    lg_code: str
    now: datetime
    book: PolicyBook
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Outlook:
    """What became of a row, or would: nothing in the way, or why not."""

    chosen: Chosen
    error: DomainError | None

    @property
    def well(self) -> bool:
        """Whether it is decided."""
        return self.error is None


class _Who(TypedDict):
    actor: Actor
    lg_code: str
    now: datetime


def chosen(key: str) -> Chosen:
    """A row's key taken apart.

    Raises:
        NotFound: It is none.
    """
    kind, _, rest = key.partition(":")
    try:
        if kind == "stay":
            person, _, day = rest.partition(":")
            return Chosen(kind, UUID(person), date.fromisoformat(day))
        if kind in {"application", "renewal", "proposal"}:
            return Chosen(kind, UUID(rest))
    except ValueError:
        pass
    raise NotFound(code="not_found")


def person_of(db: Session, lg_code: str, one: Chosen) -> UUID:
    """Whose case it is (C47).

    Raises:
        NotFound: It is nobody's, but a host's, and never decided with others.
    """
    if one.kind == "proposal":
        raise NotFound(code="not_found")
    if one.kind == "application":
        return approvals.applicant_of(db, lg_code=lg_code, application_id=one.id)
    if one.kind == "renewal":
        return renewal_staff.person_of(db, lg_code=lg_code, term_id=one.id)
    return one.id


def approve_many(
    db: Session, deciding: Deciding, given: Sequence[Chosen], *, keep: bool
) -> list[Outlook]:
    """R15, C46: approve each by itself; without `keep` the same is done and undone at once.

    What stands in the way of one leaves the others alone. The look beforehand is the work itself
    in a savepoint, so it cannot say anything else than what will happen.
    """
    found = []
    for one in given[:MOST]:
        error = None
        try:
            with db.begin_nested() as tried:
                _approve(db, deciding, one)
                if not keep:
                    tried.rollback()
        except DomainError as refused:
            error = refused
        found.append(Outlook(one, error))
    return found


def _approve(db: Session, deciding: Deciding, one: Chosen) -> None:
    who: _Who = {"actor": deciding.actor, "lg_code": deciding.lg_code, "now": deciding.now}
    if one.kind == "application":
        approvals.approve(
            db, application_id=one.id, book=deciding.book, evidence=deciding.evidence, **who
        )
    elif one.kind == "renewal":
        renewal_staff.decide_renewal_by_staff(
            db,
            term_id=one.id,
            approve=True,
            book=deciding.book,
            evidence=deciding.evidence,
            **who,
        )
    elif one.day is not None:
        stays.approve_report(db, person_id=one.id, day=one.day, **who)


# --- taken back -----------------------------------------------------------------------------------


def take_back(db: Session, deciding: Deciding, one: Chosen) -> None:
    """R15: the last press was a mistake; the row waits again.

    Raises:
        NotFound: There is no such row here.
        Conflict: `take_back_over`, and what stands in the way of each kind.
    """
    who: _Who = {"actor": deciding.actor, "lg_code": deciding.lg_code, "now": deciding.now}
    if one.kind == "application":
        taking_back.application(db, application_id=one.id, book=deciding.book, **who)
    elif one.kind == "renewal":
        taking_back.renewal(db, term_id=one.id, book=deciding.book, **who)
    elif one.kind == "proposal":
        reconsidering.take_back(db, activity_id=one.id, **who)
    elif one.day is not None:
        stays.take_back(db, person_id=one.id, day=one.day, **who)


def can_take_back(db: Session, *, actor: Actor, lg_code: str, one: Chosen, now: datetime) -> bool:
    """Whether a press of these minutes is offered to be taken back by whoever made it."""
    actions, subject = {
        "application": (taking_back.DECIDED, str(one.id)),
        "renewal": (taking_back.RENEWED, str(one.id)),
        "stay": ((stays.APPROVED,), f"{one.id}:{one.day}"),
        "proposal": (reconsidering.DECIDED, str(one.id)),
    }[one.kind]
    if one.kind == "renewal":
        # In its grace the next year has begun already; that is reversed, with a reason.
        term = db.get(Term, (lg_code, one.id))
        if term is None or term.renewal_state == "done" or term.state not in queries.LIVING:
            return False
    return taking_back.just_did(
        db, actor=actor, lg_code=lg_code, actions=actions, subject=subject, now=now
    )


def offered(db: Session, *, actor: Actor, lg_code: str, key: str, now: datetime) -> str:
    """The key of a press that can still be taken back by whoever made it; empty for any other."""
    try:
        one = chosen(key)
    except NotFound:
        return ""
    may = can_take_back(db, actor=actor, lg_code=lg_code, one=one, now=now)
    return one.key if may else ""


def title_of(db: Session, lg_code: str, one: Chosen) -> str:
    """What a row is called: the name of whom it is about."""
    person_id = person_of(db, lg_code, one)
    registration = queries.registration_of(db, lg_code=lg_code, person_id=person_id)
    return "" if registration is None else registration.display_name or ""
