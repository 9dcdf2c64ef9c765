"""The busy door: scans that wait at one local government are stored together, answered alone (R19)."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from activities.checkin_facts import Attempt
from activities.devices import enrol
from activities.hot import HotDoor
from activities.models import Activity, ActivitySession
from activities.presence import PolicyCache, Presence
from activities.scans import Answer, Scan, Source
from core.db import Database, for_body
from core.errors import SignInNeeded
from qr.store import KeyStore
from registry.policybook import load_policy
from tests.conftest import on_its_own
from tests.factories.activities import create_designated_activity, create_session
from tests.factories.presence import make_card, make_keys, secret_of
from tests.factories.registry import HIDA, create_person, join, make_staff, open_bodies

T = TypeVar("T")
D = TypeVar("D", bound=HotDoor)
#: No such number fits the column: the database refuses the whole statement.
TOO_LARGE = 2**40


class CountingDoor(HotDoor):
    """Remembers how many scans went together."""

    def __init__(self, database: Database, presence: Presence) -> None:
        super().__init__(database, presence)
        self.groups: list[int] = []

    async def _once(self, lg_code: str, attempts: Sequence[Attempt]) -> list[Answer]:
        self.groups.append(len(attempts))
        return await super()._once(lg_code, attempts)


def a_session(database: Database, now: datetime, **more: Any) -> ActivitySession:
    open_bodies(database, "210005", HIDA)
    activity = create_designated_activity(database)
    return create_session(database, activity, starts_at=now + timedelta(minutes=30), **more)


def cards(database: Database, many: int, now: datetime) -> list[str]:
    """That many registrants' paper cards."""
    keys, made = make_keys(database, now=now), []
    for _ in range(many):
        someone = create_person(database)
        join(database, someone, HIDA)
        made.append(make_card(database, keys, someone, now=now))
    return made


def a_scan(session: ActivitySession, code: str, now: datetime, **more: Any) -> Scan:
    return Scan(
        scan_id=uuid4(),
        scanned_at=now,
        session_id=session.id,
        code=code,
        name_confirmed=True,
        walk_in_confirmed=True,
        **more,
    )


def one_value(database: Database, sql: str) -> Any:
    """One value, as the local government sees it."""
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        return db.execute(text(sql)).scalar_one()


def at_the_door(
    database: Database, kind: type[D], work: Callable[[D], Coroutine[Any, Any, T]]
) -> T:
    """Work with a door that is opened for it."""

    async def opened() -> T:
        door = kind(database, presence_for(database))
        await door.start()
        try:
            return await work(door)
        finally:
            await door.close()

    return on_its_own(opened())


def enrolled(database: Database, session: ActivitySession, many: int, now: datetime) -> list[str]:
    """The tokens of so many devices of the session's organisation."""
    staff = make_staff(database, HIDA)
    with database.transaction(for_body(HIDA, actor="system:test")) as db:
        activity = db.get_one(Activity, (HIDA, session.activity_id))
        return [
            enrol(
                db,
                actor=staff.actor,
                lg_code=HIDA,
                organisation_id=activity.organisation_id,
                label=f"受付{number}",
                now=now,
            ).token
            for number in range(many)
        ]


def presence_for(database: Database) -> Presence:
    return Presence(KeyStore(secret_of(database)), PolicyCache(load_policy()))


def at_once(
    database: Database, scans: Sequence[Scan], now: datetime, *, devices: int = 100
) -> tuple[list[Any], list[int]]:
    """All scans at the same moment, by so many devices in turn: answers or errors, and groups."""
    groups: list[int] = []

    async def rush(door: CountingDoor) -> list[Any]:
        answers = await asyncio.gather(
            *(
                door.check_in(lg_code=HIDA, scans=[one], source=device(n % devices), now=now)
                for n, one in enumerate(scans)
            ),
            return_exceptions=True,
        )
        groups.extend(door.groups)
        return list(answers)

    return at_the_door(database, CountingDoor, rush), groups


def device(number: int) -> Source:
    label = f"device:{UUID(int=number)}"
    return Source(label=label, actor=label)


def test_r19_scans_that_wait_are_stored_together_under_each_ones_name(
    own_database: Database, clock: Any
) -> None:
    now = clock.now()
    session = a_session(own_database, now)
    scans = [a_scan(session, card, now) for card in cards(own_database, 8, now)]
    answers, groups = at_once(own_database, scans, now)
    assert [one[0].outcome for one in answers] == ["accepted"] * 8
    assert [one[0].scan_id for one in answers] == [one.scan_id for one in scans]
    assert sum(groups) == 8
    assert len(groups) < 8
    assert (
        one_value(
            own_database,
            "select count(distinct actor) from audit_event where action = 'check_in.scan'",
        )
        == 8
    )
    assert one_value(own_database, "select count(distinct source) from check_in") == 8


