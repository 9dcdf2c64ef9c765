"""A local government tries other numbers on its own counts before it decides on them (R17, R33).

What the model is asked holds counts and settings and nothing of any person; a worker hands it over
and stores the answer. One trial of a body runs at a time, and each is forgotten after a year.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core import audit
from core.access import Actor, Role, system
from core.clock import day_start, japan_day
from core.errors import Conflict, NotFound, invalid
from registry import policies, queries
from registry.rules.facts import DecisionMode
from registry.rules.policy import PolicyBook
from registry.rules.requirement import Leaf, Measure, parse
from reporting.models import PolicyTrial
from reporting.reading import own_counts

WORKER: Final = system("trials")
KEPT: Final = timedelta(days=365)
#: Of a claim, by the machine's time: longer than the model may take.
CLAIM: Final = timedelta(minutes=5)
MOST_TRIES: Final = 3
LISTED: Final = 20
YEAR: Final = timedelta(days=365)
#: What can be tried, by the field of the form: the name the model knows, and the setting it is.
TRIED: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "required": ("premium.required", "premium.rule"),
        "dormancy": ("dormancy.months", "dormancy.months"),
        "mode": ("decision.all", "decision.mode"),
        "cap": ("premium.cap", "premium.cap"),
        "grace": ("renewal.grace_days", "renewal.grace_days"),
    }
)
#: The model remembers so many participations of a person with a body.
MOST_COUNTS: Final = 24
MOST_YEN: Final = 100_000
#: Answers to the questionnaire, as the model calls ties.
_TIES: Final = MappingProxyType(
    {
        "origin": "origin",
        "lived": "origin",
        "family": "family",
        "tourism": "fan",
        "other": "fan",
        "none": "fan",
        "donation": "donor",
    }
)
_COUNTED = """
select
  (select count(*) from participation p where p.lg_code = :code and p.annulled_at is null
      and p.day >= :year_ago and p.day < :day) as came,
  (select count(distinct a.organisation_id) from activity a where a.lg_code = :code
      and a.state = 'designated') as hosts,
  (select count(*) from activity_session s where s.lg_code = :code and s.state <> 'cancelled'
      and s.starts_at >= :since and s.starts_at < :until) as sessions,
  (select avg(s.capacity) from activity_session s where s.lg_code = :code
      and s.state <> 'cancelled' and s.capacity > 0) as seats
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a manager would like to try, by the name of the form's field."""

    values: Mapping[str, int | str]
    premium_yen: int


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a number may be, and what it is."""

    least: int
    most: int
    now: int | None


def bounds(book: PolicyBook, lg_code: str, day: date) -> Mapping[str, Bounds]:
    """The numbers that can be tried; `book` is the body's own."""
    found = {}
    for field, (_, key) in TRIED.items():
        value = book.on(key, day, lg_code).value
        if field == "required":
            tree = parse(value)
            counts = isinstance(tree, Leaf) and tree.measure is Measure.COUNT
            found[field] = Bounds(1, MOST_COUNTS, tree.amount if counts else None)  # type: ignore[union-attr] # a leaf, as asked
        elif field != "mode":
            least, most = book.parameter(key).allowed or (0, 1000)
            found[field] = Bounds(int(least), int(most), int(value))
    return found


def ask(
    db: Session, *, actor: Actor, lg_code: str, wanted: Wanted, now: datetime, book: PolicyBook
) -> PolicyTrial:
    """Ask what other numbers would change; a worker lets the model answer.

    Raises:
        Invalid: A number is out of its bounds (`number_between`), nothing would change
            (`trial_no_change`).
        Conflict: Nothing is counted yet (`trial_no_counts`); another trial runs (`trial_running`).
    """
    actor.require_role(lg_code, Role.MANAGER)
    today = japan_day(now)
    own = policies.body_policy(db, book, lg_code, today)
    changes = _changes(own, lg_code, today, wanted)
    row = PolicyTrial(
        lg_code=lg_code,
        question=_question(db, own, lg_code, today)
        | {"changes": changes}
        | {"premium_yen": wanted.premium_yen},
        asked_by=actor.label,
        asked_at=now,
        forget_on=today + KEPT,
    )
    try:
        with db.begin_nested():
            db.add(row)
            db.flush()
    except IntegrityError:
        raise Conflict(code="trial_running") from None
    _record(db, actor, "trial.ask", row, now)
    return row


def _record(db: Session, actor: Actor, action: str, row: PolicyTrial, now: datetime) -> None:
    audit.record(
        db,
        actor=actor,
        action=action,
        subject=("policy_trial", row.id),
        now=now,
        lg_code=row.lg_code,
    )


def _changes(own: PolicyBook, lg_code: str, day: date, wanted: Wanted) -> dict[str, int | str]:
    limits = bounds(own, lg_code, day)
    if not 0 <= wanted.premium_yen <= MOST_YEN:
        raise invalid("number_between", field="premium_yen", found=0, needed=MOST_YEN)
    changes: dict[str, int | str] = {}
    for field, value in wanted.values.items():
        name, key = TRIED[field]
        if field == "mode":
            if value not in list(DecisionMode):
                raise invalid("field_needed", field=field)
            same = value == own.on(key, day, lg_code).value
        else:
            limit = limits[field]
            if not limit.least <= int(value) <= limit.most:
                raise invalid("number_between", field=field, found=limit.least, needed=limit.most)
            same = value == limit.now
        if not same:
            changes[name] = value
    if not changes:
        raise invalid("trial_no_change", field=next(iter(TRIED)))
    return changes


