"""Short ways to make the facts of the rules: real bodies by name, people, presences."""

import csv
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from functools import cache
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from registry.policybook import load_policy
from registry.rules.calendars import JST
from registry.rules.facts import (
    Applicant,
    Body,
    BodyKind,
    Holding,
    HoldingState,
    IdentityLevel,
    Participation,
    Residence,
)
from registry.rules.policy import Dated, Policy, PolicyBook, Source, Step
from registry.rules.versions import RequirementVersion, versions_from

ROOT = Path(__file__).parents[2]
FIRST_DAY = date(2025, 4, 1)
DAY = date(2027, 10, 1)


def ident(name: str) -> UUID:
    """The same id for the same name, so that cases can be read and repeated."""
    return uuid5(NAMESPACE_URL, name)


@cache
def bodies() -> Mapping[str, Body]:
    path = ROOT / "registry" / "data" / "local_governments.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return {
            row["name"]: Body(row["code"], BodyKind(row["kind"]), row["prefecture_code"])
            for row in csv.DictReader(file)
        }


def body(name: str) -> Body:
    return bodies()[name]


@cache
def name_of(code: str) -> str:
    return next(name for name, found in bodies().items() if found.code == code)


@cache
def national_book() -> PolicyBook:
    return load_policy()


def book(settings: Mapping[str, Any] | None = None) -> PolicyBook:
    source = Source("case", "", confirmed=False)
    return national_book().reformed(
        {key: Dated((Step(FIRST_DAY, value, source),)) for key, value in (settings or {}).items()}
    )


def policy(
    day: date = DAY, lg_code: str | None = None, settings: Mapping[str, Any] | None = None
) -> Policy:
    return book(settings).snapshot(day, lg_code)


def versions(
    lg_code: str = "", settings: Mapping[str, Any] | None = None
) -> tuple[RequirementVersion, ...]:
    return versions_from(book(settings).history("premium.rule", lg_code or None))


def presence(
    day: date,
    at: str = "飛騨市",
    *,
    activity: str = "稲刈り",
    **more: Any,
) -> Participation:
    """One presence; two of one activity and day need an `id` of their own."""
    values: dict[str, Any] = {
        "id": ident(f"{at}{activity}{day}"),
        "lg_code": body(at).code,
        "activity_id": ident(activity),
        "day": day,
        "designated": True,
        "counted": True,
        "minutes": 180,
        "category": "agriculture",
    }
    return Participation(**{**values, **more})


def held(
    name: str,
    since: date = FIRST_DAY,
    state: HoldingState = HoldingState.ACTIVE,
    **more: Any,
) -> Holding:
    return Holding(ident(name), body(name), state, since, **more)


def living_in(name: str | None, *, verified: bool = True) -> Residence | None:
    if name is None:
        return None
    if name == "abroad":
        return Residence(None, None, verified=verified, abroad=True)
    found = body(name)
    municipality = None if found.is_prefecture else found.code
    return Residence(municipality, found.prefecture_code, verified=verified)


def applicant(
    participations: Iterable[Participation] = (),
    holdings: Iterable[Holding] = (),
    **more: Any,
) -> Applicant:
    """An adult from 新宿区 with a verified identity, unless said otherwise."""
    values: dict[str, Any] = {
        "person_id": ident("person"),
        "birth_date": date(1985, 5, 5),
        "residence": living_in("新宿区"),
        "identity_level": IdentityLevel.MNC_SIGN,
        "identity_valid": True,
    }
    return Applicant(
        **{**values, **more}, participations=tuple(participations), holdings=tuple(holdings)
    )


def japan(text: str) -> datetime:
    """An instant from Japanese wall-clock time such as "2027-10-01 09:00"."""
    return datetime.fromisoformat(text).replace(tzinfo=JST)


def noon(day: date) -> datetime:
    return datetime.combine(day, time(12), tzinfo=JST)
