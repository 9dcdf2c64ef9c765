"""The house rules that a reader must be able to rely on, walked by machine."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from app import health, routes
from app.routes import Door

ROOT = Path(__file__).resolve().parent.parent
ROOMS = (
    "app", "core", "registry", "activities", "qr", "reporting", "mobile", "admin", "workers", "standins",
    "simulation",
)  # fmt: skip
MAX_LINES = 450
#: Tables of one room are read side by side, like a schema on one sheet.
MAX_TABLE_LINES = 700
#: Operations whose transactions are their own by nature, each with its reason.
MAY_COMMIT = {
    "core/db.py": "the one edge",
    "activities/hot.py": "the same edge for the asynchronous door (decision 0004)",
}


def modules() -> Iterator[tuple[str, ast.Module, str]]:
    """Every module of the rooms: relative path, syntax tree, text."""
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            source = path.read_text(encoding="utf-8")
            yield str(path.relative_to(ROOT)), ast.parse(source), source


def test_nobody_below_the_door_commits() -> None:
    """One door, one transaction: `.commit(` and COMMIT appear only at the edge."""
    found = set()
    for name, tree, source in modules():
        calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
        if any(getattr(call.func, "attr", "") == "commit" for call in calls) or re.search(
            r"execute\(\s*[\"']commit", source
        ):
            found.add(name)
    assert found == set(MAY_COMMIT)


def test_modules_stay_short() -> None:
    """A module is something one person holds in mind."""
    for name, _, source in modules():
        limit = MAX_TABLE_LINES if name.endswith("/models.py") else MAX_LINES
        assert source.count("\n") <= limit, name


def test_no_room_shadows_the_standard_library() -> None:
    """`platform`, `statistics`, `secrets` … are taken."""
    names = {path.stem for path in ROOT.iterdir() if (path / "__init__.py").exists()}
    assert not names & sys.stdlib_module_names


def test_time_is_an_argument() -> None:
    """Use cases and rules read no clock: `wall_now` and `.now()` belong to doors and machinery."""
    for name, tree, _ in modules():
        room, _, rest = name.partition("/")
        if room not in {"registry", "activities"} or "api_" in rest or "doors" in rest:
            continue
        if rest in {"presence.py", "hot.py"}:  # doors of presence
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in {"now", "today"}:
                pytest.fail(f"{name}:{node.lineno} reads a clock")


def included(where: Any) -> list[Any]:
    """The routers right below an application or a router."""
    found = [getattr(route, "original_router", None) for route in where.routes]
    return [router for router in found if router is not None]


def served(app: FastAPI) -> list[tuple[str, APIRoute]]:
    """Every path with an endpoint of ours. FastAPI keeps included routers whole, unrolled late."""
    rooms = [room for room in included(app) if room is not health.router]
    routers = [router for room in rooms for router in included(room)]
    assert all(isinstance(room, routes.Room) and len(room.routes) == 1 for room in rooms)
    assert routers == [row.router for row in routes.TABLE], "a router that is not in the table"
    return [
        (row.prefix + route.path, route)
        for row in routes.TABLE
        for route in row.router.routes
        if isinstance(route, APIRoute)
    ]


def test_every_route_names_its_audience(app: FastAPI) -> None:
    """P14: what is not named is refused; here, it is not even built."""
    found = served(app)
    unnamed = [
        path
        for path, route in found
        if (route.openapi_extra or {}).get("x-audience") not in set(Door)
    ]
    assert len(found) > len(routes.TABLE)
    assert not unnamed


def _path(path: str) -> str:
    return re.sub(
        r"\{(\w+)\}",
        lambda found: (
            "212172" if found.group(1) == "lg_code" else "00000000-0000-4000-8000-000000000000"
        ),
        path,
    )


def test_closed_doors_are_closed_to_strangers(app: FastAPI, client: TestClient) -> None:
    """P14: without a sign-in, no door but the public ones lets anything through."""
    for path, route in served(app):
        door = (route.openapi_extra or {}).get("x-audience")
        if door in {None, Door.PUBLIC}:
            continue
        for method in (route.methods or set()) - {"HEAD"}:
            answer = client.request(method, _path(path), headers={"Idempotency-Key": "k"})
            to_sign_in = answer.status_code == 303 and "signin" in answer.headers["location"]
            assert answer.status_code == 401 or to_sign_in, f"{method} {path}: {answer.status_code}"
