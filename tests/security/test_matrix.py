"""P14: every route, every kind of actor, with real tokens. What is not declared is refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from uuid import uuid4

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from app.routes import Door
from core.access import Actor, Role
from registry import doors
from tests.conftest import RollbackDatabase
from tests.factories.registry import GIFU, HIDA, KESENNUMA, make_operator, make_staff
from tests.security.knocking import (
    PERSON_DOORS,
    Outcome,
    Way,
    examples_of,
    knock,
    outcome_of,
    ways,
    without_ids,
)
from tests.security.places import Place, settle

IN, SIGN_IN, FORBIDDEN, UNKNOWN = Outcome
PERSONS = ("person", "stranger", "organiser", "reception", "neighbour", "host elsewhere")
OWN_STAFF = {role.value: role for role in Role}
OTHER_STAFF = ("staff elsewhere", "prefecture")
NOBODY = ("anonymous", "nobody's token")
DEVICES = ("device", "device elsewhere")
ACTORS = (*NOBODY, *PERSONS, *OWN_STAFF, *OTHER_STAFF, *DEVICES, "operator")
GROUPS = [ACTORS[start::3] for start in range(3)]

#: Paths of one's own things: somebody else's id there is no id.
OWNED = (
    "{notice_id}", "{attempt_id}", "{export_id}", "{passkey_id}", "{sign_in_id}",
    "/towns/{lg_code}/questions/{question_id}", "/guardianships/{guardianship_id}", "/family/{", "/family/helpers/{",
)  # fmt: skip
_LG = "/api/v1/local-governments/{lg_code}"
#: A file is for the one member of staff who asked for it.
_FILE = "/exports/{file_id}"
_INVITED = "guardian-invitations/{token}"
#: What the role `reception` of a host may do: receive people and read what is planned.
RECEPTION = {
    f"POST {_LG}/sessions/{{session_id}}/check-ins",
    f"POST {_LG}/check-ins/{{check_in_id}}/annul",
    f"GET {_LG}/sessions/{{session_id}}/venue-code",
    f"GET {_LG}/sessions/{{session_id}}/people",
    f"GET {_LG}/activities/{{activity_id}}",
    f"GET {_LG}/organisations/{{organisation_id}}/activities",
    "GET /host/{lg_code}/organisations/{organisation_id}",
    "GET /host/{lg_code}/activities/{activity_id}",
    "GET /host/{lg_code}/sessions/{session_id}",
    "GET /host/{lg_code}/sessions/{session_id}/venue",
    "POST /host/{lg_code}/sessions/{session_id}/codes",
    "POST /host/{lg_code}/sessions/{session_id}/people/{person_id}",
    "POST /host/{lg_code}/sessions/{session_id}/family",
    "POST /host/{lg_code}/sessions/{session_id}/check-ins/{check_in_id}/undo",
}
#: Of these the place has nothing that fits, so even those who may enter find nothing.
NOTHING_THERE = {
    "POST /staff/{lg_code}/exports/{file_id}/release",
    f"POST {_LG}/activities/{{activity_id}}/audit-finding",
    f"POST {_LG}/judgements/{{judgement_id}}/reverse",
    f"POST {_LG}/organisations/{{organisation_id}}/trust/withdrawal",
    f"POST {_LG}/registrations/{{registration_id}}/consent-withdrawal",
    "POST /staff/{lg_code}/judgements/{judgement_id}/reverse",
    *(
        f"POST /{desk}/me/{thing}"
        for desk in ("staff", "operator")
        for thing in (
            "keys/{passkey_id}/name",
            "keys/{passkey_id}/remove",
            "sign-ins/{sign_in_id}/end",
        )
    ),
}


@dataclass(frozen=True, slots=True)
class Everybody:
    """A place, another one, and a token for each kind of actor."""

    here: Place
    tokens: Mapping[str, str | None]


@pytest.fixture
def everybody(database: RollbackDatabase) -> Everybody:
    """Two towns, and the prefecture of the first."""
    here, there = settle(database, HIDA), settle(database, KESENNUMA, family="佐藤")
    tokens = {
        "anonymous": None,
        "nobody's token": "A" * 43,
        **{
            name: here.people[name].token
            for name in ("person", "organiser", "reception", "neighbour", *OWN_STAFF)
        },
        "stranger": there.people["person"].token,
        "host elsewhere": there.people["organiser"].token,
        "staff elsewhere": there.people["manager"].token,
        "prefecture": make_staff(database, GIFU).token,
        "device": here.device,
        "device elsewhere": there.device,
        "operator": make_operator(database).token,
    }
    assert set(tokens) == set(ACTORS)
    return Everybody(here, tokens)


def expected(way: Way, actor: str) -> set[Outcome]:
    """What the declared door and role say may happen; whoever is kept out has one answer only."""
    if way.door is Door.PUBLIC:
        return {IN}
    if actor in NOBODY or (actor in DEVICES and way.door is not Door.DEVICE):
        return {SIGN_IN}
    if way.door is Door.PERSON:
        return _person(way, actor)
    found = {Door.HOST: _host, Door.STAFF: _staff, Door.DEVICE: _device, Door.OPERATOR: _operator}[
        way.door
    ](way, actor)
    return {IN, UNKNOWN} if found is IN and str(way) in NOTHING_THERE else {found}


def _person(way: Way, actor: str) -> set[Outcome]:
    if "signed_in" in way.guards and "person_actor" not in way.guards:
        return _own_sign_in(way, actor)
    if actor not in PERSONS:
        # Pages of the phone know registrants only; anybody else signs in as one.
        return {SIGN_IN if "registrant" in way.guards else FORBIDDEN}
    if actor == "person":
        # An operation's example names things that are nowhere.
        return {IN, UNKNOWN} if way.api and way.method == "POST" else {IN}
    if any(part in way.template for part in OWNED):
        return {UNKNOWN}
    if _INVITED in way.template:
        # The page says in place that the invitation is for another address.
        return {FORBIDDEN, UNKNOWN} if way.api else {IN}
    # Below one's own registration with a town one may have none.
    return {IN, UNKNOWN}


def _own_sign_in(way: Way, actor: str) -> set[Outcome]:
    """One's own sign-ins and passkeys, whoever one is."""
    if "{" in way.template:
        return {IN} if actor == "person" else {UNKNOWN}
    # A challenge of an example is nobody's.
    return {IN, UNKNOWN} if way.method == "POST" else {IN}


