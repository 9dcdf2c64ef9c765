"""What the operator sees of the machinery and of the bodies; never a person (R25)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from admin import words
from admin.desk import DONE, TOLD_IN_PLACE, Again, Problems, problems_of, status_of
from admin.forms import Form
from core.access import Actor
from core.clock import japan_day, wall_now
from core.db import Context
from core.ids import new_id
from core.models import Delivery, Heartbeat, JobFailure, JobRun, SigningKey
from core.texts import Translate
from core.web import Answer, Platform, answer_once, platform_of
from registry.doors import OperatorActor, as_operator, book_of
from registry.fresh_doors import prove_on_duty
from registry.models import LocalGovernment, StaffRole
from registry.rules.policy import PolicyBook

#: A process that has not been heard for this long is reported as away.
STALE = timedelta(minutes=2)
SHOWN = 50


@dataclass(frozen=True, slots=True)
class Control:
    """An operator, for one request."""

    request: Request
    actor: Actor

    @property
    def platform(self) -> Platform:
        """The parts of this process."""
        return platform_of(self.request)

    @property
    def now(self) -> datetime:
        """The instant."""
        return self.platform.clock.now()

    @property
    def context(self) -> Context:
        """The transaction context of the operator."""
        return as_operator(self.actor)

    @property
    def book(self) -> PolicyBook:
        """The national numbers."""
        return book_of(self.request)

    @property
    def language(self) -> str:
        """The short name of this request's language."""
        return self.platform.desk.language(self.request)

    @property
    def english(self) -> bool:
        """Whether this request is read in English."""
        return self.language == "en"

    @property
    def say(self) -> Translate:
        """The words of this request's language."""
        return self.platform.texts.translator(self.language)

    def prove_fresh(self) -> None:
        """Refuse a write unless the operator proved who they are a short while ago (d-11)."""
        prove_on_duty(self.platform, self.actor, now=self.now)

    def render(
        self,
        template: str,
        *,
        here: str,
        status: int = 200,
        errors: Problems = (),
        done: str = "",
        **context: Any,
    ) -> Response:
        """A page of the operator with its head and menu."""
        say = self.say
        return self.platform.desk.render(
            self.request,
            template,
            status,
            errors=list(errors),
            body_name=say("運営（国）"),
            staff_name=say("運営者"),
            role_name=say("運営"),
            menu=[
                ("state", "/operator", "today", say("動いているか")),
                ("bodies", "/operator/bodies", "place", say("団体")),
                ("figures", "/operator/figures", "chart", say("全国の数字")),
                ("numbers", "/operator/numbers", "settings", say("全国の決まり")),
                ("incident", "/operator/incident", "warn", say("障害のお知らせ")),
                ("keys", "/operator/keys", "qr", say("署名の鍵")),
                ("audit", "/operator/audit", "log", say("記録")),
            ],
            home_href="/operator",
            sign_out_href="/operator/signout",
            here=here,
            new_key=new_id,
            done=say(DONE[done]) if done in DONE else "",
            now=self.now,
            today=japan_day(self.now),
            word=lambda family, code: words.word(say, family, code),
            options=lambda family: words.options(say, family),
            **context,
        )

    def act(self, form: Form, work: Callable[[Session], str], again: Again) -> Response:
        """Do a form's work once and go to the address it answers; refusals show the page again."""
        try:
            return answer_once(
                self.request,
                self.context,
                actor=self.actor,
                work=lambda db: Answer.to(work(db)),
                key=form.key,
            )
        except TOLD_IN_PLACE as error:
            return again(problems_of(self.request, error), status_of(error))


def _control(request: Request, actor: OperatorActor) -> Control:
    return Control(request, actor)


ControlDep = Annotated[Control, Depends(_control)]


@dataclass(frozen=True, slots=True)
class Beat:
    """A process, and whether it was heard lately."""

    name: str
    seconds_ago: int
    alive: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """Notices of one channel that have not left yet."""

    channel: str
    due: int
    later: int
    oldest: timedelta | None

    @property
    def minutes(self) -> int:
        """How long the oldest one that is due has waited."""
        return 0 if self.oldest is None else int(self.oldest.total_seconds() // 60)


@dataclass(frozen=True, slots=True)
class Machinery:
    """The state of jobs and deliveries, in numbers."""

    beats: Sequence[Beat]
    open_jobs: Sequence[JobRun]
    done_until: Sequence[tuple[str, date]]
    failures: Sequence[tuple[str, date, int]]
    deliveries: Mapping[str, int]
    waiting: Sequence[Waiting]


def machinery(db: Session, *, now: datetime) -> Machinery:
    """What the heartbeat, the jobs and the outbox say; subjects of failures are only counted."""
    wall = wall_now()
    beats = [
        Beat(row.name, round((wall - row.at).total_seconds()), wall - row.at < STALE)
        for row in db.scalars(select(Heartbeat).order_by(Heartbeat.name))
    ]
    done = db.execute(
        select(JobRun.job, func.max(JobRun.period))
        .where(JobRun.state == "done")
        .group_by(JobRun.job)
        .order_by(JobRun.job)
    ).all()
    failures = db.execute(
        select(JobFailure.job, JobFailure.period, func.count())
        .group_by(JobFailure.job, JobFailure.period)
        .order_by(JobFailure.period.desc(), JobFailure.job)
        .limit(SHOWN)
    ).all()
    deliveries = db.execute(select(Delivery.state, func.count()).group_by(Delivery.state)).all()
    return Machinery(
        beats=beats,
        open_jobs=db.scalars(
            select(JobRun)
            .where(JobRun.state != "done")
            .order_by(JobRun.period, JobRun.job, JobRun.range_key)
            .limit(SHOWN)
        ).all(),
        done_until=[(job, period) for job, period in done],
        failures=[(job, period, many) for job, period, many in failures],
        deliveries=dict(deliveries),
        waiting=_waiting(db, now),
    )


def _waiting(db: Session, now: datetime) -> Sequence[Waiting]:
    """The outbox by channel: what is due, since when, and what waits for its hour."""
    due = Delivery.available_at <= now
    rows = db.execute(
        select(
            Delivery.channel,
            func.count().filter(due),
            func.count().filter(~due),
            func.min(Delivery.available_at).filter(due),
        )
        .where(Delivery.state.in_(("queued", "claimed")))
        .group_by(Delivery.channel)
        .order_by(Delivery.channel)
    ).all()
    return [
        Waiting(channel, many, later, None if since is None else now - since)
        for channel, many, later, since in rows
    ]


def body_counts(db: Session) -> Mapping[str, int]:
    """R01: how many local governments stand where."""
    rows = db.execute(
        select(LocalGovernment.state, func.count()).group_by(LocalGovernment.state)
    ).all()
    return dict(rows)


def managers(db: Session, lg_code: str) -> int:
    """How many managers a local government has; their names are its own business."""
    found = db.scalar(
        select(func.count())
        .select_from(StaffRole)
        .where(
            StaffRole.lg_code == lg_code,
            StaffRole.role == "manager",
            StaffRole.ended_at.is_(None),
        )
    )
    return found or 0


def keys(db: Session, *, after: str | None) -> Sequence[SigningKey]:
    """R22: signing keys without their private halves, by id."""
    statement = select(SigningKey).order_by(SigningKey.kid).limit(SHOWN + 1)
    if after is not None:
        statement = statement.where(SigningKey.kid > after)
    return db.scalars(statement).all()
