"""R09, R10: what may be designated, by whom, in which steps, and who is looked at afterwards."""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from registry.rules.calendars import add_months, fiscal_year_end, month_end
from registry.rules.facts import ONE_DAY
from registry.rules.plain import Plain
from registry.rules.policy import Policy
from registry.rules.reasons import Reason


class ActivityState(StrEnum):
    """R09: the course of a proposal."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    DESIGNATED = "designated"
    RETURNED = "returned"  # to be improved by the host, with a reason
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class Pattern(StrEnum):
    """R10: designated one by one, or in principle by the trust in an organisation."""

    PROJECT = "1"
    ORGANISATION = "2"


_S = ActivityState
TRANSITIONS: Mapping[ActivityState, frozenset[ActivityState]] = {
    _S.DRAFT: frozenset({_S.SUBMITTED, _S.WITHDRAWN}),
    _S.SUBMITTED: frozenset({_S.DESIGNATED, _S.RETURNED, _S.REJECTED, _S.WITHDRAWN}),
    _S.RETURNED: frozenset({_S.SUBMITTED, _S.WITHDRAWN}),
    _S.DESIGNATED: frozenset({_S.WITHDRAWN}),
    _S.REJECTED: frozenset(),
    _S.WITHDRAWN: frozenset(),
}
# The steps that owe somebody an explanation.
REASON_NEEDED = frozenset({_S.RETURNED, _S.REJECTED})


@dataclass(frozen=True, slots=True)
class Proposal(Plain):
    """What is looked at before an activity is designated. `answers` maps questions to yes or no."""

    category: str
    answers: tuple[tuple[str, bool], ...]
    proposed_by: str
    decided_by: str


@dataclass(frozen=True, slots=True)
class Trust(Plain):
    """R10: a body's trust in a host organisation, for some categories and until a day."""

    since: date
    until: date
    categories: tuple[str, ...]
    withdrawn_on: date | None = None
    anomaly_on: date | None = None


def may_move(given: ActivityState, wanted: ActivityState, reason: str = "") -> Reason | None:
    """R09: whether a step is allowed; returning, rejecting and ending a designation say why."""
    if wanted not in TRANSITIONS[given]:
        return Reason("R09", "step_not_allowed", given.value, wanted.value, action="reload")
    ends = given is _S.DESIGNATED
    if (wanted in REASON_NEEDED or ends) and not reason.strip():
        return Reason("R09", "reason_needed", needed=wanted.value, action="give_reason")
    return None


def may_designate(proposal: Proposal, policy: Policy) -> tuple[Reason, ...]:
    """R09, C47: every reason against designating.

    What never counts, each question not answered yes, and a decision by the one who proposed.
    """
    source = policy.source("designation.checklist")
    reasons: list[Reason] = []
    if never_counts(proposal.category, policy):
        reasons.append(
            Reason(
                "R09",
                "never_counts",
                found=proposal.category,
                source=policy.source("designation.never"),
                action="change_category",
            )
        )
    answers = dict(proposal.answers)
    open_questions = tuple(q for q in policy.texts("designation.checklist") if not answers.get(q))
    if open_questions:
        reasons.append(
            Reason(
                "R09",
                "checklist_incomplete",
                names=open_questions,
                source=source,
                action="answer_checklist",
            )
        )
    if proposal.decided_by == proposal.proposed_by:
        reasons.append(Reason("R09", "own_proposal", source=source, action="second_person"))
    return tuple(reasons)


def never_counts(category: str, policy: Policy) -> bool:
    """R09: purchase, donation and mere visit never count, whoever designates them."""
    return category in policy.texts("designation.never")


def trust_until(granted_on: date, policy: Policy) -> date:
    """R10: the last day of a grant: the fiscal year's end and a month, to the month's end."""
    end = fiscal_year_end(granted_on)
    return month_end(add_months(end + ONE_DAY, policy.integer("org.trust_extra_months") - 1))


def trusts(trust: Trust, category: str, day: date) -> Reason | None:
    """R10: whether an activity of a category is designated in principle on a day, or why not.

    An anomaly leads back to pattern 1 from its day on; what was designated before stays so.
    """
    ends = {
        "trust_withdrawn": trust.withdrawn_on,
        "trust_suspended": trust.anomaly_on,
    }
    for code, ended_on in ends.items():
        if ended_on is not None and day >= ended_on:
            return Reason("R10", code, found=ended_on.isoformat(), action="submit")
    if not trust.since <= day <= trust.until:
        return Reason("R10", "trust_not_in_force", needed=trust.until.isoformat(), action="submit")
    if category not in trust.categories:
        return Reason(
            "R10", "category_not_trusted", category, names=trust.categories, action="submit"
        )
    return None


def pattern_for(trust: Trust | None, category: str, day: date) -> Pattern:
    """R10: which pattern a new proposal follows."""
    if trust is None or trusts(trust, category, day) is not None:
        return Pattern.PROJECT
    return Pattern.ORGANISATION


def audit_sampled(activity_id: UUID, rate: float) -> bool:
    """R10: whether an activity is among those looked at afterwards.

    Decided by the id alone, so nobody can ask again until the answer suits, and a second run of
    the job takes the same ones. `rate` is a share from 0 to 1.
    """
    digest = hashlib.sha256(activity_id.bytes).digest()
    share = int.from_bytes(digest[:8], "big") / 2**64
    return share < rate


def still_designated(
    days: Iterable[date], designated_on: date, withdrawn_on: date | None
) -> tuple[date, ...]:
    """R10: the session days that stay designated; withdrawal is not retroactive."""
    return tuple(
        day for day in days if designated_on <= day and (withdrawn_on is None or day < withdrawn_on)
    )


def checklist_of(answers: Mapping[str, bool], questions: Collection[str]) -> Mapping[str, bool]:
    """R09: the answers as stored: each question of the list, unanswered ones as no."""
    return {question: bool(answers.get(question)) for question in questions}
