"""Every kind of notice that code can owe somebody has words."""

import ast
import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("core", "registry", "activities", "workers", "mobile", "admin")


def kinds_in_code() -> set[str]:
    """Kinds named where a NoticeDraft is made, and in statements that write notices."""
    found: set[str] = set()
    for path in (path for room in ROOMS for path in (ROOT / room).rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        found |= set(re.findall(r":lg_code, '([a-z_]+)', notice_key", source))
        for node in ast.walk(ast.parse(source)):
            if not isinstance(node, ast.Call) or getattr(node.func, "id", "") != "NoticeDraft":
                continue
            given = [one.value for one in node.keywords if one.arg == "kind"] or node.args[1:2]
            found |= {
                one.value
                for one in given
                if isinstance(one, ast.Constant) and isinstance(one.value, str)
            }
    return found


def test_every_kind_of_notice_has_words_in_both_languages() -> None:
    """A person never reads "open the app to read this notice" for something that happened."""
    written = yaml.safe_load((ROOT / "core/locale/notices.yaml").read_text(encoding="utf-8"))
    kinds = kinds_in_code()
    assert len(kinds) > 10
    for kind in sorted(kinds):
        entries = [one for name, one in written.items() if name.split(".")[0] == kind]
        assert entries, kind
        for entry in entries:
            for part in ("title", "body"):
                assert {"ja", "en"} <= set(entry[part]), f"{kind}.{part}"
