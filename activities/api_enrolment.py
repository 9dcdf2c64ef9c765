"""Doors for making a phone a scanner: a ticket that a host shows, and its one use (C27)."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import AwareDatetime, ConfigDict, Field
from sqlalchemy.orm import Session

from activities import devices, enrolment
from activities.api_devices import DeviceOut
from activities.doors import HostActor, as_host
from activities.models import DeviceTicket
from activities.schemas_fields import In, Label, Out
from core.access import ANONYMOUS
from core.db import for_body
from core.problems import problems
from core.web import Answer, Platform, PlatformDep, answer_once

host_router = APIRouter(prefix="/local-governments/{lg_code}", tags=["devices"])
public_router = APIRouter(tags=["devices"])


class TicketIn(In):
    """A device to be enrolled by QR code."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"label": "公民館のタブレット"}]},
    )

    label: Label
    ends_at: AwareDatetime | None = Field(
        default=None, description="When the device ends by itself; after 90 days when left out"
    )


class TicketOut(Out):
    """A ticket; show `url` as a QR code."""

    id: UUID
    label: str
    url: str
    expires_at: datetime
    ends_at: datetime

    @classmethod
    def of(cls, platform: Platform, row: DeviceTicket) -> "TicketOut":
        """From the table, with the address that redeems it."""
        token = enrolment.token_of_ticket(platform.secret, row)
        return cls(
            id=row.id,
            label=row.label,
            url=f"{platform.settings.public_url}/device/{token}",
            expires_at=row.expires_at,
            ends_at=row.ends_at,
        )


class EnrolIn(In):
    """What stands behind `/device/` in a ticket's address."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "token": "212172.9a1de1a352c54b0b8f0f2f0f3b6c1d55"
                    ".3f0b4a559c0e8f6f3f1f2a105b0f7c1e"
                }
            ]
        },
    )

    token: str = Field(max_length=120)


@host_router.post(
    "/organisations/{organisation_id}/device-tickets",
    summary="Offer a device's enrolment as a QR code",
    response_model=TicketOut,
    status_code=201,
    responses=problems(401, 403, 404, 409, 422),
)
def offer_device(
    request: Request, organisation_id: UUID, given: TicketIn, host: HostActor, platform: PlatformDep
) -> Response:
    """C27: works once, for ten minutes; whoever opens it makes their phone a scanner."""
    host.require(organisation_id)
    now = platform.clock.now()

    def work(db: Session) -> Answer:
        row = enrolment.offer(
            db,
            actor=host.actor,
            lg_code=host.lg_code,
            organisation_id=organisation_id,
            label=given.label,
            ends_at=given.ends_at or now + devices.USUAL_LIFE,
            now=now,
        )
        return Answer.of(TicketOut.of(platform, row), 201)

    return answer_once(request, as_host(host), actor=host.actor, work=work)


@public_router.post(
    "/device-enrolments",
    summary="Become a scanner with a ticket's token",
    response_model=DeviceOut,
    status_code=201,
    responses=problems(410, 422),
)
def enrol(request: Request, given: EnrolIn, platform: PlatformDep) -> Response:
    """C27: the device's own token is told once, here. A ticket works once.

    The same request with the same key gets the same answer: a lost reply is repeated.
    """
    lg_code, ticket_id = enrolment.read_token(platform.secret, given.token)
    now = platform.clock.now()

    def work(db: Session) -> Answer:
        made = enrolment.redeem(db, lg_code=lg_code, ticket_id=ticket_id, now=now)
        return Answer.of(DeviceOut.of(made.device, made.token), 201)

    context = for_body(lg_code, actor="system:gate")
    return answer_once(request, context, actor=ANONYMOUS, work=work)
