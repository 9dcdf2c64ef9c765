"""C18, C31: what is missing for the sessions of the next days is seen, mended, and told to the host."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from sqlalchemy import select, update

from activities import readiness, signup
from activities.api_packs import LONGEST
from activities.models import Activity, ActivitySession, SignUp
from activities.proposing import ProposalFields
from activities.readiness import arms_from
from activities.rules.readiness import DeviceState, Lack, Preparation, hinders, lacks
from core.access import Role
from core.clock import JAPAN, FixedClock, day_start, japan_day
from core.db import for_body, for_job
from core.errors import Refused
from core.models import AuditEvent, Notice
from tests.factories.activities import (
    BOOK,
    create_designated_activity,
    create_member,
    create_organisation,
    create_session,
    person_actor,
    sign_up,
    staff_actor,
)
from tests.factories.presence import make_device
from tests.factories.registry import (
    HIDA,
    NOW,
    SignedIn,
    create_person,
    join,
    make_staff,
    open_bodies,
)

if TYPE_CHECKING:
    from fastapi.testclient import TestClient
    from httpx2 import Response

    from tests.conftest import RollbackDatabase

PAGE = f"/staff/{HIDA}/readiness"
END = NOW + timedelta(days=1)
LONG = END + timedelta(days=9)
EARLY = NOW - timedelta(hours=1)
GOOD = {
    "ends_at": END, "contact": "役場", "armable": True, "devices": (DeviceState(LONG, NOW, NOW),),
    "key_until": LONG, "expected": 3, "changed_at": EARLY, "printed_at": NOW,
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "missing", "hindering"),
    [
        ({}, (), ()),
        ({"key_until": None}, ("key",), ("key",)),
        ({"key_until": NOW}, ("key",), ("key",)),
        ({"contact": " "}, ("contact",), ("contact",)),
        ({"devices": ()}, ("device",), ()),
        ({"devices": (DeviceState(NOW, NOW, NOW),)}, ("device",), ()),
        ({"devices": (DeviceState(LONG),)}, ("armed",), ()),
        ({"devices": (DeviceState(LONG),), "armable": False, "printed_at": None}, ("paper",), ()),
        ({"devices": (DeviceState(LONG, NOW),)}, ("names",), ()),
        # Armed again without the names: it has dropped them.
        ({"devices": (DeviceState(LONG, END, NOW),)}, ("names",), ()),
        ({"printed_at": None}, ("paper",), ()),
        ({"changed_at": LONG}, ("names", "old_paper"), ("names", "old_paper")),
        ({"devices": (), "printed_at": None}, ("device", "paper"), ("device", "paper")),
        ({"devices": (), "printed_at": None, "expected": 0}, ("device",), ("device",)),
        ({"devices": (DeviceState(LONG, NOW),), "printed_at": None, "expected": 0}, (), ()),
    ],
)  # fmt: skip
def test_c18_paper_does_for_a_device_and_a_device_for_paper(
    changed: dict[str, object], missing: tuple[str, ...], hindering: tuple[str, ...]
) -> None:
    given = Preparation(**{**GOOD, **changed})  # type: ignore[arg-type]
    found = lacks(given)
    assert found == missing
    assert hinders(found, expected=given.expected) == hindering


@pytest.mark.parametrize(
    ("starts", "arms"),
    [
        ("2027-06-02T07:00", "2027-06-01T18:00"),
        ("2027-06-02T23:30", "2027-06-01T18:00"),
        ("2027-06-02T00:30", "2027-06-01T18:00"),
    ],
)
def test_c18_a_phone_can_be_armed_from_the_evening_before(starts: str, arms: str) -> None:
    at, since = (datetime.fromisoformat(one).replace(tzinfo=JAPAN) for one in (starts, arms))
    assert arms_from(at) == since


@dataclass(slots=True)
class Eve:
    """The day before a session at nine, and those who prepare it."""

    http: TestClient
    database: RollbackDatabase
    clock: FixedClock
    clerk: SignedIn
    organiser: SignedIn
    activity: Activity
    session: ActivitySession
    guests: tuple[SignedIn, SignedIn]

    def wait(self, until: datetime) -> None:
        """It is later, and the clerk has signed in again."""
        self.clock.at = until
        self.clerk = make_staff(self.database, HIDA, Role.CLERK, now=until)

    def missing(self) -> tuple[set[Lack], bool]:
        """What the session lacks, and whether it can be received at all."""
        with self.database.transaction(for_body(HIDA, actor="system:test")) as db:
            now = self.clock.now()
            (one,) = readiness.readiness(
                db, lg_code=HIDA, first=japan_day(NOW), days=2, book=BOOK, now=now
            )
            return set(one.missing), one.ready

    def evening(self) -> int:
        """The job at 18:00."""
        with self.database.transaction(for_job("readiness", HIDA)) as db:
            return readiness.evening_before(
                db, lg_code=HIDA, as_of=japan_day(NOW), book=BOOK, now=self.clock.now()
            )

    def told(self) -> list[int]:
        """Of how many things the organiser was told, time by time."""
        with self.database.transaction(self.organiser.context) as db:
            notices = db.scalars(
                select(Notice)
                .where(Notice.kind == "session_not_ready", Notice.person_id == self.organiser.id)
                .order_by(Notice.created_at)
            )
            return [one.facts["missing"] for one in notices]

    def post(self, path: str, **fields: str) -> Response:
        """A form of the clerk's, pressed."""
        return self.http.post(
            path,
            data={"_key": str(uuid4()), **fields},
            headers=self.clerk.headers,
            follow_redirects=True,
        )

    def arm(
        self, token: str, session: ActivitySession | None = None, names: str = "true"
    ) -> Response:
        """The door a phone arms itself at."""
        return self.http.post(
            f"/api/v1/device/sessions/{(session or self.session).id}/arming?names={names}",
            headers={"Authorization": f"Bearer {token}"},
        )


