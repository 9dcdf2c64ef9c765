"""The card as a PDF, for printers that make of a drawing what they like (R22).

Type is set with one font that has every letter of Japanese names; what the machine has installed
is ignored, so the sheet looks the same wherever it is made. Text reaches the type-setter as data,
never as instructions.
"""

import json
from dataclasses import dataclass
from functools import cache
from typing import Final

import typst
from pylopdf_fonts_jp import sans_path

_SHEET: Final = """
#let words = json(bytes(sys.inputs.words))
#set document(title: words.title)
#set page(paper: "a4", margin: 25mm)
#set text(lang: "ja", font: "Noto Sans JP", size: 12pt)
#set par(leading: 1em)
#text(size: 20pt, heading(level: 1, outlined: false, words.title))
#enum(spacing: 1em, ..words.steps)
#v(8mm)
#align(center, image(bytes(sys.inputs.card), width: 85.6mm, alt: words.alt))
#v(8mm)
#text(size: 10.5pt, words.lost)
"""


@dataclass(frozen=True, slots=True)
class SheetWords:
    """What the sheet says around the card."""

    title: str
    steps: tuple[str, str, str]
    lost: str


def card_pdf(card_svg: str, words: SheetWords) -> bytes:
    """An A4 sheet with the card in its true size; accessible by the PDF/UA-1 rules."""
    told = {"title": words.title, "steps": words.steps, "lost": words.lost, "alt": words.title}
    return typst.compile(
        _SHEET.encode(),
        font_paths=_fonts(),
        format="pdf",
        sys_inputs={"card": card_svg, "words": json.dumps(told)},
        pdf_standards=["ua-1"],
    )


@cache
def _fonts() -> typst.Fonts:
    """The one font, opened once."""
    return typst.Fonts(include_system_fonts=False, font_paths=[str(sans_path().parent)])
