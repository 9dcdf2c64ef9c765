"""One term on a desk: what people and the clock do with its renewal has the same traces (R14, R15)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from core import audit
from core.access import Actor, Role
from core.clock import japan_day
from core.errors import Conflict, NotFound, invalid
from core.outbox import NoticeDraft, tell
from registry import queries
from registry.derived_links import refresh_source
from registry.ending import end_premium
from registry.events import add_event
from registry.evidence import Evidence
from registry.granting import cards_last_until, requirement_in_force
from registry.identity_lapse import ask_again
from registry.models import UNPLANNED, Registration, Term
from registry.renewal_facts import decide_anew
from registry.renewal_terms import NewTerm, add_terms
from registry.rules.facts import Period
from registry.rules.identity import asks_again
from registry.rules.policy import PolicyBook
from registry.rules.reasons import Reason
from registry.rules.renewal import Renewal
from registry.rules.terms import extended, next_term

REASON_LENGTH = 400
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class TermDesk:
    """One term being decided: the transaction, who decides, when, by which numbers."""

    db: Session
    actor: Actor
    term: Term
    registration: Registration
    now: datetime
    book: PolicyBook

    @property
    def today(self) -> date:
        return japan_day(self.now)

    @property
    def period(self) -> Period:
        """The term's own days."""
        return Period(self.term.first_day, self.term.last_day)

    def mark(self, verb: str, *, reason: str | None = None, **facts: Any) -> None:
        """The event, the audit row and the notice of a step."""
        detail = {"term_id": str(self.term.id), **facts}
        add_event(self.db, self.registration, kind=f"renewal_{verb}", now=self.now, facts=detail)
        audit.record(
            self.db,
            actor=self.actor,
            action=f"term.renewal_{verb}",
            subject=("term", self.term.id),
            now=self.now,
            lg_code=self.term.lg_code,
            person_id=self.term.person_id,
            purpose=reason and "staff decision",
        )
        draft = NoticeDraft(
            self.term.person_id,
            f"renewal_{verb}",
            f"{self.term.id}:{self.now.isoformat()}",
            self.term.lg_code,
            {
                "government": queries.government(self.db, self.term.lg_code).name,
                "day": self.term.last_day.isoformat(),
                "note": reason,
                **facts,
            },
        )
        tell(self.db, [draft], now=self.now)

    def book_next(self, found: Renewal | None) -> Period:
        """R14: the next year, as judged; in grace it has begun already, without a gap."""
        judged = extended(self.period, self.term.extended_until)
        length = self.book.on("premium.term", self.today, self.term.lg_code).value
        following = (found.next_term if found else None) or next_term(judged, length)
        begins = following.first <= self.today
        asked = begins and asks_again(self.registration.identity_checked_on, self.term.first_day)
        self.term.state = "ended" if begins else self.term.state
        self.term.renewal_state = "done" if begins else "booked"
        self.term.due_on = judged.last + ONE_DAY
        self.db.flush()
        new = NewTerm(
            registration_id=self.registration.id,
            person_id=self.registration.person_id,
            period=following,
            version_id=requirement_in_force(self.db, self.book, self.term.lg_code, following.first),
            carried=found.carry_over if found else 0,
            active=begins,
            due_on=UNPLANNED,
            asked_on=self.today if asked else None,
        )
        add_terms(self.db, self.term.lg_code, [new], now=self.now)
        cards_last_until(self.db, self.registration, following.last)
        if begins:
            self.refresh(following.last)
        if asked:
            ask_again(
                self.db,
                lg_code=self.term.lg_code,
                people=[self.term.person_id],
                asked_on=self.today,
                now=self.now,
                book=self.book,
            )
        return following

    def look_again(self, evidence: Evidence) -> tuple[Renewal, tuple[Reason, ...]]:
        """C37: the decision on today's facts, and what ends premium on any day."""
        return decide_anew(
            self.db,
            lg_code=self.term.lg_code,
            term_id=self.term.id,
            as_of=self.today,
            now=self.now,
            book=self.book,
            evidence=evidence,
        )

    def give_to_night(self) -> None:
        """C37: what was judged no longer holds; the night judges anew and says what is missing."""
        self.term.renewal_state, self.term.renewal_effective_at = "none", None
        self.term.due_on, self.term.last_check = UNPLANNED, None
        self.db.flush()
        facts = {"term_id": str(self.term.id)}
        add_event(self.db, self.registration, kind="renewal_judged_anew", now=self.now, facts=facts)
        audit.record(
            self.db,
            actor=self.actor,
            action="term.renewal_judged_anew",
            subject=("term", self.term.id),
            now=self.now,
            lg_code=self.term.lg_code,
            person_id=self.term.person_id,
        )

    def refresh(self, last_day: date) -> None:
        """R02: the prefecture's row learns the new last day."""
        refresh_source(
            self.db,
            actor=self.actor,
            lg_code=self.term.lg_code,
            person_id=self.term.person_id,
            expires_on=last_day,
            now=self.now,
            book=self.book,
        )


def open_desk(
    db: Session,
    actor: Actor,
    lg_code: str,
    term_id: UUID,
    now: datetime,
    book: PolicyBook,
    *,
    states: Sequence[str],
) -> TermDesk:
    """The term in one of these states of renewal, locked, with its registration."""
    actor.require_role(lg_code, Role.APPROVER)
    term = db.get(Term, (lg_code, term_id), with_for_update=True, populate_existing=True)
    if term is None:
        raise NotFound(code="not_found")
    ended = term.state not in queries.LIVING and term.renewal_state != "done"
    if ended or term.renewal_state not in states:
        raise Conflict(code="renewal_decided")
    registration = db.get_one(Registration, (lg_code, term.registration_id), with_for_update=True)
    return TermDesk(db, actor, term, registration, now, book)


def end(desk: TermDesk, reason: str) -> None:
    desk.term.renewal_state = "refused"
    end_premium(
        desk.db,
        actor=desk.actor,
        registration=desk.registration,
        reason=reason,
        now=desk.now,
        book=desk.book,
    )


def given_reason(text: str | None) -> str:
    found = (text or "").strip()
    if not found or len(found) > REASON_LENGTH:
        raise invalid("reason_needed", field="reason")
    return found
