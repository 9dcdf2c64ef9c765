"""What people do, and counting what happened: the two halves of the bridge to the platform."""

from collections import Counter
from datetime import date

import numpy as np
import pytest

from simulation import measures as ms
from simulation.acts import Lives, lives_of
from simulation.crosscheck import APART, compared
from simulation.recount import Happened, happened_in, recount
from simulation.run import Order
from simulation.scenario import ScenarioError
from simulation.tables import COUNTS

TRIED = {"dormancy.months": 12, "premium.required": 1}


@pytest.fixture(
    scope="module", params=[("wide", 1600, 48), ("pioneer", 3000, 60), ("late", 3000, 60)]
)
def lives(request: pytest.FixtureRequest) -> Lives:
    scenario, people, months = request.param
    return lives_of(Order(scenario, people=people, months=months, seed=3, changes=TRIED))


def acted(lives: Lives) -> list[Happened]:
    """Looks and moves, which the model keeps as acts only."""
    kinds = {"opens": "opened", "moves": "moved"}
    return [
        Happened(one.person, one.day, one.lg_code, kinds[one.kind])
        for one in lives.acts
        if one.kind in kinds
    ]


def test_recounted_events_are_what_the_engine_counted(lives: Lives) -> None:
    """Every table is counted from the events alone as the engine counted it while it lived."""
    setting = lives.job.setting
    again = recount(
        setting,
        happened_in(setting, lives.events, acted(lives)),
        homes={who: agent.home for who, agent in lives.agents.items()},
        paper=frozenset(who for who, agent in lives.agents.items() if not agent.has_phone),
        ties=lives.ties,
    )
    for name in set(COUNTS) - {"series", "bodies", "refusals", "days"}:
        assert np.array_equal(again.table(name), lives.counts.table(name)), name
    days = slice(0, ms.DAY_NOTICES)
    assert np.array_equal(again.table("days")[:, days], lives.counts.table("days")[:, days])
    # Those that the list of events does not hold; they are read from the platform's records.
    unknown = {*APART, "reviews", "veto_looks", "notices", "reasons_of_refusals"}
    lines = {line.measure: line for line in compared(lives.counts, again, {})}
    assert {name for name, line in lines.items() if not line.is_equal} <= unknown
    assert lines["releases"].model > 0
    assert lines["grants"].model > 0
    notices = lives.counts.table("series")[:, :, ms.NOTICES].sum()
    assert again.table("series")[:, :, ms.NOTICES].sum() <= notices


def test_acts_are_what_people_do(lives: Lives) -> None:
    """Each event that somebody brings about has its act on the same day, and everybody begins."""
    acts = Counter((one.person, one.day, one.kind) for one in lives.acts)
    places = {"registered": "registers", "checked_in": "comes", "applied": "applies"}
    for person, day, _body, kind in lives.events:
        wanted = places.get(ms.EVENTS[kind])
        if wanted:
            assert acts[int(person), date.fromordinal(int(day)), wanted] >= 1
    begun = [one.person for one in lives.acts if one.kind == "registers"]
    assert set(begun) == set(lives.agents)
    days = [one.day for one in lives.acts]
    assert days == sorted(days)
    assert lives.first_day <= days[0]
    assert days[-1] <= lives.last_day


def test_a_disaster_is_not_rehearsed() -> None:
    """R14: the platform is told of a disaster by staff; the rehearsal says that it cannot."""
    with pytest.raises(ScenarioError, match="disaster"):
        lives_of(Order("disaster", people=50, months=40))
    assert lives_of(Order("disaster", people=50, months=6)).days == 182
