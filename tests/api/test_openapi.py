"""The description of the API is complete, and tells the truth about its doors."""

import re
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType
from typing import Any

import pytest
from fastapi.routing import APIRoute
from jsonschema import Draft202012Validator

from app import openapi
from app.main import create_app
from app.routes import TABLE, Door
from core.problems import ProblemDocument
from core.settings import Environment, Settings

PREFIX = "/api/v1"
#: Other words for things that have one name (docs/rules.md, "Words").
OTHER_WORDS = re.compile(
    r"\b(user|users|municipality_code|city|town_code|event_id|entry|entries_id|volunteer|checkin"
    r"|tenant|customer|benefit_id|membership|reservation|booking)\b"
)
#: Answers that are one thing with a part of many; a list of things is `items` (core.web.Items).
PARTS = {
    "ActivityDetailOut": {"site", "upcoming"},
    "ApplicationOut": {"reasons"},
    "JudgementOut": {"reasons"},
    "KeyListOut": {"keys"},  # As it is signed.
    "KinOut": {"may"},
    "MemberDetailOut": {"events"},
    "MissingOut": {"reasons"},
    "OrganisationDetailOut": {"members"},
    "PlanOut": {"missing", "steps", "changes"},
    "ProposalDetailOut": {"history", "sessions"},
    "RegistrationOut": {"derived_from"},
    "SurveyOut": {"skipped", "questions"},
}
Operation = tuple[str, str, dict[str, Any]]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """As served; making it needs no database."""
    settings = Settings(_env_file=None, DATABASE_URL="postgresql:///", environment=Environment.TEST)
    return create_app(settings).openapi()


@pytest.fixture(scope="module")
def all_operations(document: dict[str, Any]) -> list[Operation]:
    """Every operation; there are more than a hundred."""
    found = list(openapi.operations(document))
    assert len(found) > 100
    return found


def name_of(operation: Operation) -> str:
    method, path, _ = operation
    return f"{method.upper()} {path}"


def resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """A schema itself, not a reference to it."""
    if "$ref" in schema:
        found: dict[str, Any] = document["components"]["schemas"][schema["$ref"].split("/")[-1]]
        return found
    return schema


def validator(document: dict[str, Any], schema: dict[str, Any]) -> Draft202012Validator:
    """For values of a schema that may refer to the document's components."""
    return Draft202012Validator({**schema, "components": document["components"]})


def test_every_operation_says_what_it_is(all_operations: list[Operation]) -> None:
    for one in all_operations:
        _, _, operation = one
        assert operation.get("summary"), name_of(one)
        assert operation.get("description"), name_of(one)
        assert operation["x-audience"] in set(Door), name_of(one)
        assert len(operation["tags"]) == 1, name_of(one)


def test_tags_are_described_and_names_are_unique(
    document: dict[str, Any], all_operations: list[Operation]
) -> None:
    described = {tag["name"] for tag in document["tags"] if tag["description"]}
    assert {tag for _, _, operation in all_operations for tag in operation["tags"]} == described
    names = [operation["operationId"] for _, _, operation in all_operations]
    assert len(names) == len(set(names))


def test_every_answer_has_a_schema(
    document: dict[str, Any], all_operations: list[Operation]
) -> None:
    for one in all_operations:
        good = {s: r for s, r in one[2]["responses"].items() if s.startswith("2")}
        assert good, name_of(one)
        for status, response in good.items():
            if status == "204":
                assert "content" not in response, name_of(one)
                continue
            for kind, media in response["content"].items():
                if not kind.endswith("json"):
                    assert media["schema"] == {"type": "string"}, name_of(one)
                    continue
                schema = resolved(document, media["schema"])
                assert schema.keys() & {"properties", "anyOf", "additionalProperties"}, name_of(one)


def test_every_list_has_one_shape(
    document: dict[str, Any], all_operations: list[Operation]
) -> None:
    """`items` and `next_cursor`, also where the whole list comes at once."""
    parts: dict[str, set[str]] = {}
    lists = 0
    for one in all_operations:
        media = one[2]["responses"].get("200", {}).get("content", {}).get("application/json")
        if one[0] != "get" or media is None:
            continue
        fields = resolved(document, media["schema"]).get("properties", {})
        many = {name for name, field in fields.items() if is_list(field)}
        if {"items", "next_cursor"} & fields.keys():
            assert many == {"items"}, name_of(one)
            assert "next_cursor" in fields, name_of(one)
            lists += 1
        elif many:
            parts[media["schema"]["$ref"].split("/")[-1]] = many
    assert lists > 20
    assert parts == PARTS


def is_list(field: dict[str, Any]) -> bool:
    """Whether a field holds an array, perhaps as one of several kinds."""
    return any(kind.get("type") == "array" for kind in (field, *field.get("anyOf", ())))