def _host(way: Way, actor: str) -> Outcome:
    if "registrant" in way.guards and actor not in PERSONS:
        return SIGN_IN  # the phone's pages know registrants only; staff have the desk
    if actor == "organiser" or (actor in OWN_STAFF and OWN_STAFF[actor].rank >= Role.CLERK.rank):
        return IN
    if actor == "reception":
        return IN if str(way) in RECEPTION else FORBIDDEN
    return UNKNOWN


def _staff(way: Way, actor: str) -> Outcome:
    if way.template.endswith(_FILE) and actor in OWN_STAFF and actor not in {"manager", "viewer"}:
        return UNKNOWN  # the manager's
    if "own_desk" in way.guards:
        # One's own keys and sign-ins, wherever one works.
        return IN if actor in {*OWN_STAFF, *OTHER_STAFF} else FORBIDDEN
    if actor in OWN_STAFF:
        assert way.role is not None
        return IN if OWN_STAFF[actor].rank >= way.role.rank else FORBIDDEN
    return UNKNOWN if actor in OTHER_STAFF else FORBIDDEN


def _device(way: Way, actor: str) -> Outcome:
    if actor not in DEVICES:
        return SIGN_IN
    # A scan for a session that is not the device's is stored and refused, as for no session.
    scans = way.api and way.method == "POST" and way.template.endswith("/check-ins")
    looks = not scans and "{session_id}" in way.template
    return UNKNOWN if actor == "device elsewhere" and looks else IN


def _operator(_way: Way, actor: str) -> Outcome:
    return IN if actor == "operator" else FORBIDDEN


