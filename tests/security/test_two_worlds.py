"""P13: what is the same for one local government looks the same, whatever another one holds."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from uuid import uuid4

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text

from admin import waiting
from app.routes import Door
from core.access import Role
from core.db import Base
from tests.conftest import RollbackDatabase
from tests.factories.premium import set_mode
from tests.factories.registry import (
    HIDA,
    KESENNUMA,
    NOW,
    create_person,
    grant,
    join,
    make_staff,
)
from tests.security.knocking import Way, examples_of, knock, ways, without_ids
from tests.security.places import Place, settle

#: In the same prefecture as 飛騨市: nearest to leak, by way of the prefecture's rows.
TAKAYAMA = "212032"
ROLES = (*(role.value for role in Role), "organiser", "reception", "device")
#: A page's form has a key, made anew each time it is shown.
FORM_KEY = re.compile(r'(name="(?:_key|scan_id)" value=")[^"]+')
#: Signed anew each time it is asked for (ES256 draws a random number).
SIGNED = "/venue-code"
#: The same on a page: only the picture is signed anew, all around it must be the same.
SIGNED_PICTURE = re.compile(r"(<div [^>]*data-code>)<svg.*?</svg>", re.DOTALL)
#: Every answer of a scan is stored, a refused one too; looks and writes are on record.
TRACES = {"audit_event", "idempotency_key", "scan_attempt"}
#: A scan is answered, and an unknown person is answered as a foreign one (trust d-2, 4).
SCANS = ("/check-ins", "/people/{person_id}")
SEARCHES = ("", "?q=佐藤", "?q=山田&limit=1", "?text=佐藤&limit=50")
#: What forms of the desk ask for before they look at anything.
FORM = {"reason": "理由", "sound": "yes", "counted": "yes", "left": "10:00", "answer": "same"}
#: A page that was there and is no more is how a scan's answer is not found.
GONE = "/done/{lg_code}/{scan_id}"
World = Callable[[RollbackDatabase, Place], None]


def alone(_database: RollbackDatabase, _here: Place) -> None:
    """Nobody but the one town."""


def neighbours(database: RollbackDatabase, _here: Place) -> None:
    """Two other towns, each with one of everything."""
    settle(database, TAKAYAMA, family="佐藤")
    settle(database, KESENNUMA, family="鈴木")


def shared(database: RollbackDatabase, here: Place) -> None:
    """Another town holds more, another way, and people of the first one too."""
    settle(database, TAKAYAMA, family="高橋")
    set_mode(database, TAKAYAMA, "auto", now=NOW + timedelta(minutes=1))
    for number in range(3):
        join(database, create_person(database, nickname=f"山田 {number}"), TAKAYAMA)
    for name in ("person", "holder"):
        someone = here.people[name]
        join(database, someone, TAKAYAMA)
        grant(
            database,
            someone,
            TAKAYAMA,
            slot=2,
            first_day=date(2027, 1, 1),
            last_day=date(2027, 12, 31),
        )
    make_staff(database, TAKAYAMA, name="山田 兼任")


@contextmanager
def undone(database: RollbackDatabase) -> Iterator[None]:
    """What happens inside is taken back."""
    step = database._connection.begin_nested()
    yield
    step.rollback()


def token_of(place: Place, role: str) -> str:
    return place.device if role == "device" else place.people[role].token


def reads() -> list[Way]:
    """Every read of a local government's own roles."""
    doors = {Door.STAFF, Door.HOST, Door.DEVICE}
    return [way for way in ways() if way.method == "GET" and way.door in doors]


def seen(
    client: TestClient, database: RollbackDatabase, here: Place, *, only: str | None = None
) -> dict[str, tuple[int, str]]:
    """Everything that this place's roles can read, byte for byte."""
    found = {}
    for way in reads():
        if only not in {None, way.template}:
            continue
        for role in ROLES:
            if (role == "device") != (way.door is Door.DEVICE):
                continue
            searched = way.template.endswith("s") and role in {"viewer", "organiser"}
            for search in SEARCHES if searched else SEARCHES[:1]:
                with undone(database):
                    path = here.path(way.template) + search
                    answer = knock(client, way, path, token_of(here, role))
                signed = way.template.endswith(SIGNED)
                told = "" if signed else FORM_KEY.sub(r"\1", answer.text)
                if way.template.endswith("/venue"):
                    told = SIGNED_PICTURE.sub(r"\1", told)
                found[f"{way}{search} by {role}"] = (answer.status_code, told)
    return found


