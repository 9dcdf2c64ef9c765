"""`docs/rules.md` says what the code and the policy files say, and every rule has its place."""

import ast
import re
import sys

import pytest

from registry.rulesdoc import PACKAGES, PAGE, TITLES, named_in, render
from tests.rules.making import ROOT

# Rules of later floors, of use cases only, or without anything to decide.
ELSEWHERE = {"R03", "R22", "R23", "R24", "R25", "R26", "R27", "R28", "R29", "R31", "R32"}


def test_the_page_is_in_step() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(), "run python -m registry.rulesdoc"


def test_the_page_has_all_thirty_three_rules() -> None:
    assert list(TITLES) == [f"R{number:02d}" for number in range(1, 34)]


@pytest.mark.parametrize("rule", sorted(set(TITLES) - ELSEWHERE - {"R05", "R30"}))
def test_every_rule_of_the_core_has_a_function(rule: str) -> None:
    section = re.split(r"^## ", render(), flags=re.MULTILINE)[int(rule[1:])]
    assert section.startswith(rule)
    assert "| function |" in section


def test_ranges_of_rules_are_understood() -> None:
    assert named_in("R12–R14, R33: and R7") == {"R12", "R13", "R14", "R33"}


def test_rules_import_the_standard_library_and_each_other_only() -> None:
    for package in PACKAGES:
        for path in (ROOT / package.replace(".", "/")).glob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = []
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom):
                    names = [node.module or ""]
                for name in names:
                    is_rule = name.startswith(PACKAGES)
                    assert is_rule or name.split(".")[0] in sys.stdlib_module_names, (
                        f"{path}: {name}"
                    )
                    assert not (package == "registry.rules" and name.startswith("activities"))
