"""Collects every refusal code that the source can utter, by reading it (nothing is imported).

A code is a text handed to a parameter called `code` of a function or class of our own, an
assignment to a variable called `code`, the key of a dictionary that a loop over `code` walks,
or a member of an enumeration of code problems.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("core", "app", "registry", "activities", "qr", "reporting", "mobile", "admin")
ENUMERATIONS = frozenset({"CodeProblem", "Refusal"})
# `code` means something else there: a sign-in code, a local government, a printed short code.
_OTHER_MEANINGS = frozenset({"Body", "LocalGovernment", "Option", "Municipality"})
_CODE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def trees(rooms: tuple[str, ...] = ROOMS) -> Iterator[tuple[Path, ast.Module]]:
    for room in rooms:
        for path in sorted((ROOT / room).rglob("*.py")):
            yield path.relative_to(ROOT), ast.parse(path.read_text(encoding="utf-8"))


def positions(modules: list[ast.Module]) -> dict[str, set[int]]:
    """Callable → places of its parameter `code` (several, where rooms share a name)."""
    found: dict[str, set[int]] = defaultdict(set)
    for node in (node for module in modules for node in ast.walk(module)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names = [argument.arg for argument in node.args.posonlyargs + node.args.args]
            if "code" in names:
                found[node.name].add(names.index("code"))
            elif any(argument.arg == "code" for argument in node.args.kwonlyargs):
                found.setdefault(node.name, set())
        elif isinstance(node, ast.ClassDef) and node.name not in _OTHER_MEANINGS:
            fields = [
                item.target.id
                for item in node.body
                if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
            ]
            if "code" in fields:
                found[node.name].add(fields.index("code"))
            elif any(
                isinstance(base, ast.Name) and base.id == "DomainError" for base in node.bases
            ):
                found[node.name].add(0)
    return found


def _texts(node: ast.expr | None) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        if _CODE.fullmatch(node.value):
            yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)


def _from_call(node: ast.Call, places: dict[str, set[int]]) -> Iterator[str]:
    name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    if name not in places:
        return
    for keyword in node.keywords:
        if keyword.arg == "code":
            yield from _texts(keyword.value)
    for place in places[name]:
        if place < len(node.args):
            yield from _texts(node.args[place])


def _from_loops(module: ast.Module) -> Iterator[str]:
    """Keys of `codes = {…}` where the same module says `for code, … in codes.items()`."""
    walked = {
        getattr(getattr(getattr(node.iter, "func", None), "value", None), "id", "")
        for node in ast.walk(module)
        if isinstance(node, ast.For)
        and any(isinstance(n, ast.Name) and n.id == "code" for n in ast.walk(node.target))
    }
    for node in ast.walk(module):
        if not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict)):
            continue
        if any(isinstance(target, ast.Name) and target.id in walked for target in node.targets):
            for key in node.value.keys:
                yield from _texts(key)


def _from_module(module: ast.Module, places: dict[str, set[int]]) -> Iterator[str]:
    yield from _from_loops(module)
    for node in ast.walk(module):
        if isinstance(node, ast.Call):
            yield from _from_call(node, places)
        elif isinstance(node, ast.Assign):
            if any(isinstance(target, ast.Name) and target.id == "code" for target in node.targets):
                yield from _texts(node.value)
        elif isinstance(node, ast.ClassDef) and node.name in ENUMERATIONS:
            for item in node.body:
                if isinstance(item, ast.Assign):
                    yield from _texts(item.value)


@cache
def spoken_codes() -> dict[str, str]:
    """Every code → the first file that utters it."""
    modules = list(trees())
    places = positions([module for _, module in modules])
    found: dict[str, str] = {}
    for path, module in modules:
        for code in _from_module(module, places):
            found.setdefault(code, str(path))
    return found


def spoken_actions() -> dict[str, str]:
    """Every `action="…"` of a reason → the first file that utters it."""
    found: dict[str, str] = {}
    for path, module in trees(("registry", "activities", "qr", "core")):
        for node in ast.walk(module):
            if isinstance(node, ast.keyword) and node.arg == "action":
                for text in _texts(node.value):
                    found.setdefault(text, str(path))
    return found
