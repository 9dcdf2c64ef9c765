"""R23: every kind of notice has its topic; hours and switches by their edges."""

from datetime import date, timedelta
from pathlib import Path

import yaml

from registry.rules.notifying import (
    Topic,
    disturbs_anyhow,
    reaches,
    switch_of,
    topic_of,
)
from tests.rules.making import ROOT

DAY = date(2027, 6, 1)
#: Kinds that are about a registration because nothing more fits; who is on a list has none yet.
REGISTRATION = ("registration", "survey", "derived", "prefecture", "dormancy", "sign_in_code",
                "unknown", "digest", "push_hint", "list_invitation",
                "registered_twice", "question")  # fmt: skip


def kinds() -> list[str]:
    file: Path = ROOT / "core" / "locale" / "notices.yaml"
    return [name.split(".")[0] for name in yaml.safe_load(file.read_text(encoding="utf-8"))]


def test_r23_no_kind_falls_into_a_topic_by_chance() -> None:
    left = {kind for kind in kinds() if topic_of(kind) is Topic.REGISTRATION}
    assert {kind for kind in left if not kind.startswith(REGISTRATION)} == set()


def test_r23_safety_always_reaches() -> None:
    off = frozenset(switch_of(topic, "mail") for topic in Topic)
    assert reaches("safety_evacuation", "mail", off)
    assert reaches("new_device", "mail", off)
    assert not reaches("session_cancelled", "mail", off)
    assert reaches("session_cancelled", "push", off)


def test_r23_today_and_tomorrow_are_told_at_once() -> None:
    told = [disturbs_anyhow(DAY + timedelta(days=days), DAY) for days in (-1, 0, 1, 2)]
    assert told == [False, True, True, False]
