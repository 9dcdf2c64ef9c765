"""Staff undo what a night or the end of a veto decided, within 90 days (R15)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.access import Actor, Role
from core.clock import japan_day
from core.errors import Conflict, NotFound
from registry import queries, slots
from registry.granting import cap_refused, cards_last_until
from registry.models import UNPLANNED, Judgement, Registration, Term
from registry.renewal_desk import TermDesk, end, given_reason, open_desk
from registry.rules.facts import Tier
from registry.rules.policy import PolicyBook
from registry.rules.renewal import RenewalOutcome


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
    why = given_reason(reason)
    if row.outcome == RenewalOutcome.LAPSED_TO_BASIC:
        return _give_back(db, actor, row, why, now, book)
    desk = open_desk(
        db, actor, lg_code, _judged_term(db, row), now, book, states=("booked", "done")
    )
    if desk.term.renewal_state == "done":
        end(desk, "reversed")
        return desk.term
    annul_booked(desk)
    desk.term.renewal_state, desk.term.due_on = "refused", UNPLANNED
    db.flush()
    cards_last_until(db, desk.registration, desk.term.last_day)
    desk.mark("reversed", reason=why)
    return desk.term


def _judged_term(db: Session, row: Judgement) -> UUID:
    found = db.scalar(
        select(Term.id).where(Term.lg_code == row.lg_code, Term.renewal_judgement_id == row.id)
    )
    if found is None:
        raise Conflict(code="nothing_to_reverse")
    return found


def annul_booked(desk: TermDesk) -> None:
    """The next year will not begin.

    Raises:
        Conflict: `nothing_to_reverse`: none was booked.
    """
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
    desk = TermDesk(db, actor, term, registration, now, book)
    registration.tier = Tier.PREMIUM.value
    following = desk.book_next(None)
    desk.mark("given_back", reason=reason, until=following.last.isoformat())
    return term
