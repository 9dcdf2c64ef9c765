"""A scenario: who the people and the bodies are, as YAML that is checked when it is read.

Every figure says where it comes from (`source`) or why it is assumed (`assumption`); a name
nobody knows is refused. `people.yaml` holds what all scenarios share; a scenario may replace any
part of it, and may be written as the differences from a ready one (`like: pioneer`).
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

SCENARIO_DIR = Path(__file__).parent / "scenarios"
PEOPLE = "people.yaml"
READY = ("pioneer", "late", "wide")
TIES = ("origin", "fan", "volunteer", "donor", "family", "two_region")
_MONTHS_MOST = 600
_DISASTER_DAYS = 365
_NEARLY = 1e-6


class ScenarioError(ValueError):
    """A scenario cannot be used; the sentence says where and why."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Sourced(_Strict):
    source: str = ""
    assumption: str = ""

    @model_validator(mode="after")
    def _one_reason(self) -> Self:
        if bool(self.source) == bool(self.assumption):
            raise ValueError("a figure needs either its source or the reason why it is assumed")
        return self


class Figure(_Sourced):
    """One number, at least 0."""

    value: Annotated[float, Field(ge=0)]


class Share(_Sourced):
    """One number from 0 to 1."""

    value: Annotated[float, Field(ge=0, le=1)]


class Figures(_Sourced):
    """Some numbers in a row."""

    value: list[Annotated[float, Field(ge=0)]]


class Homes(_Sourced):
    """Where people live, by the code of a prefecture; of any sum."""

    value: Annotated[dict[str, Annotated[float, Field(ge=0)]], Field(min_length=1)]


class Title(_Strict):
    ja: str
    en: str


class Ages(_Strict):
    from_: list[int] = Field(alias="from", min_length=2)
    share: Figures
    phone: Figures
    card: Figures

    @model_validator(mode="after")
    def _as_long(self) -> Self:
        for row in (self.share, self.phone, self.card):
            if len(row.value) != len(self.from_) - 1:
                raise ValueError("each band of ages needs one number, and the last age ends it")
        return self


class Tie(_Strict):
    share: Share
    km: Figure
    visits: Figure
    access: Share
    loss: Share
    premium: Figure


class Days(_Strict):
    weekday: Figure
    weekend: Figure
    holiday: Figure
    obon: Figure
    new_year: Figure


class Habits(_Strict):
    """In the order of the engine's columns."""

    start: Share
    word: Figure
    more: Share
    own_town: Share
    apply: Share
    mistaken: Share
    consent: Share
    keep: Share
    restore: Share
    keener: Figure
    second_day: Share
    far: Figure
    move: Share
    spread: Figure
    review_days: Figure
    staff_refuse: Share
    quiet: Share
    travel_effect: Figure


class Staff(_Strict):
    """Minutes of staff for one of each."""

    registration: Figure
    review: Figure
    veto: Figure
    refusal: Figure
    check_in: Figure
    paper_check_in: Figure
    notice: Figure
    session: Figure


class BodyType(_Strict):
    """Which bodies, and what they offer. One of codes, prefecture, prefectures, share says which."""

    title: Title
    codes: list[str] = []
    prefecture: str = ""
    prefectures: bool = False
    share: Share | None = None
    opens_month: Figure
    attraction: Figure
    hosts: Figure
    sessions: Figure
    seats: Figure
    ramp_months: Figure
    calendar: Figure
    travel_yen: Figure
    premium_yen: Figure
    policy: dict[str, Any] = {}

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = (self.codes, self.prefecture, self.prefectures, self.share)
        if sum(1 for way in ways if way) != 1:
            raise ValueError("name the bodies in one way: codes, prefecture, prefectures or share")
        return self


class Disaster(_Strict):
    """R14: a town's clocks of renewal and dormancy stand still from one day to another."""

    codes: list[str] = []
    type: str = ""
    first: date
    last: date

    @model_validator(mode="after")
    def _length(self) -> Self:
        if not timedelta() <= self.last - self.first < timedelta(days=_DISASTER_DAYS):
            raise ValueError("a disaster lasts from one day to a year")
        return self


