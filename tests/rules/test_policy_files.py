"""A mistake in a policy file stops the start with a sentence that names the place."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from registry.policybook import POLICY_DIR, PolicyFileError, load_policy, load_survey

ENTRY: dict[str, Any] = yaml.safe_load((POLICY_DIR / "dormancy.yaml").read_text(encoding="utf-8"))[
    "dormancy.months"
]


def _without(name: str) -> dict[str, Any]:
    return {key: value for key, value in ENTRY.items() if key != name}


@pytest.mark.parametrize(
    ("write", "sentence"),
    [
        (lambda: {"a": _without("label")}, "a: missing label"),
        (lambda: {"a": {**ENTRY, "remark": "x"}}, "unknown remark"),
        (lambda: {"a": 3}, "a needs a table"),
        (lambda: [ENTRY], "a table of settings is needed"),
        (lambda: {"a": {**ENTRY, "kind": "months"}}, "a: 'months'"),
        (lambda: {"a": {**ENTRY, "values": {}}}, "at least one step"),
        (lambda: {"a": {**ENTRY, "values": {"soon": ENTRY["values"][date(2025, 4, 1)]}}}, "no day"),
        (lambda: {"a": {**ENTRY, "review_by": "soon"}}, "no day"),
        (lambda: {"a": {**ENTRY, "local": {"may": "sometimes"}}}, "a: 'sometimes'"),
        (lambda: {"a": {**ENTRY, "local": "never"}}, "a: "),
        (lambda: {"a": {**ENTRY, "allowed": [30, 36]}}, "24 is not between"),
    ],
)
def test_a_mistake_in_a_file_is_told_with_its_place(
    tmp_path: Path, write: Callable[[], object], sentence: str
) -> None:
    text = yaml.safe_dump(write(), allow_unicode=True)
    (tmp_path / "numbers.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(PolicyFileError, match=r"^numbers\.yaml: ") as caught:
        load_policy(tmp_path)
    assert sentence in str(caught.value)


def test_a_setting_written_twice_is_told(tmp_path: Path) -> None:
    one = yaml.safe_dump({"a": ENTRY}, allow_unicode=True)
    (tmp_path / "one.yaml").write_text(one + one, encoding="utf-8")
    with pytest.raises(PolicyFileError, match="a is written twice"):
        load_policy(tmp_path)
    for name in ("one", "two"):
        (tmp_path / f"{name}.yaml").write_text(one, encoding="utf-8")
    with pytest.raises(PolicyFileError, match="defined in two files"):
        load_policy(tmp_path)


def test_a_missing_questionnaire_is_told(tmp_path: Path) -> None:
    with pytest.raises(PolicyFileError, match=r"survey\.yaml"):
        load_survey(tmp_path)
    (tmp_path / "survey.yaml").write_text("versions: [{version: 1}]", encoding="utf-8")
    with pytest.raises(PolicyFileError, match="missing names"):
        load_survey(tmp_path)
