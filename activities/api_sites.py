"""The door through which a host says how a place is to reach and use."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import ConfigDict, Field
from sqlalchemy.orm import Session

from activities import sites
from activities.doors import HostActor, as_host
from activities.models import Activity
from activities.schemas_fields import In, Note, Out
from core.problems import problems
from core.web import Answer, PlatformDep, answer_once

router = APIRouter(prefix="/local-governments/{lg_code}", tags=["hosts"])


class SiteIn(In):
    """How the place is, and whether newcomers are welcome."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "features": ["toilet", "seats", "pickup"],
                    "note": "古川駅から送迎車が出ます（8時30分）。",
                    "beginners": True,
                }
            ]
        },
    )

    features: list[Annotated[str, Field(max_length=40)]] = Field(
        default_factory=list, max_length=20, description=f"Of: {', '.join(sites.FEATURES)}"
    )
    note: Note = ""
    beginners: bool = False


class SiteOut(Out):
    """As everybody reads it."""

    features: list[str]
    note: str
    beginners: bool

    @classmethod
    def of(cls, activity: Activity) -> "SiteOut":
        """From the activity."""
        return cls(features=activity.site, note=activity.site_note, beginners=activity.beginners)


@router.put(
    "/activities/{activity_id}/site",
    summary="Say how the place is",
    response_model=SiteOut,
    responses=problems(401, 403, 404, 409, 422),
)
def describe(
    request: Request, activity_id: UUID, given: SiteIn, host: HostActor, platform: PlatformDep
) -> Response:
    """Steps, toilets, transport and the like, at any time before or after the designation."""
    now = platform.clock.now()

    def work(db: Session) -> Answer:
        site = sites.Site(tuple(given.features), given.note, given.beginners)
        activity = sites.describe_site(db, host=host, activity_id=activity_id, site=site, now=now)
        return Answer.of(SiteOut.of(activity))

    return answer_once(request, as_host(host), actor=host.actor, work=work)