def test_every_route_has_the_guard_its_door_declares() -> None:
    """P14: undeclared routes 0: the table's word and the route's own dependency agree."""
    wanted = {
        Door.PERSON: PERSON_DOORS,
        Door.HOST: {"require_host", "host_here"},
        Door.STAFF: {"staff", "own_desk"},
        Door.DEVICE: {"known_device", "_device"},
        Door.OPERATOR: {"operator_actor"},
    }
    guards = set().union(*wanted.values())
    wrong = [
        str(way)
        for way in ways()
        if bool(way.guards & guards) != (way.door is not Door.PUBLIC)
        or (way.door is not Door.PUBLIC and not way.guards & wanted[way.door])
    ]
    assert len(ways()) > 200
    assert not wrong


@pytest.mark.parametrize("actors", GROUPS, ids="/".join)
def test_the_whole_matrix(
    app: FastAPI,
    client: TestClient,
    database: RollbackDatabase,
    everybody: Everybody,
    actors: tuple[str, ...],
) -> None:
    """P14: cells 100 %, unexpected allow 0. Each cell is undone before the next."""
    examples = examples_of(app.openapi())
    wrong, cells = [], 0
    for way in ways():
        path = everybody.here.path(way.template)
        for actor in actors:
            undo = database._connection.begin_nested()
            answer = knock(client, way, path, everybody.tokens[actor], examples=examples)
            undo.rollback()
            cells += 1
            found = outcome_of(answer, way)
            if found not in expected(way, actor):
                wrong.append(f"{way} by {actor}: {answer.status_code}, {found}")
    assert not wrong, "\n".join(wrong)
    assert cells == len(ways()) * len(actors)


def test_another_bodys_staff_learn_nothing(
    app: FastAPI, client: TestClient, database: RollbackDatabase, everybody: Everybody
) -> None:
    """P13, P14: to strangers a real town with real ids answers exactly as one that is not there."""
    examples = examples_of(app.openapi())
    nothing = Place("999999", _no_ids(everybody.here), {}, "", ())
    told = []
    below = [
        way
        for way in ways()
        if way.door in {Door.STAFF, Door.HOST} and "own_desk" not in way.guards
    ]
    for way in below:
        for actor in ("staff elsewhere", "prefecture"):
            answers = []
            for place in (everybody.here, nothing):
                undo = database._connection.begin_nested()
                token = everybody.tokens[actor]
                answer = knock(client, way, place.path(way.template), token, examples=examples)
                undo.rollback()
                answers.append(without_ids(answer))
            wanted = {303, 401} if "registrant" in way.guards else {404}
            if answers[0] != answers[1] or answers[0][0] not in wanted:
                told.append(f"{way} by {actor}: {answers[0][0]} and {answers[1][0]}")
    assert len(below) > 80
    assert not told, "\n".join(told)


def _no_ids(place: Place) -> dict[str, str]:
    """An id of nothing for every name."""
    fixed = {"day": "2027-05-20", "key": "decision.mode", "lg_code": "999999"}
    return {name: fixed.get(name, str(uuid4())) for name in place.ids}


@pytest.mark.parametrize("weakened", ["no role", "no body", "no guard"])
def test_a_planted_hole_is_seen(
    monkeypatch: pytest.MonkeyPatch,
    client: TestClient,
    database: RollbackDatabase,
    everybody: Everybody,
    weakened: str,
) -> None:
    """Sensitivity: a door without its role, its body or any guard shows in the matrix."""
    way = next(one for one in ways() if str(one) == f"GET {_LG}/audit-events")
    path = everybody.here.path(way.template)
    if weakened == "no role":
        monkeypatch.setattr(Actor, "require_role", lambda *_: None)
        actor = "viewer"
    elif weakened == "no body":
        every = MappingProxyType({HIDA: frozenset({Role.MANAGER})})
        monkeypatch.setattr(doors, "MappingProxyType", lambda _: every)
        actor = "staff elsewhere"
    else:
        monkeypatch.setattr(doors, "_of_kind", lambda actor, _: actor)
        monkeypatch.setattr(Actor, "require_role", lambda *_: None)
        holder = MappingProxyType({HIDA: frozenset({Role.MANAGER})})
        monkeypatch.setattr(doors, "MappingProxyType", lambda _: holder)
        actor = "person"
    answer = knock(client, way, path, everybody.tokens[actor])
    assert outcome_of(answer, way) not in expected(way, actor)
