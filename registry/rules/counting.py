"""R07, R08: which presences count, and what they add up to."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from uuid import UUID

from registry.rules.calendars import (
    JST,
    add_months,
    fiscal_year_end,
    fiscal_year_start,
    japan_day,
)
from registry.rules.facts import ONE_DAY, Participation, Period
from registry.rules.policy import Policy
from registry.rules.requirement import Evidence

MINUTES_PER_DAY = 24 * 60
ROLLING = "rolling"
FISCAL_YEAR = "fiscal_year"


@dataclass(frozen=True, slots=True)
class Counting:
    """The numbers of counting: at most `per_day` counts a day, `min_minutes` at an activity.

    `per_activity` is the most counts one activity may give in a period, 0 for no limit.
    `excluded` are the categories that never count: purchase, donation, mere visit (R09).
    """

    per_day: int = 1
    min_minutes: int = 0
    per_activity: int = 0
    excluded: frozenset[str] = frozenset()

    @classmethod
    def of(cls, policy: Policy) -> "Counting":
        return cls(
            per_day=policy.integer("count.per_day"),
            min_minutes=policy.integer("activity.min_minutes"),
            per_activity=policy.integer("count.per_activity"),
            excluded=frozenset(policy.texts("designation.never")),
        )


COUNTING_KEYS = (
    "count.per_day",
    "activity.min_minutes",
    "count.per_activity",
    "designation.never",
)


@dataclass(frozen=True, slots=True)
class _Presence:
    """All standing records of one activity on one day, put together."""

    day: date
    first: Participation
    minutes: int
    own_minutes: int  # without those that belong to the night before
    categories: frozenset[str]  # more than one where the activity's changed during the day


def window_rolling(day: date, days: int = 365) -> Period:
    """R07: the days that count for a first application: so many days, ending on the given one."""
    return Period(day - timedelta(days=days - 1), day)


def window_for(window: str, day: date, registered_on: date | None = None) -> Period:
    """R07: the counting period by its name: rolling365, fiscal_year or registration_year.

    The last needs the day of registration. Raises ValueError for any other name.
    """
    if window.startswith(ROLLING) and window.removeprefix(ROLLING).isdigit():
        return window_rolling(day, int(window.removeprefix(ROLLING)))
    if window == FISCAL_YEAR:
        return Period(fiscal_year_start(day), fiscal_year_end(day))
    if window == "registration_year" and registered_on is not None:
        years = day.year - registered_on.year
        starts = (add_months(registered_on, 12 * n) for n in (years, years - 1))
        start = next(start for start in starts if start <= day)
        return Period(start, add_months(start, 12) - ONE_DAY)
    raise ValueError(f"Unknown counting window {window!r}, or no day of registration.")


def overnight_counts_next_day(starts_at: datetime, ends_at: datetime, hours: float) -> bool:
    """R08: work into the next day counts there too when it lasts more than `hours` past midnight."""
    midnight = datetime.combine(japan_day(starts_at) + ONE_DAY, time(), tzinfo=JST)
    return ends_at - midnight > timedelta(hours=hours)


def counted(
    participations: Iterable[Participation],
    lg_code: str,
    period: Period,
    per_day: int = 1,
    *,
    min_minutes: int = 0,
    per_activity: int = 0,
    excluded: frozenset[str] = frozenset(),
) -> tuple[Participation, ...]:
    """R08: the presences that count, by day: at most `per_day` for one person, body and day.

    Three consecutive days of one harvest are three; twice on one day is one; overnight work also
    counts on the next day when marked so, be it the first or the second of its own day. What is not designated, annulled or excluded never
    counts. Records of one activity on one day are put together, so a split day reaches the
    minimum minutes. The order of the input does not matter, counting the result again changes
    nothing, and one more presence never lowers the number.
    """
    rule = Counting(per_day, min_minutes, per_activity, excluded)
    days = _by_day(participations, lg_code, period, rule)
    return _chosen(days, rule)


def evidence(
    participations: Iterable[Participation],
    stay_days: Iterable[date],
    lg_code: str,
    period: Period,
    rule: Counting,
    *,
    carried: int = 0,
) -> Evidence:
    """R07: what a person can show at a body in a period, ready for `requirement.evaluate`.

    A day of activity is a day of stay as well (R11), and so is the morning after overnight work,
    whether or not a limit lets it count. `carried` is the surplus of the term before, where the
    body allows it (R14).
    """
    records = tuple(participations)
    days = _by_day(records, lg_code, period, rule)
    chosen = _chosen(days, rule)
    presences = [presence for day in days.values() for presence in day]
    stays = {day for day in stay_days if day in period}
    stays |= {p.day for p in records if _stands(p, lg_code, rule) and p.day in period}
    stays |= {day for day, there in days.items() if there}
    return Evidence(
        count=len(chosen) + carried,
        minutes=sum(presence.own_minutes for presence in presences),
        projects=len({presence.first.activity_id for presence in presences}),
        stay_days=len(stays),
        categories=_categories(days, rule),
    )


def _categories(
    days: Mapping[date, tuple[_Presence, ...]], rule: Counting
) -> tuple[tuple[str, int], ...]:
    """R08: days of each category that count, each category by itself.

    As many days as its own activities can give under their limits, at most one count a day. What
    was chosen for the whole number says nothing here: another presence may move a day to an
    activity of another category, and nobody loses a day of a category by coming once more.
    """
    names = {name for day in days.values() for presence in day for name in presence.categories}
    free = _without_limits(days, rule)
    found = []
    for name in sorted(names):
        own = {
            day: tuple(presence for presence in presences if name in presence.categories)
            for day, presences in days.items()
        }
        if free:
            found.append((name, sum(1 for presences in own.values() if presences)))
            continue
        placed = _allot(own, 1, _limits(own, rule))
        found.append((name, sum(len(of_activity) for of_activity in placed.values())))
    return tuple(found)


def _stands(record: Participation, lg_code: str, rule: Counting) -> bool:
    """R08, R09: designated by this body, not undone, identity matched, not a mere purchase."""
    return (
        record.lg_code == lg_code
        and record.designated
        and record.matched
        and not record.annulled
        and record.category not in rule.excluded
    )


def _by_day(
    participations: Iterable[Participation], lg_code: str, period: Period, rule: Counting
) -> dict[date, tuple[_Presence, ...]]:
    """Day to the activities that may count on it, best first.

    A day needs no record marked as counted: the one that was may have ceased to stand since
    (its category excluded, its identity not matched); what was second stands for the day then.
    """
    records: dict[tuple[UUID, date], Participation] = {}
    nights: set[tuple[UUID, date]] = set()
    for record in participations:
        if not _stands(record, lg_code, rule):
            continue
        records[record.id, record.day] = record
        if record.overnight_next_day:
            morning = record.day + ONE_DAY
            nights.add((record.id, morning))
            records.setdefault(
                (record.id, morning), replace(record, day=morning, overnight_next_day=False)
            )
    groups: dict[tuple[date, UUID], list[Participation]] = defaultdict(list)
    for (_, day), record in records.items():
        if day in period:
            groups[day, record.activity_id].append(record)
    days: dict[date, list[_Presence]] = defaultdict(list)
    for (day, _), group in groups.items():
        days[day].append(_together(day, group, nights, rule))
    return {
        day: tuple(sorted((p for p in days[day] if _long_enough(p, rule)), key=_preference))
        for day in sorted(days)
    }


def _together(
    day: date, group: list[Participation], nights: set[tuple[UUID, date]], rule: Counting
) -> _Presence:
    first = min(group, key=_first_of_day)
    if len(group) > 1:
        # Recorded on either side of a change of the activity's numbers: the kinder ones hold.
        first = replace(
            first,
            min_minutes=min(_needed(record, rule) for record in group),
            max_counts=_kinder(_limit(record, rule) for record in group),
        )
    own = sum(record.minutes for record in group if (record.id, day) not in nights)
    return _Presence(
        day=day,
        first=first,
        minutes=min(sum(record.minutes for record in group), MINUTES_PER_DAY),
        own_minutes=min(own, MINUTES_PER_DAY),
        categories=frozenset(record.category for record in group),
    )


def _first_of_day(record: Participation) -> tuple[bool, int]:
    return (not record.counted, record.id.int)


def _as_counted(presence: _Presence) -> Participation:
    """The record that stands for its day; a morning after stands as a record of its own."""
    first = presence.first
    if first.counted and not first.overnight_next_day and first.minutes == presence.minutes:
        return first
    return replace(first, minutes=presence.minutes, counted=True, overnight_next_day=False)


def _needed(record: Participation, rule: Counting) -> int:
    return rule.min_minutes if record.min_minutes is None else record.min_minutes


def _limit(record: Participation, rule: Counting) -> int:
    return rule.per_activity if record.max_counts is None else record.max_counts


def _kinder(limits: Iterable[int]) -> int:
    """The limit that lets more count; 0 is none."""
    known = set(limits)
    return 0 if 0 in known else max(known)


def _long_enough(presence: _Presence, rule: Counting) -> bool:
    return presence.minutes >= _needed(presence.first, rule)


def _preference(presence: _Presence) -> tuple[bool, int]:
    return (not presence.first.counted, _by_activity(presence))


def _by_activity(presence: _Presence) -> int:
    return presence.first.activity_id.int


def _chosen(
    days: Mapping[date, tuple[_Presence, ...]], rule: Counting
) -> tuple[Participation, ...]:
    if not _without_limits(days, rule):
        allotted = _allot(days, rule.per_day, _limits(days, rule))
        days = {
            day: tuple(p for p in presences if day in allotted[p.first.activity_id])
            for day, presences in days.items()
        }
    return tuple(
        _as_counted(presence)
        for presences in days.values()
        for presence in sorted(presences[: rule.per_day], key=_by_activity)
    )


def _without_limits(days: Mapping[date, tuple[_Presence, ...]], rule: Counting) -> bool:
    """Whether no presence's activity has a limit, as is usual: every day with one counts then."""
    return not any(_limit(presence.first, rule) for day in days.values() for presence in day)


