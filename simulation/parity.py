"""The compiled rules against the rules themselves, on random cases; a difference is a defect.

Cases are made for the whole country of possibilities: ends of months, leap days, bodies that
overlap, numbers at their bounds. Both sides are asked the same question; what differs is said.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import numpy as np

from registry.policybook import load_policy
from registry.rules import calendars, minors, terms
from registry.rules.cap import Cap, counted_with
from registry.rules.counting import Counting, evidence, window_for
from registry.rules.dormancy import next_step
from registry.rules.eligibility import decide_premium
from registry.rules.facts import (
    Applicant,
    Body,
    BodyKind,
    DecisionMode,
    Holding,
    HoldingState,
    IdentityLevel,
    Participation,
    Period,
    Residence,
    Tier,
)
from registry.rules.policy import Policy, PolicyBook
from registry.rules.renewal import decide_renewal
from registry.rules.requirement import evaluate, parse
from registry.rules.versions import RequirementVersion
from simulation import days, judge
from simulation.fast import Ints
from simulation.rulebook import (
    P_CAP,
    P_CHECK,
    P_GRACE,
    P_LEVEL,
    P_MIN_MINUTES,
    Rulebook,
    changed,
    compile_book,
    counts_asked,
    ways,
)

FIRST, LAST = date(2026, 4, 1), date(2037, 3, 31)
TOWN, OTHER = Body("212172", BodyKind.MUNICIPALITY, "210005"), "420000"
_OUTCOMES = ("renewed", "grace", "lapsed_to_basic", "to_staff", "not_due")
_STEPS = ("none", "notice", "release")
_LEVELS = tuple(IdentityLevel)
_MODES = (DecisionMode.AUTO, DecisionMode.VETO, DecisionMode.REVIEW)
#: Ends of months and leap days come often, since that is where calendars differ.
_ODD = (date(2028, 2, 29), date(2029, 2, 28), date(2027, 1, 31), date(2032, 2, 29))


class Lot:
    """Random numbers of one kind of case, drawn by the thousand."""

    def __init__(self, seed: int) -> None:
        self.generator = np.random.default_rng(seed)
        self.stock: list[int] = []

    def below(self, limit: int) -> int:
        """A whole number from 0 to below the limit."""
        if not self.stock:
            self.stock = self.generator.integers(0, 1 << 40, 65_536).tolist()
        return self.stock.pop() % limit

    def day(self, first: date = FIRST, span: int = 4000) -> date:
        """A day, often an odd one."""
        if self.below(8) == 0:
            return _ODD[self.below(len(_ODD))]
        return first + timedelta(days=self.below(span))


@dataclass(frozen=True, slots=True)
class Books:
    """Some books of policy, each with its tables."""

    books: tuple[tuple[Policy, Ints, Ints], ...]
    checked: tuple[tuple[PolicyBook, Rulebook], ...]


_TRIED: tuple[Mapping[str, Any], ...] = (
    {},
    {"premium.cap": 4, "dormancy.months": 12, "renewal.grace_days": 0, "premium.term": "P2Y"},
    {"premium.cap": 1, "premium.prefecture_exempt_by": "any", "renewal.checks": [90, 0]},
    {"dormancy.notice_days": [90, 14], "renewal.carry_over": 2, "activity.min_minutes": 120},
    {"count.per_day": 2, "pending.days": 7, "dormancy.months": 36, "idv.grace_days": 0},
)


def books() -> Books:
    """The nation's book and some that are tried."""
    made, checked = [], []
    for changes in _TRIED:
        book = changed(load_policy(), changes, FIRST)
        table = compile_book(book, ("any",), FIRST, LAST)
        made.append((book.snapshot(FIRST), table.numbers[0, 0], table.notice_days))
        checked.append((book, table))
    return Books(tuple(made), tuple(checked))


def _number(day: date) -> int:
    return day.toordinal()


def calendar_case(lot: Lot, _given: Books) -> tuple[Any, Any]:
    """R06, R07, R14, R18: months, terms, ages, windows."""
    day, other, months = lot.day(), lot.day(), 1 + lot.below(40)
    birth = min(day, lot.day(date(1940, 1, 1), 25_000))
    kind = ("rolling365", "fiscal_year", "registration_year")[lot.below(3)]
    registered = min(day, other)
    window = window_for(kind, day, registered)
    code = ("rolling365", "fiscal_year", "registration_year").index(kind)
    first = days.window_first(code, 365, _number(day), _number(registered))
    fast = (
        days.add_months(_number(day), months),
        days.term_last(_number(day), months),
        days.age_on(_number(birth), _number(day)),
        first,
        days.window_last(code, first, _number(day)),
    )
    slow = (
        _number(calendars.add_months(day, months)),
        _number(terms.term_for(day, f"P{months}M").last),
        minors.age_on(birth, day),
        _number(window.first),
        _number(window.last),
    )
    return fast, slow


