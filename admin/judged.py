"""A stored judgement as a person reads it: facts, presence, requirement and numbers (R15)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from activities.models import Activity
from registry import judging, queries
from registry.judging import ReplayReport
from registry.models import Judgement, Registration
from registry.rules.parameters import Parameter
from registry.rules.policy import PolicyBook
from registry.rules.requirement import describe_en, describe_ja, parse


@dataclass(frozen=True, slots=True)
class Number:
    """One number of the decision: what it is, its value, since when, and where it comes from."""

    key: str
    parameter: Parameter | None
    value: Any
    since: date
    source: str
    confirmed: bool


@dataclass(frozen=True, slots=True)
class Requirement:
    """One requirement that could be chosen, in plain words."""

    since: date
    words: str


@dataclass(frozen=True, slots=True)
class Shown:
    """One presence that was looked at."""

    day: date
    title: str
    minutes: int
    counted: bool


@dataclass(frozen=True, slots=True)
class Explained:
    """A judgement beside everything it was made from."""

    row: Judgement
    registration: Registration
    report: ReplayReport
    reasons: Sequence[Mapping[str, Any]]
    applicant: Mapping[str, Any]
    residence: str
    requirements: Sequence[Requirement]
    presences: Sequence[Shown]
    numbers: Sequence[Number]
    reversible: bool


def explained(
    db: Session, judgement_id: UUID, *, book: PolicyBook, today: date, english: bool
) -> Explained:
    """R15: why it was decided so, and whether the rules say the same when asked again.

    Args:
        db: A transaction of the local government.
        judgement_id: Which.
        book: The national numbers, for their names.
        today: The Japanese day, for whether it can still be reversed.
        english: The language of the requirement's sentence.

    Raises:
        NotFound: There is none here.
    """
    row = judging.judgement(db, judgement_id)
    report = judging.replay_report(db, judgement_id)
    names = judging.names_in(db, report.stored.reasons)
    facts = row.inputs
    applicant: Mapping[str, Any] = facts["applicant"]
    last = row.reversible_until
    return Explained(
        row=row,
        registration=db.get_one(Registration, (row.lg_code, row.registration_id)),
        report=report,
        reasons=[
            reason.to_json() | {"names": [names.get(name, name) for name in reason.names]}
            for reason in report.stored.reasons
        ],
        applicant=applicant,
        residence=_residence(db, applicant.get("residence")),
        requirements=_requirements(facts, english=english),
        presences=_presences(db, row.lg_code, applicant.get("participations") or ()),
        numbers=_numbers(row.policy, book),
        reversible=row.kind == "renewal" and last is not None and today <= last,
    )


def _residence(db: Session, given: Mapping[str, Any] | None) -> str:
    if given is None:
        return ""
    town, prefecture = given.get("municipality_code"), given.get("prefecture_code")
    found = queries.governments(db, {code for code in (town, prefecture) if code})
    return "".join(found[code].name for code in (prefecture, town) if code and code in found)


def _requirements(facts: Mapping[str, Any], *, english: bool) -> list[Requirement]:
    given = facts.get("versions") or [facts[name] for name in ("requirement",) if name in facts]
    describe = describe_en if english else describe_ja
    return [
        Requirement(date.fromisoformat(one["since"]), describe(parse(one["rule"]))) for one in given
    ]


def _presences(db: Session, lg_code: str, given: Sequence[Mapping[str, Any]]) -> list[Shown]:
    ids = {UUID(one["activity_id"]) for one in given}
    titles = {
        row.id: row.title
        for row in db.scalars(
            select(Activity).where(Activity.lg_code == lg_code, Activity.id.in_(ids))
        )
    }
    return [
        Shown(
            date.fromisoformat(one["day"]),
            titles.get(UUID(one["activity_id"]), ""),
            one["minutes"],
            one["counted"] and one["designated"] and not one.get("annulled", False),
        )
        for one in sorted(given, key=lambda one: str(one["day"]))
    ]


def _numbers(policy: Mapping[str, Any], book: PolicyBook) -> list[Number]:
    found = []
    for key, step in sorted(policy["values"].items()):
        source = step["source"]
        found.append(
            Number(
                key=key,
                parameter=book.parameters.get(key),
                value=step["value"],
                since=date.fromisoformat(step["since"]),
                source=" ".join(part for part in (source["document"], source["clause"]) if part),
                confirmed=bool(source["confirmed"]),
            )
        )
    return found
