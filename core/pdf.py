"""Sheets of text as PDF. Text reaches the type-setter as data, never as instructions.

Type is set with one packaged font that has the letters of Japanese names; what the machine has
installed is ignored, so a sheet looks the same wherever it is made.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from types import MappingProxyType
from typing import Any

import typst
from pylopdf_fonts_jp import sans_path


def typeset(
    template: str,
    told: Mapping[str, Any],
    *,
    images: Mapping[str, str] = MappingProxyType({}),
    now: datetime | None = None,
) -> bytes:
    """A PDF by the rules for everybody (PDF/UA-1).

    Args:
        template: Typst source of ours; it reads what it shows with `json(bytes(sys.inputs.told))`.
        told: What it shows.
        images: SVG drawings by the names under which `sys.inputs` gives them.
        now: The instant the document says it was made at; none when empty.
    """
    made: bytes = typst.compile(
        template.encode(),
        font_paths=_fonts(),
        format="pdf",
        sys_inputs={"told": json.dumps(told, ensure_ascii=False), **images},
        pdf_standards=["ua-1"],
        timestamp=None if now is None else int(now.timestamp()),
    )
    return made


@cache
def _fonts() -> typst.Fonts:
    """The one font, opened once."""
    return typst.Fonts(include_system_fonts=False, font_paths=[str(sans_path().parent)])
