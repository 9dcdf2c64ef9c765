"""R17: the figures of several local governments, counted by night, published, and read by everybody."""

import csv
import io
from datetime import date, timedelta

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from core.db import Context, Database, for_body
from core.tables import MARK
from core.tenancy import Audience
from registry.models import Registration
from reporting import reading
from reporting.definitions import UNKNOWN, figures
from reporting.models import NATION, FigureCount, OpenFigure
from tests.conftest import RollbackDatabase
from tests.factories.figures import TODAY, night
from tests.factories.premium import take_part
from tests.factories.registry import (
    GIFU,
    HIDA,
    KESENNUMA,
    NOW,
    create_person,
    grant,
    join,
)

TAKAYAMA, SHIRAKAWA = "212032", "216046"
BODIES = (HIDA, TAKAYAMA, GIFU, KESENNUMA)


def own(database: RollbackDatabase, code: str = HIDA) -> reading.Counts:
    with database.transaction(for_body(code, actor="staff:x")) as db:
        return reading.own_counts(db, code)


def test_a_body_counts_itself(database: RollbackDatabase) -> None:
    """One of each: tiers, stages, steps, visits, origins; residents and the ended left out."""
    people = [create_person(database, nickname=f"人{n}", now=NOW) for n in range(5)]
    for one in people:
        join(database, one, HIDA)
    take_part(database, people[0], HIDA, days=2)
    grant(database, people[1], HIDA, first_day=date(2027, 1, 1), last_day=date(2027, 12, 31))
    with database.owner() as connection:
        connection.execute(
            text("update registration set residence_related = true where person_id = :id"),
            {"id": people[3].id},
        )
        connection.execute(
            text("update registration set status = 'withdrawn' where person_id = :id"),
            {"id": people[4].id},
        )
    night(database, HIDA)
    counts = own(database)
    assert counts.day == TODAY
    assert counts.of("registrations") == {"basic": 2, "premium": 1}
    assert counts.of("apart") == {"residents": 1}
    assert counts.of("cohorts") == {"2027/basic": 1, "2027/activity": 1, "2027/premium": 1}
    assert counts.of("funnel") == {"registered": 1, "took_part": 1, "premium": 1}
    assert counts.of("revisits") == {"twice": 1}
    assert counts.total("origin") == counts.total("people") == 3
    assert set(counts.of("people")) <= {"verified", "unverified"}


def test_old_nights_are_forgotten_but_firsts_of_months(database: RollbackDatabase) -> None:
    join(database, create_person(database), HIDA)
    for day in (date(2027, 3, 1), date(2027, 3, 2), TODAY, TODAY):
        night(database, HIDA, day=day)
    with database.transaction(for_body(HIDA, actor="staff:x")) as db:
        days = set(db.scalars(select(FigureCount.day)))
        assert reading.months(db, HIDA, "registrations") == [(date(2027, 3, 1), 1), (TODAY, 1)]
    assert days == {date(2027, 3, 1), TODAY}


def crowd(database: Database, code: str, many: int, *, verified: int = 0) -> None:
    """Registrations of people who registered nowhere else."""
    with database.owner() as connection:  # type: ignore[attr-defined] # the test's own database
        connection.execute(
            text(
                "with a as (insert into account (id, kind, created_at) select gen_random_uuid(),"
                " 'person', now() from generate_series(1, :many) returning id), p as (insert into"
                " person (id, nickname, created_at) select id, 'x', now() from a returning id)"
                " insert into registration (lg_code, id, person_id, tier, status, direct,"
                " derived, derived_from, link_opted_out, residence_relation, residence_related,"
                " member_number, registered_on, last_access_on, display_name, identity_level,"
                " residence_code) select :code, gen_random_uuid(), id, 'basic', 'active', true,"
                " false, '[]', false, 'outside', false, substr(md5(id::text), 1, 12), :day, :day,"
                " 'x', case when row_number() over () <= :verified then 'mnc_sign' else 'email'"
                " end, '131130' from p"
            ),
            {"many": many, "code": code, "day": TODAY, "verified": verified},
        )


