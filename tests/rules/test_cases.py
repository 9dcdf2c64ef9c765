"""The case files of `tests/cases`, one test a case, and a check of the runner's own strictness."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
import yaml

from tests.rules.given import CaseError
from tests.rules.making import ROOT
from tests.rules.officer import run

CASES = ROOT / "tests" / "cases"
APPROVED = date(2028, 2, 29)


def _cases() -> Iterator[Any]:
    for path in sorted(CASES.glob("*.yaml")):
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        for case in data["cases"]:
            topic = case.pop("topic", data.get("topic"))
            yield pytest.param(topic, case, id=f"{path.stem}: {case['name']}")


@pytest.mark.parametrize(("topic", "case"), list(_cases()))
def test_case(topic: str, case: dict[str, Any]) -> None:
    run(topic, case)


def _terms_case(**changed: Any) -> dict[str, Any]:
    case: dict[str, Any] = {
        "name": "a term",
        "source": "R14",
        "given": {"approved_on": APPROVED},
        "expect": {"last_day": "2029-02-28"},
    }
    return {**case, **changed}


def test_the_runner_accepts_a_sound_case() -> None:
    run("terms", _terms_case())


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"remark": "hello"}, "unknown"),
        ({"given": {"approved_on": APPROVED, "approved": APPROVED}}, "no rule read"),
        ({"given": {}}, "does not say"),
        ({"expect": {"last_days": "2029-02-28"}}, "no rule answers"),
        ({"expect": {}}, "no rule answers"),
        ({"source": ""}, "needs name"),
    ],
)
def test_the_runner_refuses_unknown_and_unused_keys(changed: dict[str, Any], sentence: str) -> None:
    with pytest.raises(CaseError, match=sentence):
        run("terms", _terms_case(**changed))


def test_the_runner_sees_a_wrong_result() -> None:
    with pytest.raises(AssertionError):
        run("terms", _terms_case(expect={"last_day": "2029-03-01"}))
