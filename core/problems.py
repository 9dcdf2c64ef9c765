"""Refusals in the API's description: problem+json, the same shape for every status."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue

_EXAMPLE: dict[str, JsonValue] = {
    "type": "urn:furusato:problem:session_over",
    "title": "session_over",
    "status": 409,
    "code": "session_over",
    "detail": "この回は終わりました。",
    "problems": [{"code": "session_over", "rule": "R19", "detail": "この回は終わりました。"}],
}

_MEANING: Mapping[int, str] = MappingProxyType(
    {
        400: "The request cannot be read",
        401: "Nobody is signed in",
        403: "Not in this role",
        404: "No such thing, or not for this reader",
        409: "The rules say no, or somebody was faster; every reason is listed",
        410: "It has ended",
        422: "The input cannot be understood; the fields are named",
        413: "Too large",
        429: "Too many tries",
        503: "Not for the moment; ask again",
    }
)


class ProblemReason(BaseModel):
    """One reason, with what was found, what is needed and what can be done."""

    model_config = ConfigDict(extra="allow")

    code: str
    rule: str | None = Field(default=None, description="The rule of the scheme, such as R13")
    found: str | int | None = None
    needed: str | int | None = None
    names: list[str] | None = None
    action: str | None = Field(default=None, description="What the person can do, as a code")
    field: str | None = None
    detail: str | None = Field(default=None, description="A sentence in the reader's language")


class ProblemDocument(BaseModel):
    """A refusal as data (RFC 9457)."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    type: str
    title: str
    status: int
    code: str
    detail: str
    problems: list[ProblemReason]


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may refuse with these statuses.

    Raises:
        KeyError: A status no refusal has.
    """
    return {
        status: {
            "description": _MEANING[status],
            "content": {
                "application/problem+json": {
                    "schema": {"$ref": "#/components/schemas/ProblemDocument"}
                }
            },
            "model": ProblemDocument,
        }
        for status in statuses
    }
