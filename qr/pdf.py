"""Cards and posters as PDF, for printers that make of a drawing what they like (R19, R22)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from core.pdf import typeset
from qr.render import quick_matrix
from qr.sheets import JAPANESE_CARD, Card, CardWords, card_svg

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
_POSTER: Final = """
#let told = json(bytes(sys.inputs.told))
#set document(title: told.title)
#set page(paper: told.paper, margin: 0mm)
#set text(lang: "ja", font: "Noto Sans JP")
#image(bytes(sys.inputs.poster), width: 100%, alt: told.title)
"""
# Ten cards of a wallet's size on A4, side by side: a sheet that offices buy ready to break apart.
_TEN_UP: Final = """
#let told = json(bytes(sys.inputs.told))
#set document(title: told.title)
#set page(paper: "a4", margin: (x: 19.4mm, y: 13.55mm))
#set text(lang: "ja", font: "Noto Sans JP", size: 8pt)
#grid(
  columns: (85.6mm, 85.6mm), rows: 53.98mm,
  ..told.cards.map(one => image(bytes(sys.inputs.at(one.name)), width: 85.6mm, alt: one.alt)),
)
"""
PAPERS: Final = ("a4", "a3")


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


def poster_pdf(poster_svg: str, *, title: str, now: datetime, paper: str = "a4") -> bytes:
    """R19: a poster that fills the paper, `a4` or `a3`; accessible by the PDF/UA-1 rules."""
    if paper not in PAPERS:
        raise ValueError(f"no paper of ours: {paper}")
    told = {"title": title, "paper": paper}
    return typeset(_POSTER, told, images={"poster": poster_svg}, now=now)


def cards_pdf(
    cards: Sequence[Card], *, title: str, now: datetime, words: CardWords = JAPANESE_CARD
) -> bytes:
    """R22: ten cards a sheet in their true size, in the order given."""
    drawn = {
        f"card{number}": card_svg(card, words, matrix=quick_matrix)
        for number, card in enumerate(cards)
    }
    told = [
        {"name": name, "alt": f"{words.alt}: {card.town} {card.tier} {card.member_number}"}
        for name, card in zip(drawn, cards, strict=True)
    ]
    return typeset(_TEN_UP, {"title": title, "cards": told}, images=drawn, now=now)