def dormancy_case(lot: Lot, given: Books) -> tuple[Any, Any]:
    """R06: what a night does for a silent registration."""
    policy, _, planned = given.books[lot.below(len(given.books))]
    access = lot.day(FIRST, 800)
    today = access + timedelta(days=lot.below(1300))
    stopped = access + timedelta(days=lot.below(400)) if lot.below(4) == 0 else None
    sent = np.full(len(planned), days.NONE, dtype=np.int64)
    notices = {}
    for at, before in enumerate(planned):
        if before >= 0 and lot.below(2) == 0:
            on = access + timedelta(days=lot.below(1200) - 100)
            notices[int(before)] = on
            sent[at] = _number(on)
    halt = days.NONE if stopped is None else _number(stopped)
    months = policy.integer("dormancy.months")
    found = judge.dormancy_step(_number(access), sent, planned, _number(today), months, halt)
    step = next_step(access, notices, today, policy, premium_valid=False, stopped_until=stopped)
    place = found[1]
    named = int(planned[place]) if place >= 0 else None
    fast = (_STEPS[found[0]], named, found[2], found[3])
    slow = (
        step.kind.value,
        step.notice_days,
        None if step.due_on is None else _number(step.due_on),
        None if step.release_on is None else _number(step.release_on),
    )
    return fast, slow


def _records(lot: Lot, first: date, span: int) -> tuple[tuple[Participation, ...], Ints]:
    n = lot.below(9)
    rows = np.zeros((24, judge.RECORD), dtype=np.int64)
    made = []
    for at in range(n):
        day = first + timedelta(days=lot.below(span))
        if at and lot.below(4) == 0:
            day = date.fromordinal(int(rows[at - 1, judge.R_DAY]))
        activity, minutes = lot.below(3), 30 * (1 + lot.below(8))
        rows[at] = [_number(day), activity, minutes]
        made.append(
            Participation(
                id=UUID(int=at + 1),
                lg_code=TOWN.code,
                activity_id=UUID(int=activity + 1),
                day=day,
                designated=True,
                counted=True,
                minutes=minutes,
                category="festival",
            )
        )
    return tuple(made), rows


_TREES: tuple[Mapping[str, Any], ...] = (
    {"count": 3},
    {"count": 2},
    {"any_of": [{"count": 4}, {"hours": 8}]},
    {"all_of": [{"count": 2}, {"projects": 2}]},
    {"any_of": [{"all_of": [{"count": 3}, {"hours": 5}]}, {"stay_days": 5}]},
)


def counting_case(lot: Lot, given: Books) -> tuple[Any, Any]:
    """R07, R08: what records add up to, and whether it is enough."""
    policy, row, _ = given.books[lot.below(len(given.books))]
    first = lot.day()
    period = Period(first, first + timedelta(days=lot.below(370)))
    made, rows = _records(lot, first - timedelta(days=20), 400)
    carried = lot.below(3)
    rule = _TREES[lot.below(len(_TREES))]
    shown = evidence(made, (), TOWN.code, period, Counting.of(policy), carried=carried)
    fast = np.zeros(judge.MEASURES, dtype=np.int64)
    counting = row[P_MIN_MINUTES : P_MIN_MINUTES + 2]
    judge.gather(
        rows, len(made), _number(period.first), _number(period.last), counting, carried, fast
    )
    tree = parse(rule)
    table = np.array(ways(tree), dtype=np.int64)
    return (
        (*(int(v) for v in fast), judge.meets(table, fast)),
        (shown.count, shown.minutes, shown.projects, shown.stay_days, evaluate(tree, shown)[0]),
    )


_BODIES = tuple(
    Body(code, BodyKind.PREFECTURE if code == pref else BodyKind.MUNICIPALITY, pref)
    for code, pref in (
        ("210005", "210005"),
        ("212172", "210005"),
        ("212156", "210005"),
        ("200000", "200000"),
        ("202053", "200000"),
        ("113611", "110001"),
    )
)


