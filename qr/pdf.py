"""The card as a PDF, for printers that make of a drawing what they like (R22)."""

from dataclasses import dataclass
from typing import Final

from core.pdf import typeset

_SHEET: Final = """
#let words = json(bytes(sys.inputs.told))
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
    return typeset(_SHEET, told, images={"card": card_svg})
