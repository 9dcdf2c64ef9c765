"""A body's own counts as a scenario: brought to its level, changed from a day on, told in its size."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from simulation.fast import own_folder
from simulation.own import Asked, Effort, read, scenario_of, try_out
from simulation.run import Order, job_of
from simulation.scenario import ScenarioError, load_scenario

COUNTS = {
    "held": 412,
    "premium": 23,
    "came": 180,
    "hosts": 9,
    "sessions": 60,
    "seats": 12.5,
    "months": 26,
}
QUESTION: dict[str, Any] = {
    "lg_code": "212172",
    "name": {"ja": "岐阜県飛騨市", "en": "Hida"},
    "day": "2027-06-01",
    "counts": COUNTS,
    "origin": {"130001": 120, "230006": 150, "unknown": 10},
    "ties": {"origin": 30, "fan": 10},
    "policy": {"decision.mode": "veto"},
    "premium_yen": 3000,
    "changes": {"premium.required": 1},
}
EFFORT = Effort(seeds=2, people=600, ahead=12)


def asked(tmp_path: Path, **over: object) -> Asked:
    path = tmp_path / "asked.json"
    path.write_text(json.dumps(QUESTION | over), encoding="utf-8")
    return read(path)


def test_a_body_is_played_at_its_own_level(tmp_path: Path) -> None:
    """Registrations and participations fit; the past is left out; more reach premium, nobody is lost."""
    found = try_out(asked(tmp_path), tmp_path / "out", effort=EFFORT)
    fit = {row["figure"]: row for row in found["fit"]}
    assert fit["held"]["model"] == pytest.approx(412, rel=0.03)
    assert fit["came"]["model"] == pytest.approx(180, rel=0.2)
    assert fit["premium"]["counted"] == 23
    figures = {row["name"]: row for row in found["figures"]}
    assert figures["grants"]["difference"] > 0
    # A year of such a town, not its three years: 180 participations, give or take luck.
    assert 100 < figures["check_ins"]["base"] < 320
    assert found["who"]["gain_ever_premium"] > found["who"]["lose_ever_premium"]
    assert {row["size"] for row in found["sizes"]} == {"city"}
    assert found["simulated"] == 600
    page = (tmp_path / "out" / "compare.html").read_text(encoding="utf-8")
    assert "岐阜県飛騨市" in page
    again = load_scenario(str(tmp_path / "out" / "scenario.yaml"))
    assert again.people.source == "counted by 212172, 2027-06-01"
    assert again.types["own"].calendar.value != 1.0


def test_nothing_changes_before_its_day(tmp_path: Path) -> None:
    """The same value from the day on is no change at all, whatever was before."""
    same = asked(tmp_path, changes={"dormancy.months": 24, "decision.all": "veto"})
    found = try_out(same, tmp_path / "out", effort=Effort(seeds=2, people=300, ahead=6))
    assert {row["difference"] for row in found["figures"]} == {0}
    assert set(found["who"].values()) == {0}


def test_people_are_as_the_body_counts_them(tmp_path: Path) -> None:
    """Homes and ties from counts; a questionnaire of a few says nothing; assumptions stay assumed."""
    own = scenario_of(asked(tmp_path))
    assert own.homes is not None
    assert own.homes.value == {"130001": 120, "230006": 150}
    assert own.ties["origin"].share.value == pytest.approx(0.8 * 30 / 40)
    assert own.ties["volunteer"].share.assumption
    assert sum(tie.share.value for tie in own.ties.values()) == pytest.approx(1)
    few = scenario_of(asked(tmp_path, ties={"fan": 3}))
    assert few.ties["fan"].share.assumption
    assert few.start.isoformat() == "2025-04-01", "twenty-six months before"
    young = asked(tmp_path, counts=COUNTS | {"months": 2, "seats": None, "sessions": 0})
    assert young.before == 24
    assert scenario_of(young).types["own"].sessions.assumption


def test_a_question_that_is_none_is_refused(tmp_path: Path) -> None:
    """A file that says too little, or nothing to change."""
    with pytest.raises(ScenarioError, match="changes"):
        asked(tmp_path, changes={})
    with pytest.raises(ScenarioError, match="held"):
        asked(tmp_path, counts=COUNTS | {"held": 0})


def test_homes_are_prefectures(tmp_path: Path) -> None:
    """A scenario may say where people live; a place that is none is named."""
    path = tmp_path / "own.yaml"
    for homes, said in (({"999999": 1.0}, "999999"), ({"130001": 0.0}, "somebody")):
        scenario = {"name": "own", "like": "late", "homes": {"value": homes, "source": "a test"}}
        path.write_text(yaml.safe_dump(scenario), encoding="utf-8")
        with pytest.raises(ScenarioError, match=said):
            job_of(Order(str(path), people=10))


def test_compiled_code_lies_where_nobody_else_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside the modules, or in a folder of one's own; a folder that others may write to is none."""
    assert own_folder(tmp_path, "x") == tmp_path / "__pycache__" / "x"
    monkeypatch.setattr("os.access", lambda *_: False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    mine = own_folder(tmp_path, "x").parent
    assert mine == tmp_path / f"furusato-compiled-{os.getuid()}"
    mine.chmod(0o777)
    assert own_folder(tmp_path, "x").parent != mine
