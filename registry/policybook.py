"""Reads the nation's numbers and the first questionnaire from `registry/policy/*.yaml`.

A mistake in a file stops the start with a sentence that names the file and the setting; a
number that is past its `review_by` does not (`overdue_reviews` lets the build say so).
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from core import plainyaml
from registry.rules.plain import PlainError
from registry.rules.policy import (
    Dated,
    Kind,
    LocalRule,
    May,
    Parameter,
    PolicyBook,
    PolicyError,
    Source,
    Step,
)
from registry.rules.survey import Survey

POLICY_DIR = Path(__file__).parent / "policy"
SURVEY_FILE = "survey.yaml"
_NEEDED = {"rules", "about", "label", "unit", "kind", "local", "review_by", "values"}
_FREE = {"allowed", "options"}


class PolicyFileError(PolicyError):
    """A policy file cannot be used; the sentence names the file and the place."""


class _UniqueKeys(plainyaml.SafeLoader):
    """YAML lets the second of two equal names win in silence; here that is an error."""


def _mapping(loader: _UniqueKeys, node: yaml.MappingNode) -> dict[Any, Any]:
    names = [loader.construct_object(key, deep=True) for key, _ in node.value]
    twice = sorted(str(name) for name in set(names) if names.count(name) > 1)
    if twice:
        raise yaml.constructor.ConstructorError(
            None, None, f"{', '.join(twice)} is written twice", node.start_mark
        )
    return loader.construct_mapping(node, deep=True)


_UniqueKeys.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def load_policy(directory: Path = POLICY_DIR) -> PolicyBook:
    """Every national setting, validated. Raises PolicyFileError with file and place."""
    parameters: dict[str, Parameter] = {}
    for path in sorted(directory.glob("*.yaml")):
        if path.name == SURVEY_FILE:
            continue
        for key, entry in _entries(path):
            if key in parameters:
                raise PolicyFileError(f"{path.name}: {key} is defined in two files.")
            parameters[key] = _parameter(path, key, entry)
    return PolicyBook(parameters=parameters, body_values={})


@cache
def numbers(directory: Path = POLICY_DIR) -> PolicyBook:
    """What `load_policy` reads, once a process: the files come with it and do not change."""
    return load_policy(directory)


def load_survey(directory: Path = POLICY_DIR) -> tuple[Survey, ...]:
    """R04: every version of the first questionnaire, oldest first."""
    path = directory / SURVEY_FILE
    try:
        return tuple(Survey.from_json(item) for item in _read(path)["versions"])
    except (KeyError, PlainError) as error:
        raise PolicyFileError(f"{path.name}: {error}") from error


def overdue_reviews(book: PolicyBook, today: date) -> tuple[str, ...]:
    """The settings somebody promised to look at again by a day that has passed."""
    late = (p for p in book.parameters.values() if p.review_by < today)
    return tuple(sorted(parameter.key for parameter in late))


def unconfirmed(book: PolicyBook) -> tuple[str, ...]:
    """The settings whose last value rests on a draft or on our own decision."""
    steps = ((key, p.values.steps[-1]) for key, p in book.parameters.items())
    return tuple(sorted(key for key, step in steps if not step.source.confirmed))


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open(encoding="utf-8") as file:
            # A subclass of the safe loader: it makes plain values only.
            data = yaml.load(file, Loader=_UniqueKeys)  # noqa: S506 - a SafeLoader, see above
    except (OSError, yaml.YAMLError) as error:
        raise PolicyFileError(f"{path.name}: {error}") from error
    if not isinstance(data, dict):
        raise PolicyFileError(f"{path.name}: a table of settings is needed.")
    return data


def _entries(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for key, entry in _read(path).items():
        if not isinstance(entry, dict):
            raise PolicyFileError(f"{path.name}: {key} needs a table.")
        missing, unknown = _NEEDED - entry.keys(), entry.keys() - _NEEDED - _FREE
        if missing or unknown:
            raise PolicyFileError(
                f"{path.name}: {key}: missing {_names(missing)}; unknown {_names(unknown)}."
            )
        yield key, entry


def _names(names: Iterable[str]) -> str:
    return ", ".join(sorted(map(str, names))) or "nothing"


def _parameter(path: Path, key: str, entry: Mapping[str, Any]) -> Parameter:
    try:
        allowed = entry.get("allowed")
        return Parameter(
            key=key,
            rules=tuple(entry["rules"]),
            about=entry["about"],
            label=entry["label"],
            unit=entry["unit"],
            kind=Kind(entry["kind"]),
            local=_local(entry["local"]),
            review_by=_day(entry["review_by"]),
            values=Dated(tuple(_step(since, step) for since, step in entry["values"].items())),
            allowed=None if allowed is None else (allowed[0], allowed[1]),
            options=tuple(entry.get("options", ())),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise PolicyFileError(f"{path.name}: {key}: {error}") from error


def _local(data: Mapping[str, Any]) -> LocalRule:
    return LocalRule(**{**data, "may": May(data["may"])})


def _step(since: object, data: Mapping[str, Any]) -> Step:
    value, source = data["value"], Source.from_json(data["source"])
    return Step(since=_day(since), value=value, source=source)


def _day(value: object) -> date:
    if not isinstance(value, date):
        raise PolicyError(f"{value!r} is no day.")
    return value
