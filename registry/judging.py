"""Judgements stored with inputs, numbers and every reason, and replayed from them (R15).

Shared by applications (one at a time) and the nightly renewal (in bulk): `judgement_row` makes
the row, `stored_decision` reads it back as `registry.rules.replay` wants it.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.db import context_of, working_for
from core.errors import NotFound, Problem
from core.ids import new_id
from core.tenancy import Audience
from registry import queries
from registry.models import Judgement, LocalGovernment, PolicySnapshot, Registration
from registry.rules.facts import BodyKind
from registry.rules.reasons import Decision, Reason
from registry.rules.replay import replay


def judgement_row(
    decision: Decision,
    *,
    registration: Registration,
    subject_key: str,
    now: datetime,
    reversible_until: date | None = None,
) -> dict[str, Any]:
    """A decision as a row of the table, for one insert or a night's bulk insert."""
    stored = decision.to_json()
    return {
        "lg_code": registration.lg_code,
        "id": new_id(),
        "registration_id": registration.id,
        "person_id": registration.person_id,
        "kind": decision.kind,
        "subject_key": subject_key,
        "as_of": decision.day,
        "made_at": now,
        "allowed": decision.allowed,
        "outcome": decision.outcome,
        "reasons": stored["reasons"],
        "inputs": stored["inputs"],
        "policy_day": date.fromisoformat(decision.policy["day"]),
        "policy_digest": policy_digest(decision.policy),
        "rules_version": decision.rules_version,
        "reversible_until": reversible_until,
    }


def policy_digest(policy: Mapping[str, Any]) -> str:
    """The key of a decision's numbers; numbers that stay as they are keep theirs from day to day."""
    return hashlib.sha256(_timeless(policy).encode()).hexdigest()


def keep_numbers(db: Session, lg_code: str, policy: Mapping[str, Any]) -> str:
    """Store a decision's numbers under their digest, unless they are there; the digest."""
    digest = policy_digest(policy)
    db.execute(
        insert(PolicySnapshot)
        .values(
            lg_code=lg_code,
            digest=digest,
            policy={name: value for name, value in policy.items() if name != "day"},
        )
        .on_conflict_do_nothing()
    )
    return digest


def _timeless(policy: Mapping[str, Any]) -> str:
    values = {name: value for name, value in policy.items() if name != "day"}
    return json.dumps(values, sort_keys=True, ensure_ascii=False)


def keep(
    db: Session,
    decision: Decision,
    *,
    registration: Registration,
    subject_key: str,
    now: datetime,
    reversible_until: date | None = None,
) -> UUID:
    """Store one decision; its id."""
    row = judgement_row(
        decision,
        registration=registration,
        subject_key=subject_key,
        now=now,
        reversible_until=reversible_until,
    )
    keep_numbers(db, registration.lg_code, decision.policy)
    db.execute(insert(Judgement), row)
    judgement_id: UUID = row["id"]
    return judgement_id


def stored_decision(row: Judgement) -> dict[str, Any]:
    """A stored judgement as `Decision.to_json` wrote it."""
    return {
        "kind": row.kind,
        "day": row.as_of.isoformat(),
        "outcome": row.outcome,
        "reasons": row.reasons,
        "inputs": row.inputs,
        "policy": row.policy,
        "rules_version": row.rules_version,
    }


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """A judgement made again from its own facts and numbers, beside the one that was stored."""

    judgement_id: UUID
    lg_code: str
    stored: Decision
    replayed: Decision

    @property
    def equal(self) -> bool:
        """Whether the rules still say the same."""
        return self.stored.to_json() == self.replayed.to_json()


def judgement(db: Session, judgement_id: UUID) -> Judgement:
    """A judgement by its id, within what the context reaches.

    A job that works for no local government yet asks each of them in turn.

    Raises:
        NotFound: There is none, or not for this context.
    """
    statement = select(Judgement).where(Judgement.id == judgement_id)
    context = context_of(db)
    if context.audience is Audience.WORKER and context.lg_code is None:
        for code in db.scalars(select(LocalGovernment.code).order_by(LocalGovernment.code)).all():
            with working_for(db, code):
                found = db.scalars(statement).one_or_none()
                if found is not None:
                    return found
    found = db.scalars(statement).one_or_none()
    if found is None:
        raise NotFound(code="not_found")
    return found


def replay_report(db: Session, judgement_id: UUID) -> ReplayReport:
    """R15: decide a stored judgement again; for `furusato judge --replay ID` use `for_job`.

    Raises:
        NotFound: As `judgement`.
        ReplayError, PlainError: The stored record cannot be read by these rules.
    """
    row = judgement(db, judgement_id)
    stored = stored_decision(row)
    return ReplayReport(row.id, row.lg_code, Decision.from_json(stored), replay(stored))


def problem_of(reason: Reason, names: Mapping[str, str] | None = None) -> Problem:
    """A reason as a refusal tells it; codes of local governments become their names."""
    known = names or {}
    return Problem(
        code=reason.code,
        rule=reason.rule,
        found=reason.found,
        needed=reason.needed,
        names=tuple(known.get(name, name) for name in reason.names),
        action=reason.action or None,
    )


def names_in(db: Session, reasons: tuple[Reason, ...]) -> dict[str, str]:
    """Names of the local governments that reasons mention, by code."""
    codes = {name for reason in reasons for name in reason.names}
    return {
        code: row.name if row.kind == BodyKind.PREFECTURE else f"{row.prefecture}{row.name}"
        for code, row in queries.governments(db, codes).items()
    }
