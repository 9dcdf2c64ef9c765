"""The renewal night: due terms of one local government, judged by range, written in bulk (R14, R15).

A term is due on the night of its `due_on`: at the checks before its end, each night of its
grace, and the night after its end. The rule decides, this module gathers and plans, and
`renewal_bulk` writes. Everything of a range is one transaction: a killed night leaves nothing
half done, and a repeated one finds nothing to do.
"""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from core.clock import japan_day
from registry.bulk import Counts
from registry.evidence import Evidence
from registry.ranges import DueRows, Range
from registry.renewal_bulk import Writer
from registry.renewal_facts import TERMS, Applicants, Night, Step, decide, lapsed_on, night_of
from registry.rules.eligibility import identity_grace_until, standing_reasons
from registry.rules.facts import ONE_DAY, Applicant, DecisionMode, Period
from registry.rules.policy import PolicyBook
from registry.rules.renewal import Renewal, RenewalOutcome
from registry.rules.terms import checks, extended

#: Terms decided while those before them are written.
CHUNK = 2_000
#: No further look is planned: something else (staff, an objection) moves the term on.
NEVER = date(9999, 12, 31)
#: States of a renewal in which the next step is a human's, or the end of the hours of objection.
WAITING = ("veto", "review")

DUE = DueRows(TERMS + " and t.due_on <= :as_of", of="t")


def run_range(db: Session, part: Range, *, book: PolicyBook, evidence: Evidence) -> Counts:
    """R14, R15: judge one range of due terms and write everything that follows, in bulk.

    Rows that another worker holds are skipped; a range that ran is no longer due.

    Args:
        db: A job's transaction for the local government.
        part: Which terms, for which day.
        book: The policy book.
        evidence: Of presence.

    Returns:
        Counts by outcome and the cursor.
    """
    rows = DUE.take(db, part)
    counts = Counts()
    if not rows:
        return counts
    counts.last = rows[-1].id
    as_of, now = part.as_of, part.now
    night = night_of(db, lg_code=part.lg_code, as_of=as_of, now=now, book=book)
    applicants = Applicants.gather(db, night, rows, evidence)
    # The rules work in this thread while the database writes what they said before in another;
    # the transaction is in one pair of hands at a time.
    with ThreadPoolExecutor(max_workers=1) as hands:
        written: Future[None] | None = None
        for start in range(0, len(rows), CHUNK):
            steps = _decided(night, rows[start : start + CHUNK], applicants, counts)
            if written is not None:
                written.result()
            writer = Writer(db, night.body, night.name, night.policy, as_of, now, book, steps)
            written = hands.submit(writer.write)
        if written is not None:
            written.result()
    return counts


def foresee(
    db: Session, part: Range, *, book: PolicyBook, evidence: Evidence
) -> tuple[Counts, list[Step]]:
    """R14, R15: what a range would come to, decided as `run_range` decides it; nothing is written."""
    rows = DUE.look(db, part)
    counts = Counts()
    if not rows:
        return counts, []
    counts.last = rows[-1].id
    night = night_of(db, lg_code=part.lg_code, as_of=part.as_of, now=part.now, book=book)
    return counts, _decided(night, rows, Applicants.gather(db, night, rows, evidence), counts)


def _decided(
    night: Night, rows: Sequence[Row[Any]], applicants: "Applicants", counts: Counts
) -> list[Step]:
    """The steps of a part of the range; who cannot be decided is left as it was, and noted."""
    steps = []
    for row in rows:
        try:
            step = _step(night, row, applicants)
        except Exception as error:  # noqa: BLE001 - one person's facts must not stop the night (C51)
            counts.failures[row.id] = f"{type(error).__name__}: {error}"
            continue
        counts.by_outcome[step.kind] += 1
        steps.append(step)
    return steps


# --- decide -----------------------------------------------------------------------------


def _step(night: Night, row: Row[Any], applicants: Applicants) -> Step:
    """What happens to one term tonight."""
    if row.renewal_state == "refused":
        return _refused_by_staff(night, row)
    booked = row.renewal_state == "booked"
    if booked and lapsed_on(row) is None:
        return _booked(night, row)
    applicant = applicants.of(row)
    found = decide(night, row, applicant, night.as_of)
    gone = found.proposal is RenewalOutcome.LAPSED_TO_BASIC
    if gone and standing_reasons(applicant, night.body, night.policy, night.as_of):
        return Step("lapsed", row, found)
    if booked:
        return _booked(night, row, identity_grace_until(applicant, night.policy))
    if row.renewal_state in WAITING:
        # Others move it on; only what ends premium on any day is for the night to see (R12).
        return Step("planned", row, due_on=_asleep(night, applicant))
    return (_over if gone else _by_outcome)(night, row, applicant, found)


