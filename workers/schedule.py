"""The schedule: one table of what runs when, in the order in which it runs.

Daily jobs are functions of a Japanese day and run once for it, whenever that is: each for one
local government with work at a time, or once for the nation. Jobs without a time run at every
tick, wherever something is due. Where order matters the row says what it comes after, and why.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

from sqlalchemy.orm import Session

from activities.rules.readiness import EVENING
from core.clock import JAPAN, japan_day
from registry import dormancy, renewal, survey_night
from registry.bulk import Counts
from registry.ranges import DueRows, Range
from workers import invariants, jobs, retention
from workers.jobs import Scope
from workers.parts import Parts

Work = Callable[[Parts, Session, Scope], Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Ranged:
    """A job that goes through its rows in ranges, each one transaction."""

    batch: Callable[[Parts, Session, Range], Counts]
    due: DueRows


@dataclass(frozen=True, slots=True)
class Job:
    """One row of the table.

    Attributes:
        name: As job_run, the console and the due conditions of the tables say it.
        at: Time of the Japanese day from which it is due; None: at every tick.
        work: What it does.
        about: What it is for.
        after: What must have run before, and why.
        national: Once for the nation instead of once a local government with work.
        weekday: Only on this day of the week (0 is Monday).
        made_up: Whether days that passed without it are made up for. What tells of the state of a
            night can only be told that night; of days missed, only a month's first is made up for,
            as publications and comparisons are made of it.
    """

    name: str
    at: time | None
    work: Work | Ranged
    about: str
    after: str = ""
    national: bool = False
    weekday: int | None = None
    made_up: bool = True

    def is_due(self, day: date, now: datetime) -> bool:
        """Whether the job has to have run for a day by now."""
        if self.at is None or (self.weekday is not None and day.weekday() != self.weekday):
            return False
        if not (self.made_up or day.day == 1 or day == self.latest_day(now)):
            return False
        return datetime.combine(day, self.at, JAPAN) <= now

    def latest_day(self, now: datetime) -> date:
        """The last day whose time for this job has come."""
        local = now.astimezone(JAPAN)
        passed = self.at is None or local.time() >= self.at
        return japan_day(now) if passed else date.fromordinal(local.date().toordinal() - 1)


MONDAY = 0
RENEWAL = Ranged(jobs.renewal_batch, renewal.DUE)
DORMANCY = Ranged(jobs.dormancy_batch, dormancy.DUE)
SURVEY = Ranged(jobs.survey_batch, survey_night.DUE)

#: Daily jobs in the order of their day, then those of the tick.
SCHEDULE: tuple[Job, ...] = (
    Job(
        "joining",
        time(0, 0),
        jobs.take_steps,
        "R01: steps of local governments planned for today",
        national=True,
    ),
    Job(
        "numbers",
        time(0, 1),
        jobs.note_numbers,
        "whose numbers changed, by the nation or by themselves",
        national=True,
    ),
    Job(
        "replan",
        time(0, 2),
        jobs.forget_plans,
        "R04, R06, R14: days planned by numbers that changed are planned anew tonight",
        after="numbers: it says where",
    ),
    Job("adults", time(0, 5), jobs.turn_adults, "R18: who comes of age"),
    Job("families", time(0, 6), jobs.end_ties, "R18: help and managing that end", national=True),
    Job(
        "links",
        time(0, 10),
        jobs.wake_links,
        "R02: links that waited for a prefecture to join",
        after="joining: it may join today",
    ),
    Job("keys", time(0, 30), jobs.rotate_keys, "R22: keys of codes, made in time", national=True),
    Job("settle", time(1, 0), jobs.settle_presence, "C23: offline presence, settled"),
    Job("pending", time(2, 0), jobs.expire_pending, "R13: places of old applications fall free"),
    Job(
        "over_cap",
        time(2, 10),
        jobs.heal_over_cap,
        "R13: who is no longer above the limit",
        after="pending: a freed place may end it",
    ),
    Job(
        "renewal",
        time(3, 0),
        RENEWAL,
        "R14: checks, grace, return to basic",
        after="adults, settle, over_cap: their facts decide",
    ),
    Job(
        "dormancy",
        time(3, 30),
        DORMANCY,
        "R06: asked three times, then released",
        after="renewal: premium that ended starts its clock",
    ),
    Job(
        "sign_ups",
        time(3, 50),
        jobs.give_back_ended,
        "C33: places of registrations that ended fall free",
        after="dormancy: a released registration gives its places back the same night",
    ),
    Job(
        "survey",
        time(3, 55),
        SURVEY,
        "R04: the first questionnaire, asked again at most twice",
        after="dormancy: who was released is not asked",
    ),
    Job(
        "figures",
        time(3, 57),
        jobs.count_figures,
        "R17: each local government's figures, counted",
        after="renewal, dormancy: who is registered tonight is what is counted",
        made_up=False,
    ),
    Job(
        "open_figures",
        time(3, 58),
        jobs.publish_figures,
        "R17: on the first of a month, figures for everybody, without small cells",
        after="figures: they are added up",
        national=True,
        made_up=False,
    ),
    Job("waiting_lines", time(4, 0), jobs.move_lines, "C33: waiting lines put in order"),
    Job(
        "duplicates",
        time(4, 5),
        jobs.find_duplicates,
        "C42: who may be registered twice, for staff to look at",
        after="dormancy: who was released is not compared",
    ),
    Job("imports_end", time(4, 10), jobs.end_lists, "R27: who did not answer is forgotten"),
    Job("retention", time(4, 30), retention.of_body, "R25: what is kept no longer", weekday=MONDAY),
    Job(
        "retention_nation",
        time(4, 40),
        retention.of_nation,
        "R25: codes, sessions, keys of requests",
        national=True,
        weekday=MONDAY,
    ),
    Job(
        "invariants",
        time(5, 0),
        invariants.check,
        "what must never be true, counted",
        after="everything of the night: its result is what is checked",
        national=True,
    ),
    Job("nudges", time(9, 0), jobs.nudge, "R15: approvers are reminded of what waits"),
    Job("reminders", time(9, 10), jobs.remind, "sessions of tomorrow"),
    Job(
        "readiness",
        EVENING,
        jobs.tell_unready,
        "C18: hosts of sessions of tomorrow that are not ready",
        made_up=False,
    ),
    Job("premium_veto", None, jobs.confirm_premium, "R15: applications nobody objected to"),
    Job("renewal_veto", None, jobs.confirm_renewals, "R15: renewals nobody objected to"),
    Job(
        "exports",
        None,
        jobs.make_exports,
        "R25: copies of their data for those who asked; old ones deleted",
        national=True,
    ),
    Job(
        "desk_exports",
        None,
        jobs.make_desk_exports,
        "C52: files that staff asked for; deleted after a day",
    ),
    Job("imports", None, jobs.mail_lists, "R27: people of a confirmed list are asked by mail"),
    Job("offers", None, jobs.move_lines, "C33: offers that ran out"),
)


def daily(schedule: Sequence[Job] = SCHEDULE) -> tuple[Job, ...]:
    """The jobs of the day, in their order."""
    return tuple(job for job in schedule if job.at is not None)


def ticking(schedule: Sequence[Job] = SCHEDULE) -> tuple[Job, ...]:
    """The jobs of the tick."""
    return tuple(job for job in schedule if job.at is None)


def named(name: str, schedule: Sequence[Job] = SCHEDULE) -> Job:
    """The job of a name.

    Raises:
        LookupError: There is none; the sentence lists those there are.
    """
    for job in schedule:
        if job.name == name:
            return job
    known = ", ".join(job.name for job in schedule)
    raise LookupError(f"There is no job named {name}; there are: {known}.")