def test_c23_a_device_that_scans_at_the_busy_door_does_not_fall_silent(
    own_database: Database, clock: Any
) -> None:
    """Weeks of a platform's set clock may pass within one second of the wall."""
    now = clock.now()
    session = a_session(own_database, now)
    [token] = enrolled(own_database, session, 1, now)
    scanned = [now + timedelta(days=days) for days in (0, 12, 24, 36)]

    async def weeks(door: HotDoor) -> list[Source]:
        return [(await door.device(token, request_id="-", now=at))[1] for at in scanned]

    for at, source in zip(scanned, at_the_door(own_database, HotDoor, weeks), strict=True):
        assert source.revoked_at is not None
        assert source.revoked_at > at


def test_c27_devices_that_come_together_are_looked_up_together(
    own_database: Database, clock: Any
) -> None:
    """Each is told for itself: known ones as who they are, a stranger not at all."""
    now = clock.now()
    session = a_session(own_database, now)
    tokens = enrolled(own_database, session, 6, now)
    stranger = f"d1.{HIDA}.{'x' * 43}"
    looked: list[int] = []

    class Looking(HotDoor):
        async def _look_up(self, lg_code: str, asked: Any) -> Any:
            looked.append(len(asked))
            return await super()._look_up(lg_code, asked)

    async def together(door: HotDoor) -> list[Any]:
        asked = [*tokens, stranger, tokens[0]]
        return await asyncio.gather(
            *(door.device(token, request_id=str(n), now=now) for n, token in enumerate(asked)),
            return_exceptions=True,
        )

    *known, unknown, again = at_the_door(own_database, Looking, together)
    assert sum(looked) == 8
    assert len(looked) < 8
    labels = [source.label for _, source in known]
    assert len(set(labels)) == 6
    assert [source.request_id for _, source in known] == list("012345")
    assert isinstance(unknown, SignInNeeded)
    assert (again[1].label, again[1].request_id) == (labels[0], "7")


def test_r19_one_person_at_two_devices_at_once_is_there_once(
    own_database: Database, clock: Any
) -> None:
    now = clock.now()
    session = a_session(own_database, now)
    [card] = cards(own_database, 1, now)
    answers, _ = at_once(own_database, [a_scan(session, card, now) for _ in range(4)], now)
    assert sorted(one[0].outcome for one in answers) == ["accepted", *["already"] * 3]
    assert one_value(own_database, "select count(*) from participation") == 1


def test_r10_the_last_places_go_to_as_many_as_there_are(own_database: Database, clock: Any) -> None:
    now = clock.now()
    session = a_session(own_database, now, capacity=2)
    scans = [a_scan(session, card, now) for card in cards(own_database, 5, now)]
    answers, _ = at_once(own_database, scans, now)
    assert sorted(one[0].outcome for one in answers).count("accepted") == 2
    assert one_value(own_database, "select taken from activity_session") == 2


@pytest.mark.parametrize("place", [0, 3])
def test_one_scan_that_cannot_be_stored_is_nobody_elses_trouble(
    own_database: Database, clock: Any, place: int
) -> None:
    """Sensitivity: the group is refused by the database; each of the others is stored alone."""
    now = clock.now()
    session = a_session(own_database, now)
    scans = [a_scan(session, card, now) for card in cards(own_database, 4, now)]
    scans[place] = a_scan(session, scans[place].code or "", now, sequence=TOO_LARGE)
    answers, groups = at_once(own_database, scans, now)
    assert isinstance(answers[place], Exception)
    others = [one for n, one in enumerate(answers) if n != place]
    assert [one[0].outcome for one in others] == ["accepted"] * 3
    assert max(groups) > 1
    assert one_value(own_database, "select count(*) from scan_attempt") == 3


def test_a_caller_that_hangs_up_leaves_its_scan_stored(own_database: Database, clock: Any) -> None:
    """C1: the device sends the scan again and gets the first answer."""
    now = clock.now()
    session = a_session(own_database, now)
    [card] = cards(own_database, 1, now)
    one = a_scan(session, card, now)

    async def hang_up() -> list[Answer]:
        door = HotDoor(own_database, presence_for(own_database))
        await door.start()
        try:
            asked = asyncio.create_task(
                door.check_in(lg_code=HIDA, scans=[one], source=device(1), now=now)
            )
            await asyncio.sleep(0)
            asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)
            assert asked.cancelled()
            return await door.check_in(lg_code=HIDA, scans=[one], source=device(1), now=now)
        finally:
            await door.close()

    [again] = on_its_own(hang_up())
    assert (again.outcome, again.repeated) == ("accepted", True)


def test_one_scan_sent_by_several_hands_together_is_new_once(
    own_database: Database, clock: Any
) -> None:
    """C1: those that wait in the same line are one scan, and only one of them is the first."""
    now = clock.now()
    session = a_session(own_database, now)
    [card] = cards(own_database, 1, now)
    answers, _ = at_once(own_database, [a_scan(session, card, now)] * 4, now, devices=1)
    assert sorted(one[0].repeated for one in answers) == [False, True, True, True]
    assert one_value(own_database, "select count(*) from scan_attempt") == 1
