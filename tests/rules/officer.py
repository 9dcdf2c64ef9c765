"""Runs the case files of `tests/cases`: named situations that a policy officer can read.

A case gives facts and expects results. An unknown key, a key nobody read and an expectation
nobody computed are failures: a dropped input under a green test is how law and code part.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from tests.rules.given import CaseError, Given
from tests.rules.topics import TOPICS


def run(topic: str, case: Mapping[str, Any]) -> None:
    """Run one case of a topic; raises CaseError or AssertionError with the difference."""
    unknown = set(case) - {"name", "source", "given", "expect"}
    if unknown or not case.get("name") or not case.get("source"):
        raise CaseError(f"a case needs name, source, given, expect; unknown: {sorted(unknown)}")
    facts = Given(case["given"])
    found = _plain(TOPICS[topic](facts))
    if facts.unread():
        raise CaseError(f"no rule read {sorted(facts.unread())}")
    expected = _plain(case["expect"])
    nobody = set(expected) - set(found)
    if nobody or not expected:
        raise CaseError(f"no rule answers {sorted(nobody)}")
    assert {key: found[key] for key in expected} == expected


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, date) else value
