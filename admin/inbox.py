"""今日's one list: everything that wants a human, by the instant at which it wants it (R15, C46)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from activities.models import Activity, ActivitySession, ScannerDevice
from admin import approving, waiting
from admin.waiting import OPEN_TO_STAFF, Unsettled
from core.access import Actor
from core.clock import day_start
from registry import approvals, confirming, duplicates, questions, renewal_staff
from registry.approvals import InboxRow
from registry.duplicates import Pair
from registry.models import Judgement, Question, Registration, Term

#: R15: what has no end of its own wants an answer by the time of the second nudge.
ANSWER_DAYS: Final = timedelta(days=14)
ONE_DAY: Final = timedelta(days=1)
#: So many rows are shown at once; the rest moves up as these are decided.
SHOWN: Final = 50
#: Kinds that one press decides, and that can be decided many at once.
ONE_PRESS: Final = ("application", "renewal", "stay")
#: What was due longer ago than this can no longer be mended, and waits for nobody.
GIVEN_UP: Final = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that wants a human.

    Attributes:
        kind: `proposal`, `application`, `renewal`, `stay`, `scan`, `sample`, `device`,
            `confirmation`, `duplicate` or `question`.
        key: Kind and id, the same as long as it waits.
        title: A name or a title.
        deadline: When it wants its answer; a veto takes effect by itself then.
        state: `review`, `veto`, or empty.
        reasons: What the rules said, as they stored it.
        judgement: What it rests on, where there is one.
        subject: The rows its forms and links are made of.
    """

    kind: str
    key: str
    title: str
    deadline: datetime
    subject: Mapping[str, Any]
    state: str = ""
    reasons: Sequence[Mapping[str, Any]] = ()
    judgement: Judgement | None = None

    @property
    def many(self) -> bool:
        """Whether it can be decided together with others."""
        return self.kind in ONE_PRESS

    @property
    def plain(self) -> bool:
        """Whether it waits for a human's yes, and the rules found nothing against it."""
        waits = self.kind in {"application", "renewal"} and self.state == "review"
        return waits and self.judgement is not None and self.judgement.allowed

    @property
    def anchor(self) -> str:
        """Its place on the page."""
        return self.key.replace(":", "-")


def gather(
    db: Session, *, actor: Actor, lg_code: str, now: datetime, offline: timedelta
) -> list[Item]:
    """R15, C46: everything that wants a human, soonest first; each look is recorded.

    Args:
        db: A transaction of the local government.
        actor: A member of its staff.
        lg_code: The local government.
        now: The instant.
        offline: How long a device's scans may wait on it (R19).
    """
    found = [
        *_proposals(db, lg_code),
        *(
            _application(row)
            for row in approvals.inbox(
                db, actor=actor, lg_code=lg_code, now=now, states=OPEN_TO_STAFF
            )
        ),
        *(
            _renewal(term, registration, judgement)
            for term, registration, judgement in renewal_staff.waiting_renewals(
                db, actor=actor, lg_code=lg_code, now=now, limit=SHOWN
            )
        ),
        *(
            Item(
                "stay",
                f"stay:{one.stay.person_id}:{one.stay.day.isoformat()}",
                one.registration.display_name or "",
                one.stay.created_at + ANSWER_DAYS,
                _of(stay=one.stay, registration=one.registration),
            )
            for one in approving.reported_stays(db, actor=actor, lg_code=lg_code, now=now)
        ),
        *(_scan(one) for one in waiting.unsettled_scans(db, lg_code=lg_code, now=now, limit=SHOWN)),
        *(
            Item(
                "sample",
                f"sample:{one.id}",
                one.title,
                (one.decided_at or one.created_at) + ANSWER_DAYS,
                _of(activity=one),
            )
            for one in approving.sampled(db, lg_code)
        ),
        *_devices(db, lg_code, now, offline),
        *_wishes(db, actor, lg_code, now),
        *(
            _question(question, registration)
            for question, registration in questions.waiting(
                db, actor=actor, lg_code=lg_code, now=now, limit=SHOWN
            )
        ),
        *(_pair(one) for one in duplicates.waiting(db, lg_code=lg_code, limit=SHOWN)),
    ]
    return sorted(found, key=lambda one: (one.deadline, one.key))


