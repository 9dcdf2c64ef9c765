"""The tables of a run, counted once more from what happened to whom.

The engine counts while it lives; whatever else plays a scenario writes down what happened, and
gets tables of the same form from here. `support_yen`, `wanted_participations` and `turned_away`
are the model's own and stay empty.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from operator import attrgetter

import numpy as np

from simulation import measures as ms
from simulation.fast import Ints
from simulation.judge import REASONS
from simulation.parts import Counts, shapes_of
from simulation.tables import COUNTS
from simulation.world import Place, Setting

MONTHS = 12
_YEAR_DAYS = 365
#: One more of these at a body in a month for each event of the same kind.
PLAIN = {
    "registered": ms.REGISTRATIONS,
    "opened": ms.ACCESSES,
    "checked_in": ms.CHECK_INS,
    "applied": ms.APPLICATIONS,
    "refused": ms.REFUSALS,
    "granted": ms.GRANTS,
    "renewed": ms.RENEWALS,
    "missing_notice": ms.MISSING_NOTICES,
    "grace": ms.GRACES,
    "lapsed": ms.LAPSES,
    "moved_in": ms.MOVED_IN,
    "dormancy_notice": ms.DORMANCY_NOTICES,
    "kept": ms.KEEPS,
    "released": ms.RELEASES,
    "restored": ms.RESTORES,
    "told": ms.NOTICES,
    "reviewed": ms.REVIEWS,
    "vetoable": ms.VETO_LOOKS,
}
#: Kinds of events that are told to the person in a notice of the model's.
TOLD = frozenset(
    {
        "registered", "refused", "granted", "renewed", "missing_notice", "grace", "lapsed",
        "moved_in", "dormancy_notice", "released", "restored",
    }
)  # fmt: skip
_TAKEN, _THREE, _APPLIED, _PREMIUM, _RENEWED, _TWICE = (1 << step for step in range(1, 7))
_STEPS = {"checked_in": _TAKEN, "applied": _APPLIED, "granted": _PREMIUM}


@dataclass(frozen=True, slots=True)
class Happened:
    """Something that happened to somebody's registration; `reasons` are those of a refusal."""

    person: int
    day: date
    lg_code: str
    kind: str
    reasons: tuple[str, ...] = ()


@dataclass(slots=True)
class _Tables:
    setting: Setting
    counts: Counts
    types: dict[str, int]
    places: dict[str, int]
    #: Views of the counts, by name, and each prefecture's own place.
    by_name: dict[str, Ints]
    prefectures: dict[int, Place]

    @classmethod
    def of(cls, setting: Setting) -> "_Tables":
        shapes = shapes_of(setting)
        total = sum(int(np.prod(shape)) for shape in shapes)
        counts = Counts(shapes, np.zeros(total, dtype=np.int64))
        return cls(
            setting=setting,
            counts=counts,
            by_name={name: counts.table(name) for name in COUNTS},
            prefectures={p.prefecture: p for p in setting.places if p.size == "prefecture"},
            types={name: at for at, name in enumerate(setting.types)},
            places={place.code: at for at, place in enumerate(setting.places)},
        )

    def place(self, code: str) -> Place:
        return self.setting.places[self.places[code]]

    def month(self, day: date) -> int:
        return int(np.searchsorted(self.setting.month_first, day.toordinal(), "right")) - 1

    def add(self, day: date, code: str, metric: int, amount: int = 1) -> None:
        place = self.place(code)
        self.by_name["series"][self.month(day), self.types.get(place.type, 0), metric] += amount
        self.by_name["bodies"][self.places[code], metric] += amount

    def at_prefecture(self, day: date, code: str, column: int, amount: int = 1) -> None:
        year = self.month(day) // MONTHS
        self.by_name["prefectures"][year, self.place(code).prefecture, column] += amount

    def at_home(self, day: date, home: str, amount: int) -> None:
        year = self.month(day) // MONTHS
        self.by_name["prefectures"][year, self.place(home).prefecture, ms.PREF_HOMES] += amount

    def at_day(self, day: date, column: int) -> None:
        first = self.setting.scenario.start
        self.by_name["days"][(day - first).days, column] += 1


