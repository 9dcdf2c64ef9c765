"""Every route and every kind of actor, and what came of a knock at a door."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, Protocol
from uuid import uuid4

import httpx2
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from app import openapi, routes
from app.routes import Door
from core.access import Role

ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
PERSON_DOORS = {"person_actor", "registrant", "signed_in"}


class Outcome(StrEnum):
    """What a door did."""

    IN = "in"
    SIGN_IN = "asked to sign in"
    FORBIDDEN = "forbidden"
    UNKNOWN = "as if there were nothing"


class Walled(Protocol):
    """A dependant of FastAPI, as far as this looks."""

    call: Any
    dependencies: list[Any]


@dataclass(frozen=True, slots=True)
class Way:
    """One method of one route, as its table and its own dependencies declare it."""

    method: str
    template: str
    door: Door
    guards: frozenset[str]
    role: Role | None

    @property
    def searches(self) -> bool:
        """Whether it answers only to a search."""
        return self.template.endswith("/people")

    @property
    def api(self) -> bool:
        """Whether problem documents are answered rather than pages."""
        return self.template.startswith(("/api/", "/.well-known/"))

    def __str__(self) -> str:
        """Method and path."""
        return f"{self.method} {self.template}"


def _guards(dependant: Walled) -> Iterator[tuple[str, Role | None]]:
    for inner in dependant.dependencies:
        name = inner.call.__qualname__
        if name.startswith("staff_with."):
            yield (
                "staff",
                next(
                    cell.cell_contents
                    for cell in inner.call.__closure__
                    if isinstance(cell.cell_contents, Role)
                ),
            )
        else:
            yield name, None
        yield from _guards(inner)


@cache
def ways() -> tuple[Way, ...]:
    """Every route of the table, by method."""
    found: list[Way] = []
    for row in routes.TABLE:
        for route in row.router.routes:
            assert isinstance(route, APIRoute)
            guards = dict(_guards(route.dependant))
            found += [
                Way(
                    method,
                    row.prefix + route.path,
                    row.door,
                    frozenset(guards),
                    guards.get("staff"),
                )
                for method in sorted((route.methods or set()) - {"HEAD"})
            ]
    return tuple(found)


def knock(
    client: TestClient,
    way: Way,
    path: str,
    token: str | None,
    *,
    examples: Mapping[tuple[str, str], Any] | None = None,
    form: Mapping[str, str] | None = None,
    key: str | None = None,
) -> httpx2.Response:
    """One request, with a key, with the operation's own example where it takes a body."""
    headers = {"Idempotency-Key": key or str(uuid4())}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    client.cookies.clear()
    if way.method == "GET":
        return client.get(path, headers=headers, params={"q": "山田"} if way.searches else None)
    if way.api:
        body = (examples or {}).get((way.method.lower(), way.template))
        return client.request(way.method, path, headers=headers, json=body)
    return client.post(path, headers=headers, data={"_key": str(uuid4()), **(form or {})})


def outcome_of(answer: httpx2.Response, way: Way) -> Outcome:
    """What the door did, as whoever knocked can tell."""
    if answer.status_code == 401:
        return Outcome.SIGN_IN
    led_to = answer.headers.get("location", "")
    # A public page may lead to the sign-in by itself, without having kept anybody out.
    if answer.status_code == 303 and "signin?next=" in led_to and way.door is not Door.PUBLIC:
        return Outcome.SIGN_IN
    if answer.status_code == 403:
        return Outcome.FORBIDDEN
    return Outcome.UNKNOWN if answer.status_code == 404 else Outcome.IN


def examples_of(document: Mapping[str, Any]) -> dict[tuple[str, str], Any]:
    """The first example body of every operation that takes one."""
    found = {}
    for method, path, operation in openapi.operations(document):
        if "requestBody" not in operation:
            continue
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        named = document["components"]["schemas"][schema["$ref"].split("/")[-1]]
        found[method, path] = named["examples"][0]
    return found


def without_ids(answer: httpx2.Response) -> tuple[int, str]:
    """Status and body with ids and six-digit codes taken out: what may not tell anything."""
    return answer.status_code, re.sub(r"\b\d{6}\b", "N", ID.sub("ID", answer.text))
