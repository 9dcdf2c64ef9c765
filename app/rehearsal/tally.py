"""What came of a rehearsal, read from the platform's own records by the owner of the database."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from operator import attrgetter
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from app.local import LocalStack
from app.migrate import owner
from app.rehearsal.days import Played
from core.clock import JAPAN
from simulation.recount import Happened

#: Events of registrations, by what the simulation calls them.
EVENTS = {
    "registered": "registered",
    "application_granted": "granted",
    "application_refused": "refused",
    "dormancy_asked": "dormancy_notice",
    "released_dormant": "released",
    "kept": "kept",
    "restored": "restored",
    "renewal_booked": "renewed",
    "renewal_grace": "grace",
    "renewal_missing": "missing_notice",
}
#: Notices that the model sends too; the others are counted by their kind.
NOTICES = frozenset(
    {
        "registration_registered",
        "registration_restored",
        "premium_applied",
        "premium_waiting_guardian",
        "application_expired",
        "premium_granted",
        "premium_refused",
        "premium_ended",
        "premium_within_reach",
        "renewal_booked",
        "renewal_veto",
        "renewal_review",
        "renewal_missing",
        "renewal_grace",
        "dormancy_notice",
        "dormancy_released",
    }
)
#: How the codes begin of what a requirement still asks for.
MISSING = "not_enough_"
_MODES = {"review": "reviewed", "veto": "vetoable"}
_EVENTS = "select person_id, on_day, lg_code, kind, facts from registration_event order by at, id"
_APPLIED = "select person_id, applied_on, lg_code from application order by applied_at, id"
_CAME = """
select person_id, day, lg_code from participation
 where counted and annulled_at is null order by day, created_at, id
"""
_NOTICES = """
select person_id, created_at, lg_code, kind from notice where lg_code is not null order by created_at
"""
_HELD = """
select count(*) filter (where direct and tier = 'basic'),
       count(*) filter (where direct and tier = 'premium'), count(*) filter (where derived)
  from registration where status = 'active'
"""


@dataclass(frozen=True, slots=True)
class Records:
    """What the platform wrote down.

    Attributes:
        happened: In order of days, in the words of the simulation.
        held: Registrations at the end as the table has them: basic, premium, derived.
        other_notices: How many of each kind that the model does not send.
    """

    happened: list[Happened]
    held: Mapping[str, int]
    other_notices: Mapping[str, int]


def records(stack: LocalStack, played: Played) -> Records:
    """Everything that happened to the people of a rehearsal."""
    numbers = {
        UUID(player.someone.id): number
        for number, player in played.troupe.players.items()
        if player.someone.id
    }
    other: Counter[str] = Counter()
    with owner(stack.owner_url) as connection:
        found = [
            *_registrations(connection, numbers),
            *_presences(connection, numbers),
            *_told(connection, numbers, other),
        ]
        basic, premium, derived = connection.execute(text(_HELD)).one()
    answers = played.troupe
    found += [Happened(who, day, code, "opened") for who, day, code in answers.opened]
    found += [Happened(who, day, code, "moved") for who, day, code in answers.moved]
    return Records(
        happened=sorted(found, key=attrgetter("day")),
        held={"basic": basic, "premium": premium, "derived": derived},
        other_notices=dict(other),
    )


def _registrations(connection: Connection, numbers: Mapping[UUID, int]) -> Iterator[Happened]:
    for person, day, code, kind, facts in connection.execute(text(_EVENTS)):
        if person not in numbers:
            continue
        if kind in EVENTS:
            yield Happened(numbers[person], day, code, EVENTS[kind], _reasons(facts))
        if kind == "premium_ended":
            ended = "moved_in" if facts.get("reason") == "moved_in" else "lapsed"
            yield Happened(numbers[person], day, code, ended)
        if kind == "application_applied" and facts.get("mode") in _MODES:
            yield Happened(numbers[person], day, code, _MODES[facts["mode"]])
        if kind in {"renewal_veto", "renewal_review"}:
            yield Happened(numbers[person], day, code, _MODES[kind.removeprefix("renewal_")])


def _reasons(facts: Mapping[str, Any]) -> tuple[str, ...]:
    """Why an application was refused: whatever is missing of a requirement is one reason."""
    codes = facts.get("codes", ())
    named = ("requirement" if code.startswith(MISSING) else code for code in codes)
    return tuple(sorted(set(named)))


def _presences(connection: Connection, numbers: Mapping[UUID, int]) -> Iterator[Happened]:
    for kind, sql in (("applied", _APPLIED), ("checked_in", _CAME)):
        for person, day, code in connection.execute(text(sql)):
            if person in numbers:
                yield Happened(numbers[person], day, code, kind)


def _told(
    connection: Connection, numbers: Mapping[UUID, int], other: Counter[str]
) -> Iterator[Happened]:
    for person, at, code, kind in connection.execute(text(_NOTICES)):
        day: date = at.astimezone(JAPAN).date()
        if person in numbers and kind in NOTICES:
            yield Happened(numbers[person], day, code, "told")
        else:
            other[kind] += 1
