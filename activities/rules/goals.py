"""What somebody is on the way to: a first premium, or the next year of it.

A goal asks the judging functions themselves, on any day to come, with what a plan would add. So a
plan and the judgement that it prepares for cannot disagree.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Protocol
from uuid import UUID

from registry.rules.calendars import add_months, fiscal_year_end
from registry.rules.cap import Cap, counted_with
from registry.rules.counting import FISCAL_YEAR, ROLLING
from registry.rules.eligibility import (
    PremiumInputs,
    decide_premium,
    evidence_in,
    level_needed,
    requirement_met,
    within_cap,
)
from registry.rules.facts import (
    ONE_DAY,
    Applicant,
    Body,
    DecisionMode,
    HoldingState,
    Period,
    Residence,
    Tier,
)
from registry.rules.plain import Plain
from registry.rules.policy import Policy, PolicyBook
from registry.rules.reasons import Decision, Reason
from registry.rules.renewal import RenewalOutcome, decide_renewal
from registry.rules.requirement import Tree, evaluate
from registry.rules.terms import checks, extended, grace_until
from registry.rules.versions import RequirementVersion, version_for_term

#: Reasons that nothing the person does by themselves takes away.
HOPELESS = frozenset({"resident", "moved_in", "over_cap"})
MEASURED = "R07"


@dataclass(frozen=True, slots=True)
class Errand(Plain):
    """Something to do besides activities: `action` names it, `choices` what to choose from (R13)."""

    action: str
    reason: Reason
    choices: tuple[str, ...] = ()


class Goal(Protocol):
    """What a planner asks of a goal; every answer comes from the functions that judge."""

    @property
    def applicant(self) -> Applicant:
        """The person, with everything that is known of them today."""

    @property
    def body(self) -> Body:
        """With whom."""

    @property
    def last(self) -> date | None:
        """The last day whose presence can count; None without one."""

    @property
    def anew(self) -> date | None:
        """From when another goal stands open instead of this one; None while this one does."""

    def policy(self, day: date) -> Policy:
        """The body's numbers on a day."""

    def asked(self, day: date) -> Tree:
        """The requirement in force for somebody who is judged on that day."""

    def missing(self, shown: Applicant, day: date) -> tuple[Reason, ...]:
        """R07: what the requirement still misses on a day."""

    def steps(self, day: date) -> tuple[Errand, ...]:
        """What is to be done besides activities."""

    def blocked(self, day: date) -> Reason | None:
        """What keeps the goal out of reach on a day, whatever one does."""

    def judged(self, shown: Applicant, day: date) -> Decision | None:
        """The judgement of a day when every step is done; None where it does not say yes."""

    def begins(self, day: date) -> date:
        """The first day on which somebody who is ready on a day can be judged."""

    def turns(self, days: Iterable[date]) -> frozenset[date]:
        """The days on which presence of given days ceases to count, or the requirement changes."""

    def comes(self) -> frozenset[date]:
        """Days to come on which the goal may come nearer without any activity."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """One body's numbers on the days that are asked about; a snapshot is the dear part."""

    book: PolicyBook
    lg_code: str
    turns: tuple[date, ...]
    known: dict[date, Policy] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, book: PolicyBook, lg_code: str) -> "Numbers":
        """From a book that holds the body's own values, those of days to come included."""
        days = {step.since for one in book.parameters.values() for step in one.values.steps}
        own = (steps for (code, _), steps in book.body_values.items() if code == lg_code)
        days |= {step.since for steps in own for step in steps}
        return cls(book, lg_code, tuple(sorted(days)))

    def on(self, day: date) -> Policy:
        """The numbers of a day: those of the last day on which any of them changed."""
        at = bisect_right(self.turns, day)
        turn = self.turns[at - 1] if at else day
        if turn not in self.known:
            self.known[turn] = self.book.snapshot(turn, self.lg_code)
        return self.known[turn]


def with_steps_done(
    applicant: Applicant, steps: Iterable[Errand], policy: Policy, day: date
) -> Applicant:
    """The applicant after the steps: identity verified, residence told, a guardian agreeing."""
    codes = {step.action for step in steps}
    done = applicant
    if "verify_identity" in codes:
        done = replace(
            done,
            identity_level=level_needed(applicant, policy, day),
            identity_valid=True,
            identity_lapsed_on=None,
            birth_date=applicant.birth_date or add_months(day, -12 * policy.integer("minor.age")),
        )
    if "confirm_residence" in codes:
        done = replace(done, residence=Residence(None, None, abroad=True))
    if "ask_guardian" in codes:
        done = replace(done, guardian_consent=True)
    return done


