"""P22, P30 in small: no individual number is kept; no personal value in logs, addresses, Redis, tasks."""

import inspect
import logging
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

import pytest
import redis
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app import openapi
from app.routes import Door
from core.db import Base, Database
from core.individual_number import contains_individual_number
from tests.conftest import REDIS, RollbackDatabase
from tests.factories.phone import forms_in
from tests.factories.registry import GATE, GIFU, HIDA, create_person, make_operator
from tests.security.knocking import knock, ways
from tests.security.places import Place, settle
from tests.security.test_idempotency import token_for
from tests.security.test_two_worlds import undone
from workers import app as celery_app

#: Twelve digits with a right check digit, as a test needs one; nobody's, or by chance.
CANARY = next(
    number
    for number in (f"98765432109{last}" for last in range(10))
    if contains_individual_number(number)
)
SENTENCE = f"番号は {CANARY} です"
#: Fields that are no text of people's own: their form is checked before anything is kept.
FORMS = {"uuid", "date", "date-time", "email"}


def found_in(database: RollbackDatabase, needle: str) -> list[str]:
    """Tables that hold a text anywhere in a row."""
    every = " union all ".join(
        f"select '{table.name}' from {table.name} t where t::text like :needle"
        for table in Base.metadata.sorted_tables
    )
    with database.owner() as connection:
        rows = connection.execute(text(every), {"needle": f"%{needle}%"}).scalars()
        return sorted(set(rows))


def text_places(schema: Mapping[str, Any], parts: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    """Members of a body that take free text, and whether as a list of texts."""
    for name, member in schema.get("properties", {}).items():
        choices = [member, *member.get("anyOf", [])]
        for choice in choices:
            one = parts.get(choice.get("$ref", "").split("/")[-1], choice)
            items = one.get("items", {})
            if _is_text(one):
                yield name, False
            elif one.get("type") == "array" and _is_text(items):
                yield name, True


def _is_text(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") == "string" and not (
        {"enum", "const", "pattern"} & schema.keys() or schema.get("format") in FORMS
    )


@pytest.fixture
def place(database: RollbackDatabase) -> Place:
    return settle(database, HIDA)


def test_no_body_of_the_api_keeps_an_individual_number(
    app: FastAPI, client: TestClient, database: RollbackDatabase, place: Place
) -> None:
    """P22: typed into every text of every operation: refused, or nowhere in the database."""
    document, operator = app.openapi(), make_operator(database).token
    parts = document["components"]["schemas"]
    declared = {(way.method.lower(), way.template): way for way in ways()}
    tried, kept = 0, []
    for method, path, operation in openapi.operations(document):
        if "requestBody" not in operation:
            continue
        way = declared[method, path]
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        named = parts[schema["$ref"].split("/")[-1]]
        for name, many in text_places(named, parts):
            body = named["examples"][0] | {name: [SENTENCE] if many else SENTENCE}
            with undone(database):
                answer = knock(
                    client,
                    way,
                    place.path(path),
                    token_for(way, place, operator),
                    examples={(method, path): body},
                )
                tried += 1
                tables = found_in(database, CANARY)
            if tables or answer.status_code >= 500:
                kept.append(f"{way}, {name}: {answer.status_code}, {tables}")
    assert tried > 40
    assert not kept, "\n".join(kept)


def test_no_form_keeps_an_individual_number(
    client: TestClient, database: RollbackDatabase, place: Place
) -> None:
    """P22: typed into every field of every form on every page."""
    operator = make_operator(database).token
    tried, kept, seen = 0, [], set()
    for way in ways():
        if way.method != "GET" or way.api:
            continue
        token = token_for(way, place, operator)
        headers = {"Authorization": f"Bearer {token}"}
        with undone(database):
            page = client.get(place.path(way.template), headers=headers)
        for form in forms_in(page.text):
            action = form.action or place.path(way.template)
            for name in form.fields:
                if form.method.lower() == "get" or (action, name) in seen or name == "_key":
                    continue
                seen.add((action, name))
                with undone(database):
                    client.cookies.clear()
                    filled = {"reason": "理由", "name": "名", "nickname": "名"} | form.fields
                    answer = client.post(action, data=filled | {name: SENTENCE}, headers=headers)
                    tried += 1
                    tables = found_in(database, CANARY)
                if tables or answer.status_code >= 500:
                    kept.append(f"{action}, {name}: {answer.status_code}, {tables}")
    assert tried > 40
    assert not kept, "\n".join(kept)


def test_the_scan_finds_what_is_kept(database: RollbackDatabase) -> None:
    """Sensitivity: a number that got in would be found, in any table."""
    create_person(database, nickname="花子", email=f"n{CANARY}@example.jp")
    assert found_in(database, CANARY) == ["account", "sign_in_code"]


# --- seeded personal values -----------------------------------------------------------------------


def test_nothing_personal_in_logs_addresses_or_redis(
    client: TestClient,
    database: RollbackDatabase,
    place: Place,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """P30: every page and every read by whom it is for, and what they leave behind."""
    caplog.set_level(logging.DEBUG)
    operator, leaked = make_operator(database).token, []
    for email in place.seeds[2:]:
        client.post("/api/v1/sign-in-codes", json={"email": email})
    for way in ways():
        if way.method != "GET":
            continue
        with undone(database):
            answer = knock(client, way, place.path(way.template), token_for(way, place, operator))
        addresses = re.findall(r'(?:href|src|action)="([^"]*)"', answer.text)
        addresses += [answer.headers.get("location", "")]
        leaked += [
            f"{way}: {one}"
            for one in addresses
            if any(seed in unquote(one) for seed in place.seeds)
        ]
    own = [record for record in caplog.records if record.name.split(".")[0] not in OTHERS]
    leaked += [
        record.getMessage()
        for record in own
        if any(seed in record.getMessage() for seed in place.seeds)
    ]
    store = redis.Redis.from_url(os.environ[REDIS])
    for key in store.scan_iter("*"):
        held = repr(key) + repr(store.dump(key))
        leaked += [
            held[:80] for seed in place.seeds if seed.encode().decode("latin-1", "ignore") in held
        ]
    assert not leaked, "\n".join(leaked)


#: The test's own client and its codec, whose records are the test's.
OTHERS = {"httpx", "httpx2", "httpcore", "httpcore2", "asyncio", "hypothesis"}


def test_tasks_carry_no_arguments() -> None:
    """P30: a message is a wake-up; there is nothing in it to leak."""
    tasks = (celery_app._tick, celery_app._work, celery_app._relay)
    assert [list(inspect.signature(task).parameters) for task in tasks] == [[], [], []]


def test_a_failing_statement_does_not_tell_its_values(own_database: Database) -> None:
    """P30: an error that reaches a log names the statement, and nobody."""
    with pytest.raises(DBAPIError) as failed, own_database.transaction(GATE) as db:
        db.execute(
            text("insert into account (id, kind, email, nothing) values (:id, 'x', :email, 1)"),
            {"id": None, "email": "seeded@example.jp"},
        )
    assert "seeded@example.jp" not in str(failed.value)


def test_search_by_name_is_for_those_at_the_desk_only(
    client: TestClient, database: RollbackDatabase, place: Place
) -> None:
    """P30: a public page takes no name into its address: its searches are for towns and days."""
    for way in ways():
        if way.door is Door.PUBLIC and way.method == "GET" and not way.api:
            page = knock(client, way, place.path(way.template), None)
            names = {
                name for form in forms_in(page.text) if form.method == "get" for name in form.fields
            }
            assert not names & {"name", "email", "kana", "nickname"}, str(way)
    assert GIFU