@pytest.fixture
def eve(http: TestClient, database: RollbackDatabase, clock: FixedClock) -> Eve:
    open_bodies(database, HIDA)
    host = create_organisation(database)
    organiser, someone, other = (create_person(database) for _ in range(3))
    create_member(database, host, organiser.id)
    for one in (someone, other):
        join(database, one, HIDA)
    activity = create_designated_activity(
        database, host, fields=ProposalFields("草刈り", "environment_care")
    )
    tomorrow = day_start(japan_day(NOW) + timedelta(days=1)) + timedelta(hours=9)
    session = create_session(database, activity, starts_at=tomorrow)
    clerk = make_staff(database, HIDA, Role.CLERK)
    return Eve(http, database, clock, clerk, organiser, activity, session, (someone, other))


def test_c18_what_is_missing_is_seen_mended_and_told_in_the_evening(eve: Eve) -> None:
    http, session = eve.http, eve.session
    sign_up(eve.database, session, eve.guests[0].id)
    assert eve.missing() == ({Lack.KEY, Lack.CONTACT, Lack.DEVICE, Lack.PAPER}, False)
    today = http.get(f"/staff/{HIDA}", headers=eve.clerk.headers).text
    assert "受付の準備が足りないものが1件あります" in today
    page = http.get(PAGE, headers=eve.clerk.headers).text
    assert "1回のうち1回で、受付の準備が足りません" in page
    for told in (
        "会場のコードを出す鍵がありません",
        "問い合わせ先がありません",
        "受付に使う電話が登録されていません",
    ):
        assert told in page
    contact = eve.post(
        f"/staff/{HIDA}/activities/{eve.activity.id}/contact", contact="0577-73-0000"
    )
    assert "問い合わせ先を直しました" in contact.text
    key = str(uuid4())
    for _ in range(2):
        assert "会場のコードを出せる" in eve.post(f"{PAGE}/key", _key=key).text
    with eve.database.transaction(for_body(HIDA, actor="system:test")) as db:
        made = db.scalars(select(AuditEvent.actor).filter_by(action="venue_key.make")).all()
        assert len(made) == 1
    assert eve.missing() == ({Lack.DEVICE, Lack.PAPER}, False)
    # Asked by hand once a day; what the second press does is said as it is.
    ask = f"/staff/{HIDA}/sessions/{session.id}/ask-host"
    assert "準備をお願いしました" in eve.post(ask).text
    again = eve.post(ask)
    assert (again.status_code, "もうお知らせしてあります" in again.text) == (409, True)
    assert f'action="{ask}"' not in http.get(PAGE, headers=eve.clerk.headers).text
    assert eve.told() == [1]
    # A phone cannot be armed yet, so nobody is blamed for it.
    token = make_device(eve.database, eve.activity.organisation_id, now=NOW)
    early = eve.arm(token)
    assert (early.status_code, early.json()["code"]) == (409, "session_too_far")
    assert eve.missing() == ({Lack.PAPER}, True)
    # At 18:00 it can: the host is told what is new, once, and staff's press tells nobody twice.
    eve.wait(arms_from(session.starts_at))
    assert eve.missing() == ({Lack.ARMED, Lack.PAPER}, False)
    assert (eve.evening(), eve.evening()) == (1, 0)
    assert eve.post(ask).status_code == 409
    assert eve.told() == [1, 1]
    eve.clock.at += timedelta(minutes=10)
    assert eve.post(f"{PAGE}/key").status_code == 401, "a key wants a fresh proof"
    eve.wait(session.starts_at)
    begun = eve.post(ask)
    assert (begun.status_code, "この回はもう始まっています" in begun.text) == (409, True)


