"""The year of premium: what a term is now, and its extension by staff (R14, R33)."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import audit
from core.access import Actor, Role
from core.clock import japan_day
from core.errors import Conflict, NotFound, invalid, refused
from core.outbox import NoticeDraft, tell
from registry import queries
from registry.derived_links import refresh_source
from registry.events import add_event
from registry.granting import cards_last_until
from registry.models import UNPLANNED, Registration, RequirementVersion, Term
from registry.policies import body_policy, rule_versions
from registry.rules import versions
from registry.rules.policy import PolicyBook

#: An exception ends by itself (C40); a longer calamity is declared again.
LONGEST_EXTENSION = timedelta(days=366)


class ExtensionReason(StrEnum):
    """R14: what a body may extend a term for."""

    DISASTER = "disaster"
    ILLNESS = "illness"


def terms_of(db: Session, *, lg_code: str, registration_id: UUID) -> Sequence[Term]:
    """All terms of a registration that stand or stood, newest first."""
    return db.scalars(
        select(Term)
        .where(
            Term.lg_code == lg_code,
            Term.registration_id == registration_id,
            Term.state != "annulled",
        )
        .order_by(Term.first_day.desc())
    ).all()


def version_of(db: Session, term: Term, book: PolicyBook) -> versions.RequirementVersion:
    """R33: the requirement that judges a term to its end: the one of its first day."""
    if term.requirement_version_id is not None:
        row = db.get(RequirementVersion, (term.lg_code, term.requirement_version_id))
        if row is not None:
            return versions.RequirementVersion(
                since=row.effective_from,
                rule=row.tree,
                source=f"local-government-{row.lg_code}",
            )
    own = body_policy(db, book, term.lg_code, term.first_day)
    return versions.version_for_term(rule_versions(own, term.lg_code), term.first_day)


def extend(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    registration_id: UUID,
    until: date,
    reason: ExtensionReason,
    now: datetime,
    book: PolicyBook,
) -> Term:
    """R14: a body lets a term last longer for a disaster or an illness; the term's days stay.

    The end of the exception is a day and its reason is kept (C40): the term is judged, and
    premium lasts, until then.

    Args:
        db: A transaction of the local government.
        actor: An approver there.
        lg_code: The local government.
        registration_id: Whose term.
        until: The last day of the extension.
        reason: Why.
        now: The instant.
        book: The policy book.

    Raises:
        NotFound: No such registration here.
        Conflict: `not_premium`: there is no living term.
        Invalid: `extension_day`: not after the term's last day, past, or over a year later.
        Refused: `renewal_booked`: the next year is certain already.
    """
    actor.require_role(lg_code, Role.APPROVER)
    registration = db.get(Registration, (lg_code, registration_id), with_for_update=True)
    if registration is None:
        raise NotFound(code="not_found")
    term = queries.living_term(db, registration)
    if term is None:
        raise Conflict(code="not_premium")
    if not _allowed(term, until, japan_day(now)):
        longest = term.last_day + LONGEST_EXTENSION
        raise invalid(
            "extension_day", field="until", found=until.isoformat(), needed=longest.isoformat()
        )
    if term.renewal_state == "booked":
        raise refused("renewal_booked", rule="R14")
    term.extended_until, term.extension_reason = until, reason.value
    # Grace, if it had begun, begins again after the extension.
    term.state, term.grace_until = "active", None
    if term.renewal_state in {"veto", "review"}:
        # What was judged by the old end is judged again; the next year begins after the new one.
        term.renewal_state, term.renewal_effective_at = "none", None
    # The next night plans the checks anew.
    term.due_on, term.last_check = UNPLANNED, None
    db.flush()
    cards_last_until(db, registration, until)
    refresh_source(
        db,
        actor=actor,
        lg_code=lg_code,
        person_id=registration.person_id,
        expires_on=until,
        now=now,
        book=book,
    )
    _leave_word(db, actor, registration, term, now)
    return term


def _allowed(term: Term, until: date, today: date) -> bool:
    return max(term.last_day, today) < until <= term.last_day + LONGEST_EXTENSION


def _leave_word(
    db: Session, actor: Actor, registration: Registration, term: Term, now: datetime
) -> None:
    day = "" if term.extended_until is None else term.extended_until.isoformat()
    facts = {"until": day, "reason": term.extension_reason}
    add_event(db, registration, kind="term_extended", now=now, facts=facts)
    audit.record(
        db,
        actor=actor,
        action="term.extend",
        subject=("term", term.id),
        now=now,
        lg_code=term.lg_code,
        person_id=term.person_id,
        purpose=term.extension_reason,
    )
    draft = NoticeDraft(
        person_id=term.person_id,
        kind="term_extended",
        period_key=f"{term.id}:{day}",
        lg_code=term.lg_code,
        facts={
            "government": queries.government(db, term.lg_code).name,
            "day": day,
            "reason": term.extension_reason,
        },
    )
    tell(db, [draft], now=now)