@dataclass(slots=True)
class _Registration:
    begun: int
    tier: str = "basic"
    held: bool = True
    #: From which day on it was held or not.
    changes: list[tuple[date, bool]] = field(default_factory=list)


@dataclass(slots=True)
class _Person:
    """One person's home and places, and how far they came."""

    home: str
    held: dict[str, _Registration] = field(default_factory=dict)
    reached: int = 0
    renewals: dict[str, int] = field(default_factory=dict)
    taken: dict[str, list[date]] = field(default_factory=dict)


def recount(
    setting: Setting,
    happened: Iterable[Happened],
    *,
    homes: Mapping[int, str],
    paper: frozenset[int],
    ties: Mapping[int, int],
) -> Counts:
    """Tables from events in order of day.

    Args:
        setting: The run.
        happened: What happened, in order within each person.
        homes: Where people live, by person.
        paper: People without a phone.
        ties: The tie of each person's first registration.
    """
    tables = _Tables.of(setting)
    rows = sorted(happened, key=attrgetter("person"))
    for who, mine in groupby(rows, key=attrgetter("person")):
        person = _Person(homes[who])
        for one in mine:
            if one.kind == "moved":
                _move(tables, person, one)
                continue
            _plain(tables, one, paper)
            _stocks(tables, person, one)
            _steps(person, one)
        _cohorts(tables, person)
        _funnel(tables, person, ties[who])
    return tables.counts


def _plain(tables: _Tables, one: Happened, paper: frozenset[int]) -> None:
    """What needs no memory."""
    tables.add(one.day, one.lg_code, PLAIN[one.kind])
    if one.kind == "registered":
        tables.at_day(one.day, ms.DAY_REGISTRATIONS)
        tables.at_prefecture(one.day, one.lg_code, ms.PREF_REGISTRATIONS)
    if one.kind == "checked_in":
        tables.at_day(one.day, ms.DAY_CHECK_INS)
        tables.at_prefecture(one.day, one.lg_code, ms.PREF_CHECK_INS)
        tables.add(one.day, one.lg_code, ms.ACCESSES)
        if one.person in paper:
            tables.add(one.day, one.lg_code, ms.PAPER_CHECK_INS)
    if one.kind == "told":
        tables.at_day(one.day, ms.DAY_NOTICES)
    for reason in one.reasons:
        if reason in REASONS:
            tables.by_name["refusals"][REASONS[reason].bit_length() - 1] += 1


def _stocks(tables: _Tables, person: _Person, one: Happened) -> None:
    """R02, R14: who is registered how; a prefecture's derived row follows its municipalities."""
    mine = person.held.get(one.lg_code)
    if one.kind == "registered" and mine is None:
        mine = person.held[one.lg_code] = _Registration(begun=tables.month(one.day), held=False)
    if mine is None:
        return
    if one.kind in {"registered", "restored"} and not mine.held:
        _begin_or_end(tables, person, one, 1)
        mine.held = True
        mine.changes.append((one.day, True))
    if one.kind == "released" and mine.held:
        mine.held = False
        mine.changes.append((one.day, False))
        _begin_or_end(tables, person, one, -1)
    if one.kind == "granted" and mine.tier == "basic":
        mine.tier = "premium"
        _premium(tables, one, 1)
    if one.kind in {"lapsed", "moved_in"} and mine.tier == "premium":
        mine.tier = "basic"
        _premium(tables, one, -1)


