"""A phone becomes a scanner by a QR code that works once and for some minutes (C27).

The code's token is made of the ticket's id and the platform's secret: whoever may show it can show
it again, and the database holds nothing that opens anything.
"""

import re
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from activities import devices
from activities.devices import Enrolled
from activities.models import DeviceTicket
from activities.queries import organisation_of
from core import audit, sealing
from core.access import Actor, ActorKind
from core.errors import Gone, refused
from core.ids import new_id

TICKET_LIFE = timedelta(minutes=10)
#: A device ends by itself within a year, whatever was asked for.
LONGEST_LIFE = timedelta(days=366)
_TOKEN = re.compile(r"(\d{6})\.([0-9a-f]{32})\.([0-9a-f]{32})")


def offer(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    organisation_id: UUID,
    label: str,
    ends_at: datetime,
    now: datetime,
) -> DeviceTicket:
    """C27: make a ticket for one device; the door has checked that the actor may.

    Raises:
        NotFound: No such organisation.
        Refused: `device_end_wrong`: the device would end before it begins, or after a year.
    """
    organisation_of(db, lg_code, organisation_id)
    if not now < ends_at <= now + LONGEST_LIFE:
        raise refused("device_end_wrong", rule="R19", field="until", needed=LONGEST_LIFE.days)
    ticket = DeviceTicket(
        lg_code=lg_code,
        id=new_id(),
        organisation_id=organisation_id,
        label=label,
        offered_by=actor.label,
        created_at=now,
        expires_at=now + TICKET_LIFE,
        ends_at=ends_at,
    )
    db.add(ticket)
    db.flush()
    audit.record(
        db,
        actor=actor,
        action="device.offer",
        subject=("device_ticket", ticket.id),
        lg_code=lg_code,
        now=now,
    )
    return ticket


def token_of_ticket(secret: str, ticket: DeviceTicket) -> str:
    """What the QR code holds."""
    return f"{ticket.lg_code}.{ticket.id.hex}.{_proof(secret, ticket.lg_code, ticket.id)}"


def _proof(secret: str, lg_code: str, ticket_id: UUID) -> str:
    return sealing.index(secret, f"device-ticket:{lg_code}", ticket_id.hex)[:32]


def read_token(secret: str, token: str) -> tuple[str, UUID]:
    """The local government and the id a token names.

    Raises:
        Gone: `ticket_ended`: it is none of ours, which looks like one that was used.
    """
    found = _TOKEN.fullmatch(token)
    if found is None:
        raise Gone(code="ticket_ended")
    lg_code, ticket_id = found[1], UUID(found[2])
    if not sealing.same(found[3], _proof(secret, lg_code, ticket_id)):
        raise Gone(code="ticket_ended")
    return lg_code, ticket_id


def living_ticket(
    db: Session, *, lg_code: str, ticket_id: UUID, now: datetime, lock: bool = False
) -> DeviceTicket:
    """A ticket that can still be used. Raises Gone: `ticket_ended`."""
    statement = select(DeviceTicket).where(
        DeviceTicket.lg_code == lg_code, DeviceTicket.id == ticket_id
    )
    ticket = db.scalars(statement.with_for_update() if lock else statement).one_or_none()
    if ticket is None or ticket.used_at is not None or ticket.expires_at <= now:
        raise Gone(code="ticket_ended")
    return ticket


def redeem(db: Session, *, lg_code: str, ticket_id: UUID, now: datetime) -> Enrolled:
    """C27: the phone that opened the code becomes a device; the code works no second time.

    Who offered the ticket answers for the device, as if they had enrolled it by hand.

    Raises:
        Gone: `ticket_ended`: unknown, used or past its end.
    """
    ticket = living_ticket(db, lg_code=lg_code, ticket_id=ticket_id, now=now, lock=True)
    kind, _, who = ticket.offered_by.partition(":")
    made = devices.enrol(
        db,
        actor=Actor(ActorKind(kind), id=UUID(who)),
        lg_code=lg_code,
        organisation_id=ticket.organisation_id,
        label=ticket.label,
        ends_at=ticket.ends_at,
        now=now,
    )
    ticket.used_at, ticket.device_id = now, made.device.id
    return made
