"""Who would change: tonight, or by other numbers; decided by what decides in earnest (R15, R33, C46).

Nothing here is written or locked. A night's own functions look ahead (`renewal.foresee`,
`dormancy.foresee`); what waits for its hours of objection is looked at as it will be then (C37).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Row, and_, select
from sqlalchemy.orm import Session

from core.access import system
from core.clock import JAPAN
from registry import dormancy, renewal
from registry.applicants import case_of_body
from registry.approvals import recheck
from registry.evidence import Evidence
from registry.granting import OPEN, Scene
from registry.models import Application, Registration, Term
from registry.queries import LIVING
from registry.ranges import DueRows, Range
from registry.renewal_facts import TERMS, Applicants, Night, Step, decide, decide_anew, night_of
from registry.rules.facts import DecisionMode, Period
from registry.rules.modes import DecisionKind, mode_for
from registry.rules.policy import PolicyBook
from registry.rules.reasons import Reason
from registry.rules.renewal import Renewal, RenewalOutcome
from registry.rules.terms import extended
from registry.rules.versions import RequirementVersion

#: When the night's work is done; what falls due until then takes effect until then.
NIGHT_OVER: Final = time(4, 0)
#: What the steps of the two nights leave behind as events; other steps change nobody.
_OF_STEP: Final[Mapping[str, str]] = {
    **{kind: f"renewal_{kind}" for kind in ("booked", "veto", "review", "missing", "grace")},
    "rolled": "term_began",
    "lapsed": "premium_ended",
}
#: Every living term, whether a night has to look at it or not.
_ALL = DueRows(TERMS, of="t")
_ALWAYS: Final = date(1900, 1, 1)
ONE_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Look:
    """For whom, when and by which numbers one looks ahead."""

    lg_code: str
    as_of: date
    now: datetime
    book: PolicyBook
    evidence: Evidence

    @property
    def range(self) -> Range:
        """The rows of the night, as many as one range has."""
        return Range(self.lg_code, self.as_of, self.now)


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What would become of one registration.

    Attributes:
        registration_id: Whose.
        kind: The event that would be written; for other numbers, the outcome by them.
        reasons: Why, where the rules say it.
        before: The outcome by the numbers in force.
    """

    registration_id: UUID
    kind: str
    reasons: Sequence[Reason] = ()
    before: str = ""


def next_night(now: datetime) -> tuple[date, datetime]:
    """The Japanese day the coming night works for, and the instant at which it is over."""
    local = now.astimezone(JAPAN)
    day = local.date() if local.time() < NIGHT_OVER else local.date() + ONE_DAY
    return day, datetime.combine(day, NIGHT_OVER, JAPAN).astimezone(UTC)


# --- tonight --------------------------------------------------------------------------------------


def tonight(db: Session, look: Look) -> list[Foreseen]:
    """R06, R14, R15: whom the coming night would change, and to what; nothing is written.

    Args:
        db: A transaction of the local government.
        look: The night's own day and instant.
    """
    _, steps = renewal.foresee(db, look.range, book=look.book, evidence=look.evidence)
    _, clocks = dormancy.foresee(db, look.range, book=look.book)
    return [
        *_applications_due(db, look),
        *_renewals_due(db, look),
        *_places_over(db, look),
        *(_of_step(step) for step in steps if step.kind in _OF_STEP),
        *(
            Foreseen(
                registration_id, "released_dormant" if kind == "released" else "dormancy_asked"
            )
            for registration_id, kind in clocks
            if kind == "released" or kind.startswith("notice_")
        ),
    ]


def _of_step(step: Step) -> Foreseen:
    reasons = step.found.decision.reasons if step.found else ()
    return Foreseen(step.row.registration_id, _OF_STEP[step.kind], reasons)


def _applications_due(db: Session, look: Look) -> list[Foreseen]:
    """R15: applications to which nobody would have objected, on the facts of today."""
    scene = Scene(db, system("foresight"), look.now, look.book)
    due = and_(Application.state == "veto", Application.effective_at <= look.now)
    found = []
    for application, registration in _applications(db, look, due):
        _, decision = recheck(scene, application, registration, look.evidence)
        kind = "application_granted" if decision.allowed else "application_refused"
        found.append(Foreseen(registration.id, kind, decision.reasons))
    return found


def _places_over(db: Session, look: Look) -> list[Foreseen]:
    """R13: places kept for applications that fall free; who waits for a guardian applies anew."""
    late = and_(Application.state.in_(("waiting", "review")), Application.slot_until < look.as_of)
    return [
        Foreseen(
            registration.id,
            "application_expired" if application.state == "waiting" else "application_place_freed",
        )
        for application, registration in _applications(db, look, late)
    ]