def _limits(days: Mapping[date, tuple[_Presence, ...]], rule: Counting) -> dict[UUID, int]:
    """Activity to the most counts it may give, 0 for no limit; its own limit goes first.

    A limit lowered within the period takes nothing away from who was there before.
    """
    limits: dict[UUID, int] = {}
    for presences in days.values():
        for first in (presence.first for presence in presences):
            limit = _limit(first, rule)
            limits[first.activity_id] = _kinder((limits.get(first.activity_id, limit), limit))
    return limits


def _allot(
    days: Mapping[date, tuple[_Presence, ...]], per_day: int, limits: Mapping[UUID, int]
) -> dict[UUID, set[date]]:
    """Days to activities so that as many days as possible count under each activity's limit.

    Taking the first that fits could lower the number when somebody does more; moving days
    already placed to another activity of theirs (augmenting paths) cannot.
    """
    places: dict[UUID, set[date]] = defaultdict(set)

    def place(day: date, tried: set[UUID]) -> bool:
        for activity in (presence.first.activity_id for presence in days[day]):
            if activity in tried or day in places[activity]:
                continue
            tried.add(activity)
            if not limits[activity] or len(places[activity]) < limits[activity]:
                places[activity].add(day)
                return True
            for other in sorted(places[activity]):
                if place(other, tried):
                    places[activity].remove(other)
                    places[activity].add(day)
                    return True
        return False

    for day in days:
        for _ in range(per_day):
            place(day, set())
    return places
