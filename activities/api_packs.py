"""What an armed device takes along for one session without network (C18, C21, R19).

The keys of a body never leave the platform: the device gets the venue's codes of this session,
signed beforehand, one for each step until the session's window closes, and nothing else that
opens anything. Cards are checked with public keys. The names of those who signed up go along only
where whoever arms it asks for them, and each is told of it (decision 0027).
"""

from datetime import datetime, timedelta
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import Field

from activities import devices, roster
from activities.api_checkin import presence_of
from activities.api_devices import venue_signer
from activities.doors import DeviceActor, as_device
from activities.queries import activity_of, session_of
from activities.readiness import arms_from
from activities.rules.readiness import EVENING
from activities.schemas_fields import Out
from activities.uploads import file_key
from core import audit
from core.clock import japan_day, wall_now
from core.errors import NotFound, refused
from core.problems import problems
from core.web import PlatformDep
from qr.codes import VenueCode, sign_venue_code, step_at, url_with_code
from qr.keys import public_jwk
from qr.signatures import KeyStatus, KeyUse

router = APIRouter(tags=["devices"])

#: Codes, and names with them, end so long after the opening at most: what a lost device could show.
LONGEST: Final = timedelta(hours=12)
Names = Annotated[bool, Query(description="Take the names of who signed up along (C21)")]


class CardKeyOut(Out):
    """A public key that checks cards."""

    kid: str
    jwk: dict[str, Any]


class CarriedOut(Out):
    """One person who signed up, as the device knows them."""

    name: str
    marks: list[str] = Field(
        description="SHA-256 of `roster|{session_id}|{text}` in hex, its first 32 digits, where the"
        " text is a card's id in hex or the member number: known only with the code in hand"
    )
    here: bool = Field(description="Received already, as far as the platform knows")


class PackOut(Out):
    """Everything for one session without network."""

    ready_until: datetime = Field(description="The device works without network until then")
    session_id: UUID
    title: str
    place: str
    lg_code: str
    opens_at: datetime
    closes_at: datetime
    ends_at: datetime = Field(description="When the session itself is over")
    rotate_s: int
    first_step: int = Field(description="The step of the first of `codes`")
    codes: list[str] = Field(description="What the venue's screen shows, one for each step")
    keys: list[CardKeyOut]
    most_unsent: int = Field(description="So many scans may wait; then paper (C23)")
    device_id: UUID
    file_key: str = Field(description="Seals the file with which scans travel by hand (C25)")
    undo_s: int = Field(description="For so long the device may take a scan back (C7)")
    people: list[CarriedOut] | None = Field(
        default=None, description="To be sealed on the device, and gone at `ready_until` (C21)"
    )


@router.post(
    "/device/sessions/{session_id}/arming",
    summary="Take one session along for work without network",
    responses=problems(401, 403, 404, 409, 422),
)
def arm_for_session(
    request: Request,
    session_id: UUID,
    device: DeviceActor,
    platform: PlatformDep,
    names: Names = False,
) -> PackOut:
    """C18: the device is armed, and gets the venue's codes of this session until its window closes.

    Refused before 18:00 of the day before (`session_too_far`) and once it is over (`session_over`).
    With `names` it also gets who signed up, recorded as a look at each of them (C21, C48).
    """
    now, presence, lg_code = platform.clock.now(), presence_of(request), device.lg_code
    if device.actor.id is None:
        raise NotFound(code="not_found")
    with platform.database.transaction(as_device(device)) as db:
        session = session_of(db, lg_code, session_id)
        activity = activity_of(db, lg_code, session.activity_id)
        device.require(activity.organisation_id)
        policy = presence.policies.read(db, lg_code, japan_day(now))
        opens = session.starts_at - timedelta(minutes=policy.integer("checkin.before_minutes"))
        closes = session.ends_at + timedelta(minutes=policy.integer("checkin.after_minutes"))
        if session.state != "open" or closes <= now:
            raise refused("session_over", rule="R19", found=session.state)
        if now < arms_from(session.starts_at):
            raise refused("session_too_far", rule="R19", needed=EVENING.hour, action="come_back")
        until = devices.arm(db, lg_code=lg_code, device_id=device.actor.id, policy=policy, now=now)
        audit.record(
            db,
            actor=device.actor,
            action="session.arm",
            subject=("session", session_id),
            lg_code=lg_code,
            now=now,
        )
        presence.keys.refresh(db, wall=wall_now())
        people = None
        if names:
            people = [
                CarriedOut(name=one.display_name, marks=list(one.marks), here=one.here)
                for one in roster.names_along(db, actor=device.actor, session=session, now=now)
            ]
        title, place = activity.title, session.place
    rotate_s = policy.integer("checkin.rotate_s")
    last = min(closes, until, max(opens, now) + LONGEST)
    first_step = step_at(max(now, opens) - timedelta(minutes=5), rotate_s)
    kid, sign = venue_signer(platform, presence, lg_code, now)
    codes = [
        url_with_code(
            f"{platform.settings.public_url}/v",
            sign_venue_code(VenueCode(kid, lg_code, session_id, step), sign),
        )
        for step in range(first_step, step_at(last, rotate_s) + 1)
    ]
    return PackOut(
        ready_until=last,
        session_id=session_id,
        title=title,
        place=place,
        lg_code=lg_code,
        opens_at=opens,
        closes_at=closes,
        ends_at=session.ends_at,
        rotate_s=rotate_s,
        first_step=first_step,
        codes=codes,
        keys=[
            CardKeyOut(kid=one.kid, jwk=public_jwk(one))
            for one in presence.keys.records
            if one.use is KeyUse.CARD
            and one.status is KeyStatus.ACTIVE
            and one.lg_code in {None, lg_code}
        ],
        most_unsent=policy.integer("checkin.fuse_scans"),
        device_id=device.actor.id,
        file_key=file_key(platform.secret, lg_code, device.actor.id),
        undo_s=60 * policy.integer("checkin.undo_minutes"),
        people=people,
    )
