"""Dated, sourced numbers, and the view of them that one body has on one day.

The nation's values come from `registry/policy/*.yaml` (read by `registry.policybook`), a body's
own values are rows. The last value stays in force until another replaces it; a day before the
first value is an error, never a silent zero.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Self, cast

from registry.rules.parameters import (
    Dated,
    Kind,
    LocalRule,
    LocalValueRefusedError,
    May,
    NoValueInForceError,
    Parameter,
    PolicyError,
    Source,
    Step,
    local_refusal,
)
from registry.rules.plain import Plain, to_plain
from registry.rules.requirement import Tree, parse

__all__ = [
    "BodyValue",
    "Dated",
    "Kind",
    "LocalRule",
    "LocalValueRefusedError",
    "May",
    "NoValueInForceError",
    "Parameter",
    "Policy",
    "PolicyBook",
    "PolicyError",
    "Source",
    "Step",
]


@dataclass(frozen=True, slots=True)
class BodyValue(Plain):
    """A body's own value: what, from when, why and who decided."""

    lg_code: str
    key: str
    since: date
    value: Any
    source: str
    decided_by: str


@dataclass(frozen=True, slots=True)
class Policy:
    """Every value one body has on one day. Rules read numbers from here and nowhere else."""

    day: date
    lg_code: str | None
    steps: Mapping[str, Step]
    # Views already written as JSON: a night asks for the same few keys thousands of times.
    _written: dict[tuple[str, ...], dict[str, Any]] = field(
        default_factory=dict, compare=False, repr=False
    )

    def step(self, key: str) -> Step:
        """The value in force with its day and source. Raises PolicyError for an unknown key."""
        try:
            return self.steps[key]
        except KeyError:
            raise PolicyError(f"There is no setting named {key}.") from None

    def integer(self, key: str) -> int:
        return cast("int", self.step(key).value)

    def number(self, key: str) -> float:
        return cast("float", self.step(key).value)

    def flag(self, key: str) -> bool:
        return cast("bool", self.step(key).value)

    def text(self, key: str) -> str:
        return cast("str", self.step(key).value)

    def integers(self, key: str) -> tuple[int, ...]:
        return tuple(self.step(key).value)

    def texts(self, key: str) -> tuple[str, ...]:
        return tuple(self.step(key).value)

    def tree(self, key: str) -> Tree:
        return parse(self.step(key).value)

    def source(self, key: str) -> str:
        """The source of the value as one line, as a reason quotes it."""
        return str(self.step(key).source)

    def only(self, keys: Iterable[str]) -> "Policy":
        """The same view with fewer keys, as a judgement stores it."""
        return Policy(self.day, self.lg_code, {key: self.step(key) for key in keys})

    def stored(self, keys: tuple[str, ...]) -> Mapping[str, Any]:
        """`only(keys).to_json()`, made once; for reading, not for changing."""
        if keys not in self._written:
            self._written[keys] = self.only(keys).to_json()
        return self._written[keys]

    @property
    def version(self) -> str:
        """A short fingerprint of all values of this view; equal values give equal versions."""
        text = json.dumps(to_plain(self.steps), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def to_json(self) -> dict[str, Any]:
        return {
            "day": self.day.isoformat(),
            "lg_code": self.lg_code,
            "values": {key: step.to_json() for key, step in self.steps.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            day=date.fromisoformat(data["day"]),
            lg_code=data["lg_code"],
            steps={key: Step.from_json(step) for key, step in data["values"].items()},
        )


@dataclass(frozen=True, slots=True)
class PolicyBook:
    """All parameters with their history, national and of each body."""

    parameters: Mapping[str, Parameter]
    body_values: Mapping[tuple[str, str], tuple[Step, ...]]

    def parameter(self, key: str) -> Parameter:
        """Raises PolicyError for an unknown key."""
        try:
            return self.parameters[key]
        except KeyError:
            raise PolicyError(f"There is no setting named {key}.") from None

    def on(self, key: str, day: date, lg_code: str | None = None) -> Step:
        """The value in force for a body (or for the nation) on a day.

        A body's own value rests while the national value of the day has moved past its bounds:
        a national base that rises above what a body had chosen to ask binds the body too.
        """
        parameter = self.parameter(key)
        national = self._national(parameter, day)
        own = self.body_values.get((lg_code, key), ()) if lg_code is not None else ()
        for step in reversed(own):
            if step.since <= day:
                return national if local_refusal(parameter, national, step.value) else step
        return national

    def _national(self, parameter: Parameter, day: date) -> Step:
        try:
            return parameter.values.on(day)
        except NoValueInForceError as error:
            raise NoValueInForceError(f"{parameter.key}: {error}") from None

    def refusal(self, value: BodyValue) -> LocalValueRefusedError | None:
        """Why a body may not set this value from that day, or None. For forms and for entry."""
        parameter = self.parameter(value.key)
        return local_refusal(parameter, self._national(parameter, value.since), value.value)

    def with_body_values(self, values: Iterable[BodyValue]) -> "PolicyBook":
        """This book with the bodies' own values. Raises LocalValueRefusedError for a forbidden one.

        A value of the same body, key and day replaces an earlier one.
        """
        given = tuple(values)
        for value in given:
            refused = self.refusal(value)
            if refused is not None:
                raise refused
        return self.with_stored_values(given)

    def with_stored_values(self, values: Iterable[BodyValue]) -> "PolicyBook":
        """This book with rows that were checked when they were decided.

        Nothing is refused: a row that a later edition of the policy forbids rests (see `on`), so
        that one old row cannot stop a night's work.
        """
        own = {key: {step.since: step for step in steps} for key, steps in self.body_values.items()}
        for value in values:
            step = Step(
                since=value.since,
                value=value.value,
                source=Source(document=value.source, clause="", confirmed=True),
                lg_code=value.lg_code,
                decided_by=value.decided_by,
            )
            own.setdefault((value.lg_code, value.key), {})[value.since] = step
        ordered = {key: tuple(steps[day] for day in sorted(steps)) for key, steps in own.items()}
        return replace(self, body_values=ordered)

    def reformed(self, changes: Mapping[str, Dated]) -> "PolicyBook":
        """R33: the book after a national change, for a rehearsal or a new guideline."""
        changed = dict(self.parameters)
        for key, later in changes.items():
            parameter = self.parameter(key)
            changed[key] = replace(parameter, values=parameter.values.changed_by(later))
        return replace(self, parameters=changed)

    def snapshot(self, day: date, lg_code: str | None = None) -> Policy:
        """Every value for one body on one day; keep it for a whole batch, it is the dear part."""
        return Policy(
            day=day,
            lg_code=lg_code,
            steps={key: self.on(key, day, lg_code) for key in self.parameters},
        )

    def history(self, key: str, lg_code: str | None = None) -> tuple[Step, ...]:
        """R33: each change of the value in force for a body, oldest first."""
        own = self.body_values.get((lg_code, key), ()) if lg_code is not None else ()
        days = sorted({step.since for step in (*self.parameter(key).values.steps, *own)})
        seen: list[Step] = []
        for day in days:
            step = self.on(key, day, lg_code)
            if not seen or seen[-1].value != step.value:
                seen.append(replace(step, since=day))
        return tuple(seen)