def test_three_levels_agree_and_a_person_counts_once(
    database: RollbackDatabase, client: TestClient
) -> None:
    """延べ add up from body to prefecture to nation; 実人数 count somebody of three towns once."""
    for code, many in zip(BODIES, (40, 30, 20, 50), strict=True):
        crowd(database, code, many, verified=15)
    with database.owner() as connection:
        connection.execute(
            text(
                "insert into registration (lg_code, id, person_id, tier, status, direct, derived,"
                " derived_from, link_opted_out, residence_relation, residence_related,"
                " member_number, registered_on, last_access_on, display_name, identity_level)"
                " select :code, gen_random_uuid(), person_id, 'basic', 'active', true, false,"
                " '[]', false, 'outside', false, substr(md5(id::text), 3, 12), registered_on,"
                " registered_on, 'x', identity_level from registration where lg_code = :hida"
                " limit 10"
            ),
            {"code": TAKAYAMA, "hida": HIDA},
        )
    night(database, *BODIES)
    with database.transaction(for_body(HIDA, actor="staff:x")) as db:
        gifu = reading.open_counts(db, "prefecture", GIFU)
        nation = reading.open_counts(db, "nation", NATION)
        parts = reading.parts_of(db, "body", GIFU)
    assert gifu.of("registrations")["total"] == 100
    assert gifu.of("people")["total"] == 90
    assert nation.of("registrations") == {"total": 150, "basic": 150, "premium": 0}
    assert nation.of("people") == {"total": 140, "verified": 60, "unverified": 80}
    assert sum(part.of("registrations", "total") or 0 for part in parts) == 100
    assert nation.of("origin")["130001"] == 140
    assert nation.of("origin")[UNKNOWN] == 10
    found = client.get("/api/v1/open-data/values", params={"limit": 7}).json()
    seen = found["items"]
    while found["next_cursor"]:
        found = client.get(
            "/api/v1/open-data/values", params={"limit": 7, "cursor": found["next_cursor"]}
        ).json()
        seen += found["items"]
    answer = client.get("/api/v1/open-data/values/csv")
    assert answer.text.startswith(MARK)
    lines = list(csv.DictReader(io.StringIO(answer.text.removeprefix(MARK))))
    assert [(x["code"], x["figure"], x["cell"]) for x in lines] == [
        (x["code"], x["figure"], x["cell"]) for x in seen
    ]
    assert {x["figure"] for x in seen} <= figures().keys() - {"apart"}
    tokyo = [x for x in lines if x["level"] == "nation" and x["cell"] == "130001"]
    assert (tokyo[0]["cell_ja"], tokyo[0]["value"]) == ("東京都", "140")
    few = client.get("/api/v1/open-data/values", params={"prefecture": "040002"}).json()["items"]
    assert {x["code"] for x in few} == {"040002", KESENNUMA}


def test_a_small_town_is_not_told(database: RollbackDatabase, client: TestClient) -> None:
    """Nine people: hidden, and with them as many others as it takes."""
    for code, many in zip((*BODIES, SHIRAKAWA), (40, 30, 20, 50, 9), strict=True):
        crowd(database, code, many)
    night(database, *BODIES, SHIRAKAWA)
    items = client.get("/api/v1/open-data/values", params={"figure": "registrations"}).json()
    sizes = {(x["level"], x["code"]): x["value"] for x in items["items"] if x["cell"] == "total"}
    assert sizes["nation", NATION] == 149
    assert sizes["body", SHIRAKAWA] is None
    assert [
        code for (level, code), value in sizes.items() if level == "body" and value is None
    ] == [
        GIFU,
        TAKAYAMA,
        SHIRAKAWA,
    ]
    assert sizes["body", HIDA] == 40


def test_only_once_a_month_and_only_by_jobs(database: RollbackDatabase) -> None:
    """A change from one day to the next would tell of one person."""
    crowd(database, HIDA, 12)
    for day in (date(2027, 6, 10), date(2027, 6, 11), date(2027, 7, 1)):
        night(database, HIDA, day=day)
    with database.transaction(Context(Audience.PERSON)) as db:
        assert reading.open_days(db) == [date(2027, 7, 1), date(2027, 6, 10)]
        assert db.scalar(select(OpenFigure.value).where(OpenFigure.level == "body").limit(1))
    with (
        pytest.raises(DBAPIError, match="permission denied"),
        database.transaction(Context(Audience.PERSON)) as db,
    ):
        db.execute(text("select * from furusato_totals_people()"))
    with database.transaction(for_body(KESENNUMA, actor="staff:x")) as db:
        assert db.scalars(select(FigureCount)).all() == []
        assert db.scalars(select(Registration)).all() == []


def test_the_dictionary_says_what_is_counted(client: TestClient) -> None:
    answer = client.get("/api/v1/open-data/figures")
    items = answer.json()["items"]
    assert [one["name"] for one in items] == [name for name in figures() if name != "apart"]
    assert all(one["meaning"]["ja"] and one["meaning"]["en"] and one["query"] for one in items)
    assert "1 to 9 hidden" in items[0]["suppression"]
    assert client.get("/api/v1/open-data/values").json() == {"items": [], "next_cursor": None}
    bad = client.get("/api/v1/open-data/values", params={"day": str(TODAY - timedelta(days=1))})
    assert bad.json()["code"] == "not_found"
