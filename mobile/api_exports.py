"""Doors of taking one's data along: asked for, listed, taken within a day (R25)."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from core import export
from core.access import FRESH, Actor
from core.models import ExportFile
from core.problems import problems
from core.web import Answer, Items, Platform, PlatformDep, answer_once
from mobile import exports
from registry.doors import PersonActor, as_person

public_router = APIRouter(tags=["exports"])
router = APIRouter(tags=["exports"])

Kind = Annotated[
    Literal["json", "pdf"], Path(description="`json` holds everything, `pdf` reads well.")
]


class ExportOut(BaseModel):
    """A copy of everything we hold of a person."""

    id: UUID
    state: Literal["asked", "ready"] = Field(description="A notice says when it is ready.")
    row_count: int = Field(examples=[120])
    asked_at: datetime
    ready_at: datetime | None
    expires_at: datetime = Field(description="It cannot be taken after that.")

    @classmethod
    def of(cls, row: ExportFile) -> "ExportOut":
        """As JSON."""
        return cls.model_validate(row, from_attributes=True)


def make_if_small(platform: Platform, actor: Actor, row: ExportOut | None) -> None:
    """Make an export at once when it is small; a worker makes the others, and what failed here."""
    if row is not None and row.row_count <= exports.SMALL:
        exports.make(
            platform.database,
            secret=platform.secret,
            texts=platform.texts,
            export_id=row.id,
            person_id=actor.person_id,
            now=platform.clock.now(),
            told=False,
        )


@public_router.get("/export-schema", summary="What an export holds")
def export_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the JSON file: every table and column, with its meaning."""
    return export.schema()


@router.post(
    "/me/exports",
    status_code=201,
    summary="Ask for a copy of all one's data",
    response_model=ExportOut,
    responses=problems(401, 429),
)
def ask_for_export(request: Request, actor: PersonActor, platform: PlatformDep) -> Response:
    """R25: JSON and a readable PDF, for a day, five times a day; recorded.

    Needs a proof of a quarter of an hour (`fresh_sign_in_needed`). Small ones are ready with the
    answer to `GET /me/exports`; for others a notice comes.
    """
    now = platform.clock.now()
    actor.require_fresh(within=FRESH, now=now)
    asked: list[ExportOut] = []

    def work(db: Session) -> Answer:
        asked[:] = [ExportOut.of(exports.ask(db, actor=actor, now=now))]
        return Answer.of(asked[0], 201)

    response = answer_once(request, as_person(actor), actor=actor, work=work)
    make_if_small(platform, actor, next(iter(asked), None))
    return response


@router.get("/me/exports", summary="List one's exports", responses=problems(401))
def my_exports(actor: PersonActor, platform: PlatformDep) -> Items[ExportOut]:
    """Those being made and those that can be taken; nothing of it remains after a day."""
    with platform.database.transaction(as_person(actor)) as db:
        rows = exports.own_exports(db, actor=actor, now=platform.clock.now())
        return Items[ExportOut](items=[ExportOut.of(row) for row in rows])


@router.get(
    "/me/exports/{export_id}/{kind}",
    summary="Take an export",
    response_class=Response,
    responses=problems(401, 404, 410)
    | {
        200: {
            "description": "The file; its JSON is described by `GET /export-schema`.",
            "content": {
                "application/json": {"schema": {"type": "object", "additionalProperties": True}},
                "application/pdf": {"schema": {"type": "string"}},
            },
        }
    },
)
def take_export(export_id: UUID, kind: Kind, actor: PersonActor, platform: PlatformDep) -> Response:
    """For its owner only; each taking is recorded."""
    return file_answer(platform, actor, export_id, kind)


def file_answer(platform: Platform, actor: Actor, export_id: UUID, kind: str) -> Response:
    """One file of an export, to be saved."""
    with platform.database.transaction(as_person(actor)) as db:
        content = exports.take(
            db,
            actor=actor,
            export_id=export_id,
            kind=kind,
            secret=platform.secret,
            now=platform.clock.now(),
        )
    headers = {
        "Content-Disposition": f'attachment; filename="furusato-data.{kind}"',
        "Cache-Control": "no-store",
    }
    return Response(content, media_type=exports.KINDS[kind], headers=headers)