def test_every_refusal_is_a_problem_document(all_operations: list[Operation]) -> None:
    """RFC 9457, one shape for all; nothing promises FastAPI's own answer to bad input."""
    for one in all_operations:
        method, path, operation = one
        bad = {s: r for s, r in operation["responses"].items() if s >= "400"}
        expected = openapi.statuses(method, path, operation, Door(operation["x-audience"]))
        assert expected <= set(map(int, bad)), name_of(one)
        for response in bad.values():
            assert response["description"], name_of(one)
            assert list(response["content"]) == ["application/problem+json"], name_of(one)


def test_request_bodies_show_examples_that_fit(
    document: dict[str, Any], all_operations: list[Operation]
) -> None:
    for one in all_operations:
        body = one[2].get("requestBody")
        if body is None:
            continue
        schema = resolved(document, body["content"]["application/json"]["schema"])
        assert schema.get("examples"), name_of(one)
        for example in schema["examples"]:
            wrong = list(validator(document, schema).iter_errors(example))
            assert not wrong, f"{name_of(one)}: {wrong[0].message}"


def test_the_example_of_a_refusal_fits(document: dict[str, Any]) -> None:
    schema = document["components"]["schemas"][ProblemDocument.__name__]
    assert schema["examples"]
    for example in schema["examples"]:
        validator(document, schema).validate(example)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    known = set(document["components"]["schemas"])
    assert set(references(document)) <= known


def references(value: object) -> Iterator[str]:
    """Names of all schemas referred to."""
    if isinstance(value, dict):
        target = value.get("$ref")
        if isinstance(target, str):
            yield target.removeprefix("#/components/schemas/")
        for member in value.values():
            yield from references(member)
    elif isinstance(value, list):
        for member in value:
            yield from references(member)


def test_one_naming(document: dict[str, Any], all_operations: list[Operation]) -> None:
    """Paths in kebab-case, fields and parameters in snake_case, one word for one thing."""
    for one in all_operations:
        for segment in one[1].strip("/").split("/"):
            fits = re.fullmatch(r"\{[a-z]+(_[a-z]+)*\}|[a-z0-9]+(-[a-z0-9]+)*", segment)
            assert fits or segment in {".well-known", "fj-keys.json"}, name_of(one)
        assert not OTHER_WORDS.search(one[1].replace("-", "_")), name_of(one)
        for parameter in one[2].get("parameters", []):
            if parameter["in"] != "header":
                assert re.fullmatch(r"[a-z]+(_[a-z]+)*", parameter["name"]), name_of(one)
    for name, schema in document["components"]["schemas"].items():
        for field in schema.get("properties", {}):
            assert re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", field), f"{name}.{field}"
            assert not OTHER_WORDS.search(field), f"{name}.{field}"


def names_in(code: CodeType) -> set[str]:
    """Every name a function uses, with those of functions inside it."""
    found = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found |= names_in(constant)
    return found


def takes_key(door: Callable[..., Any]) -> bool:
    """Whether an endpoint, a helper of its module or the door it hands on to answers once a key."""
    own, names = door.__globals__, names_in(door.__code__)
    helpers = [own[name] for name in names if name.startswith("_") and name in own]
    doors = [own[name] for name in names if name.startswith("api_") and name in own]
    helpers += [getattr(module, name) for module in doors for name in names if name in vars(module)]
    return "answer_once" in names or any(
        takes_key(helper) for helper in helpers if isinstance(helper, FunctionType)
    )


def test_keys_are_asked_for_where_they_are_needed() -> None:
    """A write without a key is an exception that gives its reason; the list has no idle rows."""
    seen = set()
    for row in TABLE:
        if row.prefix != PREFIX:
            continue
        for route in row.router.routes:
            assert isinstance(route, APIRoute)
            for method in route.methods or ():
                where = (method.lower(), row.prefix + route.path)
                seen.add(where)
                if where[0] in openapi.WRITES:
                    assert takes_key(route.endpoint) == openapi.needs_key(*where), where
    assert set(openapi.KEYLESS) <= seen


def test_needed_keys_are_documented(all_operations: list[Operation]) -> None:
    for one in all_operations:
        method, path, operation = one
        headers = [p["name"] for p in operation.get("parameters", []) if p["in"] == "header"]
        assert (headers == ["Idempotency-Key"]) == openapi.needs_key(method, path), name_of(one)


def test_doors_say_how_one_signs_in(all_operations: list[Operation]) -> None:
    for one in all_operations:
        operation = one[2]
        public = operation["x-audience"] == Door.PUBLIC
        assert (operation["security"] == []) == public, name_of(one)
