"""Where a rehearsal happens: bodies that join, hosts with their activities, sessions, scanners."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import islice
from typing import Any

from activities.seeding import Template, templates
from app.story.cast import Cast, Session, Town
from app.story.gates import venue_code
from app.story.setting import enrol_device, hold, open_body, open_host
from app.story.world import World
from simulation.acts import Act, Lives

#: Activities of each body, as the model draws them.
ACTIVITIES = 8
#: C23: a scanner nobody hears of for two weeks ends by itself; this one is changed before.
SCANNER = timedelta(days=10)
STARTS = 9 * 60 + 30


@dataclass(slots=True)
class Venue:
    """A session of today with what its screen shows."""

    session: Session
    code: str


@dataclass(slots=True)
class Stage:
    """Bodies, hosts and sessions, made when they are first needed."""

    world: World
    cast: Cast
    lives: Lives
    venues: dict[tuple[str, int, int], Venue] = field(default_factory=dict)
    _opens: dict[str, date] = field(default_factory=dict)
    _scanners: dict[str, date] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Which bodies take part, and from when."""
        self._opens = {
            place.code: place.opens
            for place in self.lives.job.setting.places
            if place.type and place.opens is not None
        }

    @staticmethod
    def opening(lives: Lives) -> set[date]:
        """The days of the run on which bodies join."""
        opens = {place.opens for place in lives.job.setting.places if place.opens is not None}
        return {day for day in opens if day <= lives.last_day}

    def open(self, day: date) -> None:
        """R01: bodies whose day has come join, prefectures first, with their own numbers (R33)."""
        types = {place.code: place.type for place in self.lives.job.setting.places}
        for code, opens in self._opens.items():
            if opens == day:
                open_body(self.world, self.cast, code, self._own(types[code]))

    def _own(self, type_: str) -> Mapping[str, Any]:
        """What bodies of a type set for themselves."""
        return {
            key: steps[-1].value
            for (name, key), steps in self.lives.law.body_values.items()
            if name == type_
        }

    def prepare(self, day: date, acts: list[Act]) -> None:
        """Everything today's visitors need: a host, a session each with its code, a scanner."""
        self.venues = {}
        for act in acts:
            key = (act.lg_code, act.activity, act.minutes)
            if act.kind != "comes" or key in self.venues:
                continue
            session = self._session(day, act)
            code = venue_code(self.world, self.cast, session)
            self.venues[key] = Venue(session, code)
            self._scanner(day, self.cast.towns[act.lg_code])

    def venue(self, act: Act) -> Venue:
        """Where an act of coming leads."""
        return self.venues[act.lg_code, act.activity, act.minutes]

    def _session(self, day: date, act: Act) -> Session:
        town = self.cast.towns[act.lg_code]
        if not town.activities:
            open_host(self.world, self.cast, town, _offered(town.code))
        ends = STARTS + act.minutes
        return hold(
            self.world,
            town,
            day.isoformat(),
            activity=act.activity,
            # Two sessions of one activity at one time are at two places.
            place=f"集会所{act.minutes // 60}",
            starts=f"{STARTS // 60:02}:{STARTS % 60:02}",
            ends=f"{ends // 60:02}:{ends % 60:02}",
        )

    def _scanner(self, day: date, town: Town) -> None:
        since = self._scanners.get(town.code)
        if since is None or day - since > SCANNER:
            enrol_device(self.world, town)
            self._scanners[town.code] = day


def _offered(code: str) -> list[Template]:
    """Eight real activities: the place's own first, then what is done anywhere."""
    own = [one for one in templates() if one.lg_code == code]
    anywhere = [one for one in templates() if one.lg_code is None]
    return list(islice((*own, *anywhere), ACTIVITIES))
