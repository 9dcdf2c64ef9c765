"""Our own scripts: how many bytes a page brings with it, and that what is served is what we wrote."""

import re
import sys
import zlib
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Final

import pytest
from fastapi.testclient import TestClient

import hatch_build
from core import pages

ROOT: Final = Path(__file__).resolve().parents[2]
SCRIPTS: Final = {path.name: path for path in hatch_build.own_scripts(ROOT)}
#: frontend.md, f: what a page may load of our own, compressed, with the worker behind it.
MOST: Final = 12_000
_AT_ONCE: Final = re.compile(r"""(?:from|import) ["'](?:\./static/|\./)(\w+\.js)["']""")
_LATER: Final = re.compile(r"""import\(["']\./(\w+\.js)["']\)""")
_TAG: Final = re.compile(r"static\('(\w+\.js)'\)")


def closure(names: set[str]) -> set[str]:
    """Scripts with all that they load at once."""
    found: set[str] = set()
    while names:
        found |= names
        names = {
            one for name in names for one in _AT_ONCE.findall(SCRIPTS[name].read_text("utf-8"))
        } - found
    return found


def squeezed(path: Path) -> int:
    """The bytes of a file on the line (app/squeeze.py)."""
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    return len(packer.compress(path.read_bytes()) + packer.flush())


def by_page() -> dict[str, set[str]]:
    """What each page loads; the phone's worker comes with all of its pages."""
    found = {}
    for room, always in (("mobile", {"sw.js"}), ("admin", set[str]())):
        folder = ROOT / room / "templates"
        base = always | set(_TAG.findall((folder / "base.html").read_text("utf-8")))
        for page in sorted(folder.glob("*.html")):
            used = set(_TAG.findall(page.read_text("utf-8")))
            if used:
                found[f"{room}/{page.stem}"] = closure(base | used)
    return found


def test_a_page_brings_twelve_kilobytes_of_scripts_at_most(
    capsys: pytest.CaptureFixture[str],
) -> None:
    if not hatch_build.is_fresh(ROOT):
        pytest.skip("built without the small forms")
    weights = {
        page: sum(squeezed(pages.as_served(SCRIPTS[name])) for name in names)
        for page, names in by_page().items()
    }
    with capsys.disabled():
        lines = [
            f"{page} {weight:,}" for page, weight in sorted(weights.items(), key=itemgetter(1))
        ]
        sys.stdout.write(f"\nbytes of scripts: {', '.join(lines)}\n")
    # Every script is on some page, or is loaded by one when somebody presses for it.
    texts = [path.read_text("utf-8") for path in SCRIPTS.values()]
    later = {name for text in texts for name in _LATER.findall(text)}
    assert set.union(later, *by_page().values()) == set(SCRIPTS)
    assert max(weights.values()) <= MOST, weights


def test_a_small_form_is_served_only_of_the_text_it_was_made_of(
    client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    readable = SCRIPTS["clock.js"].read_text("utf-8")
    small = tmp_path / "clock.js"
    small.write_text("export const small = 1;", "utf-8")
    made_of = hatch_build._sum(SCRIPTS["clock.js"])
    for sums, served in (
        ({}, readable),
        ({"clock.js": (small, "somebody changed it since")}, readable),
        ({"clock.js": (tmp_path / "lost.js", made_of)}, readable),
        ({"clock.js": (small, made_of)}, "export const small = 1;"),
    ):
        monkeypatch.setattr(pages, "_small", partial(dict, sums))
        assert client.get("/static/clock.js").text == served
