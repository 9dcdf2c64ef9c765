"""The topics of the case files: from the words of a case to the rule, and its answer in words."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any
from uuid import UUID

from activities.rules.checkin import CheckinFacts, judge
from activities.rules.presence import (
    CodeProblem,
    Method,
    PersonFacts,
    ScannerFacts,
    SecondFactor,
    SessionFacts,
    SignUpState,
)
from registry.rules.counting import Counting, evidence, window_for
from registry.rules.delivery import Benefit, accepts_benefit
from registry.rules.derived import DerivedSource, derive
from registry.rules.dormancy import next_step
from registry.rules.eligibility import decide_premium
from registry.rules.facts import (
    Applicant,
    DecisionMode,
    Holding,
    HoldingState,
    IdentityLevel,
    Participation,
    Period,
    Tier,
)
from registry.rules.minors import Consent, adult_on, consent_state, is_minor
from registry.rules.reasons import Reason
from registry.rules.renewal import decide_renewal
from registry.rules.requirement import below_national_base, parse
from registry.rules.residence import counts_as_relationship_population, derived_flags, relation
from registry.rules.terms import checks, ends_at, grace_until, next_term, term_for
from registry.rules.versions import RequirementVersion, notice_problem, version_for_term
from tests.rules.given import Given, part
from tests.rules.making import (
    applicant,
    bodies,
    body,
    book,
    held,
    ident,
    japan,
    living_in,
    name_of,
    policy,
    presence,
    versions,
)

_PRESENCE = {
    "day": "day",
    "activity": "activity",
    "minutes": "minutes",
    "category": "category",
    "designated": "designated",
    "annulled": "annulled",
    "matched": "matched",
    "overnight": "overnight_next_day",
}


def _presences(given: Given, at: str) -> tuple[Participation, ...]:
    """`took_part`: days at the body asked about, or a table of bodies to days.

    The second presence of a day is recorded as the platform records it: not counted by itself.
    """
    data = given("took_part", [])
    table = data if isinstance(data, Mapping) else {at: data}
    made: list[Participation] = []
    seen: set[tuple[str, date]] = set()
    for place, entries in table.items():
        for number, entry in enumerate(entries):
            facts = part(entry if isinstance(entry, Mapping) else {"day": entry}, _PRESENCE)
            values = {_PRESENCE[key]: value for key, value in facts.items()}
            values["id"] = ident(f"{place}{number}")
            values["counted"] = (place, facts["day"]) not in seen
            seen.add((place, facts["day"]))
            made.append(presence(at=place, **values))
    return tuple(made)


def _holdings(given: Given) -> tuple[Holding, ...]:
    """`holds`: bodies held since some day; `waiting`: open applications; `basic_with`: basic."""
    places = [held(name, since) for name, since in _dated(given("holds", []))]
    places += [
        held(name, since, HoldingState.PENDING) for name, since in _dated(given("waiting", []))
    ]
    places += [held(name, tier=Tier.BASIC) for name in given("basic_with", [])]
    return tuple(places)


def _dated(entries: Any) -> list[tuple[str, date]]:
    if isinstance(entries, Mapping):
        return list(entries.items())
    return [(name, date(2027, 1, 1)) for name in entries]


def _person(given: Given, at: str) -> Applicant:
    return applicant(
        _presences(given, at),
        _holdings(given),
        birth_date=given("born", date(1985, 5, 5)),
        residence=living_in(given("lives_in", "新宿区"), verified=given("address_verified", True)),
        identity_level=IdentityLevel(given("identity", "mnc_sign")),
        identity_valid=given("identity_lapsed_on") is None,
        identity_lapsed_on=given("identity_lapsed_on"),
        guardian_consent=given("guardian_consents", False),
        stay_days=tuple(given("stayed", [])),
    )


def _versions(given: Given, lg_code: str) -> tuple[RequirementVersion, ...]:
    """`requirement`: days to rules; the national one where the case is silent."""
    own = given("requirement")
    if own is None:
        return versions(lg_code, given("settings"))
    return tuple(RequirementVersion(since, rule) for since, rule in own.items())


def _told(reasons: tuple[Reason, ...]) -> dict[str, Any]:
    """The reasons as a case expects them; the details are those of the first."""
    told: dict[str, Any] = {"refused": [reason.code for reason in reasons]}
    if reasons:
        first = reasons[0]
        names = [name_of(n) if n in _codes() else n for n in first.names]
        told |= {"found": first.found, "needed": first.needed, "names": names}
        told |= {"action": first.action}
    return told


def _codes() -> set[str]:
    return {found.code for found in bodies().values()}


def _counting(given: Given) -> dict[str, Any]:
    at = given("body", "飛騨市")
    numbers = policy(settings=given("settings"))
    first_last = given("between")
    period = Period(*first_last) if first_last else window_for("rolling365", given.needed("day"))
    shown = evidence(
        _presences(given, at),
        given("stayed", []),
        body(at).code,
        period,
        Counting.of(numbers),
        carried=given("carried_over", 0),
    )
    return {
        "count": shown.count,
        "hours": shown.minutes / 60,
        "projects": shown.projects,
        "stay_days": shown.stay_days,
        "categories": dict(shown.categories),
    }


def _premium(given: Given) -> dict[str, Any]:
    at, day = given.needed("applies_to"), given.needed("day")
    gives_up = given("gives_up")
    replaces: UUID | None = ident(gives_up) if gives_up else None
    decision = decide_premium(
        _person(given, at),
        body(at),
        policy(day, settings=given("settings")),
        _versions(given, body(at).code),
        day,
        applied_on=given("applied_on"),
        replaces=replaces,
    )
    return {"allowed": decision.allowed, **_told(decision.reasons)}


def _renewal(given: Given) -> dict[str, Any]:
    at, day = given("body", "飛騨市"), given.needed("day")
    first_last = given("term")
    term = Period(*first_last) if first_last else term_for(given.needed("approved_on"))
    numbers = policy(day, settings=given("settings"))
    renewal = decide_renewal(
        _person(given, at),
        term,
        numbers,
        version_for_term(_versions(given, body(at).code), term.first),
        day,
        DecisionMode(given("mode", "auto")),
        body=body(at),
        release_mode=DecisionMode(given("release_mode", "auto")),
        extension_until=given("extended_until"),
        carried=given("carried_over", 0),
        over_cap_since=given("over_the_limit_since"),
    )
    following = renewal.next_term
    return {
        "outcome": renewal.outcome.value,
        "proposal": renewal.proposal.value,
        "next_term": [following.first, following.last] if following else None,
        "grace_until": renewal.grace_until,
        "carry_over": renewal.carry_over,
        "supports_until": renewal.supports_until,
        **_told(renewal.decision.reasons),
    }


def _dormancy(given: Given) -> dict[str, Any]:
    day = given.needed("day")
    step = next_step(
        given.needed("last_access"),
        given("notices_sent", {}),
        day,
        policy(day, settings=given("settings")),
        given("premium", False),
        derived=given("derived", False),
        undeliverable=given("bounced", []),
        stopped_until=given("stopped_until"),
    )
    return {
        "step": step.kind.value,
        "notice": step.notice_days,
        "due_on": step.due_on,
        "release_on": step.release_on,
        "undelivered": step.undelivered,
    }


def _derived(given: Given) -> dict[str, Any]:
    registered = given("registered_with", {})
    sources = []
    for name, entry in registered.items():
        facts = part(entry or {}, {"premium_until", "ended"})
        until = facts.get("premium_until")
        tier = Tier.PREMIUM if until else Tier.BASIC
        valid = not facts.get("ended", False)
        sources.append(DerivedSource(ident(name), body(name), tier, valid, until))
    state = derive(
        sources,
        {ident(name) for name in given("opted_out_of", [])},
        given("direct", False),
        prefecture=body(given.needed("prefecture")),
        prefecture_joined=given("prefecture_joined", True),
        link_by_default=given("link_by_default", True),
        opted_in_sources={ident(name) for name in given("opted_in_for", [])},
        residence=living_in(given("lives_in")),
    )
    names = {ident(name): name for name in registered}
    return {
        "derived": state.exists,
        "pending": state.pending,
        "prefecture_listed": state.row_exists,
        "tier": state.tier,
        "expires_on": state.expires_on,
        "because_of": sorted(names[source] for source in state.sources),
        "residence_related": state.residence_related,
    }


def _residence(given: Given) -> dict[str, Any]:
    lives = living_in(given("lives_in"))
    place = body(given.needed("body"))
    flags = derived_flags(lives, place)
    return {
        "relation": relation(lives, place).value,
        "in_relationship_population": counts_as_relationship_population(lives, place),
        "derived_may_be_premium": flags.may_be_premium,
        "derived_counts": flags.counts,
    }


def _terms(given: Given) -> dict[str, Any]:
    term = term_for(given.needed("approved_on"), given("length", "P1Y"))
    following = next_term(term)
    return {
        "last_day": term.last,
        "ends_at_utc": ends_at(term).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "checks": checks(term, given("checks", [60, 30, 0])),
        "next_starts": following.first,
        "next_ends": following.last,
        "grace_until": grace_until(term, given("grace_days", 30)),
    }


def _change(given: Given) -> dict[str, Any]:
    old = RequirementVersion(date(2025, 4, 1), given.needed("from"))
    new = RequirementVersion(given.needed("holds_from"), given.needed("to"))
    announced = given.needed("announced_on")
    days = policy(announced).integer("rule.notice_days")
    base = parse(book().on("premium.base", announced).value)
    problem = notice_problem(new, old, announced, days)
    return {
        "below_national_base": below_national_base(new.tree, base),
        **_told((problem,) if problem else ()),
    }


def _benefit(given: Given) -> dict[str, Any]:
    benefit = Benefit(
        given.needed("delivery"),
        given("purpose", "activity"),
        needs_presence=given("redeemed_there", True),
        shipped=given("shipped", False),
        redeemable_elsewhere=given("redeemable_elsewhere", False),
        cash_like=given("cash_like", False),
    )
    problem = accepts_benefit(benefit, policy())
    return {"accepted": problem is None, **_told((problem,) if problem else ())}


def _checkin(given: Given) -> dict[str, Any]:
    start, end = given("session", ["2027-10-01 09:00", "2027-10-01 12:00"])
    at = japan(given.needed("scanned_at"))
    revoked = given("device_revoked_at")
    facts = CheckinFacts(
        method=Method(given("by", "venue")),
        session=SessionFacts("212172", japan(start), japan(end), japan("2027-09-01 00:00")),
        person=PersonFacts(
            sign_up=SignUpState.TAKEN if given("signed_up", True) else SignUpState.NONE,
            arrived=given("already_here", False),
            counted_today=given("counted_today", False),
            code_seen_elsewhere=given("code_seen_elsewhere", False),
        ),
        scanned_at=at,
        received_at=japan(given("received_at", given("scanned_at"))),
        scanner=ScannerFacts(
            revoked_at=japan(revoked) if revoked else None,
            offline=given("offline", False),
            clock_offset_s=given("clock_minutes_ahead", 0) * 60,
            uncertainty_s=given("clock_uncertain_s", 0),
            all_reported=given("all_devices_reported", True),
        ),
        code_problems=tuple(CodeProblem(problem) for problem in given("code_problems", [])),
        second_factors=tuple(SecondFactor(factor) for factor in given("second_factors", [])),
        name_confirmed=given("name_confirmed", False),
        certifies_self=given("certifies_self", False),
        attestations=given("attestations", 1),
    )
    outcome = judge(facts, policy())
    return {
        "outcome": outcome.kind.value,
        "code": outcome.code,
        "counts": outcome.counts,
        "day": outcome.day,
        "provisional": outcome.provisional,
        "late": outcome.late,
        "investigate": outcome.investigate,
    }


def _minor(given: Given) -> dict[str, Any]:
    born, day = given.needed("born"), given.needed("day")
    age = policy(day).integer("minor.age")
    consents = []
    for entry in given("consents", []):
        facts = part(entry, {"given_on", "guardian_verified", "withdrawn_on"})
        consents.append(Consent(**{"scope": "premium", "guardian_verified": True, **facts}))
    return {
        "minor": is_minor(born, day, age),
        "adult_on": adult_on(born, age),
        "consent": consent_state(born, consents, "premium", day, adult_age=age).value,
    }


TOPICS: Mapping[str, Callable[[Given], dict[str, Any]]] = {
    "benefit": _benefit,
    "change": _change,
    "checkin": _checkin,
    "counting": _counting,
    "derived": _derived,
    "dormancy": _dormancy,
    "minor": _minor,
    "premium": _premium,
    "renewal": _renewal,
    "residence": _residence,
    "terms": _terms,
}
