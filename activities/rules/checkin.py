"""R19: may this arrival count? One question, one typed answer, for every way of proving presence.

The order of the checks is the order of the refusals: code, scanner, clock, age of the upload,
session, seen before, designation, registration, age of the person, sign-up, second factor, who
certifies. Whatever the answer, the attempt is stored by the caller; a repeated scan id gets the
stored first answer and never comes here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from activities.rules.presence import (
    CheckinFacts,
    CodeProblem,
    Direction,
    Method,
    Outcome,
    OutcomeKind,
    PersonFacts,
    RegistrationState,
    ScannerFacts,
    SecondFactor,
    SessionFacts,
    SignUpState,
)
from registry.rules.calendars import japan_day
from registry.rules.policy import Policy
from registry.rules.reasons import Reason

__all__ = [
    "CheckinFacts",
    "CodeProblem",
    "Direction",
    "Method",
    "Outcome",
    "OutcomeKind",
    "PersonFacts",
    "RegistrationState",
    "ScannerFacts",
    "SecondFactor",
    "SessionFacts",
    "SignUpState",
    "closes_at",
    "corrected",
    "judge",
]


@dataclass(frozen=True, slots=True)
class _Verdict:
    kind: OutcomeKind
    code: str
    found: int | str | None = None
    needed: int | str | None = None
    key: str = "checkin.rotate_s"
    action: str = ""
    rule: str = "R19"
    investigate: bool = False


_BY_PERSON = {Method.VENUE, Method.POSTER}
_COPYABLE = {Method.CARD, Method.TYPED}
_PROBLEM_ORDER = tuple(CodeProblem)
# What a person or an organiser can do about a code that does not work.
_CODE_ACTION = {
    CodeProblem.EXPIRED: "renew_card",
    CodeProblem.REVOKED_CARD: "ask_staff",
    CodeProblem.WRONG_TIME_STEP: "scan_again",
}


def judge(facts: CheckinFacts, policy: Policy) -> Outcome:
    """R19: accepted, already, refused or needs input, with the first reason in order.

    `policy` is the body's view of the session's day. The same facts give the same answer on a
    phone, at a counter and in a batch uploaded a week later.
    """
    at = corrected(facts)
    verdict = _first(facts, policy, at)
    if verdict is None:
        again = facts.person.counted_today or facts.direction is Direction.OUT
        code = _accepted_code(facts)
        return _outcome(facts, policy, at, OutcomeKind.ACCEPTED, code, counts=not again)
    reason = Reason(
        rule=verdict.rule,
        code=verdict.code,
        found=verdict.found,
        needed=verdict.needed,
        source=policy.source(verdict.key),
        action=verdict.action,
    )
    return _outcome(
        facts,
        policy,
        at,
        verdict.kind,
        verdict.code,
        reasons=(reason,),
        investigate=verdict.investigate,
    )


def corrected(facts: CheckinFacts) -> datetime:
    """R19, C26: the device's time put right by its measured error, if it was measured."""
    return facts.scanned_at - timedelta(seconds=facts.scanner.clock_offset_s or 0)


def closes_at(facts: CheckinFacts, policy: Policy) -> datetime:
    """R19: the last instant of the session's window."""
    return facts.session.ends_at + timedelta(minutes=policy.integer("checkin.after_minutes"))


def _accepted_code(facts: CheckinFacts) -> str:
    if facts.direction is Direction.OUT:
        return "left"
    return "same_day" if facts.person.counted_today else "counted"


def _outcome(
    facts: CheckinFacts,
    policy: Policy,
    at: datetime,
    kind: OutcomeKind,
    code: str,
    *,
    counts: bool = False,
    reasons: tuple[Reason, ...] = (),
    investigate: bool = False,
) -> Outcome:
    taken = kind is OutcomeKind.ACCEPTED
    return Outcome(
        kind=kind,
        code=code,
        counts=counts,
        day=japan_day(facts.session.starts_at),
        scanned_at=at,
        provisional=taken and facts.scanner.offline and not facts.scanner.all_reported,
        late=facts.received_at > closes_at(facts, policy),
        investigate=investigate,
        reasons=reasons,
        notes=_unchecked(facts) if taken else (),
    )