def test_c18_an_armed_phone_does_for_paper_while_its_names_are_those_of_now(eve: Eve) -> None:
    session, (someone, other) = eve.session, eve.guests
    with eve.database.transaction(for_body(HIDA, actor="system:test")) as db:
        db.execute(update(Activity).values(contact="役場"))
    sign_up(eve.database, session, someone.id)
    eve.wait(arms_from(session.starts_at))
    token = make_device(eve.database, eve.activity.organisation_id, now=NOW)
    pack = eve.arm(token).json()
    assert len(pack["people"]) == 1
    assert datetime.fromisoformat(pack["ready_until"]) - session.starts_at < LONGEST
    assert eve.missing() == ({Lack.PAPER}, True)
    nothing = eve.post(f"/staff/{HIDA}/sessions/{session.id}/ask-host")
    assert (nothing.status_code, eve.evening()) == (409, 0)
    assert "主催が用意するものは、もうありません" in nothing.text
    # Somebody comes after it; a list printed now does for the phone, and the other way round.
    eve.clock.at += timedelta(minutes=1)
    sign_up(eve.database, session, other.id, now=eve.clock.now())
    assert eve.missing() == ({Lack.NAMES, Lack.PAPER}, False)
    roster_page = f"/staff/{HIDA}/sessions/{session.id}/roster.pdf"
    assert eve.http.get(roster_page, headers=eve.clerk.headers).is_success
    assert eve.missing() == ({Lack.NAMES}, True)
    assert "受付できます" in eve.http.get(PAGE, headers=eve.clerk.headers).text
    assert eve.arm(token, names="false").is_success
    assert eve.missing() == ({Lack.NAMES}, True)
    assert eve.arm(token).is_success
    assert eve.missing() == (set(), True)


def test_c18_a_phone_armed_for_another_session_has_no_codes_for_this_one(eve: Eve) -> None:
    other = create_session(
        eve.database, eve.activity, starts_at=eve.session.starts_at - timedelta(hours=6), hours=2
    )
    eve.clock.at = arms_from(eve.session.starts_at)
    token = make_device(eve.database, eve.activity.organisation_id, now=NOW)
    assert eve.arm(token, other).is_success
    with eve.database.transaction(for_body(HIDA, actor="system:test")) as db:
        rows = readiness.readiness(
            db, lg_code=HIDA, first=japan_day(NOW), days=2, book=BOOK, now=eve.clock.now()
        )
        lacking = {one.session.id: Lack.ARMED in one.missing for one in rows}
    assert lacking == {other.id: False, eve.session.id: True}


def test_c33_a_place_taken_from_the_line_makes_the_names_old(eve: Eve) -> None:
    someone, other = eve.guests
    with eve.database.transaction(for_body(HIDA, actor="system:test")) as db:
        db.execute(update(ActivitySession).values(capacity=1))
    sign_up(eve.database, eve.session, someone.id)
    sign_up(eve.database, eve.session, other.id)
    eve.clock.at = arms_from(eve.session.starts_at)
    token = make_device(eve.database, eve.activity.organisation_id, now=NOW)
    with eve.database.transaction(for_body(HIDA, actor="system:test")) as db:
        line = db.scalars(select(SignUp).filter_by(person_id=other.id)).one()
        line.state, line.offer_until = "offered", eve.clock.now() + timedelta(hours=3)
    assert len(eve.arm(token).json()["people"]) == 1
    assert Lack.NAMES not in eve.missing()[0]
    with eve.database.transaction(for_body(HIDA, actor="system:test")) as db:
        signup.accept_offer(
            db, actor=person_actor(other.id), lg_code=HIDA, session_id=eve.session.id,
            elsewhere=(), book=BOOK, now=eve.clock.now() + timedelta(minutes=1),
        )  # fmt: skip
    assert Lack.NAMES in eve.missing()[0]


def test_c18_hosts_are_not_told_of_what_only_staff_can_mend(eve: Eve) -> None:
    eve.clock.at = arms_from(eve.session.starts_at)
    assert eve.arm(make_device(eve.database, eve.activity.organisation_id, now=NOW)).is_success
    assert eve.missing() == ({Lack.CONTACT}, False)
    assert (eve.evening(), eve.told()) == (0, [])
    lonely = create_session(
        eve.database, create_designated_activity(eve.database), starts_at=eve.session.starts_at
    )
    with (
        eve.database.transaction(for_body(HIDA, actor=staff_actor().label)) as db,
        pytest.raises(Refused, match="host_has_nobody"),
    ):
        readiness.ask_host(
            db, actor=staff_actor(), lg_code=HIDA, session_id=lonely.id, book=BOOK, now=NOW
        )