@dataclass(frozen=True, slots=True)
class FirstPremium:
    """R07, R12, R13, R16, R18, R33: premium for somebody who has none with this body."""

    applicant: Applicant
    body: Body
    numbers: Numbers
    versions: tuple[RequirementVersion, ...]
    today: date

    @property
    def last(self) -> date | None:
        """No end: the window moves on with the day of application."""
        return None

    @property
    def anew(self) -> date | None:
        return None

    def policy(self, day: date) -> Policy:
        return self.numbers.on(day)

    def asked(self, day: date) -> Tree:
        return version_for_term(self.versions, day).tree

    def missing(self, shown: Applicant, day: date) -> tuple[Reason, ...]:
        given = PremiumInputs(shown, self.body, self.versions, day, day)
        return requirement_met(given, self.policy(day))

    def begins(self, day: date) -> date:
        return day

    def steps(self, day: date) -> tuple[Errand, ...]:
        found = decide_premium(self.applicant, self.body, self.policy(day), self.versions, day)
        return tuple(
            Errand(reason.action, reason, self._exchanges(day))
            if reason.code == "cap_reached"
            else Errand(reason.action, reason)
            for reason in found.reasons
            if reason.rule != MEASURED
        )

    def _exchanges(self, day: date) -> tuple[str, ...]:
        """R13: the bodies whose place alone, given up on approval, makes room."""
        return tuple(
            held.body.code
            for held in self.applicant.holdings
            if held.tier is Tier.PREMIUM
            and held.state is HoldingState.ACTIVE
            and held.body != self.body
            and self._makes_room(held.registration_id, day)
        )

    def _makes_room(self, registration_id: UUID, day: date) -> bool:
        policy = self.policy(day)
        found = within_cap(self.applicant, self.body, policy, day, replaces=registration_id)
        return found is None

    def blocked(self, day: date) -> Reason | None:
        for step in self.steps(day):
            full = step.reason.code == "cap_reached" and not step.choices
            if full or step.reason.code in HOPELESS:
                return step.reason
        return None

    def judged(self, shown: Applicant, day: date) -> Decision | None:
        steps, policy = self.steps(day), self.policy(day)
        given = next((step.choices[0] for step in steps if step.choices), None)
        replaces = next(
            (held.registration_id for held in shown.holdings if held.body.code == given), None
        )
        found = decide_premium(
            with_steps_done(shown, steps, policy, day),
            self.body,
            policy,
            self.versions,
            day,
            replaces=replaces,
        )
        return found if found.allowed else None

    def turns(self, days: Iterable[date]) -> frozenset[date]:
        window = self.policy(self.today).text("premium.window")
        return frozenset(self._leaves(day, window) for day in days) | self._changes()

    def _leaves(self, day: date, window: str) -> date:
        if window.startswith(ROLLING):
            return day + timedelta(days=int(window.removeprefix(ROLLING)))
        if window == FISCAL_YEAR:
            return fiscal_year_end(day) + ONE_DAY
        start = self.applicant.registered_on or day
        ends = (add_months(start, 12 * years) for years in range(1, day.year - start.year + 3))
        return next(end for end in ends if end > day)

    def _changes(self) -> frozenset[date]:
        favour = timedelta(days=self.policy(self.today).integer("rule.favour_days"))
        since = [version.since for version in self.versions]
        return frozenset(since) | frozenset(day + favour + ONE_DAY for day in since)

    def comes(self) -> frozenset[date]:
        cap = Cap.of(self.policy(self.today))
        counted = counted_with(self.applicant.holdings, self.body, cap, self.today)
        pending = (held for held in counted if held.state is HoldingState.PENDING)
        frees = {held.since + timedelta(days=cap.pending_days + 1) for held in pending}
        return frozenset(day for day in self._changes() | frees if day > self.today)


@dataclass(frozen=True, slots=True)
class Renewal:
    """R14: the next year of premium, by what is done inside the current term."""

    applicant: Applicant
    body: Body
    numbers: Numbers
    version: RequirementVersion
    term: Period
    extension_until: date | None = None
    carried: int = 0
    over_cap_since: date | None = None

    @property
    def judged_term(self) -> Period:
        """The term with its extension."""
        return extended(self.term, self.extension_until)

    @property
    def last(self) -> date | None:
        """What is done after the term belongs to no term of this premium."""
        return self.judged_term.last

    @property
    def anew(self) -> date | None:
        """The first day as basic again when the term is not renewed: a first premium once more."""
        days = self.policy(self.judged_term.last).integer("renewal.grace_days")
        return grace_until(self.judged_term, days) + ONE_DAY

    def policy(self, day: date) -> Policy:
        return self.numbers.on(day)

    def asked(self, day: date) -> Tree:
        return self.version.tree

    def begins(self, day: date) -> date:
        """From the first check on, whoever has done enough is renewed."""
        days = self.policy(self.term.last).integers("renewal.checks")
        return max(day, checks(self.judged_term, days)[0])

    def missing(self, shown: Applicant, day: date) -> tuple[Reason, ...]:
        found = evidence_in(
            shown, self.body, self.policy(day), self.judged_term, carried=self.carried
        )
        return evaluate(self.version.tree, found, self.version.source)[1]

    def steps(self, day: date) -> tuple[Errand, ...]:
        found = self._decide(self.applicant, self.begins(day))
        return tuple(Errand(one.action, one) for one in found.reasons if one.rule != MEASURED)

    def blocked(self, day: date) -> Reason | None:
        reasons = (step.reason for step in self.steps(day))
        return next((reason for reason in reasons if reason.code in HOPELESS), None)

    def _decide(self, shown: Applicant, day: date) -> Decision:
        return self._found(shown, day)[1]

    def _found(self, shown: Applicant, day: date) -> tuple[RenewalOutcome, Decision]:
        found = decide_renewal(
            shown,
            self.term,
            self.policy(day),
            self.version,
            day,
            DecisionMode.AUTO,
            body=self.body,
            extension_until=self.extension_until,
            carried=self.carried,
            over_cap_since=self.over_cap_since,
        )
        return found.proposal, found.decision

    def judged(self, shown: Applicant, day: date) -> Decision | None:
        on = self.begins(day)
        done = with_steps_done(shown, self.steps(day), self.policy(on), on)
        outcome, decision = self._found(done, on)
        return decision if outcome is RenewalOutcome.RENEWED else None

    def turns(self, days: Iterable[date]) -> frozenset[date]:
        """Nothing ceases to count before the term ends, and then everything does (R14)."""
        return frozenset({self.judged_term.last + ONE_DAY})

    def comes(self) -> frozenset[date]:
        return frozenset()
