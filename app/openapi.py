"""The API's description, completed in one place with what all doors have in common.

Routes say what is their own: summary, bodies, the refusals worth a word. What follows from the
kind of door (who signs in how, which refusals any such request may meet, the idempotency key of
a write) is added here, so that it is said once and cannot be forgotten.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import FastAPI

from app.routes import Door
from core.problems import ProblemDocument, ProblemReason, problems

WRITES = frozenset({"post", "put", "patch", "delete"})
PROBLEM = "application/problem+json"

_OWN = "/api/v1/local-governments/{lg_code}"
_DEVICES = f"{_OWN}/organisations/{{organisation_id}}/devices"
#: Writes that carry no idempotency key, each with what makes a repeat harmless instead.
KEYLESS: Mapping[tuple[str, str], str] = {
    ("post", "/api/v1/sign-in-codes"): "another code; the first stays good",
    ("post", "/api/v1/sign-ins"): "a code works once, and tokens are not kept to be shown again",
    ("delete", "/api/v1/sign-ins"): "what has ended stays ended",
    ("delete", "/api/v1/sign-ins/current"): "what has ended stays ended",
    ("delete", "/api/v1/sign-ins/{sign_in_id}"): "what has ended stays ended",
    **dict.fromkeys(
        (
            ("post", "/api/v1/passkey-sign-ins/challenges"),
            ("post", "/api/v1/passkeys/challenges"),
            ("post", "/api/v1/passkey-confirmations/challenges"),
        ),
        "another challenge; each is good for one try",
    ),
    **dict.fromkeys(
        (
            ("post", "/api/v1/passkey-sign-ins"),
            ("post", "/api/v1/passkeys"),
            ("post", "/api/v1/passkey-confirmations"),
        ),
        "a challenge is good for one try",
    ),
    ("post", "/api/v1/check-ins"): "the scan id is the key",
    ("post", "/api/v1/me/guardianships/{guardianship_id}/check-ins"): "the scan id is the key",
    ("post", "/api/v1/device/sessions/{session_id}/check-ins"): "the scan id is the key",
    ("post", "/api/v1/device/check-ins/batch"): "each scan id is a key",
    ("post", f"{_OWN}/sessions/{{session_id}}/check-ins"): "the scan id is the key",
    ("post", f"{_OWN}/check-ins/{{check_in_id}}/annul"): "what is annulled stays annulled",
    ("post", "/api/v1/device/arming"): "arming again moves the end",
    ("post", "/api/v1/device/sessions/{session_id}/arming"): "arming again moves the end",
    ("post", f"{_DEVICES}/{{device_id}}/revocation"): "what is revoked stays revoked",
    ("post", f"{_OWN}/stay-days/{{person_id}}/{{day}}/approval"): "an approved day stays approved",
    ("delete", f"{_OWN}/staff/{{account_id}}"): "what has ended stays ended",
}

TAGS: Mapping[str, str] = {
    "open-data": "The figures of the scheme for everybody, with their dictionary.",
    "figures": "The figures of one local government, for its own desk.",
    "sign-in": "Codes by mail, sessions, bearer tokens. There are no passwords.",
    "passkeys": "A face, a finger or a device's PIN instead of a code; a code always works too.",
    "me": "One's own profile and notices.",
    "exports": "Everything we hold of a person, for that person.",
    "registrations": "ふるさと住民登録: a person with a local government, basic or premium.",
    "cards": "登録証: the card with its signed code.",
    "certificates": "証明書: a sheet about a registration, which anybody may check.",
    "activities": "担い手活動: search and what the public reads.",
    "sign-ups": "参加申込: a person's place in a session, waiting line included.",
    "check-ins": "受付: presence proved by code, card or roster.",
    "stays": "滞在日: days with evidence of being there.",
    "premium": "プレミアム登録: what is missing, application, renewal.",
    "identity": "Identity check with the My Number card; the individual number is never taken.",
    "guardians": "A guardian's consent for a minor.",
    "local-governments": "自治体: 1,741 municipalities and 47 prefectures.",
    "hosts": "関係団体: proposals, sessions, rosters of those who run activities.",
    "devices": "Enrolled scanners, which work without network.",
    "organisations": "関係団体 as the local government sees them: people and trust.",
    "designation": "指定: staff decide which activities count.",
    "registrants": "登録者 of one local government.",
    "applications": "申請 and 判定: what staff decide, with every reason.",
    "renewals": "更新 that waits for staff, and objections to it.",
    "settings": "A local government's own values and its requirement for premium.",
    "staff": "職員: who may do what in one local government.",
    "operator": "運営: joining, suspending, the first manager.",
    "audit": "Who did what, and who looked.",
    "keys": "Published keys, for verifiers without a connection.",
    "health": "Alive, ready, and what the workers are doing.",
}

_SCHEMES = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "The token of a sign-in (`POST /sign-ins`), or of an enrolled device.",
    },
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-fj",
        "description": "A browser's sign-in; writes must come from the same site.",
    },
}

_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "Made by the client, new for each intent, the same for each repeat of it:"
    " a repeat within 24 hours gets the first answer.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "example": "1f0c6d1e-94ad-4c6a-8a0b-6a0b6f0e2d11",
}


def install(app: FastAPI) -> None:
    """Serve the completed description instead of the bare one."""
    bare = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = complete(bare())
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign] # the documented way to extend it


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and operation, in the order of the table of routes."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method, path, operation


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """Add to every operation what its door implies; the document itself is changed."""
    for method, path, operation in operations(document):
        door = Door(operation.setdefault("x-audience", Door.PUBLIC.value))
        where = re.sub(r"\W", "_", path)
        name = operation["operationId"].removesuffix(f"{where}_{method}")
        operation["operationId"] = f"{operation['tags'][0].replace('-', '_')}_{name}"
        operation["security"] = _security(door)
        _add_key(method, path, operation)
        _add_refusals(method, path, operation, door)
    _tidy(document)
    used = {tag for _, _, operation in operations(document) for tag in operation["tags"]}
    document["tags"] = [
        {"name": name, "description": text} for name, text in TAGS.items() if name in used
    ]
    return document


def _security(door: Door) -> list[dict[str, list[str]]]:
    if door is Door.PUBLIC:
        return []
    return [{"bearer": []}] if door is Door.DEVICE else [{"bearer": []}, {"cookie": []}]


def needs_key(method: str, path: str) -> bool:
    """Whether a request there must carry an idempotency key."""
    return method in WRITES and path.startswith("/api/") and (method, path) not in KEYLESS


def _add_key(method: str, path: str, operation: dict[str, Any]) -> None:
    if needs_key(method, path):
        operation.setdefault("parameters", []).append(_KEY)
    for parameter in operation.get("parameters", []):
        if parameter["name"] == "lg_code":
            parameter.setdefault("example", "212172")


def statuses(method: str, path: str, operation: Mapping[str, Any], door: Door) -> set[int]:
    """Refusals that any request of this kind may meet."""
    found = {503}
    if "{" in path:
        found.add(404)
    if operation.get("parameters") or "requestBody" in operation:
        found.add(422)
    if "requestBody" in operation:
        found |= {400, 413}
    if door is not Door.PUBLIC:
        found |= {401, 403}
    if method in WRITES:
        found |= {403, 409}
    return found


def _add_refusals(method: str, path: str, operation: dict[str, Any], door: Door) -> None:
    responses: dict[str, Any] = operation["responses"]
    own = {int(status) for status in responses if status.isdecimal() and status >= "400"}
    for status in own | statuses(method, path, operation, door):
        (said,) = problems(status).values()
        written = responses.get(str(status), {}).get("description")
        if written in {None, "Validation Error"}:
            written = said["description"]
        # One shape for all: FastAPI's own answer to bad input is never sent.
        responses[str(status)] = {"description": written, "content": said["content"]}
    operation["responses"] = dict(sorted(responses.items()))


def _tidy(document: dict[str, Any]) -> None:
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for model in (ProblemDocument, ProblemReason):
        made = model.model_json_schema(ref_template="#/components/schemas/{model}")
        made.pop("$defs", None)
        schemas[model.__name__] = made
    components["securitySchemes"] = _SCHEMES
