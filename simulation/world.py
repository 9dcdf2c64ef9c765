"""The world of a run as tables: bodies, calendar, distances, where people live and are drawn to."""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

import jpholiday
import numpy as np

from registry.loading import local_governments
from registry.rules.calendars import add_months
from registry.rules.policy import PolicyBook
from simulation.days import NONE
from simulation.fast import Floats, Ints
from simulation.rulebook import Rulebook, changed, compile_book, with_own
from simulation.scenario import TIES, BodyType, Days, Scenario, ScenarioError
from simulation.state import HABITS, TIE_NUMBERS, TYPE_NUMBERS
from simulation.tables import World, world_of

PREFECTURES = 47
_EARTH_KM = 6371.0
_WEEK_END = 5
_AUGUST, _OBON = 8, range(13, 17)
_NEW_YEAR = {(12, 30), (12, 31), (1, 1), (1, 2), (1, 3)}
#: How much a body draws by its size; small places are what people feel for.
SIZES = ("prefecture", "city", "ward", "town", "village")
_HOMES = {"prefecture": 0.0, "city": 8.0, "ward": 20.0, "town": 1.2, "village": 0.4}
_DRAWS = {
    "origin": {"city": 1.4, "ward": 0.4, "town": 1.0, "village": 0.6},
    "fan": {"city": 1.3, "ward": 0.2, "town": 1.0, "village": 0.9},
    "volunteer": {"city": 1.0, "ward": 0.1, "town": 1.1, "village": 1.2},
    "donor": {"city": 1.2, "ward": 0.1, "town": 1.2, "village": 0.8},
    "family": {"city": 1.5, "ward": 0.6, "town": 0.9, "village": 0.6},
    "two_region": {"city": 0.9, "ward": 0.1, "town": 1.2, "village": 1.2},
}
#: People leave the big cities for the country, not the other way round.
_CROWDED = 0.6


@dataclass(frozen=True, slots=True)
class Place:
    """A body of the run."""

    code: str
    name: str
    prefecture: int
    size: str
    type: str
    opens: date | None


@dataclass(frozen=True, slots=True)
class Setting:
    """A scenario made ready to run: tables, bodies, names."""

    scenario: Scenario
    changes: Mapping[str, Any]
    months: int
    world: World
    rulebook: Rulebook
    places: tuple[Place, ...]
    types: tuple[str, ...]

    @property
    def month_first(self) -> Ints:
        """The first day of each month as a number, and of the month after the last."""
        at = self.world.at[0]
        return self.world.ints[at[0] : at[0] + at[3]]

    def with_world(self, world: World) -> "Setting":
        """The same setting with other tables."""
        return replace(self, world=world)


def size_of(kind: str, name: str) -> str:
    """A body's size, as its name says it: no list of populations is part of the package."""
    if kind == "prefecture":
        return "prefecture"
    return {"市": "city", "区": "ward", "町": "town", "村": "village"}[name[-1]]


@cache
def prefectures() -> tuple[Mapping[str, str], ...]:
    """The 47 prefectures with population and coordinates, by code."""
    path = files("simulation").joinpath("data/prefectures.csv")
    with path.open(encoding="utf-8") as lines:
        return tuple(csv.DictReader(lines))


def distances() -> Floats:
    """Kilometres between the offices of the prefectures; within one, a short drive."""
    at = np.radians([[float(p["latitude"]), float(p["longitude"])] for p in prefectures()])
    half = np.sin((at[:, None, :] - at[None, :, :]) / 2) ** 2
    cosines = np.cos(at[:, 0])
    chord = half[..., 0] + cosines[:, None] * cosines[None, :] * half[..., 1]
    km = 2 * _EARTH_KM * np.arcsin(np.sqrt(chord))
    np.fill_diagonal(km, 40.0)
    return np.asarray(km, dtype=np.float64)


def day_weight(days: Days, day: date) -> float:
    """How much a day draws people to activities."""
    if day.month == _AUGUST and day.day in _OBON:
        return days.obon.value
    if (day.month, day.day) in _NEW_YEAR:
        return days.new_year.value
    if jpholiday.is_holiday(day):
        return days.holiday.value
    return days.weekend.value if day.weekday() >= _WEEK_END else days.weekday.value


def month_starts(first: date, months: int) -> list[date]:
    """The first day of each month, and of the month after the last."""
    return [add_months(first, number) for number in range(months + 1)]