def test_another_towns_world_changes_no_byte(
    client: TestClient, database: RollbackDatabase
) -> None:
    """P13: routes 100 %, differing bytes 0, with a person whom both know."""
    here = settle(database, HIDA)
    worlds = {}
    for world in (alone, neighbours, shared):
        with undone(database):
            world(database, here)
            worlds[world.__name__] = seen(client, database, here)
    same = worlds["alone"]
    assert len(reads()) >= 30
    assert sum(status == 200 for status, _ in same.values()) > 0.4 * len(same)
    for name in ("neighbours", "shared"):
        differing = [what for what, told in worlds[name].items() if told != same[what]]
        assert not differing, f"{name}: {differing}"


def test_a_planted_leak_is_seen(
    monkeypatch: pytest.MonkeyPatch, client: TestClient, database: RollbackDatabase
) -> None:
    """Sensitivity: one count over all local governments on a page, and the worlds differ."""

    def everywhere(_db: object, _lg_code: str) -> int:
        with database.owner() as connection:
            return int(connection.execute(text("select count(*) from application")).scalar_one())

    here = settle(database, HIDA)
    monkeypatch.setattr(waiting, "to_decide", everywhere)
    before = seen(client, database, here, only="/staff/{lg_code}")
    shared(database, here)
    assert seen(client, database, here, only="/staff/{lg_code}") != before


# --- object swap ----------------------------------------------------------------------------------


def digest(database: RollbackDatabase) -> str:
    """All rows of all tables but the traces that any knock leaves."""
    names = [table.name for table in Base.metadata.sorted_tables if table.name not in TRACES]
    every = " union all ".join(
        f"select '{name}', count(*), sum(hashtextextended(t::text, 0)) from {name} t"
        for name in names
    )
    with database.owner() as connection:
        return str(connection.execute(text(every)).all())


def swaps(way: Way) -> list[str]:
    """Path parameters that hold ids of things."""
    return re.findall(r"\{(\w+_id)\}", way.template)


def actors_of(way: Way) -> tuple[str, ...]:
    """The most powerful of a place at this door."""
    return {
        Door.STAFF: ("manager",),
        Door.HOST: ("manager", "organiser"),
        Door.DEVICE: ("device",),
        Door.PERSON: ("person",),
    }.get(way.door, ())


def missing(way: Way, actor: str) -> set[int]:
    """How it is said that there is no such thing."""
    if actor == "manager" and "registrant" in way.guards:
        return {303, 401}  # pages of the phone know registrants only: staff are asked to sign in
    return {410 if way.template == GONE else 404}


@pytest.mark.parametrize("half", [0, 1])
def test_another_towns_ids_are_no_ids(
    app: FastAPI, client: TestClient, database: RollbackDatabase, half: int
) -> None:
    """P13: every id of another town in every parameter: as an id of nothing, and nothing happens."""
    examples = examples_of(app.openapi())
    here, there = settle(database, HIDA), settle(database, TAKAYAMA, family="佐藤")
    before, wrong, cells = digest(database), [], 0
    for way in ways()[half::2]:
        for actor in actors_of(way):
            for name in swaps(way):
                answers = []
                for stranger in (there.path(way.template), None):
                    own = here.path(way.template).split("/")
                    at = way.template.split("/").index(f"{{{name}}}")
                    own[at] = stranger.split("/")[at] if stranger else str(uuid4())
                    with undone(database):
                        answer = knock(
                            *(client, way, "/".join(own), token_of(here, actor)),
                            examples=examples,
                            form=FORM,
                        )
                        if digest(database) != before:
                            wrong.append(f"{way}, {name} by {actor}: something changed")
                    answers.append(without_ids(answer))
                cells += 1
                stored = way.method == "POST" and way.template.endswith(SCANS)
                if answers[0] != answers[1] or not (answers[0][0] in missing(way, actor) or stored):
                    wrong.append(f"{way}, {name} by {actor}: {answers[0][0]} / {answers[1][0]}")
    assert cells > 40
    assert not wrong, "\n".join(wrong)
