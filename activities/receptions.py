"""What the counter sees of a session: who is here, who was vouched for once, what a scan gave."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from activities.models import ActivitySession, CheckIn, ScanAttempt
from activities.roster import RosterEntry
from registry.models import Registration

#: Views of the list of people (frontend.md, i): all, not yet here, here.
VIEWS = ("all", "away", "here")


@dataclass(frozen=True, slots=True)
class Line:
    """One person of the list, with the living check-in and who has vouched so far."""

    entry: RosterEntry
    check_in: CheckIn | None
    vouched: tuple[str, ...]

    def vouched_by(self, label: str) -> bool:
        """Whether this member of staff has vouched already."""
        return label in self.vouched


@dataclass(frozen=True, slots=True)
class Told:
    """A stored scan and whose it was, for the answer at the top of the page."""

    attempt: ScanAttempt
    registration: Registration | None


def lines(
    db: Session, *, session: ActivitySession, entries: list[RosterEntry], view: str
) -> list[Line]:
    """The people of a session as the counter sees them.

    Args:
        db: A transaction of the local government.
        session: The session.
        entries: Its roster, or what a search of it found.
        view: One of `VIEWS`.
    """
    here = _living(db, session)
    vouched = _vouched(db, session)
    found = [Line(one, here.get(one.person_id), vouched.get(one.person_id, ())) for one in entries]
    if view == "all":
        return found
    return [one for one in found if (one.check_in is not None) == (view == "here")]


def _living(db: Session, session: ActivitySession) -> dict[UUID, CheckIn]:
    rows = db.scalars(
        select(CheckIn).where(
            CheckIn.lg_code == session.lg_code,
            CheckIn.session_id == session.id,
            CheckIn.direction == "in",
            CheckIn.annulled_at.is_(None),
        )
    )
    return {row.person_id: row for row in rows}


def _vouched(db: Session, session: ActivitySession) -> Mapping[UUID, tuple[str, ...]]:
    """R19: who has said of whom that they are here, on the way to two."""
    rows = db.execute(
        select(ScanAttempt.person_id, ScanAttempt.source)
        .where(
            ScanAttempt.lg_code == session.lg_code,
            ScanAttempt.session_id == session.id,
            ScanAttempt.method == "roster",
            ScanAttempt.direction == "in",
            ScanAttempt.outcome == "needs_input",
        )
        .distinct()
    )
    found: dict[UUID, tuple[str, ...]] = {}
    for person_id, source in rows:
        if person_id is not None:
            found[person_id] = (*found.get(person_id, ()), source)
    return found


def told(db: Session, *, lg_code: str, source: str, scan_id: UUID) -> Told | None:
    """What a scan of this member of staff gave, and whose it was."""
    row = db.execute(
        select(ScanAttempt, Registration)
        .outerjoin(
            Registration,
            and_(
                Registration.lg_code == ScanAttempt.lg_code,
                Registration.person_id == ScanAttempt.person_id,
            ),
        )
        .where(
            ScanAttempt.lg_code == lg_code,
            ScanAttempt.source == source,
            ScanAttempt.scan_id == scan_id,
        )
    ).one_or_none()
    return None if row is None else Told(*row)
