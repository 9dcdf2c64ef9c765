"""People by the thousand, written with COPY by a superuser: for benchmarks and for tests of nights.

The same seed gives the same people, ids included, so that two databases can be compared.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import psycopg

from core.shortcode import MEMBER, new_code
from registry.rules.facts import Period
from registry.rules.terms import term_for

#: Set up before anything that is measured.
CREATED = datetime(2025, 4, 1, tzinfo=UTC)
FAMILY = ("佐藤", "鈴木", "高橋", "田中", "伊藤", "渡辺", "山本", "中村", "小林", "加藤")
GIVEN = ("花子", "太郎", "結衣", "蓮", "陽葵", "湊", "凛", "樹", "紬", "悠真")
ELSEWHERE = "131016"
MINUTES = 180


@dataclass(frozen=True, slots=True)
class Cohort:
    """People alike: where, how many, since when, and what they took part in.

    Attributes:
        lg_code: Their local government, and its prefecture, to which a derived row belongs.
        people: How many.
        term_from: First day of a premium term; None for basic registrations.
        took_part: Days with one counted participation each.
        last_access_on: The day from which the clock of dormancy runs.
        minor_until: First day as an adult, for minors.
        consent: Whether a minor's guardian consents to premium.
        identity_lapsed_on: The day the certificate ceased to hold.
    """

    lg_code: str
    prefecture: str
    people: int
    term_from: date | None = None
    took_part: Sequence[date] = ()
    last_access_on: date = date(2027, 1, 1)
    registered_on: date = date(2025, 4, 1)
    minor_until: date | None = None
    consent: bool = True
    identity_lapsed_on: date | None = None

    @property
    def term(self) -> Period | None:
        """The premium term, if any."""
        return None if self.term_from is None else term_for(self.term_from)


@dataclass(slots=True)
class Population:
    """Who was written, by cohort: person ids in order."""

    people: list[list[UUID]] = field(default_factory=list)


@dataclass(slots=True)
class _Someone:
    id: UUID
    registration_id: UUID
    derived_id: UUID
    term_id: UUID
    name: str
    cohort: Cohort
    numbers: tuple[str, str]


def fill(
    connection: psycopg.Connection[Any], cohorts: Sequence[Cohort], *, seed: int = 7
) -> Population:
    """Write the cohorts; the connection is a superuser's, the caller commits."""
    random = Random(seed)
    population = Population()
    everybody: list[_Someone] = []
    for cohort in cohorts:
        people = [_someone(random, cohort) for _ in range(cohort.people)]
        population.people.append([one.id for one in people])
        everybody += people
    for table, columns, rows in _tables(random, everybody):
        with (
            connection.cursor() as cursor,
            cursor.copy(f"copy {table} ({columns}) from stdin") as copy,
        ):
            for row in rows:
                copy.write_row(row)
    connection.execute(
        "update local_government set state = 'active', joined_on = '2025-04-01'"
        " where code = any(%s)",
        [sorted({c for one in cohorts for c in (one.lg_code, one.prefecture)})],
    )
    return population


def analyse(connection: psycopg.Connection[Any]) -> None:
    """Let the planner know what is there (a running server does it by itself)."""
    connection.execute("analyze")


def _id(random: Random) -> UUID:
    return UUID(int=random.getrandbits(128), version=4)


def _someone(random: Random, cohort: Cohort) -> _Someone:
    secret: Callable[[int], bytes] = random.randbytes
    return _Someone(
        id=_id(random),
        registration_id=_id(random),
        derived_id=_id(random),
        term_id=_id(random),
        name=random.choice(FAMILY) + random.choice(GIVEN),
        cohort=cohort,
        numbers=(new_code(secret, MEMBER), new_code(secret, MEMBER)),
    )


_Rows = Iterator[tuple[Any, ...]]