def _unchecked(facts: CheckinFacts) -> tuple[str, ...]:
    """C22: what a scan without network could not look at."""
    if not facts.scanner.offline:
        return ()
    clock = ("clock_not_measured",) if facts.scanner.clock_offset_s is None else ()
    return ("capacity_not_checked", *clock)


def _first(facts: CheckinFacts, policy: Policy, at: datetime) -> _Verdict | None:
    for check in _CHECKS:
        verdict = check(facts, policy, at)
        if verdict is not None:
            return verdict
    return None


def _refused(code: str, key: str = "checkin.rotate_s", **more: int | str | None) -> _Verdict:
    found, needed = more.get("found"), more.get("needed")
    action = str(more.get("action") or "")
    return _Verdict(OutcomeKind.REFUSED, code, found, needed, key, action)


def _code(facts: CheckinFacts, _policy: Policy, _at: datetime) -> _Verdict | None:
    """R19, C5: the first problem in the order of verification."""
    if not facts.code_problems:
        return None
    problem = min(facts.code_problems, key=_PROBLEM_ORDER.index)
    return _refused(problem.value, action=_CODE_ACTION.get(problem, ""))


def _scanner(facts: CheckinFacts, _policy: Policy, at: datetime) -> _Verdict | None:
    """R19, C28: scans before a revocation count; later ones are looked into."""
    ends = {
        "device_revoked": facts.scanner.revoked_at,
        "organiser_revoked": facts.scanner.organiser_ended_at,
    }
    for code, ended_at in ends.items():
        if ended_at is not None and at >= ended_at:
            return _Verdict(OutcomeKind.REFUSED, code, investigate=True, action="ask_staff")
    return None if facts.scanner.serves_session else _refused("device_not_for_session")


def _clock(facts: CheckinFacts, policy: Policy, at: datetime) -> _Verdict | None:
    """R19, C26: a small measured error is corrected, a large one or a scan from the future is not.

    With network a scan arrives when it is made: an earlier time would let yesterday's photographed
    code pass. Only what says it was made without network, and a list written on paper, may be old.
    """
    limit = policy.integer("checkin.clock_limit_s")
    offset = round(facts.scanner.clock_offset_s or 0)
    apart = round((at - facts.received_at).total_seconds())
    may_be_old = facts.scanner.offline or facts.method is Method.ROSTER
    worst = max(abs(offset), apart if may_be_old else abs(apart))
    if worst <= limit:
        return None
    return _refused(
        "scanner_clock_wrong",
        "checkin.clock_limit_s",
        found=worst,
        needed=limit,
        action="set_clock",
    )


def _age(facts: CheckinFacts, policy: Policy, at: datetime) -> _Verdict | None:
    """R19: a scan made without network is accepted for some days."""
    days = policy.integer("checkin.offline_days")
    age = facts.received_at - at
    if age <= timedelta(days=days):
        return None
    return _refused(
        "upload_too_late", "checkin.offline_days", found=age.days, needed=days, action="ask_staff"
    )


def _session(facts: CheckinFacts, policy: Policy, at: datetime) -> _Verdict | None:
    """R19: the session's window, widened by the measured uncertainty of the clock only."""
    if facts.session.cancelled:
        return _refused("session_cancelled")
    most = policy.integer("checkin.uncertainty_max_s")
    slack = timedelta(seconds=min(facts.scanner.uncertainty_s, most))
    before = policy.integer("checkin.before_minutes")
    if at < facts.session.starts_at - timedelta(minutes=before) - slack:
        return _refused("too_early", "checkin.before_minutes", needed=before, action="come_back")
    if at > closes_at(facts, policy) + slack:
        after = policy.integer("checkin.after_minutes")
        return _refused("too_late", "checkin.after_minutes", needed=after, action="ask_staff")
    return None


def _seen(facts: CheckinFacts, _policy: Policy, _at: datetime) -> _Verdict | None:
    """R19, C3: the same person at the same session is "already"; a code seen elsewhere a replay."""
    going = facts.direction is Direction.OUT
    if facts.person.left if going else facts.person.arrived:
        return _Verdict(OutcomeKind.ALREADY, "already_left" if going else "already_here")
    if facts.person.code_seen_elsewhere:
        return _Verdict(OutcomeKind.REFUSED, "replayed", investigate=True, action="scan_again")
    if going and not facts.person.arrived:
        return _refused("not_arrived", action="check_in")
    return None


