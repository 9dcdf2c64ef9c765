"""Cursors over an instant and an id, page sizes, and how long answers may be kept."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import Query, Request, Response
from pydantic import BaseModel

from core.errors import invalid
from core.etags import tagged
from core.web import decode_cursor, encode_cursor

T = TypeVar("T")

Limit = Annotated[int, Query(ge=1, le=100, description="Rows at most")]
Cursor = Annotated[
    str | None,
    Query(max_length=400, description="`next_cursor` of the page before; none for the first"),
]


def after(cursor: str | None) -> tuple[datetime, UUID] | None:
    """The instant and id a cursor stands for.

    Raises:
        Invalid: It was not made here.
    """
    if cursor is None:
        return None
    at, row_id = decode_cursor(cursor, 2)
    try:
        instant, found = datetime.fromisoformat(at), UUID(row_id)
    except ValueError as error:
        raise invalid("cursor", field="cursor") from error
    if instant.tzinfo is None:
        raise invalid("cursor", field="cursor")
    return instant, found


def page(rows: Sequence[T], limit: int) -> tuple[Sequence[T], T | None]:
    """The rows to show of `limit + 1` asked for, and the last shown where more follow."""
    shown = rows[:limit]
    return shown, shown[-1] if len(rows) > limit else None


def cursor(at: datetime, row_id: UUID) -> str:
    """The cursor after a row."""
    return encode_cursor(at.isoformat(), str(row_id))


def kept(request: Request, model: BaseModel, *, private: bool = False) -> Response:
    """An answer about activities, which a reader may keep for half a minute."""
    return tagged(
        request,
        model,
        keep="private, no-cache" if private else "public, max-age=30",
        # A signed-in minor is shown less (R18), so answers are kept apart by who asks.
        vary="Authorization, Cookie",
    )
