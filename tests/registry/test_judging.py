"""R15, P13: judgements are stored with all they were made from, replay equal, and name no other body."""

import json
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from core.access import Role
from core.db import for_job
from core.errors import NotFound
from registry import judging
from registry.applicants import Case, known_birth_date
from registry.policybook import load_policy
from registry.rules.facts import (
    Applicant,
    Body,
    BodyKind,
    Holding,
    HoldingState,
    IdentityLevel,
    Residence,
    Tier,
)
from registry.rules.minors import adult_on, is_minor
from registry.rules.versions import versions_from
from tests.conftest import RollbackDatabase
from tests.factories.premium import (
    apply,
    approver,
    decide,
    granted,
    own,
    ready,
    show_card,
    take_part,
)
from tests.factories.registry import (
    HIDA,
    IIDA,
    KESENNUMA,
    NAGANO_PREF,
    YOKOZE,
    SignedIn,
    create_person,
    make_staff,
)

BOOK = load_policy()
TODAY = date(2027, 6, 1)
POLICY = BOOK.snapshot(TODAY, HIDA)
VERSIONS = versions_from(BOOK.history("premium.rule", HIDA))


@pytest.fixture
def full(client: TestClient, database: RollbackDatabase) -> SignedIn:
    """Somebody with three, refused a fourth, then exchanged; one refused by staff's recheck."""
    someone = create_person(database)
    show_card(database, someone)
    granted(client, database, someone, HIDA, KESENNUMA, YOKOZE)
    ready(database, someone, IIDA, mode="review")
    assert apply(client, someone, IIDA).json()["state"] == "refused"
    asked = apply(client, someone, IIDA, replaces_lg_code=YOKOZE).json()
    assert decide(client, approver(database, IIDA), IIDA, asked["id"], "approve").status_code == 200
    ready(database, someone, NAGANO_PREF, days=1)
    assert apply(client, someone, NAGANO_PREF).json()["state"] == "refused"
    return someone


def stored(database: RollbackDatabase) -> list[Any]:
    with database.owner() as owner:
        return list(owner.execute(text("select * from judgement order by made_at")).all())


def test_r15_every_stored_judgement_replays_equal(
    database: RollbackDatabase, full: SignedIn
) -> None:
    rows = stored(database)
    assert len(rows) == 7
    for row in rows:
        with database.transaction(for_job("replay")) as db:
            report = judging.replay_report(db, row.id)
        assert report.equal, row
        assert report.lg_code == row.lg_code


def test_r15_a_judgement_that_was_altered_does_not_replay_equal(
    database: RollbackDatabase, full: SignedIn
) -> None:
    (row, *_) = stored(database)
    with database.owner() as owner:
        owner.execute(
            text(
                "update judgement set inputs = jsonb_set(inputs,"
                " '{applicant,participations}', '[]') where id = :id"
            ),
            {"id": row.id},
        )
    with database.transaction(for_job("replay")) as db:
        assert not judging.replay_report(db, row.id).equal


def test_r15_an_unknown_judgement_is_not_found(database: RollbackDatabase) -> None:
    with database.transaction(for_job("replay")) as db, pytest.raises(NotFound):
        judging.replay_report(db, uuid4())


def test_p13_a_stored_judgement_names_no_other_body(
    client: TestClient, database: RollbackDatabase, full: SignedIn
) -> None:
    known = {HIDA, KESENNUMA, YOKOZE, IIDA}
    for row in stored(database):
        written = json.dumps([row.inputs, row.reasons])
        others = known - {row.lg_code}
        assert not [code for code in others if code in written], row.lg_code
        assert "1985-03-15" not in written


