"""What people and the clock do with a renewal that waits: confirm, object, decide, reverse (R15)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import audit
from core.access import Actor, Role, system
from core.clock import japan_day
from core.errors import Conflict, NotFound, invalid
from core.outbox import NoticeDraft, tell
from registry import queries, slots
from registry.derived_links import refresh_source
from registry.ending import end_premium
from registry.events import add_event
from registry.granting import cap_refused, cards_last_until, requirement_in_force
from registry.models import UNPLANNED, Judgement, Registration, Term
from registry.renewal_terms import NewTerm, add_terms
from registry.rules.facts import Period, Tier
from registry.rules.policy import Policy, PolicyBook
from registry.rules.renewal import Renewal, RenewalInputs, RenewalOutcome, decide_renewal
from registry.rules.terms import extended, next_term

LIMIT = 500
JOB = "renewal_veto"
REASON_LENGTH = 400
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Desk:
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
            str(self.term.id),
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
        )
        add_terms(self.db, self.term.lg_code, [new], now=self.now)
        cards_last_until(self.db, self.registration, following.last)
        if begins:
            self.refresh(following.last)
        return following

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


def confirm_due(
    db: Session, *, lg_code: str, now: datetime, book: PolicyBook, limit: int = LIMIT
) -> int:
    """R15: renewals to which nobody objected in time take effect; returns how many.

    Safe to repeat and to race: rows are locked, those of another worker skipped.
    """
    due = db.scalars(
        select(Term)
        .where(
            Term.lg_code == lg_code,
            Term.state.in_(queries.LIVING),
            Term.renewal_state == "veto",
            Term.renewal_effective_at <= now,
        )
        .order_by(Term.renewal_effective_at, Term.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    for term in due:
        registration = db.get_one(Registration, (lg_code, term.registration_id))
        desk = _Desk(db, system(JOB), term, registration, now, book)
        _confirm(desk)
    return len(due)


def _confirm(desk: _Desk) -> None:
    lapsed = desk.registration.identity_lapsed_on
    grace = timedelta(days=desk.book.on("idv.grace_days", desk.today).value)
    if lapsed is not None and desk.today > lapsed + grace:
        _end(desk, "identity_lapsed")
        return
    following = desk.book_next(judged_renewal(desk.db, desk.term))
    desk.mark("booked", until=following.last.isoformat())


def judged_renewal(db: Session, term: Term) -> Renewal | None:
    """The decision a waiting renewal rests on, made again from its stored facts and numbers."""
    if term.renewal_judgement_id is None:
        return None
    row = db.get(Judgement, (term.lg_code, term.renewal_judgement_id))
    return None if row is None else _decided(row)


def _decided(row: Judgement) -> Renewal:
    given = RenewalInputs.from_json(row.inputs)
    return decide_renewal(
        given.applicant,
        given.term,
        Policy.from_json(row.policy),
        given.requirement,
        given.today,
        given.mode,
        body=given.body,
        release_mode=given.release_mode,
        extension_until=given.extension_until,
        carried=given.carried,
        over_cap_since=given.over_cap_since,
    )


def waiting_renewals(
    db: Session, *, actor: Actor, lg_code: str, now: datetime, limit: int = LIMIT
) -> Sequence[tuple[Term, Registration, Judgement | None]]:
    """R15: renewals that wait for an objection or for staff, soonest end first."""
    actor.require_role(lg_code, Role.VIEWER)
    rows = db.execute(
        select(Term, Registration, Judgement)
        .join(
            Registration,
            (Registration.lg_code == Term.lg_code) & (Registration.id == Term.registration_id),
        )
        .outerjoin(
            Judgement,
            (Judgement.lg_code == Term.lg_code) & (Judgement.id == Term.renewal_judgement_id),
        )
        .where(
            Term.lg_code == lg_code,
            Term.state.in_(queries.LIVING),
            Term.renewal_state.in_(("veto", "review")),
        )
        .order_by(Term.last_day, Term.id)
        .limit(limit)
    ).all()
    audit.record(
        db,
        actor=actor,
        action="term.list_waiting",
        subject=("term", None),
        now=now,
        lg_code=lg_code,
        purpose="renewal",
        row_count=len(rows),
        fields=["display_name"],
    )
    return [(row[0], row[1], row[2]) for row in rows]


def person_of(db: Session, *, lg_code: str, term_id: UUID) -> UUID:
    """Whose term it is.

    Raises:
        NotFound: There is none in this local government.
    """
    found = db.scalar(select(Term.person_id).where(Term.lg_code == lg_code, Term.id == term_id))
    if found is None:
        raise NotFound(code="not_found")
    return found


def object_renewal(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    term_id: UUID,
    reason: str,
    now: datetime,
    book: PolicyBook,
) -> Term:
    """R15: within the hours of objection staff stop an automatic renewal; a human then decides.

    Raises:
        NotFound: There is no such term here.
        Conflict: `renewal_decided`: nothing waits for an objection, or the time is over.
        Invalid: No reason.
    """
    desk = _desk(db, actor, lg_code, term_id, now, book, states=("veto",))
    effective = desk.term.renewal_effective_at
    if effective is None or effective <= now:
        raise Conflict(code="renewal_decided")
    desk.term.renewal_state, desk.term.renewal_effective_at = "review", None
    db.flush()
    desk.mark("review", reason=_reason(reason))
    return desk.term


def decide_renewal_by_staff(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    term_id: UUID,
    approve: bool,
    now: datetime,
    book: PolicyBook,
    reason: str | None = None,
) -> Term:
    """R15: staff decide a renewal that waits for them; their slowness costs nobody a day.

    An approval books the next year. A refusal lets the year run out, then its grace (R14); where
    the grace is over already, premium ends now.

    Raises:
        NotFound: There is no such term here.
        Conflict: `renewal_decided`.
        Invalid: A refusal without a reason.
    """
    desk = _desk(db, actor, lg_code, term_id, now, book, states=("veto", "review"))
    found = judged_renewal(db, desk.term)
    if approve:
        following = desk.book_next(found)
        desk.mark("booked", until=following.last.isoformat())
        return desk.term
    why = _reason(reason)
    if found is not None and found.proposal is RenewalOutcome.LAPSED_TO_BASIC:
        _end(desk, "lapsed")
        return desk.term
    desk.term.renewal_state, desk.term.renewal_effective_at = "refused", None
    desk.term.due_on = UNPLANNED
    db.flush()
    desk.mark("refused", reason=why)
    return desk.term


def reverse(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    judgement_id: UUID,
    reason: str,
    now: datetime,
    book: PolicyBook,
) -> Term:
    """R15: within 90 days staff undo what a night decided, a renewal or a return to basic.

    A reversed renewal lets the year run out; a reversed return gives the next year after all.

    Raises:
        NotFound: No judgement of a renewal of this id here.
        Conflict: `reversal_over`; `nothing_to_reverse`: it decided nothing, or was undone.
        Refused: `cap_reached`: the place has gone to another local government (R13).
        Invalid: No reason.
    """
    actor.require_role(lg_code, Role.APPROVER)
    row = db.get(Judgement, (lg_code, judgement_id))
    if row is None or row.kind != "renewal":
        raise NotFound(code="not_found")
    if row.reversible_until is None or japan_day(now) > row.reversible_until:
        raise Conflict(code="reversal_over")
    why = _reason(reason)
    if row.outcome == RenewalOutcome.LAPSED_TO_BASIC:
        return _give_back(db, actor, row, why, now, book)
    desk = _desk(db, actor, lg_code, _judged_term(db, row), now, book, states=("booked", "done"))
    if desk.term.renewal_state == "done":
        _end(desk, "reversed")
        return desk.term
    _annul_booked(desk)
    desk.term.renewal_state, desk.term.due_on = "refused", UNPLANNED
    db.flush()
    cards_last_until(db, desk.registration, desk.term.last_day)
    desk.mark("reversed", reason=why)
    return desk.term


def _desk(
    db: Session,
    actor: Actor,
    lg_code: str,
    term_id: UUID,
    now: datetime,
    book: PolicyBook,
    *,
    states: Sequence[str],
) -> _Desk:
    """The term in one of these states of renewal, locked, with its registration."""
    actor.require_role(lg_code, Role.APPROVER)
    term = db.get(Term, (lg_code, term_id), with_for_update=True, populate_existing=True)
    if term is None:
        raise NotFound(code="not_found")
    ended = term.state not in queries.LIVING and term.renewal_state != "done"
    if ended or term.renewal_state not in states:
        raise Conflict(code="renewal_decided")
    registration = db.get_one(Registration, (lg_code, term.registration_id), with_for_update=True)
    return _Desk(db, actor, term, registration, now, book)


def _judged_term(db: Session, row: Judgement) -> UUID:
    found = db.scalar(
        select(Term.id).where(Term.lg_code == row.lg_code, Term.renewal_judgement_id == row.id)
    )
    if found is None:
        raise Conflict(code="nothing_to_reverse")
    return found


def _annul_booked(desk: _Desk) -> None:
    booked = desk.db.scalars(
        select(Term).where(
            Term.lg_code == desk.term.lg_code,
            Term.registration_id == desk.term.registration_id,
            Term.state == "booked",
        )
    ).all()
    if not booked:
        raise Conflict(code="nothing_to_reverse")
    for term in booked:
        term.state = "annulled"
    desk.db.flush()


def _end(desk: _Desk, reason: str) -> None:
    desk.term.renewal_state = "refused"
    end_premium(
        desk.db,
        actor=desk.actor,
        registration=desk.registration,
        reason=reason,
        now=desk.now,
        book=desk.book,
    )


def _give_back(
    db: Session, actor: Actor, row: Judgement, reason: str, now: datetime, book: PolicyBook
) -> Term:
    """R15: premium that lapsed goes on after all, from the day after its last one."""
    term_id = UUID(row.subject_key.partition(":")[0])
    term = db.get_one(Term, (row.lg_code, term_id), with_for_update=True)
    registration = db.get_one(
        Registration, (row.lg_code, row.registration_id), with_for_update=True
    )
    if registration.status != "active" or queries.living_term(db, registration) is not None:
        raise Conflict(code="nothing_to_reverse")
    if not slots.take(db, registration=registration, state="active", now=now, book=book):
        raise cap_refused(book, japan_day(now))
    desk = _Desk(db, actor, term, registration, now, book)
    registration.tier = Tier.PREMIUM.value
    following = desk.book_next(None)
    desk.mark("given_back", reason=reason, until=following.last.isoformat())
    return term


def _reason(text: str | None) -> str:
    found = (text or "").strip()
    if not found or len(found) > REASON_LENGTH:
        raise invalid("reason_needed", field="reason")
    return found