def _holdings(lot: Lot, today: date) -> tuple[tuple[Holding, ...], Ints]:
    rows = np.zeros((6, judge.HOLDING), dtype=np.int64)
    made = []
    for at, body in enumerate(_BODIES):
        state = lot.below(4)
        if state == 0:
            continue
        since = today - timedelta(days=lot.below(60))
        premium, pending = state > 1, state == 3  # noqa: PLR2004 - the fourth of four
        made.append(
            Holding(
                registration_id=UUID(int=at + 1),
                body=body,
                state=HoldingState.PENDING if pending else HoldingState.ACTIVE,
                since=since,
                tier=Tier.PREMIUM if premium else Tier.BASIC,
            )
        )
        prefecture = int(body.prefecture_code)
        rows[len(made) - 1] = [
            at,
            prefecture,
            int(body.is_prefecture),
            int(premium),
            int(pending),
            _number(since),
        ]
    return tuple(made), rows


def cap_case(lot: Lot, given: Books) -> tuple[Any, Any]:
    """R13: whether one more body is within the limit."""
    policy, row, _ = given.books[lot.below(len(given.books))]
    today = lot.day()
    made, rows = _holdings(lot, today)
    at = lot.below(len(_BODIES))
    body, cap = _BODIES[at], Cap.of(policy)
    counted = counted_with(made, body, cap, today)
    others = [holding for holding in counted if holding.body != body]
    slow = len(others) < cap.most or len(others) == len(counted)
    fast = judge.within_cap(
        rows,
        len(made),
        at,
        int(body.prefecture_code),
        int(body.is_prefecture),
        row[P_CAP : P_CAP + 3],
        _number(today),
    )
    return fast, slow


def _person(lot: Lot, today: date) -> tuple[Applicant, int, int, int]:
    """Somebody with a residence: relation to the town, level, age."""
    relation = lot.below(3)
    code = (OTHER, TOWN.code, None)[relation]
    prefecture = ("420000", TOWN.prefecture_code, None)[relation]
    level = lot.below(len(_LEVELS))
    birth = min(today, lot.day(date(1990, 1, 1), 12_000)) if lot.below(8) else None
    valid = lot.below(6) > 0
    lapsed = None if valid else today - timedelta(days=lot.below(120))
    person = Applicant(
        person_id=UUID(int=1),
        birth_date=birth,
        residence=Residence(code, prefecture, verified=lot.below(2) == 0),
        identity_level=_LEVELS[level],
        identity_valid=valid,
        identity_lapsed_on=lapsed,
        guardian_consent=lot.below(2) == 0,
        registered_on=FIRST,
    )
    age = -1 if birth is None else minors.age_on(birth, today)
    return person, relation, level, age


def _standing(person: Applicant, relation: int, age: int, today: date, row: Ints) -> int:
    residence = person.residence
    moved = int(relation == 1 and residence is not None and residence.verified)
    lapsed = person.identity_lapsed_on
    return (
        (judge.residence_bits(relation, moved) & judge.MOVED_IN)
        | judge.guardian_bits(age, int(person.guardian_consent), int(row[P_LEVEL + 3]))
        | judge.grace_bits(
            int(person.identity_valid),
            days.NONE if lapsed is None else _number(lapsed),
            _number(today),
            int(row[P_LEVEL + 4]),
        )
    )


def _bits(codes: tuple[str, ...]) -> int:
    total = 0
    for code in codes:
        total |= judge.REASONS.get(code, judge.REQUIREMENT)
    return total


def premium_case(lot: Lot, given: Books) -> tuple[Any, Any]:
    """R07, R12, R13, R16, R18: every reason against premium."""
    policy, row, _ = given.books[lot.below(len(given.books))]
    today = lot.day()
    person, relation, level, age = _person(lot, today)
    made, rows = _records(lot, today - timedelta(days=390), 395)
    held, holds = _holdings(lot, today)
    rule = _TREES[lot.below(len(_TREES))]
    version = RequirementVersion(since=date(2025, 4, 1), rule=rule)
    whole = _with(person, made, held)
    slow = decide_premium(whole, TOWN, policy, (version,), today).codes
    fast = judge.residence_bits(relation, 0)
    fast |= judge.identity_bits(level, int(person.identity_valid), age, row[P_LEVEL : P_LEVEL + 3])
    fast |= judge.guardian_bits(age, int(person.guardian_consent), int(row[P_LEVEL + 3]))
    prefecture = int(TOWN.prefecture_code)
    cap = row[P_CAP : P_CAP + 3]
    if not judge.within_cap(holds, len(held), 1, prefecture, 0, cap, _number(today)):
        fast |= judge.CAP
    shown = np.zeros(judge.MEASURES, dtype=np.int64)
    counting = row[P_MIN_MINUTES : P_MIN_MINUTES + 2]
    first = _number(today) - 364
    judge.gather(rows, len(made), first, _number(today), counting, 0, shown)
    if not judge.meets(np.array(ways(version.tree), dtype=np.int64), shown):
        fast |= judge.REQUIREMENT
    return fast, _bits(slow)


