"""Codes that staff read have words: what is recorded, and what happened to a registration."""

from __future__ import annotations

import re
from pathlib import Path

from admin.desk_words import AUDIT, EVENTS
from admin.words import word
from core.texts import Texts

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


def test_every_event_has_words() -> None:
    """What happened to a registration is told in words on the person's page."""
    named = set(re.findall(r'add_event\([^)]*kind="([a-z_]+)"', sources()))
    named |= set(re.findall(r'_trace\("([a-z_]+)"', sources()))
    assert named - EVENTS.keys() == set()


def test_an_unknown_code_is_shown_as_it_is() -> None:
    say = Texts.load().translator("en")
    assert word(say, "activity_state", "designated") == "Designated"
    assert word(say, "activity_state", "new_state") == "new_state"