def _question(db: Session, own: PolicyBook, lg_code: str, day: date) -> dict[str, Any]:
    """Counts and settings of a body, in the form that `simulation/own.py` reads."""
    government = queries.government(db, lg_code)
    counted = own_counts(db, lg_code)
    held = counted.total("registrations") or 0
    if not held:
        raise Conflict(code="trial_no_counts")
    prefecture = government.kind == "prefecture"
    name = government.name if prefecture else f"{government.prefecture}{government.name}"
    first = day.replace(day=1)
    began = government.joined_on or first
    in_force = {key: own.on(key, day, lg_code) for _, key in own.body_values}
    return {
        "lg_code": lg_code,
        "name": {"ja": name, "en": name},
        "day": first.isoformat(),
        "counts": {
            "held": held,
            "premium": counted.of("registrations").get("premium") or 0,
            "months": (first.year - began.year) * 12 + first.month - began.month,
            **_activities(db, lg_code, day),
        },
        "origin": {code: n for code, n in counted.of("origin").items() if n},
        "ties": _ties(db, lg_code),
        "policy": {key: step.value for key, step in in_force.items() if step.lg_code == lg_code},
    }


def _activities(db: Session, lg_code: str, day: date) -> dict[str, Any]:
    year_ago = day - YEAR
    given = {"code": lg_code, "day": day, "year_ago": year_ago}
    given |= {"since": day_start(year_ago), "until": day_start(day)}
    row = db.execute(text(_COUNTED), given).one()
    return {
        # A body without a single participation has not begun; zero would say that nobody comes.
        "came": row.came or None,
        "hosts": row.hosts,
        "sessions": row.sessions,
        "seats": None if row.seats is None else round(float(row.seats), 1),
    }


def _ties(db: Session, lg_code: str) -> dict[str, int]:
    rows = db.execute(
        text(
            "select answers ->> 'tie' as tie, count(*) as n from survey_answer"
            " where lg_code = :code group by 1"
        ),
        {"code": lg_code},
    )
    found: dict[str, int] = {}
    for tie, count in rows:
        if tie in _TIES:
            found[_TIES[tie]] = found.get(_TIES[tie], 0) + count
    return found


# --- pages ------------------------------------------------------------------------------


def trials_of(db: Session, *, lg_code: str) -> Sequence[PolicyTrial]:
    """The trials of a body, the last one first."""
    return db.scalars(
        select(PolicyTrial)
        .where(PolicyTrial.lg_code == lg_code)
        .order_by(PolicyTrial.asked_at.desc())
        .limit(LISTED)
    ).all()


def trial(db: Session, *, lg_code: str, trial_id: UUID) -> PolicyTrial:
    """One trial.

    Raises:
        NotFound: There is none of this body.
    """
    row = db.get(PolicyTrial, (lg_code, trial_id))
    if row is None:
        raise NotFound(code="not_found")
    return row


# --- the worker -------------------------------------------------------------------------


def claim(db: Session, *, lg_code: str, wall: datetime, now: datetime) -> PolicyTrial | None:
    """Take the trial that waits, for some minutes; one that was tried too often has failed."""
    row = db.scalars(
        select(PolicyTrial)
        .where(
            PolicyTrial.lg_code == lg_code,
            PolicyTrial.state == "asked",
            PolicyTrial.claimed_until.is_(None) | (PolicyTrial.claimed_until < wall),
        )
        .with_for_update(skip_locked=True)
    ).first()
    if row is None:
        return None
    if row.tries >= MOST_TRIES:
        fail(db, row=row, why="broken", now=now)
        return None
    row.tries += 1
    row.claimed_until = wall + CLAIM
    return row


def held_by(db: Session, *, lg_code: str, trial_id: UUID, tries: int) -> PolicyTrial | None:
    """The trial, locked, unless another worker has taken it over by now."""
    row = db.get(PolicyTrial, (lg_code, trial_id), with_for_update=True)
    return row if row is not None and (row.state, row.tries) == ("asked", tries) else None


def give_back(db: Session, *, lg_code: str, trial_id: UUID, tries: int) -> None:
    """Let another worker begin anew at once; being told to stop was no try."""
    row = held_by(db, lg_code=lg_code, trial_id=trial_id, tries=tries)
    if row is not None:
        row.tries, row.claimed_until = tries - 1, None


def answer(
    db: Session, *, row: PolicyTrial, result: Mapping[str, Any], page: str, now: datetime
) -> None:
    """Store what the model answered."""
    row.state, row.result, row.page = "ready", dict(result), page
    row.answered_at, row.claimed_until = now, None
    _record(db, WORKER, "trial.answer", row, now)


def fail(db: Session, *, row: PolicyTrial, why: str, now: datetime) -> None:
    """Note that there is no answer: `cannot`, the model cannot play it; `broken`, it did not end."""
    row.state, row.failure = "failed", why
    row.answered_at, row.claimed_until = now, None
    _record(db, WORKER, "trial.fail", row, now)


def forget(db: Session, *, lg_code: str, as_of: date) -> int:
    """R25: trials past their year."""
    rows = db.scalars(
        select(PolicyTrial).where(PolicyTrial.lg_code == lg_code, PolicyTrial.forget_on <= as_of)
    ).all()
    for row in rows:
        db.delete(row)
    return len(rows)
