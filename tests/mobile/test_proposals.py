"""An organiser proposes an activity with the phone: at most ten fields, last year's or a kind (R09)."""

import csv
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import registry
from activities.categories import CODES, LABELS
from activities.designation import designate, return_proposal
from activities.hosts import HostRole
from activities.models import Organisation
from activities.organisations import grant_trust
from activities.rules.night import is_late_night
from activities.starters import STARTERS
from core.clock import FixedClock
from core.db import for_body
from tests.conftest import RollbackDatabase
from tests.factories.activities import (
    BOOK,
    YES,
    create_designated_activity,
    create_member,
    create_organisation,
    create_session,
    staff_actor,
)
from tests.factories.phone import Phone, sign_in
from tests.factories.presence import Look
from tests.factories.registry import GIFU, HIDA, open_bodies

TICKED = tuple(YES)


@pytest.fixture
def organisation(database: RollbackDatabase) -> Organisation:
    open_bodies(database, GIFU, HIDA)
    return create_organisation(database, name="里山の会")


@pytest.fixture
def host(phone: Phone, database: RollbackDatabase, organisation: Organisation, look: Look) -> Phone:
    """Somebody who organises for 里山の会, signed in on this phone."""
    return become(phone, database, organisation, look)


def become(
    phone: Phone,
    database: RollbackDatabase,
    organisation: Organisation,
    look: Look,
    role: HostRole = HostRole.ORGANISER,
) -> Phone:
    phone.open("/signin")
    sign_in(phone, "hanako@example.jp")
    phone.send({"nickname": "花子", "birth_year": "1952", "consent": "yes"}, to="/welcome")
    create_member(database, organisation, look.one("select id from person"), role=role)
    return phone


def home(organisation: Organisation) -> str:
    return f"/host/{HIDA}/organisations/{organisation.id}"


def asked(phone: Phone, to: str) -> set[str]:
    """What a person has to look at in a form: a group of boxes is one field."""
    inside = phone.form(to).html
    named = re.findall(r'<(?:input|select|textarea)\b[^>]*\bname="([^"]+)"[^>]*>', inside)
    hidden = re.findall(r'type="hidden" name="([^"]+)"', inside)
    return set(named) - set(hidden)


def test_r09_from_a_kind_to_handed_in_with_ten_fields(
    host: Phone, organisation: Organisation, look: Look
) -> None:
    """Four pages from one's own page, ten fields, six of them filled in already."""
    host.open("/me/organisations").open(host.link("里山の会"))
    host.open(host.link("活動を提案する"))
    host.open(host.link("環境美化"))
    to = f"{home(organisation)}/activities"
    fields = asked(host, to)
    assert len(fields) == 10, fields
    form = host.form(to)
    assert form.fields["title"] == "清掃・草刈り"
    assert form.fields["category"] == "environment_care"
    assert "長ぐつ" in form.fields["bring"]
    host.send(
        {
            "starts": "2027-06-20T09:00",
            "ends": "11:00",
            "place": "古川町公民館",
            "contact": "里山の会 0577-00-0000",
            "insurance": "organiser",
            "answers": TICKED,
        },
        to=to,
    )
    assert "提出しました" in host.words
    assert "自治体の職員が、提案を確かめます。" in host.words
    row = look.rows("select state, published, late_night, category from activity")[0]
    assert tuple(row) == ("submitted", False, False, "environment_care")
    starts, ends = look.rows("select starts_at, ends_at from activity_session")[0]
    assert starts.isoformat() == "2027-06-20T00:00:00+00:00"
    assert ends - starts == timedelta(hours=2)
    host.send_again()
    assert look.one("select count(*) from activity") == 1


def test_r09_last_years_activity_is_copied_with_its_day_and_place(
    host: Phone, organisation: Organisation, database: RollbackDatabase, look: Look
) -> None:
    last_year = datetime.fromisoformat("2026-06-20T09:00+09:00")
    before = last_year - timedelta(days=40)
    source = create_designated_activity(database, organisation, now=before)
    create_session(database, source, starts_at=last_year, place="宮川の河原", now=before)
    host.open(f"{home(organisation)}/activities/new").open(host.link("農作業のお手伝い"))
    to = f"{home(organisation)}/activities"
    form = host.form(to)
    assert form.fields["title"] == "農作業のお手伝い"
    assert form.fields["place"] == "宮川の河原"
    # The same Saturday, this year.
    assert form.fields["starts"] == "2027-06-19T09:00"
    assert form.fields["ends"] == "12:00"
    host.send({"contact": "里山の会", "insurance": "organiser", "answers": TICKED}, to=to)
    assert "提出しました" in host.words, host.words
    facts = look.rows("select facts from designation_event where facts ? 'copied_from'")
    assert facts[0][0] == {"copied_from": str(source.id)}