def _of(**rows: Any) -> Mapping[str, Any]:
    return MappingProxyType(rows)


def _proposals(db: Session, lg_code: str) -> list[Item]:
    """R09: a proposal wants its answer before its first day, at the latest."""
    found = approving.proposed(db, lg_code)
    rows = db.execute(
        select(ActivitySession.activity_id, func.min(ActivitySession.starts_at))
        .where(
            ActivitySession.lg_code == lg_code,
            ActivitySession.activity_id.in_([one.activity.id for one in found]),
            ActivitySession.state == "open",
        )
        .group_by(ActivitySession.activity_id)
    )
    first = dict(rows.all())
    return [
        Item(
            "proposal",
            f"proposal:{one.activity.id}",
            one.activity.title,
            min(_answer_by(one.activity), first.get(one.activity.id, _answer_by(one.activity))),
            _of(one=one),
        )
        for one in found
    ]


def _answer_by(activity: Activity) -> datetime:
    return (activity.submitted_at or activity.created_at) + ANSWER_DAYS


def _application(row: InboxRow) -> Item:
    return Item(
        "application",
        f"application:{row.application.id}",
        row.registration.display_name or "",
        row.deadline,
        _of(application=row.application, registration=row.registration),
        row.application.state,
        row.judgement.reasons if row.judgement else (),
        row.judgement,
    )


def _renewal(term: Term, registration: Registration, judgement: Judgement | None) -> Item:
    return Item(
        "renewal",
        f"renewal:{term.id}",
        registration.display_name or "",
        term.renewal_effective_at or day_start(term.last_day + ONE_DAY),
        _of(term=term, registration=registration),
        term.renewal_state,
        judgement.reasons if judgement else (),
        judgement,
    )


def _wishes(db: Session, actor: Actor, lg_code: str, now: datetime) -> list[Item]:
    """C47: what a colleague asked for, for those who may be the second person."""
    return [
        Item(
            "confirmation",
            f"confirmation:{row.id}",
            row.name or "",
            row.expires_at,
            _of(wish=row),
        )
        for row in confirming.waiting(db, lg_code, now=now)
        if confirming.may_confirm(row, actor)
    ]


def _scan(one: Unsettled) -> Item:
    return Item(
        "scan",
        f"scan:{one.scan.scan_id}",
        one.registration.display_name or "",
        one.scan.received_at + waiting.SCAN_DAYS,
        _of(one=one),
    )


def _pair(one: Pair) -> Item:
    return Item(
        "duplicate",
        f"duplicate:{one.row.id}",
        one.both[0].display_name,
        one.row.found_at + ANSWER_DAYS,
        _of(pair=one),
    )


def _question(question: Question, registration: Registration) -> Item:
    return Item(
        "question",
        f"question:{question.id}",
        registration.display_name,
        day_start(question.answer_by + ONE_DAY),
        _of(question=question, registration=registration),
    )


def _devices(db: Session, lg_code: str, now: datetime, offline: timedelta) -> list[Item]:
    """R19, C23: scans wait on a device that has not been heard of; after some days they are lost."""
    rows = db.scalars(
        select(ScannerDevice)
        .where(
            ScannerDevice.lg_code == lg_code,
            ScannerDevice.revoked_at.is_(None),
            ScannerDevice.reported_sequence > ScannerDevice.last_sequence,
        )
        .order_by(ScannerDevice.last_seen_at, ScannerDevice.id)
        .limit(SHOWN)
    )
    return [
        Item(
            "device",
            f"device:{row.id}",
            row.label,
            (row.last_seen_at or row.enrolled_at) + offline,
            _of(device=row, unsent=row.reported_sequence - row.last_sequence),
        )
        for row in rows
        if (row.last_seen_at or row.enrolled_at) + offline + GIVEN_UP > now
    ]
