"""The audit trail: one row an act or a look, in the transaction of the act, never changed."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.orm import Session

from core.access import Actor
from core.ids import new_id
from core.models import AuditEvent

#: The purpose of what somebody does in the name of a member of their family (R18).
ON_BEHALF = "on_behalf"


def record(
    db: Session,
    *,
    actor: Actor,
    action: str,
    subject: tuple[str, object],
    now: datetime,
    lg_code: str | None = None,
    person_id: UUID | None = None,
    purpose: str | None = None,
    row_count: int = 1,
    fields: Sequence[str] | None = None,
    outcome: str = "done",
) -> None:
    """Write down who did what to what.

    Args:
        db: The transaction of the act itself.
        actor: Who acts.
        action: `noun.verb`, such as `registration.release`.
        subject: Kind and id of the thing.
        now: The instant of the act.
        lg_code: The local government whose area it is.
        person_id: The person whose data it is, who may read this row.
        purpose: Why personal data was looked at; an act in somebody's name says so by itself.
        row_count: Rows read or changed.
        fields: Names of personal fields touched, never their values.
        outcome: `done` or `refused`.
    """
    kind, subject_id = subject
    if purpose is None and actor.behalf_of is not None:
        purpose = ON_BEHALF
    db.execute(
        insert(AuditEvent),
        {
            "id": new_id(),
            "at": now,
            "lg_code": lg_code,
            "actor": actor.label,
            "action": action,
            "subject_kind": kind,
            "subject_id": None if subject_id is None else str(subject_id),
            "person_id": person_id,
            "purpose": purpose,
            "row_count": row_count,
            "fields": None if fields is None else list(fields),
            "outcome": outcome,
            "request_id": actor.request_id,
        },
    )
