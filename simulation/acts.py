"""What simulated people and staff do, day by day, for whoever does the same on the real platform.

The platform decides for itself: an act says that somebody comes or applies, never what follows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from registry.policybook import load_policy
from registry.rules.policy import PolicyBook
from simulation import measures as ms
from simulation.fast import Ints
from simulation.judge import DAY_MINUTES
from simulation.parts import Counts, Job, acted
from simulation.people import traits_of
from simulation.run import Order, job_of
from simulation.scenario import ScenarioError
from simulation.state import T_BIRTH, T_CONSENT, T_LEVEL, T_PHONE, T_TOWN
from simulation.world import tried_book

_CARD_USER = 2


@dataclass(frozen=True, slots=True)
class Agent:
    """Somebody, as far as a platform can know or ask."""

    number: int
    born: date
    home: str
    has_phone: bool
    has_card: bool
    guardian_agrees: bool


@dataclass(frozen=True, slots=True)
class Act:
    """Something done on a day with a body. `number` is what `activity` and `minutes` are made of."""

    person: int
    day: date
    lg_code: str
    kind: str
    number: int

    @property
    def activity(self) -> int:
        """Which of a body's eight activities somebody comes to."""
        return self.number // DAY_MINUTES

    @property
    def minutes(self) -> int:
        """How long the session is to which somebody comes."""
        return self.number % DAY_MINUTES


@dataclass(frozen=True, slots=True)
class Lives:
    """A run of the model with all that others need to live it again.

    `acts` are in order of days, within one first those of staff, then people as they lived.
    """

    job: Job
    law: PolicyBook
    counts: Counts
    events: Ints
    acts: tuple[Act, ...]
    agents: Mapping[int, Agent]
    ties: Mapping[int, int]

    @property
    def first_day(self) -> date:
        """The first day of the run."""
        return self.job.setting.scenario.start

    @property
    def last_day(self) -> date:
        """The last day of the run."""
        return date.fromordinal(int(self.job.setting.month_first[-1]) - 1)

    @property
    def days(self) -> int:
        """How many days the run has."""
        return (self.last_day - self.first_day + timedelta(days=1)).days


def lives_of(order: Order) -> Lives:
    """Live a scenario in the model and keep what people do.

    Raises:
        ScenarioError: The scenario cannot be used, or stops a body's clocks by a disaster.
        PolicyError: A setting cannot be used.
    """
    job = job_of(order)
    setting = job.setting
    last = date.fromordinal(int(setting.month_first[-1]) - 1)
    if any(one.first <= last for one in setting.scenario.disasters):
        raise ScenarioError("A disaster is played by the model only: shorten the months.")
    if order.since is not None:
        raise ScenarioError("A rehearsal tries a setting from its first day.")
    law = tried_book(setting.scenario, load_policy(order.policy_dir), order.changes)
    counts, events, acts = acted(setting, job.seed, 0, job.people)
    traits = traits_of(setting.world, job.seed, job.people)
    begun = acts[acts[:, 3] == ms.A_REGISTERS]
    # The first registration of each: later ones are further down.
    ties = {int(row[0]): int(row[4]) for row in begun[::-1]}
    return Lives(
        job=job,
        law=law,
        counts=counts,
        events=events,
        acts=_in_order(job, acts),
        agents={who: _agent(job, who, traits[who]) for who in sorted(ties)},
        ties=ties,
    )


def _agent(job: Job, who: int, traits: Ints) -> Agent:
    return Agent(
        number=who,
        born=date.fromordinal(int(traits[T_BIRTH])),
        home=job.setting.places[int(traits[T_TOWN])].code,
        has_phone=bool(traits[T_PHONE]),
        has_card=bool(traits[T_LEVEL] >= _CARD_USER),
        guardian_agrees=bool(traits[T_CONSENT]),
    )


def _in_order(job: Job, rows: Ints) -> tuple[Act, ...]:
    codes = [place.code for place in job.setting.places]
    acts = [
        Act(int(row[0]), date.fromordinal(int(row[1])), codes[row[2]], ms.ACTS[row[3]], int(row[4]))
        for row in rows
    ]
    return tuple(sorted(acts, key=lambda one: (one.day, not one.kind.startswith("staff_"))))
