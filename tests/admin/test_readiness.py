"""C18, C31: what is missing for the sessions of the next days is seen, mended, and told to the host."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from sqlalchemy import select, update

from activities import devices, readiness, roster
from activities.models import Activity, ScannerDevice
from activities.proposing import ProposalFields
from activities.rules.readiness import DeviceState, Lack, Preparation, hinders, lacks
from core.access import Role
from core.clock import day_start, japan_day
from core.db import for_body, for_job
from core.errors import Refused
from core.models import Notice
from registry.policies import body_policy
from tests.factories.activities import (
    BOOK,
    create_designated_activity,
    create_member,
    create_organisation,
    create_session,
    sign_up,
    staff_actor,
)
from tests.factories.registry import HIDA, NOW, create_person, join, make_staff, open_bodies

if TYPE_CHECKING:
    from fastapi.testclient import TestClient

    from tests.conftest import RollbackDatabase

PAGE = f"/staff/{HIDA}/readiness"
END = NOW + timedelta(days=1)
LONG = END + timedelta(days=9)
EARLY = NOW - timedelta(hours=1)
GOOD = {
    "ends_at": END, "contact": "役場", "devices": (DeviceState(LONG, LONG),), "key_until": LONG,
    "expected": 3, "changed_at": EARLY, "carried_at": NOW, "printed_at": NOW,
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "missing", "hindering"),
    [
        ({}, (), ()),
        ({"key_until": None}, ("key",), ("key",)),
        ({"key_until": NOW}, ("key",), ("key",)),
        ({"contact": " "}, ("contact",), ("contact",)),
        ({"devices": ()}, ("device",), ()),
        ({"devices": (DeviceState(NOW, LONG),)}, ("device",), ()),
        ({"devices": (DeviceState(LONG, NOW),)}, ("armed",), ()),
        ({"carried_at": None}, ("names",), ()),
        ({"printed_at": None}, ("paper",), ()),
        ({"changed_at": LONG}, ("names", "old_paper"), ("names", "old_paper")),
        ({"devices": (), "printed_at": None}, ("device", "paper"), ("device", "paper")),
        ({"devices": (), "printed_at": None, "expected": 0}, ("device",), ("device",)),
        ({"carried_at": None, "printed_at": None, "expected": 0}, (), ()),
    ],
)  # fmt: skip
def test_c18_paper_does_for_a_device_and_a_device_for_paper(
    changed: dict[str, object], missing: tuple[str, ...], hindering: tuple[str, ...]
) -> None:
    given = Preparation(**{**GOOD, **changed})  # type: ignore[arg-type]
    found = lacks(given)
    assert found == missing
    assert hinders(found, expected=given.expected) == hindering


def test_c18_what_is_missing_is_seen_mended_and_told_in_the_evening(
    http: TestClient, database: RollbackDatabase
) -> None:
    open_bodies(database, HIDA)
    clerk = make_staff(database, HIDA, Role.CLERK)
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
    sign_up(database, session, someone.id)

    def missing() -> tuple[set[Lack], bool]:
        with database.transaction(for_body(HIDA, actor="system:test")) as db:
            (one,) = readiness.readiness(
                db, lg_code=HIDA, first=japan_day(NOW), days=2, book=BOOK, now=NOW
            )
            return set(one.missing), one.ready

    def evening() -> int:
        with database.transaction(for_job("readiness", HIDA)) as db:
            return readiness.evening_before(
                db, lg_code=HIDA, as_of=japan_day(NOW), book=BOOK, now=NOW
            )

    def press(path: str, **fields: str) -> str:
        answer = http.post(
            path,
            data={"_key": str(uuid4()), **fields},
            headers=clerk.headers,
            follow_redirects=True,
        )
        assert answer.status_code == 200, answer.text
        return answer.text

    assert missing() == ({Lack.KEY, Lack.CONTACT, Lack.DEVICE, Lack.PAPER}, False)
    today = http.get(f"/staff/{HIDA}", headers=clerk.headers).text
    assert "受付の準備が足りないものが1件あります" in today
    page = http.get(PAGE, headers=clerk.headers).text
    assert "1回のうち1回で、受付の準備が足りません" in page
    for told in (
        "会場のコードを出す鍵がありません",
        "問い合わせ先がありません",
        "受付に使う電話が登録されていません",
    ):
        assert told in page
    assert "問い合わせ先を直しました" in press(
        f"/staff/{HIDA}/activities/{activity.id}/contact", contact="0577-73-0000"
    )
    assert "会場のコードを出せる" in press(f"{PAGE}/key")
    assert missing() == ({Lack.DEVICE, Lack.PAPER}, False)
    # The host is asked by hand, and is not told the same again in the evening.
    assert "お願いしました" in press(f"/staff/{HIDA}/sessions/{session.id}/ask-host")
    assert evening() == 1
    with database.transaction(organiser.context) as db:
        notices = db.scalars(select(Notice).where(Notice.kind == "session_not_ready")).all()
        assert [(one.person_id, one.facts["missing"]) for one in notices] == [(organiser.id, 1)]
    # A printed list does, until somebody signs up after it.
    assert http.get(
        f"/staff/{HIDA}/sessions/{session.id}/roster.pdf", headers=clerk.headers
    ).is_success
    assert missing() == ({Lack.DEVICE}, True)
    assert "受付できます" in http.get(PAGE, headers=clerk.headers).text
    sign_up(database, session, other.id, now=NOW + timedelta(seconds=1))
    assert missing() == ({Lack.DEVICE, Lack.OLD_PAPER}, False)
    # So does a phone that is armed and has the names.
    with database.transaction(for_body(HIDA, actor=staff_actor().label)) as db:
        device = devices.enrol(
            db, actor=staff_actor(), lg_code=HIDA, organisation_id=host.id, label="受付", now=NOW
        ).device
        policy = body_policy(db, BOOK, HIDA, japan_day(NOW)).snapshot(japan_day(NOW), HIDA)
        assert missing()[0] >= {Lack.ARMED}
        devices.arm(db, lg_code=HIDA, device_id=device.id, policy=policy, now=NOW)
    assert missing() == ({Lack.NAMES, Lack.OLD_PAPER}, False)
    with database.transaction(for_body(HIDA, actor=staff_actor().label)) as db:
        roster.names_along(db, actor=staff_actor(), session=session, now=NOW + timedelta(seconds=2))
    assert missing() == ({Lack.OLD_PAPER}, True)
    assert evening() == 0


def test_c18_in_the_evening_the_host_is_told_once_unless_all_is_well(
    database: RollbackDatabase,
) -> None:
    open_bodies(database, HIDA)
    host = create_organisation(database)
    organiser = create_person(database)
    create_member(database, host, organiser.id)
    activity = create_designated_activity(database, host)
    tomorrow = day_start(japan_day(NOW) + timedelta(days=1)) + timedelta(hours=9)
    create_session(database, activity, starts_at=tomorrow)
    create_session(database, activity, starts_at=tomorrow + timedelta(days=1))

    def evening() -> int:
        with database.transaction(for_job("readiness", HIDA)) as db:
            return readiness.evening_before(
                db, lg_code=HIDA, as_of=japan_day(NOW), book=BOOK, now=NOW
            )

    assert (evening(), evening()) == (1, 1)
    with database.transaction(organiser.context) as db:
        told = db.scalars(select(Notice.kind).where(Notice.kind == "session_not_ready")).all()
        assert told == ["session_not_ready"], "the same fact twice is one notice"
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        db.execute(update(Activity).values(contact="役場"))
        far = NOW + timedelta(days=30)
        assert db.scalar(select(ScannerDevice)) is None
        device = devices.enrol(
            db, actor=staff_actor(), lg_code=HIDA, organisation_id=host.id, label="受付", now=NOW
        ).device
        device.armed_until = far
        device.ends_at = far
    with database.transaction(for_job("readiness", HIDA)) as db:
        (one, *_) = readiness.readiness(
            db, lg_code=HIDA, first=japan_day(NOW), days=2, book=BOOK, now=NOW
        )
        # The key is for staff to mend; the host is not asked for it.
        assert one.hindering == (Lack.KEY,)
    lonely = create_session(database, create_designated_activity(database), starts_at=tomorrow)
    with (
        database.transaction(for_body(HIDA, actor=staff_actor().label)) as db,
        pytest.raises(Refused, match="host_has_nobody"),
    ):
        readiness.ask_host(
            db, actor=staff_actor(), lg_code=HIDA, session_id=lonely.id, book=BOOK, now=NOW
        )
