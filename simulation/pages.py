"""Pages of results: one HTML file each with all that it needs, nothing to fetch and no script."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_TEMPLATES: Final = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows below their heads; the first cell of each row names it."""

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Big:
    """One figure in large type with its sentence."""

    title: str
    number: str
    unit: str
    full: str
    says: str


def rendered(template: str, title: Mapping[str, str], sheets: Sequence[Mapping[str, Any]]) -> str:
    """A page as text: one sheet for each language."""
    found = _environment().get_template(template)
    return found.render(title=title, tokens=_tokens(), sheets=sheets)


def write_page(path: Path, text: str) -> None:
    """One page, whole or not at all."""
    part = path.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _tokens() -> str:
    """The colours of light paper with their licence's notice: a report is printed."""
    whole = (files("core") / "static" / "tokens.css").read_text(encoding="utf-8")
    found = re.match(r"(/\*.*?\*/\s*:root \{.*?\n\})", whole, re.DOTALL)
    if found is None:
        raise RuntimeError("core/static/tokens.css does not begin with its notice and :root.")
    return found[1].replace("color-scheme: light dark", "color-scheme: light")
