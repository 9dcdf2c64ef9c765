"""C18, C31: what is prepared for the sessions of the next days, and the host told the evening before."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from activities import devices
from activities.hosts import Host
from activities.models import (
    Activity,
    ActivitySession,
    Organisation,
    ScannerDevice,
    SignUp,
)
from activities.queries import activity_of, organiser_ids, session_of
from activities.refusals import policy_now
from activities.rules.readiness import (
    EVENING,
    STAFFS,
    DeviceState,
    Lack,
    Preparation,
    hinders,
    lacks,
)
from activities.waiting import after_quiet, when
from core import audit
from core.access import Actor, system
from core.clock import JAPAN, day_start, japan_day
from core.errors import NotFound, invalid, refused
from core.models import AuditEvent, SigningKey
from core.outbox import NoticeDraft, tell
from registry.rules.policy import Policy, PolicyBook

ONE_DAY: Final = timedelta(days=1)
#: Acts that prepare a reception or ask for it, as the record names them.
_ARM, _CARRY, _PRINT = "session.arm", "roster.carry", "roster.print"
_ASK: Final = "session.ask_host"
#: Acts of longer ago prepare nothing: a list is printed, and a phone armed, shortly before.
_LOOKED_BACK: Final = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Readiness:
    """A session and what it does not have yet.

    Attributes:
        session: It.
        activity: What it is a date of.
        organisation: Who holds it.
        missing: Everything that is missing.
        hindering: What of it stands in the way of its reception.
        armable: Whether a phone can be armed for it already.
        asked: Whether the host was asked today, or since phones can be armed.
    """

    session: ActivitySession
    activity: Activity
    organisation: Organisation
    missing: tuple[Lack, ...]
    hindering: tuple[Lack, ...]
    armable: bool
    asked: bool

    @property
    def ready(self) -> bool:
        """Whether its reception can work."""
        return not self.hindering


def arms_from(starts_at: datetime) -> datetime:
    """C18: from when a device can be armed for a session: the evening before it."""
    return datetime.combine(japan_day(starts_at) - ONE_DAY, EVENING, JAPAN)


def readiness(
    db: Session, *, lg_code: str, first: date, days: int, book: PolicyBook, now: datetime
) -> list[Readiness]:
    """What is prepared for the sessions that begin on some days, in time.

    Args:
        db: A transaction of the local government.
        lg_code: The local government.
        first: The first Japanese day.
        days: How many days.
        book: The numbers.
        now: The instant; what has begun is left out.
    """
    rows = db.execute(
        select(ActivitySession, Activity, Organisation)
        .join(
            Activity,
            and_(
                Activity.lg_code == ActivitySession.lg_code,
                Activity.id == ActivitySession.activity_id,
            ),
        )
        .join(
            Organisation,
            and_(
                Organisation.lg_code == Activity.lg_code,
                Organisation.id == Activity.organisation_id,
            ),
        )
        .where(
            ActivitySession.lg_code == lg_code,
            ActivitySession.state == "open",
            ActivitySession.published,
            ActivitySession.starts_at >= max(day_start(first), now),
            ActivitySession.starts_at < day_start(first + days * ONE_DAY),
        )
        .order_by(ActivitySession.starts_at, ActivitySession.id)
    ).all()
    if not rows:
        return []
    policy = policy_now(db, book, lg_code, now)
    ids = [session.id for session, _, _ in rows]
    held = _devices(db, lg_code, {host.id for _, _, host in rows}, policy)
    changed, done = _changes(db, lg_code, ids), _done(db, lg_code, ids, now)
    key_until = _key_until(db, lg_code, now)
    found = []
    for session, activity, organisation in rows:
        expected, changed_at = changed.get(session.id, (0, None))
        acts = done.get(session.id, {})
        armable = arms_from(session.starts_at) <= now
        missing = lacks(
            Preparation(
                ends_at=session.ends_at,
                contact=activity.contact,
                armable=armable,
                devices=[
                    DeviceState(until, acts.get((_ARM, label)), acts.get((_CARRY, label)))
                    for label, until in held.get(organisation.id, {}).items()
                ],
                key_until=key_until,
                expected=expected,
                changed_at=changed_at,
                printed_at=_last(acts, _PRINT),
            )
        )
        hindering = hinders(missing, expected=expected)
        asked_at = _last(acts, _ASK)
        asked = asked_at is not None and asked_at >= _asks_since(session.starts_at, now)
        found.append(Readiness(session, activity, organisation, missing, hindering, armable, asked))
    return found


def _devices(
    db: Session, lg_code: str, hosts: Collection[UUID], policy: Policy
) -> Mapping[UUID, Mapping[str, datetime]]:
    """By host, what the record calls each of its devices, and until when that lives."""
    found: dict[UUID, dict[str, datetime]] = {}
    for row in db.scalars(
        select(ScannerDevice).where(
            ScannerDevice.lg_code == lg_code,
            ScannerDevice.organisation_id.in_(hosts),
            ScannerDevice.revoked_at.is_(None),
        )
    ):
        found.setdefault(row.organisation_id, {})[f"device:{row.id}"] = devices.ending(
            row, policy
        ).at
    return found


def _changes(
    db: Session, lg_code: str, ids: Sequence[UUID]
) -> Mapping[UUID, tuple[int, datetime | None]]:
    """How many have a place in each session, and when somebody last came or left."""
    rows = db.execute(
        select(
            SignUp.session_id,
            func.count().filter(SignUp.state == "taken"),
            func.max(func.greatest(SignUp.signed_up_at, SignUp.ended_at)),
        )
        .where(SignUp.lg_code == lg_code, SignUp.session_id.in_(ids))
        .group_by(SignUp.session_id)
    )
    return {session_id: (expected, at) for session_id, expected, at in rows}


def _done(
    db: Session, lg_code: str, ids: Sequence[UUID], now: datetime
) -> Mapping[UUID, Mapping[tuple[str, str], datetime]]:
    """By session, when each of these acts was last done by each actor, from the record."""
    rows = db.execute(
        select(AuditEvent.subject_id, AuditEvent.action, AuditEvent.actor, func.max(AuditEvent.at))
        .where(
            AuditEvent.lg_code == lg_code,
            AuditEvent.at >= now - _LOOKED_BACK,
            AuditEvent.action.in_((_ARM, _CARRY, _PRINT, _ASK)),
            AuditEvent.subject_id.in_([str(one) for one in ids]),
        )
        .group_by(AuditEvent.subject_id, AuditEvent.action, AuditEvent.actor)
    )
    found: dict[UUID, dict[tuple[str, str], datetime]] = {}
    for subject, action, actor, at in rows:
        found.setdefault(UUID(subject), {})[action, actor] = at
    return found


def _last(acts: Mapping[tuple[str, str], datetime], act: str) -> datetime | None:
    return max((at for (name, _), at in acts.items() if name == act), default=None)


def _key_until(db: Session, lg_code: str, now: datetime) -> datetime | None:
    return db.scalar(
        select(func.max(SigningKey.not_after)).where(
            SigningKey.lg_code == lg_code,
            SigningKey.use == "venue",
            SigningKey.status == "active",
            SigningKey.private_key_sealed.is_not(None),
            SigningKey.not_before <= now,
        )
    )


# --- mended ---------------------------------------------------------------------------------------


def set_contact(
    db: Session, *, host: Host, activity_id: UUID, contact: str, now: datetime
) -> Activity:
    """R09: whom to call is no part of what was designated, so it may be put right at any time.

    Raises:
        NotFound, Forbidden: The activity is not the host's.
        Invalid: `field_needed`.
    """
    activity = activity_of(db, host.lg_code, activity_id, lock=True)
    host.require(activity.organisation_id)
    if not contact:
        raise invalid("field_needed", field="contact")
    activity.contact = contact
    db.flush()
    audit.record(
        db,
        actor=host.actor,
        action="activity.contact",
        subject=("activity", activity.id),
        lg_code=host.lg_code,
        now=now,
    )
    return activity


def ask_host(
    db: Session, *, actor: Actor, lg_code: str, session_id: UUID, book: PolicyBook, now: datetime
) -> int:
    """C18: staff ask the host to prepare a session, once a day at most; how many are told.

    Raises:
        NotFound: There is no such session here, or it is not published.
        Refused: `session_begun`, `session_cancelled`, `host_lacks_nothing`; `host_asked_today`,
            by staff or by the evening; `host_has_nobody`: nobody organises who could be told.
    """
    session = session_of(db, lg_code, session_id)
    if session.state != "open":
        raise refused("session_cancelled", rule="R19")
    if session.starts_at <= now:
        raise refused("session_begun", rule="R19")
    day = japan_day(session.starts_at)
    rows = readiness(db, lg_code=lg_code, first=day, days=1, book=book, now=now)
    one = next((row for row in rows if row.session.id == session_id), None)
    if one is None:
        raise NotFound(code="not_found")
    if one.asked:
        raise refused("host_asked_today", rule="R19")
    if not set(one.missing) - STAFFS:
        raise refused("host_lacks_nothing", rule="R19")
    told = _ask(db, actor, one, one.missing, now)
    if not told:
        raise refused("host_has_nobody", rule="R19", action="invite_host")
    return told


def evening_before(
    db: Session, *, lg_code: str, as_of: date, book: PolicyBook, now: datetime
) -> int:
    """C18: hosts whose session of tomorrow is not ready are told in the evening; how many people.

    Whoever was asked before the phones could be armed is told once more; after that nobody is.
    """
    rows = readiness(db, lg_code=lg_code, first=as_of + ONE_DAY, days=1, book=book, now=now)
    send_at = after_quiet(now, policy_now(db, book, lg_code, now).integers("notify.quiet"))
    return sum(
        _ask(db, system("readiness"), one, one.hindering, now, send_at)
        for one in rows
        if set(one.hindering) - STAFFS and not one.asked
    )


def _asks_since(starts_at: datetime, now: datetime) -> datetime:
    """Who was asked since then is not asked again: today, or since the phones can be armed."""
    today, armable = day_start(japan_day(now)), arms_from(starts_at)
    return max(today, armable) if armable <= now else today


def _ask(
    db: Session,
    actor: Actor,
    one: Readiness,
    missing: Sequence[Lack],
    now: datetime,
    send_at: datetime | None = None,
) -> int:
    """Tell the organisers what is theirs to prepare; how many there are."""
    drafts = _drafts(db, one, missing, now, send_at)
    if drafts:
        audit.record(
            db,
            actor=actor,
            action=_ASK,
            subject=("session", one.session.id),
            lg_code=one.session.lg_code,
            now=now,
            row_count=len(drafts),
        )
    return tell(db, drafts, now=now)


def _drafts(
    db: Session,
    one: Readiness,
    missing: Sequence[Lack],
    now: datetime,
    send_at: datetime | None,
) -> list[NoticeDraft]:
    facts: dict[str, Any] = {
        "activity": one.activity.title,
        "activity_id": str(one.activity.id),
        "session_id": str(one.session.id),
        "when": when(one.session),
        "place": one.session.place,
        "missing": len([lack for lack in missing if lack not in STAFFS]),
    }
    key = f"{one.session.id}:{_asks_since(one.session.starts_at, now).isoformat()}"
    lg_code = one.session.lg_code
    return [
        NoticeDraft(person_id, "session_not_ready", key, lg_code, facts, available_at=send_at)
        for person_id in organiser_ids(db, lg_code, one.organisation.id)
    ]
