"""What a renewal is decided from: one local government's numbers, and the facts of its terms.

The night gathers a range of terms, the desk one; both decide from the same facts (R12, R14, C37).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from registry import queries
from registry.applicants import known_birth_date, numbers
from registry.evidence import Evidence
from registry.models import LocalGovernment
from registry.rules.cap import Cap
from registry.rules.eligibility import standing_reasons
from registry.rules.facts import (
    ONE_DAY,
    Applicant,
    Body,
    BodyKind,
    DecisionMode,
    Holding,
    HoldingState,
    IdentityLevel,
    Period,
    Residence,
)
from registry.rules.identity import identity_lapsed_on
from registry.rules.modes import DecisionKind, mode_for
from registry.rules.policy import Policy, PolicyBook
from registry.rules.reasons import Reason
from registry.rules.renewal import Renewal, decide_renewal
from registry.rules.versions import RequirementVersion, version_for_term

#: A term with what its body holds of the registrant; a caller adds which terms, and the lock.
TERMS = """
select t.id, t.registration_id, t.person_id, t.first_day, t.last_day, t.state, t.extended_until,
       t.renewal_state, t.grace_until, t.last_check, t.carried, t.identity_asked_on,
       r.registered_on, r.residence_code, r.minor_until, r.identity_level, r.identity_lapsed_on,
       r.identity_checked_on, r.over_cap_since
  from term t join registration r on r.lg_code = t.lg_code and r.id = t.registration_id
 where t.lg_code = :lg_code and t.state in ('active', 'grace')
"""


@dataclass(frozen=True, slots=True)
class Night:
    """What holds for all terms of one local government in one night."""

    body: Body
    name: str
    policy: Policy
    versions: tuple[RequirementVersion, ...]
    as_of: date
    now: datetime
    mode: DecisionMode
    release_mode: DecisionMode
    memo: dict[Any, Any] = field(default_factory=dict)

    @property
    def checks(self) -> tuple[int, ...]:
        """Days before the last day on which a term is checked (R14)."""
        return self.policy.integers("renewal.checks")

    def version(self, first_day: date) -> RequirementVersion:
        """R33: the requirement that judges a term to its end: the one of its first day."""
        if first_day not in self.memo:
            self.memo[first_day] = version_for_term(self.versions, first_day)
        found: RequirementVersion = self.memo[first_day]
        return found


def night_of(db: Session, *, lg_code: str, as_of: date, now: datetime, book: PolicyBook) -> Night:
    """The numbers of one local government for one night."""
    government = queries.government(db, lg_code)
    body = queries.body_of(government)
    policy, versions = numbers(db, book, body, as_of)
    return Night(
        body=body,
        name=government.name,
        policy=policy,
        versions=versions,
        as_of=as_of,
        now=now,
        mode=mode_for(policy, DecisionKind.RENEWAL),
        release_mode=mode_for(policy, DecisionKind.RELEASE),
    )


@dataclass(frozen=True, slots=True)
class Applicants:
    """The facts of a whole range, read in few statements; made into applicants one by one."""

    night: Night
    participations: Mapping[UUID, tuple[Any, ...]]
    stay_days: Mapping[UUID, tuple[date, ...]]
    homes: Mapping[str, LocalGovernment]
    consenting: frozenset[UUID]

    @classmethod
    def gather(
        cls, db: Session, night: Night, rows: Sequence[Row[Any]], evidence: Evidence
    ) -> "Applicants":
        """Evidence of the whole range in one query each, and what else the rules ask."""
        ids = [row.registration_id for row in rows]
        period = Period(
            min(row.first_day for row in rows) - ONE_DAY,
            max(row.extended_until or row.last_day for row in rows),
        )
        code = night.body.code
        return cls(
            night=night,
            participations=evidence.participations(db, code, ids, period),
            stay_days=evidence.stay_days(db, code, ids, period),
            homes=queries.governments(db, {row.residence_code or "" for row in rows}),
            consenting=_consenting(
                db, [row.person_id for row in rows if row.minor_until is not None]
            ),
        )

    def of(self, row: Row[Any]) -> Applicant:
        """One applicant, as the body's own copy and evidence show them (R25)."""
        night = self.night
        wide = Period(row.first_day - ONE_DAY, row.extended_until or row.last_day)
        lapsed = lapsed_on(row)
        return Applicant(
            person_id=row.person_id,
            birth_date=self._birth_date(row.minor_until),
            residence=self._home(row.residence_code),
            identity_level=IdentityLevel(row.identity_level),
            identity_valid=lapsed is None or lapsed > night.as_of,
            guardian_consent=row.minor_until is None or row.person_id in self.consenting,
            participations=tuple(
                one for one in self.participations.get(row.registration_id, ()) if one.day in wide
            ),
            stay_days=tuple(
                day for day in self.stay_days.get(row.registration_id, ()) if day in wide
            ),
            holdings=() if row.over_cap_since is None else _too_many(row, night),
            registered_on=row.registered_on,
            identity_lapsed_on=lapsed,
        )

    def _birth_date(self, minor_until: date | None) -> date:
        cache, key = self.night.memo, ("born", minor_until)
        if key not in cache:
            cache[key] = known_birth_date(minor_until, self.night.as_of, self.night.policy)
        found: date = cache[key]
        return found

    def _home(self, code: str | None) -> Residence | None:
        # Moving in ends premium in the transaction that proves the new address (R16); what a
        # body's copy says is not proof, so the night only refuses to renew by it.
        cache, key = self.night.memo, ("home", code)
        if key not in cache:
            cache[key] = queries.residence_from(self.homes.get(code or ""), verified=False)
        found: Residence | None = cache[key]
        return found