class Scenario(_Strict):
    """Everything a run is made from, but the number of people and the seed."""

    name: str
    title: Title
    start: date
    months: Annotated[int, Field(ge=1, le=_MONTHS_MOST)]
    people: Figure
    homes: Homes | None = None
    ages: Ages
    wishes: Figures
    season: Figures
    days: Days
    ties: dict[str, Tie]
    habits: Habits
    staff: Staff
    types: dict[str, BodyType]
    policy: dict[str, Any] = {}
    disasters: list[Disaster] = []

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if tuple(self.ties) != TIES:
            raise ValueError(f"the ties are {', '.join(TIES)}, in this order")
        if abs(sum(tie.share.value for tie in self.ties.values()) - 1) > _NEARLY:
            raise ValueError("the shares of the ties must add up to 1")
        if len(self.season.value) != 12:  # noqa: PLR2004 - months
            raise ValueError("a season has twelve months")
        if self.start.day != 1:
            raise ValueError("a run starts on the first day of a month")
        if unknown := {d.type for d in self.disasters if d.type} - self.types.keys():
            raise ValueError(f"no type of body is named {', '.join(sorted(unknown))}")
        return self

    @property
    def digest(self) -> str:
        """A short fingerprint: equal scenarios give equal ones."""
        text = json.dumps(self.model_dump(mode="json", by_alias=True), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def load_scenario(name: str) -> Scenario:
    """A ready scenario by its name, or one's own by the path of its file.

    Raises ScenarioError with the place and the reason.
    """
    path = Path(name)
    if path.suffix != ".yaml":
        path = SCENARIO_DIR / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in SCENARIO_DIR.glob("*.yaml") if p.name != PEOPLE))
        raise ScenarioError(f"There is no scenario {name}. Ready ones: {known}; or name a file.")
    own, people = _read(path), _read(SCENARIO_DIR / PEOPLE)
    like = own.pop("like", None)
    if like is not None and f"{like}.yaml" not in {p.name for p in SCENARIO_DIR.glob("*.yaml")}:
        raise ScenarioError(f"{path.name}: like: there is no ready scenario {like}.")
    model = people if like is None else _merged(people, _read(SCENARIO_DIR / f"{like}.yaml"))
    return scenario_from(_merged(model, own), path.name)


def scenario_from(data: Mapping[str, Any], name: str = "scenario") -> Scenario:
    """A scenario from plain values. Raises ScenarioError."""
    try:
        return Scenario.model_validate(data)
    except ValidationError as error:
        wrong = "; ".join(_sentence(item) for item in error.errors())
        raise ScenarioError(f"{name}: {wrong}.") from None


def _sentence(item: Mapping[str, Any]) -> str:
    place = ".".join(str(part) for part in item["loc"]) or "scenario"
    if item["type"] == "extra_forbidden":
        return f"{place}: nothing is known by this name, check its spelling"
    return f"{place}: {item['msg'].removeprefix('Value error, ')}"


def _read(path: Path) -> dict[str, Any]:
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ScenarioError(f"{path.name}: {error}") from error
    if not isinstance(data, dict):
        raise ScenarioError(f"{path.name}: a table of settings is needed.")
    return data


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Figures are replaced whole, tables by their parts."""
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        table = isinstance(old, dict) and isinstance(value, dict) and "value" not in old
        merged[key] = _merged(old, value) if table and isinstance(old, dict) else value
    return merged


def assumptions(scenario: Scenario) -> Iterator[tuple[str, Any, str]]:
    """Every figure that no source supports: its place, value and reason."""
    yield from _assumed("", scenario)


def _assumed(place: str, part: object) -> Iterator[tuple[str, Any, str]]:
    if isinstance(part, _Sourced):
        if part.assumption:
            yield place, getattr(part, "value", None), part.assumption
    elif isinstance(part, BaseModel):
        for name in type(part).model_fields:
            here = name.rstrip("_")
            yield from _assumed(f"{place}.{here}" if place else here, getattr(part, name))
    elif isinstance(part, dict):
        for name, value in part.items():
            yield from _assumed(f"{place}.{name}", value)
