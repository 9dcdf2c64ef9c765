"""Sheets of text as PDF. Text reaches the type-setter as data, never as instructions.

Type is set with one packaged font that has the letters of Japanese names; what the machine has
installed is ignored, so a sheet looks the same wherever it is made.
"""

import json
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any, Final

import typst
from PIL import ImageFont
from pylopdf_fonts_jp import sans_path

#: A code point that means no letter: fonts draw their empty box for it.
_NO_LETTER: Final = "\uffff"
#: Stands for a letter that a font has not (U+3013).
GETA: Final = "〓"


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
    inputs = {"told": json.dumps(told, ensure_ascii=False), **images}
    lacking = missing_letters(inputs.values())
    if lacking:
        # A sheet by these rules shows no empty box: 〓 is what Japanese printers set instead.
        instead = dict.fromkeys(map(ord, lacking), GETA)
        inputs = {name: text.translate(instead) for name, text in inputs.items()}
    made: bytes = typst.compile(
        template.encode(),
        font_paths=_fonts(),
        format="pdf",
        sys_inputs=inputs,
        pdf_standards=["ua-1"],
        timestamp=None if now is None else int(now.timestamp()),
    )
    return made


def missing_letters(texts: Iterable[str]) -> str:
    """The letters that the font cannot draw, each once; a sheet shows 〓 for them."""
    found: set[str] = set().union(*texts)
    return "".join(sorted(one for one in found if not one.isspace() and not _drawn(one)))


@lru_cache(maxsize=20_000)
def _drawn(letter: str) -> bool:
    if unicodedata.category(letter) in {"Mn", "Cf", "Cc"}:
        return True
    font = _outlines()
    return bytes(font.getmask(letter)) != bytes(font.getmask(_NO_LETTER))


@cache
def _outlines() -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(sans_path()), 16, layout_engine=ImageFont.Layout.BASIC)


@cache
def _fonts() -> typst.Fonts:
    """The one font, opened once."""
    return typst.Fonts(include_system_fonts=False, font_paths=[str(sans_path().parent)])
