"""A local government tries a policy on its own figures: a scenario made from counts, no person in it.

What is asked comes as a file of JSON, the answer is left in a folder; the platform starts this as a
program and stores both. The form of the question (`Asked`):

- `lg_code`, `name` {ja, en}, `day` (the first of the month from which the changes hold)
- `counts`: `held`, `premium`, `came` in twelve months (null: not counted yet), `hosts`, `sessions` in
  twelve months, `seats` of one session (null: no limit), `months` since the body began
- `origin` {code of a prefecture: registrations}, `ties` {tie: answers to the questionnaire}
- `policy` {setting: value in force}, `premium_yen` (supports of one premium year)
- `changes` {setting: value}, as `furusato compare --change` takes them

`compare.json` is the comparison in the body's own size: the same keys as of `furusato compare`, with
`simulated` (people lived for each seed) and `fit` [{figure, counted, model}].
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from registry.loading import local_governments
from registry.policybook import POLICY_DIR, load_policy
from registry.rules.calendars import add_months
from simulation.compare import compare
from simulation.compare_page import write_compare
from simulation.fitting import Fit, Level, Sample, fitted
from simulation.output import write_json
from simulation.run import Order
from simulation.scenario import (
    PEOPLE,
    SCENARIO_DIR,
    TIES,
    Scenario,
    ScenarioError,
    scenario_from,
)

SCENARIO_FILE: Final = "scenario.yaml"
COMPARE_FILE: Final = "compare.json"
#: A body's past is lived for so long before the changes, that there are terms to renew and clocks
#: that run; longer than it has existed only where that would be too short for the model.
LEAST_BEFORE, MOST_BEFORE = 24, 60
AHEAD = 36
SEEDS = 5
LEAST_PEOPLE, MOST_PEOPLE = 2_000, 10_000
#: Answers to a questionnaire that say more than the assumption does.
ENOUGH_ANSWERS = 30
NO_LIMIT = 100
_SAID_BY_TIE: Final = ("origin", "fan", "donor", "family")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OwnCounts(_Strict):
    """What a body knows of itself, in numbers."""

    held: int = Field(ge=1)
    premium: int = Field(ge=0)
    came: int | None = Field(ge=0)
    hosts: int = Field(ge=0)
    sessions: int = Field(ge=0)
    seats: float | None = Field(ge=0)
    months: int = Field(ge=0)


class Asked(_Strict):
    """One question of a body."""

    lg_code: str
    name: dict[str, str]
    day: date
    counts: OwnCounts
    origin: dict[str, int]
    ties: dict[str, int]
    policy: dict[str, Any]
    premium_yen: int = Field(ge=0)
    changes: dict[str, Any] = Field(min_length=1)

    @property
    def before(self) -> int:
        """Months that are lived before the changes."""
        return min(MOST_BEFORE, max(LEAST_BEFORE, self.counts.months))


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is lived: draws of people, people of each, months after the changes."""

    seeds: int = SEEDS
    people: int | None = None
    ahead: int = AHEAD


def read(path: Path) -> Asked:
    """The question in a file.

    Raises:
        ScenarioError: It cannot be read.
    """
    try:
        return Asked.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise ScenarioError(f"{path.name}: {error}") from None


def scenario_of(asked: Asked) -> Scenario:
    """The scenario of one body, its level not fitted yet.

    Raises:
        ScenarioError: Something asked for cannot be played.
    """
    people = yaml.safe_load((SCENARIO_DIR / PEOPLE).read_text(encoding="utf-8"))
    people["habits"]["start"] = {
        "value": 0.02,
        "assumption": "as in the pioneer's scenario: members of an existing club are asked first",
    }
    if sum(asked.ties.values()) >= ENOUGH_ANSWERS:
        _ties(people["ties"], asked.ties)
    title = {lang: asked.name[lang] for lang in ("ja", "en")}
    own = {
        "name": "own",
        "title": title,
        "start": add_months(asked.day, -asked.before),
        "months": asked.before + AHEAD,
        "people": _counted(1.5 * asked.counts.held, asked),
        "types": {"own": _body(asked, title)},
        "policy": asked.policy,
    }
    known = {row["code"] for row in local_governments() if row["kind"] == "prefecture"}
    homes = {code: count for code, count in asked.origin.items() if code in known}
    if sum(homes.values()):
        own["homes"] = _counted(homes, asked)
    return scenario_from(people | own, asked.lg_code)


def _counted(value: object, asked: Asked) -> dict[str, Any]:
    return {"value": value, "source": f"counted by {asked.lg_code}, {asked.day.isoformat()}"}


