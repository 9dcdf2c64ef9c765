"""The rules once more, over whole numbers, for tens of millions of judgements.

Nothing is decided here that `registry.rules` does not decide: each function names its original,
takes its numbers from the policy book (`rulebook.py`), and `parity.py` compares the two on
random cases. A difference is a defect of this module.
"""

import numpy as np

from simulation.days import NONE, add_months, term_last
from simulation.fast import Ints, compiled

# Reasons as bits, in the order of `registry.rules.eligibility`.
RESIDENT, RESIDENCE_UNKNOWN, IDENTITY_LOW, IDENTITY_LAPSED = 1, 2, 4, 8
BIRTH_UNKNOWN, GUARDIAN, CAP, REQUIREMENT = 16, 32, 64, 128
MOVED_IN, GRACE_OVER = 256, 512
REASONS = {
    "resident": RESIDENT,
    "residence_unknown": RESIDENCE_UNKNOWN,
    "identity_too_low": IDENTITY_LOW,
    "identity_lapsed": IDENTITY_LAPSED,
    "birth_date_unknown": BIRTH_UNKNOWN,
    "guardian_consent_missing": GUARDIAN,
    "cap_reached": CAP,
    "requirement": REQUIREMENT,
    "moved_in": MOVED_IN,
    "identity_grace_over": GRACE_OVER,
}

# Columns of a person's holdings.
H_BODY, H_PREFECTURE, H_IS_PREFECTURE, H_PREMIUM, H_PENDING, H_SINCE = range(6)
HOLDING = 6
# Columns of a record of participation.
R_DAY, R_ACTIVITY, R_MINUTES = range(3)
RECORD = 3
# Evidence and its thresholds.
COUNT, MINUTES, PROJECTS, STAYS = range(4)
MEASURES = 4

AUTO, VETO, REVIEW = range(3)
RENEWED, IN_GRACE, LAPSED, TO_STAFF, NOT_DUE = range(5)
NO_STEP, NOTICE, RELEASE = range(3)
DAY_MINUTES = 1440


@compiled
def meets(wanted: Ints, shown: Ints) -> bool:
    """R07 `evaluate`: whether one of the ways to satisfy a requirement is open."""
    for way in range(wanted.shape[0]):
        if wanted[way, COUNT] < 0:
            continue
        enough = True
        for measure in range(MEASURES):
            if shown[measure] < wanted[way, measure]:
                enough = False
        if enough:
            return True
    return False


@compiled
def minutes_there(records: Ints, n: int, at: int) -> int:
    """R08: all minutes of one activity on one day, once: 0 for all but the first record."""
    total = 0
    for other in range(n):
        if (
            records[other, R_DAY] == records[at, R_DAY]
            and records[other, R_ACTIVITY] == records[at, R_ACTIVITY]
        ):
            if other < at:
                return 0
            total += records[other, R_MINUTES]
    return min(total, DAY_MINUTES)


@compiled
def counted_on(records: Ints, n: int, day: int, least: int, per_day: int) -> int:
    """R08: how many activities of a day count."""
    found = 0
    for at in range(n):
        if records[at, R_DAY] == day and minutes_there(records, n, at) >= least:
            found += 1
    return min(found, per_day)


@compiled
def gather(
    records: Ints, n: int, first: int, last: int, numbers: Ints, carried: int, shown: Ints
) -> None:
    """R07, R08 `counting.evidence`: what the records of a period add up to.

    `numbers` are minimum minutes and counts a day. Days of stay are days with a record.
    """
    shown[:] = 0
    for at in range(n):
        day = records[at, R_DAY]
        if day < first or day > last:
            continue
        together = minutes_there(records, n, at)
        if together >= numbers[0] and together > 0:
            shown[MINUTES] += together
            shown[PROJECTS] += new_project(records, n, at, first, last, numbers[0])
        if first_of_day(records, at):
            shown[STAYS] += 1
            shown[COUNT] += counted_on(records, n, day, numbers[0], numbers[1])
    shown[COUNT] += carried


@compiled
def first_of_day(records: Ints, at: int) -> bool:
    """Whether no earlier record is of the same day."""
    earlier = 0
    for other in range(at):
        earlier += records[other, R_DAY] == records[at, R_DAY]
    return earlier == 0


@compiled
def new_project(records: Ints, n: int, at: int, first: int, last: int, least: int) -> int:
    """1 for the first presence of an activity that is long enough, else 0."""
    for other in range(at):
        day = records[other, R_DAY]
        same = records[other, R_ACTIVITY] == records[at, R_ACTIVITY]
        if same and first <= day <= last and minutes_there(records, n, other) >= max(least, 1):
            return 0
    return 1


@compiled
def reserves(holding: Ints, today: int, pending_days: int) -> bool:
    """R13 `_reserves`: an active place, or an application that is still young enough."""
    return bool(holding[H_PENDING] == 0 or today <= holding[H_SINCE] + pending_days)


@compiled
def exempt(holdings: Ints, n: int, prefecture: int, numbers: Ints, today: int, skip: int) -> bool:
    """R13: whether a municipality inside takes a prefecture out of the count."""
    for at in range(n):
        held = holdings[at]
        if at == skip or held[H_IS_PREFECTURE] == 1 or held[H_PREFECTURE] != prefecture:
            continue
        if (numbers[1] == 1 or held[H_PREMIUM] == 1) and reserves(held, today, numbers[2]):
            return True
    return False