def test_r10_a_trusted_organisations_activity_opens_at_once(
    host: Phone,
    organisation: Organisation,
    database: RollbackDatabase,
    clock: FixedClock,
    look: Look,
) -> None:
    actor = staff_actor(HIDA)
    with database.transaction(for_body(HIDA, actor=actor.label)) as db:
        grant_trust(
            db,
            actor=actor,
            lg_code=HIDA,
            organisation_id=organisation.id,
            categories=["environment_care"],
            book=BOOK,
            now=clock.now(),
        )
    answer = {
        "starts": "2027-06-20T21:00", "ends": "01:00", "place": "公民館", "contact": "里山の会",
        "insurance": "organiser", "answers": TICKED,
    }  # fmt: skip
    host.open(f"{home(organisation)}/activities/new/form?kind=environment_care")
    host.send(answer, to=f"{home(organisation)}/activities")
    assert "もう募集が始まっています" in host.words
    assert tuple(look.rows("select state, late_night from activity")[0]) == ("designated", True)
    assert look.rows("select published, overnight from activity_session") == [(True, True)]


def test_r09_returned_with_a_reason_put_right_and_handed_in_again(
    host: Phone,
    organisation: Organisation,
    database: RollbackDatabase,
    clock: FixedClock,
    look: Look,
) -> None:
    host.open(f"{home(organisation)}/activities/new/form?kind=welfare")
    host.send(
        {
            "starts": "2027-06-20T09:00", "ends": "11:00", "place": "公民館",
            "contact": "里山の会", "insurance": "none", "answers": TICKED[:2],
        },
        to=f"{home(organisation)}/activities",
    )  # fmt: skip
    page = host.path.partition("?")[0]
    activity_id = look.one("select id from activity")
    actor = staff_actor(HIDA)
    with database.transaction(for_body(HIDA, actor=actor.label)) as db:
        return_proposal(
            db,
            actor=actor,
            lg_code=HIDA,
            activity_id=activity_id,
            reason="保険のことを教えてください",
            now=clock.now(),
        )
    host.open(page)
    assert "保険のことを教えてください" in host.words
    host.open(host.link("直して提出する"))
    assert len(asked(host, f"{page}/edit")) <= 10
    assert host.form(f"{page}/edit").html.count(" checked") == 3
    host.send({"insurance": "organiser", "answers": TICKED}, to=f"{page}/edit")
    assert "提出しました" in host.words
    with database.transaction(for_body(HIDA, actor=actor.label)) as db:
        designate(
            db,
            actor=actor,
            lg_code=HIDA,
            activity_id=activity_id,
            answers=YES,
            book=BOOK,
            now=clock.now(),
        )
    host.open(page)
    assert "登録者が申し込めます" in host.words
    host.send(
        {"starts": "2027-07-04T09:00", "ends": "11:00", "place": "公民館", "capacity": "２０"},
        to=f"{page}/sessions",
    )
    assert "日にちを加えました" in host.words
    assert look.rows("select capacity from activity_session where capacity is not null") == [(20,)]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"starts": ""}, "starts"),
        ({"ends": "noon"}, "ends"),
        ({"contact": ""}, "contact"),
        ({"insurance": ""}, "insurance"),
        ({"title": "x" * 121}, "title"),
        ({"category": "unheard_of"}, "category"),
        ({"place": ""}, "place"),
        ({"starts": "2027-05-01T09:00"}, ""),
        ({"summary": "番号は123456789018です"}, "summary"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_typed_is_lost(
    host: Phone, organisation: Organisation, look: Look, change: dict[str, str], said: str
) -> None:
    good: dict[str, Any] = {
        "starts": "2027-06-20T09:00", "ends": "11:00", "place": "公民館", "contact": "里山の会",
        "insurance": "organiser", "answers": TICKED,
    }  # fmt: skip
    host.open(f"{home(organisation)}/activities/new/form?kind=welfare")
    host.send(good | change, to=f"{home(organisation)}/activities")
    assert host.status == 422
    if said:
        assert f'href="#{said}"' in host.text
    if "contact" not in change:
        assert host.form(f"{home(organisation)}/activities").fields["contact"] == "里山の会"
    assert look.one("select count(*) from activity") == 0
    assert look.one("select count(*) from activity_session") == 0


def test_r10_reception_people_see_and_do_not_propose(
    phone: Phone, organisation: Organisation, database: RollbackDatabase, look: Look
) -> None:
    someone = become(phone, database, organisation, look, HostRole.RECEPTION)
    someone.open(home(organisation))
    assert someone.status == 200
    assert "活動を提案する" not in someone.words
    assert someone.open(f"{home(organisation)}/activities/new").status == 403
    other = create_organisation(database)
    assert someone.open(home(other)).status == 404


def test_r09_every_kind_has_a_beginning() -> None:
    """The kinds of the pilots' examples, each with words to start from."""
    assert set(STARTERS) == set(LABELS)
    examples = Path(registry.__file__).parent / "data" / "activities.csv"
    with examples.open(encoding="utf-8") as file:
        kinds = {row["category"] for row in csv.DictReader(file)}
    assert {CODES[label] for label in kinds} <= set(STARTERS)
    for starter in STARTERS.values():
        assert all((starter.title, starter.summary, starter.bring))
        assert 1 <= starter.hours <= 12


@pytest.mark.parametrize(
    ("starts", "ends", "late"),
    [
        ("09:00", "22:00", False),
        ("19:00", "22:01", True),
        ("04:59", "08:00", True),
        ("05:00", "08:00", False),
    ],
)
def test_r18_late_night_is_told_by_the_clock(starts: str, ends: str, late: bool) -> None:
    day = "2027-06-20T{}+09:00"
    span = [datetime.fromisoformat(day.format(one)) for one in (starts, ends)]
    assert is_late_night(*span) is late
