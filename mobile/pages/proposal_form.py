"""The ten fields of a proposal: what they are filled with, and what was written in them (R09)."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy.orm import Session

from activities import sessions
from activities.copying_year import moved
from activities.hosts import Host
from activities.models import Activity
from activities.proposing import ProposalFields
from activities.starters import STARTERS
from core.clock import JAPAN
from core.errors import invalid
from core.texts import N_
from mobile.pages.shell import Form

QUESTIONS: Final = {
    "public_nature": (
        N_("地域のみんなのためになる"),
        N_("だれか一人や、一つの会社のもうけのためではない"),
    ),
    "local_contribution": (
        N_("地域の役に立つ"),
        N_("困りごとの助けになる、または、大切にしているものを守る"),
    ),
    "shortage_of_hands": (
        N_("人手が足りない"),
        N_("地元の人だけではむずかしく、手伝いがあると助かる"),
    ),
    "substance_and_time": (
        N_("いっしょに手を動かす"),
        N_("見るだけ、買うだけ、寄付だけではなく、{minutes}分以上かける"),
    ),
}
INSURANCE: Final = {
    "organiser": N_("主催の団体が入る"),
    "participant": N_("参加する人が入る"),
    "none": N_("保険はない"),
}


@dataclass(frozen=True, slots=True)
class Given:
    """The ten fields as the form shows them; `answers` holds the questions answered yes."""

    title: str = ""
    category: str = ""
    summary: str = ""
    starts: str = ""
    ends: str = ""
    place: str = ""
    bring: str = ""
    contact: str = ""
    insurance: str = ""
    answers: tuple[str, ...] = ()


def given_in(form: Form) -> Given:
    """What was typed, as it was typed."""
    texts = {name: form.one(name) for name in Given.__slots__ if name != "answers"}
    return Given(**texts, answers=tuple(form.many("answers")))


def fields_of(form: Form, base: ProposalFields, *, late_night: bool = False) -> ProposalFields:
    """The proposal's words and choices; what the form does not ask stays as in `base`.

    Raises:
        Invalid, Refused: As `Form.text`.
    """
    return replace(
        base,
        title=form.text("title", most=120, needed=True),
        category=form.text("category", most=40, needed=True),
        summary=form.text("summary", most=1000),
        bring=form.text("bring", most=400),
        contact=form.text("contact", most=200, needed=True),
        insurance=form.text("insurance", most=12, needed=True),
        late_night=base.late_night or late_night,
    )


def span_of(form: Form) -> tuple[datetime, datetime]:
    """From when to when, by the Japanese clock; an end before the start is on the next day.

    Raises:
        Invalid: `day_needed`, `time_needed`.
    """
    try:
        start = datetime.fromisoformat(form.one("starts")).replace(tzinfo=JAPAN)
    except ValueError:
        raise invalid("day_needed", field="starts") from None
    try:
        end = datetime.combine(start.date(), time.fromisoformat(form.one("ends")), JAPAN)
    except ValueError:
        raise invalid("time_needed", field="ends") from None
    if end <= start:
        end += timedelta(days=1)
    return start.astimezone(UTC), end.astimezone(UTC)


def started(kind: str) -> Given:
    """The form of a kind; an empty one for no kind we know."""
    starter = STARTERS.get(kind)
    if starter is None:
        return Given()
    return Given(
        title=starter.title,
        category=kind,
        summary=starter.summary,
        bring=starter.bring,
        ends=f"{9 + starter.hours:02}:00",
    )


def copied(source: Activity, held: list[Any], now: datetime) -> Given:
    """Last year's words, its place, and the same day of the week this year."""
    given = Given(
        title=source.title,
        category=source.category,
        summary=source.summary,
        bring=source.bring,
        contact=source.contact,
        insurance=source.insurance,
    )
    if not held:
        return given
    last = held[-1]
    start = last.starts_at
    while start <= now:
        start = moved(start)
    shown, end = start.astimezone(JAPAN), last.ends_at.astimezone(JAPAN)
    return replace(given, place=last.place, starts=f"{shown:%Y-%m-%dT%H:%M}", ends=f"{end:%H:%M}")


def base_of(source: Activity | None) -> ProposalFields:
    """What the form does not ask: as last year, else as usual."""
    if source is None:
        return ProposalFields(title="", category="")
    return ProposalFields(
        title=source.title,
        category=source.category,
        attendance_mode=source.attendance_mode,
        minutes_minimum=source.minutes_minimum,
        late_night=source.late_night,
        walk_in=source.walk_in,
    )


def add_date(
    db: Session,
    host: Host,
    activity_id: UUID,
    form: Form,
    span: tuple[datetime, datetime],
    now: datetime,
) -> None:
    sessions.add_session(
        db,
        host=host,
        activity_id=activity_id,
        starts_at=span[0],
        ends_at=span[1],
        place=form.text("place", most=200, needed=True),
        capacity=form.amount("capacity"),
        now=now,
    )
