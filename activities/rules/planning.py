"""R07, R13, R14: which activities to come lead to premium, by when, and in how short a trip.

The planner adds sessions with free places to what somebody has done and asks the judging
functions (`goals`) about the days to come. It proposes only what they answer with yes, and it
looks at every set of sessions that can be attended together before it says that none does.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from activities.rules.goals import Goal
from activities.rules.outings import (
    Change,
    Offer,
    Outing,
    Plan,
    PlanState,
    Route,
    attended,
    by_time,
    clash,
)
from registry.rules.calendars import japan_day
from registry.rules.facts import ONE_DAY, Applicant
from registry.rules.policy import Policy
from registry.rules.reasons import Reason
from registry.rules.requirement import AllOf, AnyOf, Leaf, Measure, Tree

#: The longest stretch of days that is still called one trip.
LONGEST_TRIP = 10
#: Most days of stay that a plan proposes one after the other.
LONGEST_STAY = 60
#: What would change what stands in the way whatever one does, by the reason's code.
_CURES = {
    "resident": "residence_changes",
    "moved_in": "residence_changes",
    "cap_reached": "place_given_up",
    "over_cap": "place_given_up",
}
#: Most questions put to the judge for one day; only many overlapping sessions come near it.
MOST_QUESTIONS = 600


@dataclass(slots=True)
class _Search:
    """One planner at work: the goal, the day it is, and what can be attended."""

    goal: Goal
    today: date
    pool: tuple[Outing, ...]
    stays: bool
    overlap_minutes: int
    asked: int = 0
    tried_all: bool = True
    barred: dict[date, Reason | None] = field(default_factory=dict)

    def blocked(self, day: date) -> Reason | None:
        if day not in self.barred:
            self.barred[day] = self.goal.blocked(day)
        return self.barred[day]

    def shown(self, chosen: Iterable[Outing], stays: Iterable[date], day: date) -> Applicant:
        return attended(self.goal, chosen, stays, day)

    def missing(self, chosen: Iterable[Outing], stays: Iterable[date], day: date) -> bool:
        self.asked += 1
        return bool(self.goal.missing(self.shown(chosen, stays, day), day))

    def clash(self, one: Outing, other: Outing) -> bool:
        return clash(one, other, self.overlap_minutes)

    def hopeless(self, chosen: Iterable[Outing], stays: Iterable[date], day: date) -> bool:
        """Whether it would be too little even if each presence stood for its day."""
        self.asked += 1
        shown = self.shown(chosen, stays, day)
        best = tuple(replace(one, counted=True) for one in shown.participations)
        return bool(self.goal.missing(replace(shown, participations=best), day))

    def contested(self, one: Outing, other: Outing) -> bool:
        """Whether one of the two may be better without the other.

        Nobody can be at both; or a night's work would no longer stand for its day, and so not for
        its morning (R08).
        """
        nights = one.done_on > one.day or other.done_on > other.day
        same_day = one.session_id != other.session_id and one.day == other.day
        return self.clash(one, other) or (nights and same_day)


def plan(goal: Goal, offer: Offer, now: datetime, policy: Policy) -> Plan:
    """R07, R12–R14, R16, R18: the way to a goal; never one that the judgement would refuse.

    `policy` gives the numbers of today that signing up is held to (C34).
    """
    today = japan_day(now)
    minutes = policy.integer("signup.overlap_minutes")
    pool = tuple(one for one in offer.outings if _reachable(one, offer, now, minutes))
    stays = offer.stay_places and _asks_stays(goal.asked(goal.begins(today)))
    search = _Search(goal, today, _in_reach(goal, pool), stays, minutes)
    missing = goal.missing(goal.applicant, today)
    found = _soonest(search)
    common = Plan(
        PlanState.NONE,
        missing,
        goal.steps(today if found is None else found.ask_from),
        keep_until=_keep_until(goal, today, missing),
    )
    if found is None:
        why, changes = _why_not(search, offer, now, missing)
        return replace(common, why=why, changes=changes)
    if not found.sessions and not found.stay_days and found.ask_from <= goal.begins(today):
        return replace(common, state=PlanState.READY, soonest=found)
    return replace(common, state=PlanState.PLANNED, soonest=found, trip=_trip(search))


def _reachable(one: Outing, offer: Offer, now: datetime, minutes: int) -> bool:
    """C33, C34, R18: a place can be had, nothing promised stands against it, and it is no night."""
    if one.starts_at <= now or not (one.mine or one.free):
        return False
    if one.mine:
        return True
    if one.late_night and offer.minor_until is not None and one.day < offer.minor_until:
        return False
    return not any(clash(one, other, minutes) for other in offer.promised)


def _in_reach(goal: Goal, pool: Iterable[Outing]) -> tuple[Outing, ...]:
    last = goal.last
    kept = (one for one in pool if last is None or one.day <= last)
    return tuple(sorted(kept, key=by_time))


def _asks_stays(tree: Tree) -> bool:
    return any(leaf.measure is Measure.STAY_DAYS for leaf in _leaves(tree))


def _leaves(tree: Tree) -> Iterable[Leaf]:
    if isinstance(tree, AllOf | AnyOf):
        for part in tree.parts:
            yield from _leaves(part)
    else:
        yield tree


# --- the route that is ready first ----------------------------------------------------------------


def _soonest(search: _Search) -> Route | None:
    for day in _days(search):
        found = _route(search, search.pool, day, search.today)
        if found is not None:
            return found
    return None


def _days(search: _Search) -> list[date]:
    """The days on which a plan can become ready: something ends, or something changes."""
    days = {search.today, *(one.done_on for one in search.pool), *search.goal.comes()}
    days = {max(day, search.today) for day in days}
    if search.stays:
        tree = search.goal.asked(search.today)
        longest = max(leaf.amount for leaf in _leaves(tree) if leaf.measure is Measure.STAY_DAYS)
        spans = range(min(longest, LONGEST_STAY) + 1)
        days = {day + timedelta(days=span) for day in days for span in spans}
    last = search.goal.last
    return sorted(day for day in days if last is None or day <= last or day == search.today)


def _route(search: _Search, pool: Sequence[Outing], day: date, since: date) -> Route | None:
    """The smallest set of sessions and stays, done by a day, that the judgement accepts.

    `since` is the first day to stay on; sessions of the pool before it are promised already.
    """
    on = search.goal.begins(day)
    done = [one for one in pool if one.done_on <= day]
    stays = _stays_between(search, since, day)
    if search.hopeless(done, stays, on) or search.blocked(on) is not None:
        return None
    chosen = _compatible(search, done, stays, on)
    if chosen is None:
        return None
    chosen, stays = _fewest(search, chosen, stays, on)
    return _judged(search, chosen, stays, day, since)


def _stays_between(search: _Search, first: date, last: date) -> list[date]:
    """Days to stay on; what is left of today is not relied on."""
    first = max(first, search.today + ONE_DAY)
    end = last if search.goal.last is None else min(last, search.goal.last)
    if not search.stays or end < first:
        return []
    return [first + timedelta(days=n) for n in range((end - first).days + 1)]


def _compatible(
    search: _Search, pool: Sequence[Outing], stays: Sequence[date], day: date
) -> list[Outing] | None:
    """Sessions one person can attend, enough for the requirement, if there are any.

    More presence never harms, so a session that nothing contests is always taken; only the others
    are tried with and without, and a branch ends where even all the rest is too little.
    """
    limit = search.asked + MOST_QUESTIONS

    def extend(kept: list[Outing], rest: list[Outing]) -> list[Outing] | None:
        fitting = [one for one in rest if not any(search.clash(one, other) for other in kept)]
        if search.asked > limit:
            search.tried_all = False
            return None
        if search.hopeless([*kept, *fitting], stays, day):
            return None
        everyone = [*kept, *fitting]
        one = next((x for x in fitting if any(search.contested(x, y) for y in everyone)), None)
        if one is None:
            return None if search.missing(everyone, stays, day) else everyone
        others = [other for other in fitting if other != one]
        return extend([*kept, one], others) or extend(kept, others)

    return extend([], list(pool))


def _fewest(
    search: _Search, chosen: list[Outing], stays: list[date], day: date
) -> tuple[list[Outing], list[date]]:
    """Leave out what is not needed: first stays, then sessions, the farthest from the day first."""
    for stay in list(stays):
        fewer = [one for one in stays if one != stay]
        if not search.missing(chosen, fewer, day):
            stays = fewer
    for outing in sorted(chosen, key=lambda one: (one.mine, one.starts_at, one.session_id)):
        rest = [one for one in chosen if one != outing]
        if not search.missing(rest, stays, day):
            chosen = rest
    return sorted(chosen, key=by_time), stays


def _judged(
    search: _Search, chosen: Sequence[Outing], stays: Sequence[date], day: date, since: date
) -> Route | None:
    """The route as the judgement itself accepts it; None where it does not."""
    goal, on = search.goal, search.goal.begins(day)
    shown = search.shown(chosen, stays, on)
    if goal.judged(shown, on) is None:
        return None
    days = [one for one in (*(outing.day for outing in chosen), *stays) if one >= since]
    return Route(
        sessions=tuple(one.session_id for one in chosen),
        stay_days=tuple(stays),
        first_day=min(days, default=day),
        ready_on=day,
        ask_from=on,
        ask_by=_ask_by(goal, shown, on),
    )


def _ask_by(goal: Goal, shown: Applicant, since: date) -> date:
    """The last day on which the judgement still says yes, before presence ceases to count."""
    if goal.last is not None:
        return max(goal.last, since)
    year = since + timedelta(days=365)
    for day in sorted(goal.turns(_days_of(shown))):
        if since < day <= year and goal.missing(shown, day):
            return day - ONE_DAY
    return year


def _days_of(shown: Applicant) -> set[date]:
    nights = {one.day + ONE_DAY for one in shown.participations if one.overnight_next_day}
    return {one.day for one in shown.participations} | nights | set(shown.stay_days)


def _keep_until(goal: Goal, today: date, missing: tuple[Reason, ...]) -> date | None:
    """The last day before something that counts today no longer does; None with nothing to lose."""
    shown = goal.applicant
    if not _days_of(shown):
        return None
    for day in sorted(goal.turns(_days_of(shown))):
        if day > today and goal.missing(shown, day) != missing:
            return day - ONE_DAY
    return None


# --- the shortest trip ----------------------------------------------------------------------------


def _trip(search: _Search) -> Route | None:
    """The fewest days in a row that close the gap, with what is promised already; the earliest."""
    mine = [one for one in search.pool if one.mine]
    starts = sorted({one.day for one in search.pool} | _stay_starts(search))
    for length in range(1, LONGEST_TRIP + 1):
        for start in starts:
            end = start + timedelta(days=length - 1)
            there = [one for one in search.pool if start <= one.day and one.done_on <= end]
            before = [one for one in mine if one.done_on < start]
            if not there and not search.stays:
                continue
            found = _route(search, [*before, *there], end, start)
            if found is not None:
                return found
    return None


def _stay_starts(search: _Search) -> set[date]:
    return {search.today + ONE_DAY} if search.stays else set()


# --- why there is none ----------------------------------------------------------------------------


def _why_not(
    search: _Search, offer: Offer, now: datetime, missing: tuple[Reason, ...]
) -> tuple[Reason, tuple[Change, ...]]:
    """The reason, and what would change it, the earliest first."""
    barred = search.blocked(search.goal.begins(search.today))
    if barred is not None:
        return barred, (Change(_CURES[barred.code]),)
    changes = _changes(search, offer, now)
    last = search.goal.last
    if last is not None and last < search.today:
        return Reason("R14", "plan_term_over", names=(last.isoformat(),)), changes
    full = any(one.code == "free_place" for one in changes)
    return _too_little(search, missing, full=full), changes


def _too_little(search: _Search, missing: tuple[Reason, ...], *, full: bool) -> Reason:
    if not search.tried_all:
        return Reason("R07", "plan_too_many_choices", action="find_activity")
    if full:
        return Reason("R19", "plan_sessions_full", action="join_waiting_list")
    if not search.pool:
        return Reason("R07", "plan_no_sessions")
    last = max(_days(search))
    on = search.goal.begins(last)
    stays = _stays_between(search, search.today, last)
    still = search.goal.missing(search.shown(search.pool, stays, on), on) or missing
    first = still[0] if still else Reason("R07", "plan_no_sessions")
    return Reason("R07", "plan_too_few_sessions", first.found, first.needed, first.names)


def _changes(search: _Search, offer: Offer, now: datetime) -> tuple[Change, ...]:
    """What would make a plan possible: a place that falls free, more sessions, a new start."""
    found = _waiting_lists(search, offer, now)
    if search.goal.anew is not None:
        found.append(Change("start_anew", search.goal.anew))
    found.append(Change("more_sessions"))
    return tuple(sorted(found, key=lambda one: one.day or date.max))


def _waiting_lists(search: _Search, offer: Offer, now: datetime) -> list[Change]:
    """C33: the first full session without which no plan is possible and with which one is."""
    full = [replace(one, free=True) for one in offer.outings if not one.free and not one.mine]
    full = [one for one in full if _reachable(one, offer, now, search.overlap_minutes)]
    if not full:
        return []
    wider = _among(search, _in_reach(search.goal, (*search.pool, *full)))
    found = _soonest(wider)
    if found is None:
        return []
    asked = {one.session_id: one for one in full}
    wanted = [asked[key] for key in found.sessions if key in asked]
    return [Change("free_place", one.day, one.session_id) for one in wanted][:1]


def _among(search: _Search, pool: tuple[Outing, ...]) -> _Search:
    """The same search among other sessions."""
    return _Search(search.goal, search.today, pool, search.stays, search.overlap_minutes)
