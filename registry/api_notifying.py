"""Doors of a person's choices about notices (R23)."""

from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from core import push
from core.problems import problems
from core.web import Answer, PlatformDep, answer_once
from registry import notifying
from registry.doors import BookDep, PersonActor, as_person

router = APIRouter(tags=["me"])
Hour = Annotated[int, Field(ge=0, le=23, description="Hour of the Japanese day")]


class SettingsIn(BaseModel):
    """Quiet hours and channels; the language of notices is the profile's (`PATCH /me`)."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"quiet_from": 20, "quiet_until": 7, "channels": {"activity:mail": False}}]
        },
    )

    quiet_from: Hour | None = Field(default=None, description="Left out: the nation's hours")
    quiet_until: Hour | None = Field(
        default=None, description="Equal to `quiet_from`: no quiet hours"
    )
    channels: dict[str, bool] = Field(
        default_factory=dict,
        max_length=40,
        description="`topic:channel` to be switched off (false); what is left out is on."
        " Notices in the app are always there",
    )


class SettingsOut(BaseModel):
    """What holds for the person."""

    quiet_from: int
    quiet_until: int
    own_hours: bool = Field(description="Chosen by the person, not the nation's")
    push_key: str | None = Field(description="`applicationServerKey`; none: nothing is pushed")
    channels: dict[str, bool] = Field(description="Every `topic:channel` there is, and if it is on")

    @classmethod
    def of(cls, found: notifying.Choices, push_key: str | None) -> "SettingsOut":
        """Choices as they are read outside."""
        return cls(
            quiet_from=found.evening,
            quiet_until=found.morning,
            own_hours=found.own,
            push_key=push_key,
            channels={one: one not in found.off for one in notifying.SWITCHES},
        )


@router.get(
    "/me/notification-settings", summary="One's choices about notices", responses=problems(401)
)
def read_settings(actor: PersonActor, platform: PlatformDep, book: BookDep) -> SettingsOut:
    """R23: what holds now, in Japanese time."""
    with platform.database.transaction(as_person(actor)) as db:
        now = platform.clock.now()
        return SettingsOut.of(
            notifying.choices_of(db, actor=actor, now=now, book=book),
            push.public_key(platform.settings),
        )


@router.put(
    "/me/notification-settings",
    summary="Choose channels and quiet hours",
    response_model=SettingsOut,
    responses=problems(401, 404, 422),
)
def put_settings(
    request: Request, given: SettingsIn, actor: PersonActor, platform: PlatformDep, book: BookDep
) -> Response:
    """R23: safety and a session called off today come at any hour, and cannot be switched off."""
    now = platform.clock.now()

    def work(db: Session) -> Answer:
        notifying.choose(
            db,
            actor=actor,
            evening=given.quiet_from,
            morning=given.quiet_until,
            off=[name for name, on in given.channels.items() if not on],
            now=now,
        )
        return Answer.of(
            SettingsOut.of(
                notifying.choices_of(db, actor=actor, now=now, book=book),
                push.public_key(platform.settings),
            )
        )

    return answer_once(request, as_person(actor), actor=actor, work=work)