def _begin_or_end(tables: _Tables, person: _Person, one: Happened, sign: int) -> None:
    place = tables.place(one.lg_code)
    tables.add(one.day, one.lg_code, ms.BASIC, sign)
    tables.at_prefecture(one.day, one.lg_code, ms.PREF_BASIC, sign)
    tables.at_home(one.day, person.home, sign)
    if not _lives_in(tables, person.home, one.lg_code):
        tables.add(one.day, one.lg_code, ms.RELATED, sign)
    own = tables.prefectures[place.prefecture]
    others = any(
        held.held and code != one.lg_code and _inside(tables.place(code), place.prefecture)
        for code, held in person.held.items()
    )
    if place.size != "prefecture" and own.opens is not None and not others:
        tables.add(one.day, own.code, ms.DERIVED, sign)


def _lives_in(tables: _Tables, home: str, code: str) -> bool:
    """R16: a resident at the body's own level."""
    place = tables.place(code)
    if place.size == "prefecture":
        return tables.place(home).prefecture == place.prefecture
    return home == code


def _move(tables: _Tables, person: _Person, one: Happened) -> None:
    """R16: who moves is a resident there, and no longer where they lived."""
    many = sum(1 for held in person.held.values() if held.held)
    tables.at_home(one.day, person.home, -many)
    tables.at_home(one.day, one.lg_code, many)
    for sign, home in ((1, person.home), (-1, one.lg_code)):
        for code, held in person.held.items():
            if held.held and _lives_in(tables, home, code):
                tables.add(one.day, code, ms.RELATED, sign)
    person.home = one.lg_code


def _inside(place: Place, prefecture: int) -> bool:
    return place.size != "prefecture" and place.prefecture == prefecture


def _premium(tables: _Tables, one: Happened, sign: int) -> None:
    tables.add(one.day, one.lg_code, ms.PREMIUM, sign)
    tables.add(one.day, one.lg_code, ms.BASIC, -sign)
    tables.at_prefecture(one.day, one.lg_code, ms.PREF_PREMIUM, sign)
    tables.at_prefecture(one.day, one.lg_code, ms.PREF_BASIC, -sign)


def _steps(person: _Person, one: Happened) -> None:
    """How far somebody came."""
    if one.kind == "registered":
        person.reached |= 1
    person.reached |= _STEPS.get(one.kind, 0)
    if one.kind == "checked_in":
        days = person.taken.setdefault(one.lg_code, [])
        days.append(one.day)
        if len(days) > 2 and (one.day - days[-3]).days < _YEAR_DAYS:  # noqa: PLR2004 - three
            person.reached |= _THREE
    if one.kind == "renewed":
        times = person.renewals[one.lg_code] = person.renewals.get(one.lg_code, 0) + 1
        person.reached |= _RENEWED if times == 1 else _TWICE


def _cohorts(tables: _Tables, person: _Person) -> None:
    """How many registrations of a year are still held so many years later."""
    table, firsts = tables.by_name["cohorts"], tables.setting.month_first
    for mine in person.held.values():
        table[mine.begun // MONTHS, 0] += 1
        for month in range(mine.begun + MONTHS, tables.setting.months, MONTHS):
            end = int(firsts[month + 1]) - 1
            until = [held for day, held in mine.changes if day.toordinal() <= end]
            if until and until[-1]:
                table[mine.begun // MONTHS, (month - mine.begun) // MONTHS] += 1


def _funnel(tables: _Tables, person: _Person, tie: int) -> None:
    for step in range(ms.N_FUNNEL):
        if not person.reached & (1 << step):
            break
        tables.by_name["funnel"][step] += 1
        tables.by_name["ties"][tie, step] += 1


def happened_in(setting: Setting, events: Ints, acts_opened: Iterable[Happened]) -> list[Happened]:
    """The model's own events in this form, with the notices and looks that go with them."""
    found = list(acts_opened)
    for person, day, body, kind in events:
        name = ms.EVENTS[kind]
        if name not in PLAIN:
            continue
        one = Happened(int(person), date.fromordinal(int(day)), setting.places[body].code, name)
        found.append(one)
        if name in TOLD:
            found.append(Happened(one.person, one.day, one.lg_code, "told"))
    return sorted(found, key=attrgetter("day"))