def test_p13_staff_read_their_own_judgements_only(
    client: TestClient, database: RollbackDatabase, full: SignedIn
) -> None:
    row = next(one for one in stored(database) if one.lg_code == HIDA)
    path = f"/api/v1/local-governments/{HIDA}/judgements/{row.id}"
    staff = make_staff(database, HIDA, Role.VIEWER)
    read = client.get(path, headers=staff.headers).json()
    assert (read["outcome"], read["replays_equal"]) == ("allowed", True)
    with database.owner() as owner:
        looks = owner.execute(
            text("select count(*) from audit_event where action = 'judgement.read'")
        ).scalar_one()
    assert looks == 1
    stranger = make_staff(database, IIDA, Role.VIEWER)
    assert client.get(path, headers=stranger.headers).status_code == 404
    elsewhere = f"/api/v1/local-governments/{IIDA}/judgements/{row.id}"
    assert client.get(elsewhere, headers=stranger.headers).status_code == 404
    assert client.get(path, headers=full.headers).status_code == 403


def test_r33_a_renewal_asked_is_stored_and_replays(
    client: TestClient, database: RollbackDatabase, full: SignedIn
) -> None:
    with database.owner() as owner:
        owner.execute(
            text(
                "update term set first_day = '2026-07-02', last_day = '2027-07-01'"
                " where lg_code = :code"
            ),
            {"code": HIDA},
        )
    take_part(database, full, HIDA, 2, last=date(2027, 4, 1))
    answer = client.post(own(HIDA, "renewal"), headers=full.headers)
    assert answer.json()["renewal_state"] == "booked", answer.text
    rows = [row for row in stored(database) if row.kind == "renewal"]
    with database.transaction(for_job("replay")) as db:
        assert [judging.replay_report(db, row.id).equal for row in rows] == [True]


# --- the nameless case decides the same ---

PREFECTURES = ("200000", "210005")


def _body(code: str) -> Body:
    if code in PREFECTURES:
        return Body(code, BodyKind.PREFECTURE, code)
    return Body(code, BodyKind.MUNICIPALITY, f"{code[:2]}000{'0' if code[:2] == '20' else '5'}")


CODES = st.sampled_from((*PREFECTURES, "202053", "202029", "212172", "212032"))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Any applicant with any holdings, asking anywhere, perhaps in exchange."""
    codes = draw(st.lists(CODES, unique=True, max_size=6))
    holdings = tuple(
        Holding(
            registration_id=UUID(int=1000 + at),
            body=_body(code),
            state=draw(st.sampled_from(HoldingState)),
            since=draw(st.dates(date(2027, 4, 20), TODAY)),
            tier=draw(st.sampled_from(Tier)),
        )
        for at, code in enumerate(codes)
    )
    asked = draw(CODES)
    applicant = Applicant(
        person_id=UUID(int=1),
        birth_date=draw(st.dates(date(1940, 1, 1), TODAY)),
        residence=Residence("131121", "130001", verified=True),
        identity_level=draw(st.sampled_from(IdentityLevel)),
        identity_valid=True,
        guardian_consent=draw(st.booleans()),
        holdings=holdings,
        registered_on=date(2027, 1, 1),
    )
    ids = [holding.registration_id for holding in holdings]
    replaces = draw(st.none() | st.sampled_from([*ids, UUID(int=0)]))
    return Case(applicant, _body(asked), POLICY, VERSIONS, TODAY, TODAY, replaces)


@settings(max_examples=400, deadline=None)
@given(cases())
def test_p13_the_nameless_case_is_decided_the_same(case: Case) -> None:
    real, shown = case.decide(), case.nameless().decide()
    assert shown.codes == real.codes
    assert [(r.found, r.needed) for r in shown.reasons] == [
        (r.found, r.needed) for r in real.reasons
    ]
    foreign = {h.body.code for h in case.applicant.holdings} - {case.body.code}
    written = json.dumps([shown.to_json()["inputs"]["applicant"], shown.to_json()["reasons"]])
    assert not [code for code in foreign if f'"{code}"' in written]


@given(st.dates(date(1900, 1, 1), TODAY), st.dates(date(2026, 1, 1), date(2031, 12, 31)))
def test_r18_a_body_knows_of_an_adult_that_they_are_of_age(born: date, today: date) -> None:
    if born > today:
        return
    minor = is_minor(born, today, 18)
    kept = adult_on(born, 18) if minor else None
    known = known_birth_date(kept, today, POLICY)
    assert is_minor(known, today, 18) is minor
    if minor:
        assert adult_on(known, 18) == adult_on(born, 18)
