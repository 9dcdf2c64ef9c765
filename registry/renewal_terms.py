"""New terms, and what the prefecture's row learns of them (R02, R14)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from core.db import working_for
from core.ids import new_id
from registry.bulk import Column, insert_rows, run, unnest
from registry.rules.facts import Body, Period
from registry.rules.renewal import Renewal


@dataclass(frozen=True, slots=True)
class NewTerm:
    """A term to be written."""

    registration_id: UUID
    person_id: UUID
    period: Period
    version_id: UUID | None
    carried: int
    active: bool
    due_on: date
    asked_on: date | None = None


def add_terms(db: Session, lg_code: str, terms: Sequence[NewTerm], *, now: datetime) -> None:
    """New terms in one statement; a term of the same first day stays as it is."""
    insert_rows(
        db,
        "term",
        {
            "id": Column("uuid", [new_id() for _ in terms]),
            "registration_id": Column("uuid", [one.registration_id for one in terms]),
            "person_id": Column("uuid", [one.person_id for one in terms]),
            "first_day": Column("date", [one.period.first for one in terms]),
            "last_day": Column("date", [one.period.last for one in terms]),
            "state": Column("text", ["active" if one.active else "booked" for one in terms]),
            "requirement_version_id": Column("uuid", [one.version_id for one in terms]),
            "carried": Column("int", [one.carried for one in terms]),
            "due_on": Column("date", [one.due_on for one in terms]),
            "identity_asked_on": Column("date", [one.asked_on for one in terms]),
        },
        same={"lg_code": lg_code, "renewal_state": "none", "created_at": now},
    )


def refresh_expiry(db: Session, body: Body, ends: Sequence[tuple[UUID, date]]) -> None:
    """R02: the prefecture's derived rows learn the new last day of a municipality's terms."""
    if body.is_prefecture or not ends:
        return
    columns = {
        "person_id": Column("uuid", [person_id for person_id, _ in ends]),
        "day": Column("date", [day for _, day in ends]),
    }
    with working_for(db, body.prefecture_code):
        run(
            db,
            "update registration r set derived_from ="
            " (select jsonb_agg(case entry ->> 'code' when %(source)s"
            " then jsonb_set(entry, '{expires_on}', to_jsonb(cast(v.day as text)))"
            " else entry end order by entry ->> 'code')"
            " from jsonb_array_elements(r.derived_from) as entry)"
            f" from {unnest(columns)} where r.lg_code = %(prefecture)s"
            " and r.person_id = v.person_id and r.derived"
            " and jsonb_array_length(r.derived_from) > 0",
            columns,
            source=body.code,
            prefecture=body.prefecture_code,
        )


def word_of(term_id: UUID, day: date) -> str:
    """The key of a word about a renewal: the same step may come again in one term (C37).

    A night repeated says nothing twice: it works for the same day.
    """
    return f"{term_id}:{day.isoformat()}"


def lapse_reason(found: Renewal | None) -> str:
    """Why premium ended, as events and notices say it."""
    codes = found.decision.codes if found is not None else ()
    for code, reason in (
        ("guardian_consent_missing", "consent_withdrawn"),
        ("identity_grace_over", "identity_lapsed"),
        ("moved_in", "moved_in"),
        ("over_cap", "over_cap"),
    ):
        if code in codes:
            return reason
    return "lapsed"
