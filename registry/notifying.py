"""R23: a person's choices about notices: channels by topic, quiet hours, language."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core import audit
from core.access import Actor
from core.clock import japan_day
from core.errors import invalid
from registry.models import NotificationSetting
from registry.rules.notifying import OPTIONAL, switch_of
from registry.rules.policy import PolicyBook

HOURS = range(24)
#: Ways out of the app.
CHANNELS = ("mail", "push")
#: Every switch there is.
SWITCHES = tuple(switch_of(topic, channel) for topic in OPTIONAL for channel in CHANNELS)


@dataclass(frozen=True, slots=True)
class Choices:
    """What holds for a person: hours in Japanese time, `own` where they chose them."""

    evening: int
    morning: int
    own: bool
    off: frozenset[str]


def choices_of(db: Session, *, actor: Actor, now: datetime, book: PolicyBook) -> Choices:
    """What the person chose; the nation's quiet hours and every channel until they do."""
    row = db.get(NotificationSetting, actor.person_id)
    evening, morning = book.on("notify.quiet", japan_day(now)).value
    off = frozenset(row.off) if row else frozenset()
    if row is None or row.quiet_from is None or row.quiet_until is None:
        return Choices(evening, morning, own=False, off=off)
    return Choices(row.quiet_from, row.quiet_until, own=True, off=off)


def choose(
    db: Session,
    *,
    actor: Actor,
    evening: int | None,
    morning: int | None,
    off: Collection[str],
    now: datetime,
) -> None:
    """R23: keep a person's choices; they hold for what has not left yet as well.

    Args:
        db: A transaction of the person.
        actor: The person.
        evening: Hour from which nothing is sent; with `morning` None: the nation's hours.
        morning: Hour from which it is sent again; equal hours mean no quiet hours.
        off: Switched-off channels, of `SWITCHES`; the app itself is never switched off.
        now: The instant.

    Raises:
        Invalid: An hour that is none, half of the hours, an unknown switch.
    """
    if (evening is None) != (morning is None):
        raise invalid("validation", field="quiet_until" if morning is None else "quiet_from")
    for field, hour in (("quiet_from", evening), ("quiet_until", morning)):
        if hour is not None and hour not in HOURS:
            raise invalid("validation", field=field, found=hour)
    for switch in off:
        if switch not in SWITCHES:
            raise invalid("validation", field="off", found=switch)
    kept = {
        "quiet_from": evening,
        "quiet_until": morning,
        "off": sorted(set(off)),
        "changed_at": now,
    }
    db.execute(
        insert(NotificationSetting)
        .values(person_id=actor.person_id, **kept)
        .on_conflict_do_update(index_elements=["person_id"], set_=kept)
    )
    audit.record(
        db,
        actor=actor,
        action="person.notification_settings",
        subject=("person", actor.person_id),
        now=now,
        person_id=actor.person_id,
        fields=["quiet_hours", "channels"],
    )