def _applications(
    db: Session, look: Look, which: ColumnElement[bool]
) -> list[tuple[Application, Registration]]:
    rows = db.execute(
        select(Application, Registration)
        .join(
            Registration,
            and_(
                Registration.lg_code == Application.lg_code,
                Registration.id == Application.registration_id,
            ),
        )
        .where(Application.lg_code == look.lg_code, which)
        .order_by(Application.applied_at, Application.id)
        .limit(look.range.limit)
    )
    return [(row[0], row[1]) for row in rows]


def _renewals_due(db: Session, look: Look) -> list[Foreseen]:
    """R15: renewals to which nobody would have objected, on the facts of today."""
    due = db.scalars(
        select(Term)
        .where(
            Term.lg_code == look.lg_code,
            Term.state.in_(LIVING),
            Term.renewal_state == "veto",
            Term.renewal_effective_at <= look.now,
        )
        .order_by(Term.id)
        .limit(look.range.limit)
    ).all()
    found = []
    for term in due:
        again, _ = decide_anew(
            db,
            lg_code=look.lg_code,
            term_id=term.id,
            as_of=look.as_of,
            now=look.now,
            book=look.book,
            evidence=look.evidence,
        )
        renewed = again.proposal is RenewalOutcome.RENEWED
        kind = "renewal_booked" if renewed else "renewal_judged_anew"
        found.append(Foreseen(term.registration_id, kind, again.decision.reasons))
    return found


# --- by other numbers -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wanted:
    """Other numbers: a requirement for premium, a mode of deciding, or both."""

    tree: Mapping[str, Any] | None = None
    mode: DecisionMode | None = None

    def versions(self, known: tuple[RequirementVersion, ...]) -> tuple[RequirementVersion, ...]:
        """The requirement that would judge everybody, whenever their year began."""
        return known if self.tree is None else (RequirementVersion(_ALWAYS, self.tree),)


def by_other_numbers(db: Session, look: Look, wanted: Wanted) -> list[Foreseen]:
    """R15, R33: for whom other numbers would come to something else; nothing is written.

    Every living year of premium is judged as if it ended with the presence it has now, and every
    application that waits as if it were made now; by the numbers in force, and by the others.
    """
    return [*_other_terms(db, look, wanted), *_other_applications(db, look, wanted)]


def _other_terms(db: Session, look: Look, wanted: Wanted) -> list[Foreseen]:
    rows = _ALL.look(db, look.range)
    if not rows:
        return []
    held = night_of(db, lg_code=look.lg_code, as_of=look.as_of, now=look.now, book=look.book)
    other = replace(
        held,
        versions=wanted.versions(held.versions),
        mode=wanted.mode or held.mode,
        # What was remembered of the requirement in force does not hold for another.
        memo={},
    )
    applicants = Applicants.gather(db, held, rows, look.evidence)
    found = []
    for row in rows:
        before, after = (_at_its_end(night, row, applicants) for night in (held, other))
        kinds = _outcome(before, held.mode), _outcome(after, other.mode)
        if kinds[0] != kinds[1]:
            found.append(
                Foreseen(row.registration_id, kinds[1], after.decision.reasons, before=kinds[0])
            )
    return found


def _at_its_end(night: Night, row: Row[Any], applicants: Applicants) -> Renewal:
    judged = extended(Period(row.first_day, row.last_day), row.extended_until)
    return decide(night, row, applicants.of(row), max(judged.last, night.as_of))


def _outcome(found: Renewal, mode: DecisionMode) -> str:
    if found.outcome is RenewalOutcome.RENEWED and mode is DecisionMode.VETO:
        return "veto"
    return found.outcome.value


def _other_applications(db: Session, look: Look, wanted: Wanted) -> list[Foreseen]:
    found = []
    for application, registration in _applications(db, look, Application.state.in_(OPEN)):
        case = case_of_body(
            db,
            registration=registration,
            today=look.as_of,
            applied_on=application.applied_on,
            book=look.book,
            evidence=look.evidence,
        )
        mode = mode_for(case.policy, DecisionKind.REGISTRATION)
        before = case.decide()
        after = replace(case, versions=wanted.versions(case.versions)).decide()
        kinds = (
            _answer(allowed=before.allowed, mode=mode),
            _answer(allowed=after.allowed, mode=wanted.mode or mode),
        )
        if kinds[0] != kinds[1]:
            found.append(Foreseen(registration.id, kinds[1], after.reasons, before=kinds[0]))
    return found


def _answer(*, allowed: bool, mode: DecisionMode) -> str:
    """What an application comes to at once."""
    if not allowed:
        return "refused"
    return {DecisionMode.AUTO: "granted", DecisionMode.VETO: "veto"}.get(mode, "review")
