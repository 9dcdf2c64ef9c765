"""Doors of まちの便り: staff write, everybody reads (R23)."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue
from sqlalchemy.orm import Session

from core.etags import tagged
from core.problems import problems
from core.web import Answer, Items, PlatformDep, answer_once
from registry import news, queries
from registry.api_governments import VISITOR
from registry.doors import ClerkActor, LgCode, as_body
from registry.models import TownNews
from registry.people import refuse_individual_number

public_router = APIRouter(tags=["local-governments"])
staff_router = APIRouter(tags=["local-governments"])
AREA = "/local-governments/{lg_code}/news"
_TEXT: JsonValue = "10月の稲刈りに来てくださる方を、8月から募集します。"


class NewsIn(BaseModel):
    """A piece of news to publish."""

    model_config = ConfigDict(
        extra="forbid",
        str_strip_whitespace=True,
        json_schema_extra={"examples": [{"title": "秋の稲刈り", "text": _TEXT}]},
    )

    title: str = Field(min_length=1, max_length=news.MOST_TITLE)
    text: str = Field(min_length=1, max_length=news.MOST_TEXT)


class NewsOut(BaseModel):
    """A piece of news as everybody reads it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0d5c1f6e-7d0b-4f0a-9a57-0a4a8b6f3c11",
                    "title": "秋の稲刈り",
                    "text": _TEXT,
                    "published_at": "2027-06-01T01:00:00Z",
                    "published": True,
                }
            ]
        }
    )

    id: UUID
    title: str
    text: str
    published_at: datetime
    published: bool

    @classmethod
    def of(cls, row: TownNews) -> "NewsOut":
        """From a row."""
        return cls(
            id=row.id,
            title=row.title,
            text=row.text,
            published_at=row.published_at,
            published=row.published,
        )


@public_router.get(
    AREA,
    summary="Read the news of a local government",
    response_model=Items[NewsOut],
    responses=problems(404, 422),
)
def read(
    request: Request,
    lg_code: LgCode,
    platform: PlatformDep,
    limit: Annotated[int, Query(ge=1, le=50)] = 20,
) -> Response:
    """R23: the latest first, fifty at most; what was taken down is not among them."""
    with platform.database.transaction(VISITOR) as db:
        queries.government(db, lg_code)
        rows = news.news_of(db, lg_code=lg_code, limit=limit)
        found = Items[NewsOut](items=[NewsOut.of(row) for row in rows])
    return tagged(request, found)


@staff_router.post(
    AREA,
    status_code=201,
    summary="Publish a piece of news",
    response_model=NewsOut,
    responses=problems(401, 403, 404, 409, 422),
)
def publish(
    request: Request, lg_code: LgCode, given: NewsIn, actor: ClerkActor, platform: PlatformDep
) -> Response:
    """R23: on the page from now on; nobody is sent anything."""
    now = platform.clock.now()
    for field in ("title", "text"):
        refuse_individual_number(getattr(given, field), field=field)

    def work(db: Session) -> Answer:
        row = news.publish(
            db, actor=actor, lg_code=lg_code, title=given.title, text=given.text, now=now
        )
        return Answer.of(NewsOut.of(row), 201)

    return answer_once(request, as_body(actor, lg_code), actor=actor, work=work)


@staff_router.post(
    AREA + "/{news_id}/withdraw",
    summary="Take a piece of news down",
    response_model=NewsOut,
    responses=problems(401, 403, 404, 409),
)
def withdraw(
    request: Request, lg_code: LgCode, news_id: UUID, actor: ClerkActor, platform: PlatformDep
) -> Response:
    """R23: it is kept in the local government's own record."""
    now = platform.clock.now()

    def work(db: Session) -> Answer:
        row = news.withdraw(db, actor=actor, lg_code=lg_code, news_id=news_id, now=now)
        return Answer.of(NewsOut.of(row))

    return answer_once(request, as_body(actor, lg_code), actor=actor, work=work)