def _consenting(db: Session, people: Sequence[UUID]) -> frozenset[UUID]:
    """R18: minors for whom a guardian with a verified identity consents to premium."""
    if not people:
        return frozenset()
    found = db.execute(
        text(
            "select person_id from guardianship where person_id = any(:people)"
            " and state = 'living' and scope = 'premium' and verified_at is not null"
        ),
        {"people": list(people)},
    )
    return frozenset(found.scalars())


def _too_many(row: Row[Any], night: Night) -> tuple[Holding, ...]:
    """R13: a prefecture that counts without a place among three; the others stay nameless."""
    cap = Cap.of(night.policy)
    others = tuple(
        Holding(
            UUID(int=number),
            Body(f"other-{number}", BodyKind.MUNICIPALITY, f"nowhere-{number}"),
            HoldingState.ACTIVE,
            row.over_cap_since,
        )
        for number in range(1, cap.most + 1)
    )
    own = Holding(row.registration_id, night.body, HoldingState.ACTIVE, row.first_day)
    return (*others, own)


def lapsed_on(row: Row[Any]) -> date | None:
    """R12: since when the registrant's identity does not hold, for this term; None while it does."""
    return identity_lapsed_on(
        row.identity_lapsed_on, asked_on=row.identity_asked_on, checked_on=row.identity_checked_on
    )


# --- decide -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Step:
    """What happens to one term tonight.

    Attributes:
        kind: `booked`, `veto`, `review`, `missing`, `grace`, `lapsed`, `rolled` or `planned`.
        row: The term with its registration, as gathered.
        found: The decision behind it, where the rules were asked.
        due_on: The next night that looks at it.
        check: The check that was done, as days before the end.
        grace_until: The last day of grace where no decision says it.
    """

    kind: str
    row: Row[Any]
    found: Renewal | None = None
    due_on: date | None = None
    check: int | None = None
    grace_until: date | None = None

    @property
    def last_of_grace(self) -> date | None:
        """The last day of grace that this step gives."""
        if self.kind != "grace":
            return None
        return self.grace_until or (self.found.grace_until if self.found else None)


def decide(night: Night, row: Row[Any], applicant: Applicant, day: date) -> Renewal:
    """R14: what the rules say of one term on a day."""
    return decide_renewal(
        applicant,
        Period(row.first_day, row.last_day),
        night.policy,
        night.version(row.first_day),
        day,
        night.mode,
        body=night.body,
        release_mode=night.release_mode,
        extension_until=row.extended_until,
        carried=row.carried,
        over_cap_since=row.over_cap_since,
    )


def decide_anew(
    db: Session,
    *,
    lg_code: str,
    term_id: UUID,
    as_of: date,
    now: datetime,
    book: PolicyBook,
    evidence: Evidence,
) -> tuple[Renewal, tuple[Reason, ...]]:
    """C37: what the night would say of a term now, and what ends premium on any day.

    A decision that waited is taken on the facts of the day on which it takes effect: evidence
    may have been annulled since, a certificate lapsed.
    """
    row = db.execute(
        text(TERMS + " and t.id = :term_id"), {"lg_code": lg_code, "term_id": term_id}
    ).one()
    night = night_of(db, lg_code=lg_code, as_of=as_of, now=now, book=book)
    applicant = Applicants.gather(db, night, [row], evidence).of(row)
    found = decide(night, row, applicant, as_of)
    return found, standing_reasons(applicant, night.body, night.policy, as_of)