def _body(asked: Asked, title: Mapping[str, str]) -> dict[str, Any]:
    counts = asked.counts
    hosts = max(1, counts.hosts)
    return {
        "title": title,
        "codes": [asked.lg_code],
        "opens_month": _counted(0, asked),
        "attraction": {"value": 1.0, "assumption": "one body only"},
        "hosts": _counted(hosts, asked),
        "sessions": _counted(counts.sessions / 12 / hosts, asked)
        if counts.sessions
        else {"value": 0.7, "assumption": "sessions of one host in a month, as of a late starter"},
        "seats": _counted(NO_LIMIT if counts.seats is None else counts.seats, asked),
        "ramp_months": {"value": 3, "assumption": "the programme exists already"},
        "calendar": _counted(1.0, asked),
        "travel_yen": {"value": 0, "assumption": "help with fares is not counted"},
        "premium_yen": _counted(asked.premium_yen, asked),
    }


def _ties(ties: dict[str, Any], answers: Mapping[str, int]) -> None:
    """The questionnaire asks about four of the ties; the shares of the others stay assumed."""
    said = {tie: answers.get(tie, 0) for tie in _SAID_BY_TIE}
    if not sum(said.values()):
        return
    rest = sum(ties[tie]["share"]["value"] for tie in TIES if tie not in said)
    for tie, count in said.items():
        share = (1 - rest) * count / sum(said.values())
        ties[tie] = ties[tie] | {"share": {"value": share, "source": "the questionnaire (R04)"}}


USUAL: Final = Effort()


def try_out(
    asked: Asked, out: Path, *, policy_dir: Path = POLICY_DIR, effort: Effort = USUAL
) -> dict[str, Any]:
    """The comparison, left in a folder as compare.json, compare.html and scenario.yaml.

    Raises:
        ScenarioError: Something asked for cannot be played.
        PolicyError: A setting is not known, or not as the model can judge it.
    """
    book = load_policy(policy_dir)
    counts = asked.counts
    level = Level(counts.held, counts.came)
    first = scenario_of(asked)
    people = effort.people or min(MOST_PEOPLE, max(LEAST_PEOPLE, round(first.people.value)))
    fit = fitted(first, book, level, Sample(asked.before, people))
    out.mkdir(parents=True, exist_ok=True)
    path = out / SCENARIO_FILE
    plain = fit.scenario.model_dump(mode="json", by_alias=True, exclude_none=True)
    path.write_text(
        yaml.safe_dump(_reasons_only(plain), allow_unicode=True, sort_keys=False), encoding="utf-8"
    )
    order = Order(
        str(path),
        people=people,
        months=asked.before + effort.ahead,
        since=asked.day,
        policy_dir=policy_dir,
    )
    found = compare(order, asked.changes, effort.seeds, skip=asked.before)
    found = _in_own_size(found, asked, fit, effort)
    write_json(out / COMPARE_FILE, found)
    write_compare(found, out)
    return found


def _reasons_only(value: Any) -> Any:
    """Without the reasons that were not given."""
    if isinstance(value, dict):
        return {
            key: _reasons_only(one)
            for key, one in value.items()
            if not (key in ("source", "assumption") and one == "")
        }
    return [_reasons_only(one) for one in value] if isinstance(value, list) else value


def _in_own_size(
    found: Mapping[str, Any], asked: Asked, fit: Fit, effort: Effort
) -> dict[str, Any]:
    """Counts of simulated people as counts of the body; hours are in its size already."""
    weight = found["weight"]

    def scaled(row: Mapping[str, Any]) -> dict[str, Any]:
        if row["name"].startswith("staff_hours"):
            return dict(row)
        numbers = {name: round(row[name] * weight, 2) for name in ("base", "changed", "difference")}
        return {
            **row,
            **numbers,
            "interval": [round(bound * weight, 2) for bound in row["interval"]],
        }

    counts = asked.counts
    rows = [("held", counts.held, fit.held), ("premium", counts.premium, fit.premium)]
    rows += [("came", counts.came, fit.came)] if counts.came is not None else []
    return {
        **found,
        "scenario": {**found["scenario"], "months": effort.ahead},
        "people": max(1, round(fit.scenario.people.value)),
        "simulated": found["people"],
        "since": asked.day.isoformat(),
        "figures": [scaled(row) for row in found["figures"]],
        "who": {name: round(value * weight, 1) for name, value in found["who"].items()},
        "sizes": [scaled(row) for row in found["sizes"]],
        "ties": [scaled(row) for row in found["ties"]],
        "fit": [
            {"figure": name, "counted": counted, "model": round(model, 1)}
            for name, counted, model in rows
        ],
    }