@compiled
def within_cap(
    holdings: Ints,
    n: int,
    body: int,
    prefecture: int,
    is_prefecture: int,
    numbers: Ints,
    today: int,
) -> bool:
    """R13 `eligibility.within_cap`. `numbers`: most, exempt by any registration, pending days."""
    own = NONE
    for at in range(n):
        if holdings[at, H_BODY] == body and holdings[at, H_PREMIUM] == 1:
            own = at
    wanted_exempts = is_prefecture == 0
    others = 0
    for at in range(n):
        held = holdings[at]
        if at == own or held[H_PREMIUM] == 0 or not reserves(held, today, numbers[2]):
            continue
        if held[H_IS_PREFECTURE] == 1 and (
            (wanted_exempts and held[H_PREFECTURE] == prefecture)
            or exempt(holdings, n, held[H_PREFECTURE], numbers, today, own)
        ):
            continue
        others += 1
    counts = is_prefecture == 0 or not exempt(holdings, n, prefecture, numbers, today, own)
    return others < numbers[0] or not counts


@compiled
def residence_bits(relation: int, moved: int) -> int:
    """R16 `lives_elsewhere` and `_moved_in`: 0 elsewhere, 1 resident, 2 unknown."""
    bits = RESIDENT if relation == 1 else (RESIDENCE_UNKNOWN if relation != 0 else 0)
    return bits | (MOVED_IN if moved == 1 else 0)


@compiled
def guardian_bits(age: int, consent: int, adult: int) -> int:
    """R18 `guardian_agrees`; a negative age is an unknown birth date."""
    if age < 0:
        return BIRTH_UNKNOWN
    return 0 if consent == 1 or age >= adult else GUARDIAN


@compiled
def identity_bits(level: int, valid: int, age: int, numbers: Ints) -> int:
    """R12 `identity_suffices`. `numbers`: level needed, level of the young, young under."""
    young = 0 <= age < numbers[2]
    if level < (numbers[1] if young else numbers[0]):
        return IDENTITY_LOW
    return 0 if valid == 1 else IDENTITY_LAPSED


@compiled
def grace_bits(valid: int, lapsed: int, today: int, days: int) -> int:
    """R12 `_identity_grace_over`; `lapsed` is the day the certificate ceased to hold, or none."""
    if valid == 1 or lapsed == NONE or today <= lapsed + days:
        return 0
    return GRACE_OVER


@compiled
def release_day(start: int, sent: Ints, planned: Ints, months: int) -> int:
    """R06: the day of release, moved by notices that were sent late."""
    day = max(add_months(start, months), start)
    for at in range(planned.shape[0]):
        if planned[at] >= 0 and sent[at] > start:
            day = max(day, sent[at] + planned[at])
    return day


@compiled
def dormancy_step(
    access: int, sent: Ints, planned: Ints, today: int, months: int, stopped: int
) -> tuple[int, int, int, int]:
    """R06 `dormancy.next_step` without premium: kind, place of the notice, due on, release on.

    `planned` are the days before release, longest first, filled up with -1; `sent` the day of
    each, -1 for none; `stopped` the last day on which the clock stood, -1 for none.
    """
    start = max(access, stopped)
    release = release_day(start, sent, planned, months)
    for at in range(planned.shape[0]):
        if planned[at] < 0 or sent[at] > start:
            continue
        due = release - planned[at]
        if today < due:
            return NO_STEP, at, due, release
        return NOTICE, at, due, max(release, today + planned[at])
    return (RELEASE if today >= release else NO_STEP), NONE, release, release


@compiled
def renewal_step(
    today: int,
    last: int,
    identity_until: int,
    against: int,
    ended: int,
    numbers: Ints,
    mode: int,
    release_mode: int,
) -> tuple[int, int, int]:
    """R14, R15 `renewal.decide_renewal`: outcome, proposal and the last day of grace.

    `last` is the term's last day with its extension, `against` the bits of the reasons that
    speak against a renewal, `ended` those that end premium on any day. `numbers`: longest check,
    days of grace.
    """
    until = last + numbers[1]
    due = today >= last - numbers[0]
    bits = ended if ended != 0 else (against if due else 0)
    if bits == IDENTITY_LAPSED:
        until = max(until, identity_until)
    proposal = propose(today, last, until, ended, bits, due)
    outcome = proposal
    staff_renews = proposal == RENEWED and mode == REVIEW
    staff_ends = proposal == LAPSED and ended == 0 and release_mode == REVIEW
    if staff_renews or staff_ends:
        outcome = TO_STAFF
    return outcome, proposal, until


@compiled
def propose(today: int, last: int, until: int, ended: int, bits: int, due: bool) -> int:
    """R14 `_proposal`: what the rules say before anybody is asked."""
    if ended != 0:
        return LAPSED
    if not due or (bits != 0 and today < last):
        return NOT_DUE
    if bits == 0:
        return RENEWED
    return IN_GRACE if today <= until else LAPSED


@compiled
def surplus(count: int, needed: int, most: int) -> int:
    """R14 `renewal.surplus`: counts that pass into the next term; `needed` below 0 asks for none."""
    return 0 if needed < 0 else max(0, min(count - needed, most))


@compiled
def following_term(last: int, months: int) -> tuple[int, int]:
    """R14 `terms.next_term`: first and last day of the year that follows."""
    return last + 1, term_last(last + 1, months)


def no_days(n: int) -> Ints:
    """Places for days, all empty."""
    return np.full(n, NONE, dtype=np.int64)