def prepare(
    scenario: Scenario,
    book: PolicyBook,
    *,
    months: int | None = None,
    changes: Mapping[str, Any] | None = None,
    since: date | None = None,
) -> Setting:
    """Everything a run needs but people and seed.

    Args:
        scenario: Who and where.
        book: The policy book; the scenario's own values and the changes are laid over it.
        months: How long, if not as long as the scenario says.
        changes: Settings that are tried, by name.
        since: The day from which they hold, if not the first.

    Raises:
        ScenarioError: A body or type is not known.
        PolicyError: A setting is not known, or not as the model needs it.
    """
    length = months or scenario.months
    starts = month_starts(scenario.start, length)
    types = tuple(scenario.types)
    tried = tried_book(scenario, book, changes or {}, since)
    rulebook = compile_book(tried, types, scenario.start, starts[-1] - timedelta(days=1))
    places = _places(scenario)
    world = world_of(
        dict(
            month_first=np.array([day.toordinal() for day in starts], dtype=np.int64),
            season=np.array([scenario.season.value[day.month - 1] for day in starts[:-1]]),
            day_share=_day_shares(scenario.days, starts),
            **_bodies(scenario, places),
            **_drawn(scenario, places),
            **_persons(scenario),
            starts=rulebook.starts,
            numbers=rulebook.numbers,
            notice_days=rulebook.notice_days,
            wanted_since=rulebook.wanted_since,
            wanted=rulebook.wanted,
            asked=rulebook.asked,
            word=np.zeros((len(types), length)),
            admitted=np.ones((len(types), length)),
        )
    )
    return Setting(scenario, changes or {}, length, world, rulebook, places, types)


def tried_book(
    scenario: Scenario, book: PolicyBook, changes: Mapping[str, Any], since: date | None = None
) -> PolicyBook:
    """The law of a run: the nation's, the scenario's, each type's own, and what is tried.

    Raises PolicyError for a setting that is not known or not allowed.
    """
    # It holds from before the first day, or a window would reach behind it.
    national = changed(book, scenario.policy, scenario.start)
    own = {name: type_.policy for name, type_ in scenario.types.items()}
    tried = changed(with_own(national, own, scenario.start), changes, since or scenario.start)
    return _over_own(tried, changes)


def _over_own(book: PolicyBook, changes: Mapping[str, Any]) -> PolicyBook:
    """What is tried holds for every body: its own value of the same setting rests."""
    names = {"premium.rule" if key == "premium.required" else key for key in changes}
    names = {"decision.mode" if key == "decision.all" else key for key in names}
    kept = {at: steps for at, steps in book.body_values.items() if at[1] not in names}
    return PolicyBook(book.parameters, kept)


def _places(scenario: Scenario) -> tuple[Place, ...]:
    rows = sorted(local_governments(), key=lambda row: (row["prefecture_code"], row["code"]))
    known = {row["code"] for row in rows}
    chosen: dict[str, str] = {}
    for name, type_ in scenario.types.items():
        if missing := set(type_.codes) - known:
            raise ScenarioError(f"types.{name}: no body has the code {', '.join(sorted(missing))}.")
        for row in rows:
            if row["code"] not in chosen and _is_of(type_, row, scenario, name):
                chosen[row["code"]] = name
    index = {row["code"]: number for number, row in enumerate(prefectures())}
    return tuple(
        Place(
            code=row["code"],
            name=row["name"],
            prefecture=index[row["prefecture_code"]],
            size=size_of(row["kind"], row["name"]),
            type=chosen.get(row["code"], ""),
            opens=_opens(scenario, chosen.get(row["code"], "")),
        )
        for row in rows
    )


def _opens(scenario: Scenario, type_: str) -> date | None:
    if not type_:
        return None
    return add_months(scenario.start, int(scenario.types[type_].opens_month.value))


def _is_of(type_: BodyType, row: Mapping[str, str], scenario: Scenario, name: str) -> bool:
    prefecture = row["kind"] == "prefecture"
    if type_.codes:
        return row["code"] in type_.codes
    if type_.prefecture:
        return not prefecture and row["prefecture_code"] == type_.prefecture
    if type_.prefectures:
        return prefecture
    if prefecture:
        return False
    # Shares of the municipalities, by a fixed draw from the code.
    drawn = (int(row["code"]) * 7919 + 104_729) % 10_007 / 10_007
    start = 0.0
    for other, given in scenario.types.items():
        share = given.share.value if given.share else 0.0
        if other == name:
            return start <= drawn < start + share
        start += share
    return False


def _bodies(scenario: Scenario, places: Sequence[Place]) -> dict[str, Ints | Floats]:
    numbers = np.zeros((len(scenario.types), TYPE_NUMBERS))
    for at, type_ in enumerate(scenario.types.values()):
        ramp = type_.ramp_months.value * 30.4
        numbers[at] = [type_.travel_yen.value, type_.premium_yen.value, ramp, type_.calendar.value]
    first, last = np.full(len(places), NONE), np.full(len(places), NONE)
    for disaster in scenario.disasters:
        for at, place in enumerate(places):
            if place.type and (place.code in disaster.codes or place.type == disaster.type):
                first[at], last[at] = disaster.first.toordinal(), disaster.last.toordinal()
    index = {name: number for number, name in enumerate(scenario.types)}
    begins = [at for at, place in enumerate(places) if place.size == "prefecture"]
    return {
        "body_type": np.array([index.get(place.type, 0) for place in places], dtype=np.int64),
        "body_prefecture": np.array([place.prefecture for place in places], dtype=np.int64),
        "body_is_prefecture": np.array(
            [int(place.size == "prefecture") for place in places], dtype=np.int64
        ),
        "body_opens": np.array(
            [NONE if p.opens is None else p.opens.toordinal() for p in places], dtype=np.int64
        ),
        "disaster_from": first.astype(np.int64),
        "disaster_until": last.astype(np.int64),
        "prefecture_at": np.array([*begins, len(places)], dtype=np.int64),
        "type_number": numbers,
    }