def _tables(random: Random, people: Sequence[_Someone]) -> Iterator[tuple[str, str, _Rows]]:
    yield (
        "account",
        "id, kind, email, email_key, email_verified_at, created_at",
        (
            (one.id, "person", f"{one.id.hex}@example.jp", one.id.hex, CREATED, CREATED)
            for one in people
        ),
    )
    yield (
        "person",
        "id, nickname, declared_residence, identity_level, identity_lapsed_on, created_at",
        (
            (one.id, one.name, ELSEWHERE, "mnc_sign", one.cohort.identity_lapsed_on, CREATED)
            for one in people
        ),
    )
    yield (
        "registration",
        (
            "lg_code, id, person_id, tier, status, direct, derived, derived_from, link_opted_out,"
            " residence_relation, residence_related, member_number, registered_on, last_access_on,"
            " display_name, residence_code, minor_until, identity_level, identity_lapsed_on"
        ),
        (row for one in people for row in _registrations(one)),
    )
    premium = [one for one in people if one.cohort.term is not None]
    yield (
        "term",
        (
            "lg_code, id, registration_id, person_id, first_day, last_day, state, renewal_state,"
            " created_at"
        ),
        (row for one in premium for row in _terms(one)),
    )
    yield (
        "premium_slot",
        "person_id, slot, lg_code, registration_id, state, since",
        (
            (one.id, 1, one.cohort.lg_code, one.registration_id, "active", one.cohort.term_from)
            for one in premium
        ),
    )
    minors = [one for one in premium if one.cohort.minor_until and one.cohort.consent]
    yield (
        "guardianship",
        "id, person_id, contact, state, scope, text_version, invite_hash, invited_at, verified_at",
        (
            (_id(random), one.id, f"g{one.id.hex}@example.jp", "living", "premium", "1",
             one.id.hex, CREATED, CREATED)
            for one in minors
        ),
    )  # fmt: skip
    yield (
        "participation",
        (
            "lg_code, id, person_id, registration_id, session_id, activity_id, day, designated,"
            " counted, minutes, minutes_minimum, overnight_next_day, category, method, assurance,"
            " provisional, created_at"
        ),
        (row for one in people for row in _participations(random, one)),
    )


def _registrations(one: _Someone) -> _Rows:
    given = one.cohort
    term = given.term
    tier = "basic" if term is None else "premium"
    source = (
        f'{{"code": "{given.lg_code}", "registration_id": "{one.registration_id}",'
        f' "tier": "{tier}", "expires_on": {"null" if term is None else f"{chr(34)}{term.last}{chr(34)}"}}}'
    )
    for code, own, direct, sources, number in (
        (given.lg_code, one.registration_id, True, "[]", one.numbers[0]),
        (given.prefecture, one.derived_id, False, f"[{source}]", one.numbers[1]),
    ):
        yield (
            code, own, one.id, tier, "active", direct, not direct, sources, False, "elsewhere",
            False, number, given.registered_on, given.last_access_on, one.name, ELSEWHERE,
            given.minor_until, "mnc_sign", given.identity_lapsed_on,
        )  # fmt: skip


def _terms(one: _Someone) -> _Rows:
    term = one.cohort.term
    if term is not None:
        yield (
            one.cohort.lg_code, one.term_id, one.registration_id, one.id, term.first, term.last,
            "active", "none", CREATED,
        )  # fmt: skip


def _participations(random: Random, one: _Someone) -> _Rows:
    for day in one.cohort.took_part:
        yield (
            one.cohort.lg_code, _id(random), one.id, one.registration_id, _id(random), _id(random),
            day, True, True, MINUTES, 60, False, "agriculture_forestry", "roster", "high", False,
            CREATED,
        )  # fmt: skip


def spread(first: date, last: date, count: int) -> tuple[date, ...]:
    """So many days, spread over a period."""
    step = ((last - first).days + 1) / max(count, 1)
    return tuple(first + timedelta(days=int(step * at)) for at in range(count))
