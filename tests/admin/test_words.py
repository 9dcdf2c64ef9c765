"""Codes that staff read have words: what is recorded, and what happened to a registration."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from admin.desk_words import AUDIT, EVENTS
from admin.words import word
from core.texts import Texts
from mobile.pages.looks import ACTS

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("core", "registry", "activities", "reporting", "workers", "admin", "mobile")


def sources() -> str:
    """The text of every room whose acts are recorded."""
    files = (path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py")))
    return "\n".join(path.read_text("utf-8") for path in files)


def test_every_recorded_act_has_words() -> None:
    """C48: a record that staff cannot read is none. Composed names are covered by their verbs."""
    named = set(re.findall(r'action="([a-z_]+\.[a-z_]+)"', sources()))
    named |= set(re.findall(r"'(check_in\.[a-z_]+)'", sources()))
    assert named - AUDIT.keys() == set()


#: What these nouns' acts are about is nobody in particular, and neither are these lists.
OF_NO_PERSON = frozenset(
    [
        "activity",
        "approval",
        "confirmation",
        "device",
        "import",
        "incident",
        "local_government",
        "news",
        "night",
        "organisation",
        "requirement",
        "session",
        "setting",
        "staff",
        "staff_provider",
        "stay_place",
        "trial",
        "venue_key",
    ]
)
LISTS = frozenset(
    [
        "application.list",
        "question.list",
        "registration.look_ahead",
        "registration.pseudonymise",
        "stay_day.list",
        "term.list_waiting",
    ]
)


def test_r25_every_act_about_a_person_has_words_for_that_person() -> None:
    """Who reads だれが見たか is never told 「手続きをしました」 for an act that staff see in words."""
    about = {act for act in AUDIT if act.partition(".")[0] not in OF_NO_PERSON}
    assert about - LISTS - ACTS.keys() == set()
    noted = {act for act, wanted in recorded() if wanted}
    assert noted - ACTS.keys() == set()


def recorded() -> Iterator[tuple[str, bool]]:
    """Every act that is written out where it is recorded, and whether it names a person."""
    for node in ast.walk(ast.parse(sources())):
        if isinstance(node, ast.Call):
            given = {one.arg: one.value for one in node.keywords}
            if isinstance(action := given.get("action"), ast.Constant) and "subject" in given:
                yield str(action.value), "person_id" in given


def test_every_event_has_words() -> None:
    """What happened to a registration is told in words on the person's page."""
    named = set(re.findall(r'add_event\([^)]*kind="([a-z_]+)"', sources()))
    named |= set(re.findall(r'_trace\("([a-z_]+)"', sources()))
    assert named - EVENTS.keys() == set()


def test_an_unknown_code_is_shown_as_it_is() -> None:
    say = Texts.load().translator("en")
    assert word(say, "activity_state", "designated") == "Designated"
    assert word(say, "activity_state", "new_state") == "new_state"