def _designation(facts: CheckinFacts, _policy: Policy, _at: datetime) -> _Verdict | None:
    """R09, R10: designated when the session began; a later withdrawal harms nobody who came."""
    session = facts.session
    begun = session.designated_from is not None and session.designated_from <= session.starts_at
    ended = session.designated_until is not None and session.designated_until <= session.starts_at
    if begun and not ended:
        return None
    return _Verdict(OutcomeKind.REFUSED, "not_designated", key="designation.checklist", rule="R09")


def _registration(facts: CheckinFacts, _policy: Policy, _at: datetime) -> _Verdict | None:
    """R19: a participation belongs to a registration with the body."""
    if facts.person.registration is RegistrationState.ACTIVE:
        return None
    ended = facts.person.registration is RegistrationState.ENDED
    code = "registration_ended" if ended else "not_registered"
    return _refused(code, "basic.min_fields", action="restore" if ended else "register")


def _minor(facts: CheckinFacts, _policy: Policy, _at: datetime) -> _Verdict | None:
    """R18: no late-night activities for minors."""
    if facts.person.minor and facts.session.late_night:
        return _Verdict(OutcomeKind.REFUSED, "minor_at_night", key="minor.age", rule="R18")
    return None


def _sign_up(facts: CheckinFacts, _policy: Policy, _at: datetime) -> _Verdict | None:
    """C6, C22: showing a card is not yet taking part; without sign-up somebody must say so.

    A person who scans the venue's code says it by scanning. Without network the places left are
    unknown and nobody is sent away.
    """
    if facts.person.sign_up is SignUpState.TAKEN or facts.person.arrived:
        return None
    if not facts.session.walk_in:
        return _refused("not_signed_up", found=facts.person.sign_up.value, action="sign_up")
    full = facts.session.places_left is not None and facts.session.places_left <= 0
    if full and not facts.scanner.offline:
        return _refused("session_full", found=0, action="join_waiting_list")
    if facts.method in _BY_PERSON or facts.walk_in_confirmed:
        return None
    return _Verdict(OutcomeKind.NEEDS_INPUT, "confirm_walk_in", action="confirm_walk_in")


def _second_factor(facts: CheckinFacts, policy: Policy, _at: datetime) -> _Verdict | None:
    """R19, C12: a printed code, a paper card and a list need a second look each of their own.

    A venue's code that its reader hands in later proves no more than a printed one: the time of
    the scan is then only what they say.
    """
    said_later = facts.method is Method.VENUE and facts.scanner.offline
    if (facts.method is Method.POSTER or said_later) and not facts.second_factors:
        return _Verdict(OutcomeKind.NEEDS_INPUT, "second_factor", action="second_factor")
    if facts.method in _COPYABLE and not facts.name_confirmed:
        return _Verdict(OutcomeKind.NEEDS_INPUT, "confirm_name", action="confirm_name")
    needed = policy.integer("checkin.roster_approvals")
    if facts.method is Method.ROSTER and facts.attestations < needed:
        return _second_person("second_approval", facts.attestations, needed)
    return None


def _conflict(facts: CheckinFacts, policy: Policy, _at: datetime) -> _Verdict | None:
    """R19, C47: who vouches for their own presence needs somebody else to vouch as well."""
    needed = policy.integer("checkin.roster_approvals")
    if not facts.certifies_self or facts.attestations >= needed:
        return None
    return _second_person("own_presence", facts.attestations, needed)


def _second_person(code: str, found: int, needed: int) -> _Verdict:
    key = "checkin.roster_approvals"
    return _Verdict(OutcomeKind.NEEDS_INPUT, code, found, needed, key, "second_person")


_CHECKS: tuple[Callable[[CheckinFacts, Policy, datetime], _Verdict | None], ...] = (
    _code,
    _scanner,
    _clock,
    _age,
    _session,
    _seen,
    _designation,
    _registration,
    _minor,
    _sign_up,
    _second_factor,
    _conflict,
)
