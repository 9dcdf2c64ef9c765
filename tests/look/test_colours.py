"""Contrast of every pair of colours the style sheets can put together, in both colour schemes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.pages import compact

ROOT = Path(__file__).resolve().parents[2]
SHEETS = (
    "core/static/shared.css",
    "mobile/static/mobile.css",
    "mobile/static/pages/way.css",
    "admin/static/admin.css",
)
TEXT_MINIMUM = 4.5
SHAPE_MINIMUM = 3.0
# Text of these colours may stand on any of these grounds.
GROUNDS = ("paper", "surface", "raised", "quiet", "action-tint", "sun-tint")
EVERYWHERE = ("text", "soft", "link", "visited")
TINTED = ("good", "info", "warn", "bad")
SHAPES = [
    ("edge", "surface"), ("edge", "paper"), ("action", "surface"), ("action", "paper"),
    ("bad-mark", "surface"), ("bad-mark", "paper"), ("focus", "paper"), ("focus", "halo"),
]  # fmt: skip


def schemes() -> dict[str, dict[str, str]]:
    css = compact((ROOT / "core/static/tokens.css").read_text("utf-8"))
    light, _, dark = css.partition("@media (prefers-color-scheme:dark)")
    hexes = r"--([\w-]+):(#[0-9a-f]{3,6})[;}]"
    base = dict(re.findall(hexes, light))
    return {"light": base, "dark": base | dict(re.findall(hexes, dark))}


def luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    if len(digits) == 3:
        digits = "".join(digit * 2 for digit in digits)
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    lighter, darker = sorted((luminance(first), luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def pairs_in_sheets() -> set[tuple[str, str]]:
    """(colour, ground) of every rule that sets both."""
    found = set()
    for sheet in SHEETS:
        css = compact((ROOT / sheet).read_text("utf-8"))
        for body in re.findall(r"\{([^{}]*)\}", css):
            colour = re.search(r"(?:^|;)color:var\(--([\w-]+)\)", body)
            ground = re.search(r"(?:^|;)background(?:-color)?:var\(--([\w-]+)\)", body)
            if colour and ground:
                found.add((colour[1], ground[1]))
    return found


def text_pairs() -> set[tuple[str, str]]:
    everywhere = {(text, ground) for text in EVERYWHERE for ground in GROUNDS}
    tinted = {(text, ground) for text in TINTED for ground in (f"{text}-tint", "surface", "paper")}
    on_tints = {(text, f"{tint}-tint") for tint in TINTED for text in ("text", "soft", "link")}
    return everywhere | tinted | on_tints | pairs_in_sheets()


def test_sheets_do_set_pairs() -> None:
    assert ("on-action", "action") in pairs_in_sheets()
    assert len(pairs_in_sheets()) > 15


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_readable(scheme: str) -> None:
    colours = schemes()[scheme]
    weak = {
        pair: round(ratio, 2)
        for pair in sorted(text_pairs())
        if (ratio := contrast(colours[pair[0]], colours[pair[1]])) < TEXT_MINIMUM
    }
    assert weak == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_shapes_are_visible(scheme: str) -> None:
    colours = schemes()[scheme]
    weak = {
        pair: round(ratio, 2)
        for pair in [*SHAPES, *((f"{tint}-mark", f"{tint}-tint") for tint in TINTED)]
        if (ratio := contrast(colours[pair[0]], colours[pair[1]])) < SHAPE_MINIMUM
    }
    assert weak == {}


def test_every_colour_has_a_dark_twin() -> None:
    css = compact((ROOT / "core/static/tokens.css").read_text("utf-8"))
    light, _, dark = css.partition("@media (prefers-color-scheme:dark)")
    name = r"--([\w-]+):#"
    assert set(re.findall(name, light)) == set(re.findall(name, dark))


def test_sheets_use_no_colour_of_their_own() -> None:
    """Besides tokens only the white of a QR code and of a printed sheet, which must not turn dark."""
    used = [
        colour
        for sheet in SHEETS
        for colour in re.findall(r"#[0-9a-fA-F]{3,8}\b", (ROOT / sheet).read_text("utf-8"))
    ]
    assert set(used) == {"#fff"}


def test_measuring_agrees_with_the_design_page() -> None:
    assert round(contrast("#0017c1", "#fff"), 1) == 11.1
    assert round(contrast("#333", "#fff"), 1) == 12.6