def _with(person: Applicant, made: Any, held: Any) -> Applicant:
    from dataclasses import replace

    return replace(person, participations=made, holdings=held)


def renewal_case(lot: Lot, given: Books) -> tuple[Any, Any]:
    """R12, R14, R15, R16, R18: what one look at a term decides."""
    policy, row, _ = given.books[lot.below(len(given.books))]
    start = lot.day()
    term = terms.term_for(start, policy.text("premium.term"))
    near = (0, 0, -30, 30, -60)[lot.below(5)]
    today = term.last + timedelta(days=near + lot.below(120) - 60)
    extension = term.last + timedelta(days=lot.below(200)) if lot.below(5) == 0 else None
    person, relation, level, age = _person(lot, today)
    made, rows = _records(lot, start - timedelta(days=20), 420)
    mode, release = lot.below(3), lot.below(3)
    rule = _TREES[lot.below(len(_TREES))]
    version = RequirementVersion(since=date(2025, 4, 1), rule=rule)
    carried = lot.below(2)
    slow = decide_renewal(
        _with(person, made, ()),
        term,
        policy,
        version,
        today,
        _MODES[mode],
        body=TOWN,
        release_mode=_MODES[release],
        extension_until=extension,
        carried=carried,
    )
    last = max(term.last, extension or term.last)
    shown = np.zeros(judge.MEASURES, dtype=np.int64)
    counting = row[P_MIN_MINUTES : P_MIN_MINUTES + 2]
    judge.gather(rows, len(made), _number(start), _number(last), counting, carried, shown)
    against = judge.residence_bits(relation, 0)
    valid = int(person.identity_valid)
    against |= judge.identity_bits(level, valid, age, row[P_LEVEL : P_LEVEL + 3])
    if not judge.meets(np.array(ways(version.tree), dtype=np.int64), shown):
        against |= judge.REQUIREMENT
    lapsed = person.identity_lapsed_on
    until = days.NONE if lapsed is None else _number(lapsed) + int(row[P_LEVEL + 4])
    tests = np.array([row[P_CHECK], row[P_GRACE]], dtype=np.int64)
    ended = _standing(person, relation, age, today, row)
    outcome, proposal, grace = judge.renewal_step(
        _number(today), _number(last), until, against, ended, tests, mode, release
    )
    surplus, following = 0, None
    if proposal == judge.RENEWED:
        most = policy.integer("renewal.carry_over")
        surplus = judge.surplus(int(shown[judge.COUNT]), counts_asked(version.tree), most)
        months = calendars.months_of(policy.text("premium.term"))
        following = judge.following_term(_number(last), months)
    next_term = slow.next_term
    return (
        (_OUTCOMES[outcome], _OUTCOMES[proposal], grace, surplus, following),
        (
            slow.outcome.value,
            slow.proposal.value,
            _number(slow.grace_until),
            slow.carry_over,
            None if next_term is None else (_number(next_term.first), _number(next_term.last)),
        ),
    )


CASES: Mapping[str, Callable[[Lot, Books], tuple[Any, Any]]] = {
    "calendar": calendar_case,
    "dormancy": dormancy_case,
    "counting": counting_case,
    "cap": cap_case,
    "premium": premium_case,
    "renewal": renewal_case,
}


def differences(kind: str, number: int, seed: int = 1) -> Iterator[tuple[int, Any, Any]]:
    """Each case of a kind in which the compiled rule and the rule do not agree."""
    lot, given, case = Lot(seed), books(), CASES[kind]
    for at in range(number):
        fast, slow = case(lot, given)
        if fast != slow:
            yield at, fast, slow