def _asleep(night: Night, applicant: Applicant) -> date:
    """When a night has to look at a term that waits for somebody else."""
    grace = identity_grace_until(applicant, night.policy)
    return NEVER if grace is None else grace + ONE_DAY


def _over(night: Night, row: Row[Any], applicant: Applicant, found: Renewal) -> Step:
    """R14: the term is over and so is its grace, unless the grace was never told in full."""
    if row.state == "active":
        # Nights were missed: the grace begins now, because nobody was told of it.
        late = decide(night, row, applicant, found.judged_term.last)
        return _grace(night, row, late)
    if row.grace_until is not None and night.as_of <= row.grace_until:
        return Step("planned", row, due_on=night.as_of + ONE_DAY)
    if found.outcome is RenewalOutcome.TO_STAFF:
        return Step("review", row, found, due_on=_asleep(night, applicant))
    return Step("lapsed", row, found)


def _grace(night: Night, row: Row[Any], found: Renewal) -> Step:
    """R14: grace begins; told late, it lasts its full time from the day on which it is told."""
    told_on = max(night.as_of, japan_day(night.now))
    if told_on > found.judged_term.last:
        days = timedelta(days=night.policy.integer("renewal.grace_days"))
        found = replace(found, grace_until=max(found.grace_until, told_on + days))
    return Step("grace", row, found, due_on=night.as_of + ONE_DAY, check=0)


def _by_outcome(night: Night, row: Row[Any], applicant: Applicant, found: Renewal) -> Step:
    check = _check_reached(night, found.judged_term)
    match found.outcome:
        case RenewalOutcome.RENEWED if night.mode is DecisionMode.VETO:
            return Step("veto", row, found, due_on=NEVER, check=check)
        case RenewalOutcome.RENEWED:
            return Step("booked", row, found, due_on=found.judged_term.last + ONE_DAY, check=check)
        case RenewalOutcome.TO_STAFF:
            return Step("review", row, found, due_on=_asleep(night, applicant), check=check)
        case RenewalOutcome.GRACE if row.state == "grace":
            return Step("planned", row, due_on=night.as_of + ONE_DAY)
        case RenewalOutcome.GRACE:
            return _grace(night, row, found)
        case _:
            return _not_yet(night, row, applicant, found, check)


def _not_yet(
    night: Night, row: Row[Any], applicant: Applicant, found: Renewal, check: int | None
) -> Step:
    """Nothing is due, or it is said in time what is still missing; then the next look."""
    grace = identity_grace_until(applicant, night.policy)
    due_on = next_look(found.judged_term, night, identity_grace=grace)
    told = check is not None and (row.last_check is None or row.last_check > check)
    if told and found.decision.reasons:
        return Step("missing", row, found, due_on=due_on, check=check)
    return Step("planned", row, due_on=due_on)


def _check_reached(night: Night, judged: Period) -> int | None:
    """The latest of the checks whose day has come, as days before the end."""
    reached = [b for b in night.checks if judged.last - timedelta(days=b) <= night.as_of]
    return min(reached, default=None)


def next_look(judged: Period, night: Night, *, identity_grace: date | None = None) -> date:
    """The next day on which a night has to look at a term that goes on."""
    ahead = [day for day in checks(judged, night.checks) if day > night.as_of]
    if identity_grace is not None and identity_grace >= night.as_of:
        ahead.append(identity_grace + ONE_DAY)
    return min(ahead, default=max(judged.last, night.as_of) + ONE_DAY)


def _booked(night: Night, row: Row[Any], identity_grace: date | None = None) -> Step:
    """R14: the next year is certain; it begins the day after this one ends."""
    judged = extended(Period(row.first_day, row.last_day), row.extended_until)
    if night.as_of > judged.last:
        return Step("rolled", row)
    due_on = judged.last + ONE_DAY
    if identity_grace is not None and identity_grace >= night.as_of:
        due_on = min(due_on, identity_grace + ONE_DAY)
    return Step("planned", row, due_on=due_on)


def _refused_by_staff(night: Night, row: Row[Any]) -> Step:
    """R14, R15: staff refused the renewal; the year runs out, then its grace, then basic."""
    judged = extended(Period(row.first_day, row.last_day), row.extended_until)
    days = timedelta(days=night.policy.integer("renewal.grace_days"))
    if night.as_of < judged.last:
        return Step("planned", row, due_on=judged.last)
    if row.state == "active":
        until = max(judged.last, japan_day(night.now)) + days
        return Step("grace", row, due_on=night.as_of + ONE_DAY, check=0, grace_until=until)
    if row.grace_until is not None and night.as_of <= row.grace_until:
        return Step("planned", row, due_on=row.grace_until + ONE_DAY)
    return Step("lapsed", row)
