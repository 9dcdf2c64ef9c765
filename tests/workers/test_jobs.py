"""R13, R15, R25: retention, nudges, the limit healed, and invariants that catch planted defects."""

from datetime import date, timedelta

import pytest

from bench.population import Cohort
from core.db import Database
from core.ids import new_id
from tests.workers.nights import GIFU, HIDA, at, body_value, do, move_to, parts_at, populate, rows
from workers.invariants import violated
from workers.runner import Runner
from workers.schedule import named

TODAY = date(2028, 6, 5)
PREMIUM = Cohort(
    HIDA, GIFU, 2, date(2027, 8, 1), (date(2027, 9, 1), date(2027, 9, 2), date(2027, 9, 3))
)


def run(database: Database, name: str, day: date = TODAY) -> dict[str, int]:
    parts = parts_at(database, day)
    return Runner(parts, (named(name),)).run_named(name, day)


def test_r25_a_released_registration_loses_the_name_after_its_time(
    own_database: Database,
) -> None:
    """The last day of restoring is kept; rows stay, so totals stay true."""
    populate(own_database, Cohort(HIDA, GIFU, 2))
    first = "(select id from registration where lg_code = %s order by id limit 1)"
    do(
        own_database,
        "update registration set status = 'released_dormant', restore_until ="
        f" case when id = {first} then date '2028-06-04' else date '2028-06-05' end"
        " where lg_code = %s",
        HIDA,
        HIDA,
    )
    assert run(own_database, "retention")["pseudonymised"] == 1
    found = rows(
        own_database,
        "select display_name, kana, residence_code, pseudonymised_on from registration"
        " where lg_code = %s and pseudonymised_on is not null",
        HIDA,
    )
    assert found == [("（削除済み）", None, None, TODAY)]
    assert rows(own_database, "select count(*) from registration where lg_code = %s", HIDA) == [
        (2,)
    ]


@pytest.mark.parametrize(("ended_on", "gone"), [(date(2025, 6, 4), 1), (date(2025, 6, 5), 0)])
def test_r25_an_ended_registration_is_kept_three_years(
    own_database: Database, ended_on: date, gone: int
) -> None:
    populate(own_database, Cohort(HIDA, GIFU, 1))
    do(
        own_database,
        "update registration set status = 'ended', direct = false, ended_on = %s where lg_code = %s",
        ended_on,
        HIDA,
    )
    assert run(own_database, "retention").get("pseudonymised", 0) == gone


def test_r25_refused_scans_go_after_180_days_accepted_ones_stay(own_database: Database) -> None:
    populate(own_database, Cohort(HIDA, GIFU, 1))
    for days in (179, 181):
        for outcome in ("refused", "accepted"):
            do(
                own_database,
                "insert into scan_attempt (lg_code, source, scan_id, method, direction, outcome,"
                " reason, counted, provisional, offline, assurance, scanned_at, received_at, answer)"
                " values (%s, 'device:x', %s, 'card', 'in', %s, 'r', false, false, false, 'low',"
                " %s, %s, '{}')",
                HIDA,
                new_id(),
                outcome,
                at(TODAY - timedelta(days=days)),
                at(TODAY - timedelta(days=days)),
            )
    assert run(own_database, "retention")["scans"] == 1
    left = rows(own_database, "select outcome, count(*) from scan_attempt group by 1 order by 1")
    assert left == [("accepted", 2), ("refused", 1)]


def test_r15_approvers_are_reminded_after_7_and_14_days(own_database: Database) -> None:
    """Of renewals and applications that wait for a human; the others are not."""
    body_value(own_database, "decision.mode", "review")
    populate(own_database, PREMIUM)
    for role in ("approver", "viewer"):
        account = new_id()
        do(
            own_database,
            "insert into account (id, kind, email, created_at) values (%s, 'staff', %s, now())",
            account,
            f"{role}@example.jp",
        )
        do(
            own_database,
            "insert into staff_role (lg_code, account_id, role, name, granted_at)"
            " values (%s, %s, %s, '職員', now())",
            HIDA,
            account,
            role,
        )
    check = date(2028, 6, 1)
    run(own_database, "renewal", check)
    assert rows(own_database, "select distinct renewal_state from term") == [("review",)]
    told = [
        (n, run(own_database, "nudges", check + timedelta(days=n)).get("nudged", 0))
        for n in (6, 7, 8, 14)
    ]
    assert told == [(6, 0), (7, 1), (8, 0), (14, 1)]
    facts = rows(
        own_database, "select facts ->> 'found' from notice where kind = 'decisions_waiting'"
    )
    assert facts == [("2",), ("2",)]


def test_r13_a_place_that_fell_free_ends_being_over_the_limit(own_database: Database) -> None:
    """A direct prefecture that counts without a place takes one as soon as one is free."""
    someone = populate(own_database, Cohort(GIFU, GIFU, 0), PREMIUM).people[1][0]
    do(
        own_database,
        "update registration set direct = true, tier = 'premium', over_cap_since = %s"
        " where lg_code = %s and person_id = %s",
        TODAY,
        GIFU,
        someone,
    )
    do(
        own_database,
        "insert into term (lg_code, id, registration_id, person_id, first_day, last_day, state,"
        " renewal_state, created_at) select lg_code, gen_random_uuid(), id, person_id,"
        " '2028-01-01', '2028-12-31', 'active', 'none', now() from registration"
        " where lg_code = %s and person_id = %s",
        GIFU,
        someone,
    )
    assert run(own_database, "over_cap") == {"over_cap": 0, "healed": 1}
    flagged = "select count(*) from registration where over_cap_since is not null"
    assert rows(own_database, flagged) == [(0,)]


@pytest.mark.parametrize(
    ("defect", "name"),
    [
        ("update term set last_day = '2028-01-01', due_on = '2030-01-01'", "premium_past_its_term"),
        ("update term set due_on = '2028-06-01'", "term_not_decided"),
        ("delete from premium_slot", "premium_without_place"),
        ("update term set state = 'ended'", "place_without_premium"),
        ("update registration set tier = 'basic'", "tier_without_ground"),
        ("update registration set minor_until = '2030-01-01'", "minor_without_consent"),
        ("update registration set derived_from = '[]' where derived", "derived_without_source"),
        ("update term set renewal_state = 'booked'", "term_without_judgement"),
        (
            (
                "update registration set status = 'released_dormant', restore_until = '2029-01-01'"
                " where direct"
            ),
            "released_without_notices",
        ),
        (
            (
                "insert into job_failure values"
                " ('renewal', '2028-06-05', 'somebody', 'an error', now())"
            ),
            "job_failed",
        ),
    ],
)
def test_planted_defects_are_counted(own_database: Database, defect: str, name: str) -> None:
    """Each invariant catches what it is for; without a defect nothing is violated."""
    populate(own_database, PREMIUM)
    parts = parts_at(own_database, date(2028, 5, 1))
    Runner(parts, (named("renewal"),)).drain()
    move_to(parts, TODAY)
    do(own_database, "update term set due_on = '2028-07-01'")
    assert violated(parts) == {"violated": 0}
    do(own_database, defect)
    assert violated(parts).get(name, 0) > 0


def test_r02_no_clock_of_a_derived_row_is_ever_due(own_database: Database) -> None:
    """The prefecture has no work for dormancy, however old its derived rows are."""
    populate(own_database, Cohort(HIDA, GIFU, 1, last_access_on=date(2020, 1, 1)))
    run(own_database, "dormancy")
    shares = rows(own_database, "select range_key from job_run where range_key <> ''")
    assert shares == [(HIDA,)]
