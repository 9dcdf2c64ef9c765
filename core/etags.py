"""Answers that a reader may keep: with an ETag, and without a body for whoever has them already."""

import hashlib

from fastapi import Request, Response
from pydantic import BaseModel


def tagged(
    request: Request, model: BaseModel, *, keep: str = "no-cache", vary: str | None = None
) -> Response:
    """The answer with its ETag; 304 where the reader has it.

    Args:
        request: Its `If-None-Match` names what the reader has.
        model: The answer.
        keep: `Cache-Control`.
        vary: `Vary`: headers by which answers are kept apart.
    """
    body = model.model_dump_json().encode()
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": keep} | ({"Vary": vary} if vary else {})
    known = request.headers.get("if-none-match", "")
    # Whoever squeezes an answer on the way marks its tag as weak.
    if tag in {one.strip().removeprefix("W/") for one in known.split(",")}:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)
