"""Sheets of text as PDF. Text reaches the type-setter as data, never as instructions.

Type is set with one packaged font that has the letters of Japanese names; what the machine has
installed is ignored, so a sheet looks the same wherever it is made.
"""

import json
from datetime import datetime
from functools import cache
from typing import Any

import typst
from pylopdf_fonts_jp import sans_path

FONT = "Noto Sans JP"


def typeset(template: str, told: dict[str, Any], *, now: datetime) -> bytes:
    """A PDF by the rules for everybody (PDF/UA-1).

    Args:
        template: Typst source of ours; it reads what it shows with `json(bytes(sys.inputs.told))`.
        told: What it shows.
        now: The instant the document says it was made at.
    """
    made: bytes = typst.compile(
        template.encode(),
        font_paths=_fonts(),
        format="pdf",
        sys_inputs={"told": json.dumps(told, ensure_ascii=False)},
        pdf_standards=["ua-1"],
        timestamp=int(now.timestamp()),
    )
    return made


@cache
def _fonts() -> typst.Fonts:
    """The one font, opened once."""
    return typst.Fonts(include_system_fonts=False, font_paths=[str(sans_path().parent)])
