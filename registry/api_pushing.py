"""Doors of Web Push: what a browser needs to subscribe, and what is subscribed (R23)."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from core.browsers import browser_of
from core.problems import problems
from core.web import Answer, Items, PlatformDep, answer_once
from registry import pushing
from registry.doors import GATE, PersonActor, as_person
from registry.models import PushSubscription

router = APIRouter(tags=["me"])


class BrowserKeys(BaseModel):
    """Keys under which what is sent is sealed; the push service cannot read it."""

    p256dh: str = Field(max_length=120)
    auth: str = Field(max_length=60)


class SubscriptionIn(BaseModel):
    """A browser's `PushSubscription`, as its `toJSON` says it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "endpoint": "https://updates.push.services.mozilla.com/wpush/v2/abc",
                    "keys": {
                        "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcx"
                        "aOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
                        "auth": "BTBZMqHH6r4Tts7J_aSIgg",
                    },
                }
            ]
        },
    )

    endpoint: str = Field(max_length=1000)
    keys: BrowserKeys


class SubscriptionOut(BaseModel):
    """A browser that shows notices."""

    id: UUID
    device: str
    created_at: datetime

    @classmethod
    def of(cls, row: PushSubscription) -> "SubscriptionOut":
        """A row without its secrets."""
        return cls(id=row.id, device=row.device, created_at=row.created_at)


@router.get(
    "/me/push-subscriptions", summary="Browsers that show my notices", responses=problems(401)
)
def list_subscriptions(actor: PersonActor, platform: PlatformDep) -> Items[SubscriptionOut]:
    """R23: the latest first; the key to subscribe with is among `notification-settings`."""
    with platform.database.transaction(as_person(actor)) as db:
        rows = pushing.browsers_of(db, actor=actor)
    found = [SubscriptionOut.of(row) for row in rows]
    return Items[SubscriptionOut](items=found, next_cursor=None)


@router.post(
    "/me/push-subscriptions",
    status_code=201,
    summary="Show my notices in this browser",
    response_model=SubscriptionOut,
    responses=problems(401, 404, 409, 422, 429),
)
def subscribe(
    request: Request, given: SubscriptionIn, actor: PersonActor, platform: PlatformDep
) -> Response:
    """R23: until it is stopped, signed out of, or its push service no longer knows it."""
    now = platform.clock.now()
    browser = pushing.Browser(
        endpoint=given.endpoint,
        p256dh=given.keys.p256dh,
        auth=given.keys.auth,
        device=browser_of(request.headers.get("user-agent", "")),
        session_hash=request.state.signed_in.token_hash,
    )

    def work(db: Session) -> Answer:
        pushing.check(platform.settings, browser)
        row = pushing.subscribe(db, actor=actor, browser=browser, now=now)
        return Answer.of(SubscriptionOut.of(row), 201)

    answer = answer_once(request, as_person(actor), actor=actor, work=work)
    with platform.database.transaction(GATE) as db:
        pushing.forget_others(db, actor=actor, endpoint=given.endpoint)
    return answer


@router.delete(
    "/me/push-subscriptions/{subscription_id}",
    status_code=204,
    summary="Stop showing my notices in a browser",
    responses=problems(401, 404, 422),
)
def stop(
    request: Request, subscription_id: UUID, actor: PersonActor, platform: PlatformDep
) -> Response:
    """R23: from this browser or from any other."""
    now = platform.clock.now()

    def work(db: Session) -> Answer:
        pushing.stop(db, actor=actor, subscription_id=subscription_id, now=now)
        return Answer(status=204)

    return answer_once(request, as_person(actor), actor=actor, work=work)