def _drawn(scenario: Scenario, places: Sequence[Place]) -> dict[str, Floats]:
    km = distances()
    people = np.array([float(p["population"]) for p in prefectures()])
    inside = np.array([place.prefecture for place in places])
    towns = np.zeros((len(TIES) + 1, len(places)))
    shares = np.zeros((len(TIES), PREFECTURES, PREFECTURES))
    for at, tie in enumerate(TIES):
        weight = np.array([_draw_of(scenario, place, tie) for place in places])
        mass = np.bincount(inside, weight, PREFECTURES)
        towns[at] = _running(weight, inside)
        near = np.exp(-km / max(1.0, scenario.ties[tie].km.value))
        # Somebody from a crowded place is drawn away from it, hardly within it.
        pull = near * (mass / (people / people.mean()) ** _CROWDED)[None, :]
        total = pull.sum(axis=1, keepdims=True)
        shares[at] = np.cumsum(pull / np.where(total > 0, total, 1), axis=1)
        shares[at][:, -1] = np.where(mass[-1] > 0, 1.0, shares[at][:, -1])
    towns[-1] = _running(np.array([_HOMES[place.size] for place in places]), inside)
    return {"town_share": towns, "place_share": shares, "km": km}


def _draw_of(scenario: Scenario, place: Place, tie: str) -> float:
    if not place.type:
        return 0.0
    # Some towns are better known than others, whatever their type.
    known = (int(place.code) * 2_654_435_761 % 2**32) / 2**32
    fame = math.exp(1.6 * known - 0.8)
    return scenario.types[place.type].attraction.value * _DRAWS[tie].get(place.size, 1.0) * fame


def _running(weight: Floats, inside: Ints) -> Floats:
    """Running shares within each prefecture."""
    out = np.zeros(len(weight))
    for prefecture in range(PREFECTURES):
        mine = inside == prefecture
        total = weight[mine].sum()
        out[mine] = np.cumsum(weight[mine]) / (total if total > 0 else 1)
    return out


def _homes(scenario: Scenario) -> list[float]:
    """How many live in each prefecture: as the census says, or as the scenario does."""
    if scenario.homes is None:
        return [float(p["population"]) for p in prefectures()]
    given = scenario.homes.value
    if unknown := given.keys() - {p["code"] for p in prefectures()}:
        raise ScenarioError(f"homes: no prefecture has the code {', '.join(sorted(unknown))}.")
    if not sum(given.values()):
        raise ScenarioError("homes: somebody has to live somewhere.")
    return [given.get(p["code"], 0.0) for p in prefectures()]


def _persons(scenario: Scenario) -> dict[str, Ints | Floats]:
    ties = np.zeros((len(TIES), TIE_NUMBERS))
    for at, tie in enumerate(scenario.ties.values()):
        ties[at] = [
            tie.visits.value,
            tie.access.value,
            tie.loss.value,
            tie.premium.value,
            tie.km.value,
        ]
    shares = [tie.share.value for tie in scenario.ties.values()]
    habits = [getattr(scenario.habits, name).value for name in type(scenario.habits).model_fields]
    if len(habits) != HABITS:
        raise ScenarioError("The engine and the scenario disagree about habits.")
    return {
        "home_share": _shares(_homes(scenario)),
        "age_share": _shares(scenario.ages.share.value),
        "age_from": np.array(scenario.ages.from_, dtype=np.int64),
        "phone": np.array(scenario.ages.phone.value),
        "card": np.array(scenario.ages.card.value),
        "wishes": _shares(scenario.wishes.value),
        "tie": ties,
        "tie_share": _shares(shares),
        "habit": np.array(habits),
    }


def _shares(weights: Sequence[float] | Floats) -> Floats:
    given = np.asarray(weights, dtype=np.float64)
    return np.asarray(np.cumsum(given) / given.sum(), dtype=np.float64)


def _day_shares(days: Days, starts: Sequence[date]) -> Floats:
    out = np.ones((len(starts) - 1, 31))
    for at, first in enumerate(starts[:-1]):
        length = (starts[at + 1] - first).days
        weights = [day_weight(days, first + timedelta(days=day)) for day in range(length)]
        out[at, :length] = _shares(weights)
    return out
