"""Where one person alone may not decide: somebody asks, somebody else confirms (P19, C47).

Requirements, deciding by machine alone and the role of manager change what happens to everybody,
or who may change it. The database enforces it: a row of these kinds needs a confirmation, and a
confirmation two people (triggers `two_people` and `confirmed`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, cast
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import audit
from core.access import Actor, ActorKind, Role
from core.clock import japan_day
from core.errors import Conflict, NotFound, refused
from registry import policies, staff
from registry.models import BodyValue, Confirmation, RequirementDraft, RequirementVersion
from registry.rules.composing import tidy
from registry.rules.policy import PolicyBook
from registry.rules.requirement import to_json


class Kind(StrEnum):
    """What has to be confirmed."""

    REQUIREMENT = "requirement"
    AUTO_MODE = "auto_mode"
    MANAGER_ROLE = "manager_role"


#: Who may confirm: roles are for managers, what is decided for those who decide.
_LEAST: Final[Mapping[Kind, Role]] = MappingProxyType(
    {
        Kind.REQUIREMENT: Role.APPROVER,
        Kind.AUTO_MODE: Role.APPROVER,
        Kind.MANAGER_ROLE: Role.MANAGER,
    }
)
SHOWN: Final = 50


@dataclass(frozen=True, slots=True)
class _Wish:
    """What is asked for; `subject` tells two wishes of a kind apart."""

    kind: Kind
    subject: str
    facts: Mapping[str, Any]
    name: str | None = None


def ask_requirement(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    tree: object,
    effective_from: date,
    now: datetime,
    book: PolicyBook,
) -> Confirmation:
    """R33: a requirement that could be announced today waits for a second person.

    Its notice begins when it is announced: with the confirmation.

    Raises:
        Invalid, Refused, Conflict: As `policies.check_requirement`, and as `_ask`.
    """
    actor.require_role(lg_code, Role.MANAGER)
    wanted, _ = policies.check_requirement(
        db, lg_code=lg_code, tree=tree, effective_from=effective_from, now=now, book=book
    )
    wish = _Wish(Kind.REQUIREMENT, effective_from.isoformat(), {"tree": to_json(wanted)})
    return _ask(db, actor, lg_code, wish, now, book)


def ask_value(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    key: str,
    value: object,
    since: date,
    now: datetime,
    book: PolicyBook,
) -> Confirmation:
    """R15: deciding by machine alone waits for a second person.

    Raises:
        NotFound, Refused: As `policies.check_value`; Refused, Conflict: as `_ask`.
    """
    policies.check_value(
        actor=actor, lg_code=lg_code, key=key, value=value, since=since, now=now, book=book
    )
    wish = _Wish(Kind.AUTO_MODE, key, {"since": since.isoformat(), "value": value})
    return _ask(db, actor, lg_code, wish, now, book)


def ask_manager(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    account_id: UUID,
    name: str,
    now: datetime,
    book: PolicyBook,
) -> Confirmation:
    """C47: another manager waits for a second manager's word.

    Raises:
        Refused, Conflict: As `_ask`.
    """
    actor.require_role(lg_code, Role.MANAGER)
    wish = _Wish(Kind.MANAGER_ROLE, f"{ActorKind.STAFF}:{account_id}", {}, name)
    return _ask(db, actor, lg_code, wish, now, book)


def _ask(
    db: Session, actor: Actor, lg_code: str, wish: _Wish, now: datetime, book: PolicyBook
) -> Confirmation:
    """Write the wish down.

    Raises:
        Refused: `second_person_missing`: nobody else here could confirm it.
        Conflict: `confirmation_waits`: the same is already waiting.
    """
    if not others(db, lg_code, _LEAST[wish.kind], {actor.label, wish.subject}):
        raise refused("second_person_missing", rule="R25", action="second_manager")
    for row in waiting(db, lg_code, kind=wish.kind):
        if row.subject != wish.subject:
            continue
        if row.expires_at >= now:
            raise Conflict(code="confirmation_waits")
        row.state, row.answered_by, row.answered_at = "expired", actor.label, now
        db.flush()
    days = cast("int", book.on("confirmation.days", japan_day(now)).value)
    found = Confirmation(
        lg_code=lg_code,
        kind=wish.kind.value,
        subject=wish.subject,
        facts=dict(wish.facts),
        name=wish.name,
        asked_by=actor.label,
        asked_at=now,
        expires_at=now + timedelta(days=days),
    )
    db.add(found)
    db.flush()
    _record(db, actor, "confirmation.ask", found, now)
    return found


def others(db: Session, lg_code: str, least: Role, but: set[str]) -> bool:
    return any(
        row.ended_at is None
        and Role(row.role).rank >= least.rank
        and f"{ActorKind.STAFF}:{row.account_id}" not in but
        for row in staff.staff_of(db, lg_code)
    )


def waiting(
    db: Session, lg_code: str, *, kind: Kind | None = None, now: datetime | None = None
) -> Sequence[Confirmation]:
    """What waits for a second person, the oldest first; with `now`, only what has time left."""
    statement = (
        select(Confirmation)
        .where(Confirmation.lg_code == lg_code, Confirmation.state == "open")
        .order_by(Confirmation.asked_at, Confirmation.id)
        .limit(SHOWN)
    )
    if kind is not None:
        statement = statement.where(Confirmation.kind == kind.value)
    if now is not None:
        statement = statement.where(Confirmation.expires_at >= now)
    return db.scalars(statement).all()


def may_confirm(row: Confirmation, actor: Actor) -> bool:
    """Whether this member of staff could be the second person."""
    least = _LEAST[Kind(row.kind)]
    return actor.has_role(row.lg_code, least) and actor.label not in {row.asked_by, row.subject}


def confirm(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    confirmation_id: UUID,
    now: datetime,
    book: PolicyBook,
) -> Confirmation:
    """C47: a second person says yes, and what was asked for is done in the same transaction.

    Raises:
        NotFound: There is no such wish here.
        Forbidden: Without the role it needs.
        Refused: `own_wish`: it is one's own, or about oneself; or what has become impossible
            since it was asked, as when the notice of a requirement is too short by now.
        Conflict: `confirmation_over`: it was answered, or its days have run out.
    """
    row = _open(db, actor, lg_code, confirmation_id, now)
    if not may_confirm(row, actor):
        raise refused("own_wish", rule="R25", action="second_person")
    row.state, row.answered_by, row.answered_at = "confirmed", actor.label, now
    db.flush()
    _record(db, actor, "confirmation.confirm", row, now)
    match Kind(row.kind):
        case Kind.REQUIREMENT:
            _announce(db, row, actor, now, book)
        case Kind.AUTO_MODE:
            value = BodyValue(
                lg_code=lg_code,
                key=row.subject,
                # Nobody changes what has been judged (R33): not before the second person's day.
                since=max(date.fromisoformat(row.facts["since"]), japan_day(now)),
                value=row.facts["value"],
                decided_by=row.asked_by,
                confirmation_id=row.id,
            )
            policies.add_value(db, value, actor=actor, now=now, book=book)
        case Kind.MANAGER_ROLE:
            staff.appoint(
                db,
                actor=actor,
                lg_code=lg_code,
                account_id=UUID(row.subject.partition(":")[2]),
                name=row.name or "",
                role=Role.MANAGER,
                now=now,
                confirmation_id=row.id,
            )
    return row


def _announce(
    db: Session, row: Confirmation, actor: Actor, now: datetime, book: PolicyBook
) -> None:
    """R33: what two agreed on; the draft it was made from is done."""
    version = RequirementVersion(
        lg_code=row.lg_code,
        effective_from=date.fromisoformat(row.subject),
        tree=row.facts["tree"],
        decided_by=row.asked_by,
        confirmation_id=row.id,
    )
    policies.create_requirement(db, version, actor=actor, now=now, book=book)
    draft = db.get(RequirementDraft, row.lg_code)
    if draft is not None and tidy(draft.tree) == row.facts["tree"]:
        db.delete(draft)
        db.flush()


def decline(
    db: Session, *, actor: Actor, lg_code: str, confirmation_id: UUID, now: datetime
) -> Confirmation:
    """A second person says no, or whoever asked takes it back; nothing is done.

    Raises:
        NotFound, Forbidden, Conflict: As `confirm`.
    """
    row = _open(db, actor, lg_code, confirmation_id, now)
    own = row.asked_by == actor.label
    if not own and not may_confirm(row, actor):
        raise refused("own_wish", rule="R25", action="second_person")
    row.state = "cancelled" if own else "declined"
    row.answered_by, row.answered_at = actor.label, now
    db.flush()
    _record(db, actor, f"confirmation.{'cancel' if own else 'decline'}", row, now)
    return row


def _open(
    db: Session, actor: Actor, lg_code: str, confirmation_id: UUID, now: datetime
) -> Confirmation:
    row = db.get(Confirmation, (lg_code, confirmation_id), with_for_update=True)
    if row is None:
        raise NotFound(code="not_found")
    if row.asked_by != actor.label:
        actor.require_role(lg_code, _LEAST[Kind(row.kind)])
    if row.state != "open" or row.expires_at < now:
        raise Conflict(code="confirmation_over")
    return row


def _record(db: Session, actor: Actor, action: str, row: Confirmation, now: datetime) -> None:
    audit.record(
        db,
        actor=actor,
        action=action,
        subject=("confirmation", row.id),
        now=now,
        lg_code=row.lg_code,
        purpose=row.kind,
    )
