"""P07, R23: what is owed is attempted until a recorded end, once, whatever the provider does."""

import asyncio
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, timedelta
from email import message_from_bytes, policy
from typing import Any
from uuid import UUID

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import text as sql
from sqlalchemy.exc import ProgrammingError

from bench.population import Cohort
from core.db import Database, for_body, for_job
from core.outbox import NoticeDraft, tell
from tests.workers.nights import GIFU, HIDA, at, do, move_to, parts_at, populate, rows
from workers.notifications.mail import MailChannel, RefusedError, TryAgainError
from workers.notifications.relay import MOST_TRIES, RELAY, Relay
from workers.parts import Parts

TODAY = date(2027, 6, 1)


class Postbox:
    """An SMTP server's handler that keeps mails, and says what a test tells it to say."""

    def __init__(self) -> None:
        self.mails: list[Any] = []
        self.answer = "250 kept"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd calls it so
        if self.answer.startswith("250"):
            self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return self.answer


@contextmanager
def mail_server(port: int, postbox: Postbox) -> Iterator[None]:
    controller = Controller(postbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield
    finally:
        controller.stop()
        asyncio.set_event_loop(None)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Recorder:
    """A provider in memory; thread-safe, so that two relays may share it."""

    def __init__(self, verdict: Callable[[UUID], None] = lambda _: None) -> None:
        self.sent: Counter[UUID] = Counter()
        self.texts: dict[UUID, tuple[str, str, str]] = {}
        self._verdict, self._lock = verdict, threading.Lock()

    def send(self, delivery_id: UUID, address: str, subject: str, text: str) -> str:
        with self._lock:
            self.sent[delivery_id] += 1
            self.texts[delivery_id] = (address, subject, text)
        self._verdict(delivery_id)
        return f"id-{delivery_id}"

    def close(self) -> None:
        """Nothing is held open."""


def owed(database: Database, count: int, hour: int = 12, kind: str = "renewal_booked") -> Parts:
    """People who are owed one notice each; the clock stands at an hour of the day."""
    people = populate(database, Cohort(HIDA, GIFU, count)).people[0]
    facts = {"government": "飛騨市", "day": "2029-02-28"}
    with database.transaction(for_job("test", HIDA)) as db:
        tell(db, [NoticeDraft(one, kind, "x", HIDA, facts) for one in people], now=at(TODAY, 0))
    return parts_at(database, TODAY, hour)


def states(database: Database) -> dict[str, int]:
    return dict(rows(database, "select state, count(*) from delivery group by state"))


def test_p07_mail_server_down_then_up_nothing_is_lost_nothing_doubled(
    own_database: Database,
) -> None:
    """A real SMTP server; one connection a batch; the Message-ID is the delivery's own."""
    parts = owed(own_database, 30)
    port, postbox = free_port(), Postbox()
    settings = parts.settings.model_copy(update={"smtp_port": port})
    relay = Relay(parts, {"mail": MailChannel(settings)})
    assert relay.drain() == {"queued": 30}
    assert states(own_database) == {"queued": 30}
    tried = rows(own_database, "select sum(tries), min(error) from delivery")[0]
    assert tried[0] == 0, "an outage is nobody's failed try"
    with mail_server(port, postbox):
        move_to(parts, TODAY, 13)
        assert relay.drain() == {"sent": 30}
        assert relay.drain() == {}
    assert len({mail["Message-ID"] for mail in postbox.mails}) == len(postbox.mails) == 30
    ids = {f"<{row[0]}@furusato.invalid>" for row in rows(own_database, "select id from delivery")}
    assert {mail["Message-ID"] for mail in postbox.mails} == ids
    mail = postbox.mails[0]
    assert mail["Subject"] == "飛騨市のプレミアム登録が更新されます"
    assert "2029年2月28日" in mail.get_content()


@pytest.mark.parametrize(
    ("answer", "state"), [("550 no such user", "failed"), ("451 later", "queued")]
)
def test_p07_what_the_mail_server_says_is_recorded(
    own_database: Database, answer: str, state: str
) -> None:
    parts = owed(own_database, 1)
    port, postbox = free_port(), Postbox()
    postbox.answer = answer
    settings = parts.settings.model_copy(update={"smtp_port": port})
    with mail_server(port, postbox):
        assert Relay(parts, {"mail": MailChannel(settings)}).drain() == {state: 1}
    assert rows(own_database, "select error from delivery") == [(answer,)]


def test_p07_a_message_is_tried_ever_more_rarely_and_at_last_given_up(
    own_database: Database,
) -> None:
    parts = owed(own_database, 1)

    def later(_: UUID) -> None:
        raise TryAgainError("451 later")

    recorder = Recorder(later)
    waits = []
    for _ in range(MOST_TRIES):
        Relay(parts, {"mail": recorder}).drain()
        available = rows(own_database, "select available_at from delivery")[0][0]
        waits.append(available - parts.clock.now())
        move_to(parts, TODAY + timedelta(days=len(waits)))
    assert states(own_database) == {"dead": 1}
    assert sum(recorder.sent.values()) == MOST_TRIES
    assert waits[:3] == [timedelta(minutes=n) for n in (1, 2, 4)]
    assert max(waits) <= timedelta(hours=1)


def test_p07_one_bad_message_does_not_stop_the_others(own_database: Database) -> None:
    parts = owed(own_database, 10)
    bad = rows(own_database, "select id from delivery order by id limit 1")[0][0]

    def verdict(delivery_id: UUID) -> None:
        if delivery_id == bad:
            raise RefusedError("550 never")

    assert Relay(parts, {"mail": Recorder(verdict)}).drain() == {"sent": 9, "failed": 1}


def test_p07_two_relays_side_by_side_send_each_once(own_database: Database) -> None:
    parts = owed(own_database, 400)
    recorder = Recorder()
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: Relay(parts, {"mail": recorder}).drain(batch=20), range(2)))
    assert sum(one["sent"] for one in both) == 400
    assert set(recorder.sent.values()) == {1}
    assert len(recorder.sent) == 400


def test_p07_what_a_dead_worker_had_claimed_comes_back(own_database: Database) -> None:
    parts = owed(own_database, 5)
    claimed = "update delivery set state = 'claimed', tries = 1, claimed_until = now()"
    do(own_database, claimed + " + interval '1 minute'")
    recorder = Recorder()
    assert Relay(parts, {"mail": recorder}).drain() == {}
    do(own_database, claimed + " - interval '1 second'")
    assert Relay(parts, {"mail": recorder}).drain() == {"sent": 5}


def test_r23_no_message_leaves_at_night_but_for_safety(own_database: Database) -> None:
    """Quiet from 21 to 8 in Japan; safety messages stand apart."""
    parts = owed(own_database, 2, hour=21)
    with own_database.transaction(for_job("test", HIDA)) as db:
        someone = rows(own_database, "select id from person order by id limit 1")[0][0]
        draft = NoticeDraft(someone, "safety_evacuation", "y", HIDA)
        tell(db, [draft], now=at(TODAY, 0))
    recorder = Recorder()
    assert Relay(parts, {"mail": recorder}).drain() == {"sent": 1}
    for hour in (22, 7):
        move_to(parts, TODAY + timedelta(days=1), hour) if hour == 7 else None
        assert Relay(parts, {"mail": recorder}).drain() == {}
    move_to(parts, TODAY + timedelta(days=1), 8)
    assert Relay(parts, {"mail": recorder}).drain() == {"sent": 2}


def test_p07_nobody_to_write_to_is_an_end_too(own_database: Database) -> None:
    parts = owed(own_database, 2)
    do(own_database, "update account set email = null, email_key = null")
    recorder = Recorder()
    assert Relay(parts, {"mail": recorder}).drain() == {"suppressed": 2}
    assert not recorder.sent


def test_a_notice_speaks_the_persons_language(own_database: Database) -> None:
    parts = owed(own_database, 1, kind="dormancy_notice")
    do(own_database, "update account set language = 'en'")
    recorder = Recorder()
    Relay(parts, {"mail": recorder}).drain()
    ((_, subject, text),) = recorder.texts.values()
    assert subject == "Shall we keep your registration with 飛騨市?"
    assert "28 February 2029" in text


def test_r06_what_never_arrives_is_counted_for_the_body_and_names_nobody(
    own_database: Database,
) -> None:
    """Refused for good: counted once, however often the relay runs; another body sees nothing."""
    parts = owed(own_database, 4, kind="dormancy_notice")
    bad = {row[0] for row in rows(own_database, "select id from delivery order by id limit 3")}

    def verdict(delivery_id: UUID) -> None:
        if delivery_id in bad:
            raise RefusedError("550 no such user")

    for _ in range(2):
        Relay(parts, {"mail": Recorder(verdict)}).drain()
    for code, found in ((HIDA, [("dormancy_notice", TODAY, 3)]), (GIFU, [])):
        with own_database.transaction(for_body(code, actor="staff:test")) as db:
            counted = db.execute(sql("select kind, on_day, found from undelivered")).all()
            assert [tuple(row) for row in counted] == found
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        own_database.transaction(for_body(HIDA, actor="staff:test")) as db,
    ):
        db.execute(sql("select person_id from delivery"))


# --- the digest (R05) -------------------------------------------------------------------


def registered_with(database: Database, places: int) -> UUID:
    """Somebody with so many direct registrations, and the derived ones beside them."""
    person: UUID = populate(database, Cohort(HIDA, GIFU, 1)).people[0][0]
    do(
        database,
        "insert into registration (lg_code, id, person_id, tier, status, direct, derived,"
        " derived_from, link_opted_out, residence_relation, residence_related, member_number,"
        " registered_on, last_access_on, display_name, identity_level)"
        " select g.code, gen_random_uuid(), r.person_id, 'basic', 'active', true, false, '[]',"
        " false, 'unknown', false, 'X', r.registered_on, r.last_access_on, r.display_name, 'email'"
        " from registration r, (select code from local_government where kind <> 'prefecture'"
        " and code <> %s order by code limit %s) g where r.lg_code = %s",
        HIDA,
        places - 1,
        HIDA,
    )
    return person


def owe(
    database: Database, person: UUID, count: int, hour: int, kind: str = "renewal_missing"
) -> None:
    drafts = [
        NoticeDraft(person, kind, f"{hour}:{n}", HIDA, {"government": "飛騨市"})
        for n in range(count)
    ]
    with database.transaction(for_job("test", HIDA)) as db:
        tell(db, drafts, now=at(TODAY, hour))


def test_r05_above_twenty_places_one_mail_in_the_evening(own_database: Database) -> None:
    """Five notices of the day wait for six o'clock and come as one; a later one the next day."""
    owe(own_database, registered_with(own_database, 21), 5, hour=9)
    parts, recorder = parts_at(own_database, TODAY, 10), Recorder()
    assert Relay(parts, {"mail": recorder}).drain() == {"queued": 5}
    assert Relay(parts, {"mail": recorder}).drain() == {}
    move_to(parts, TODAY, 18)
    # Even where a batch takes one delivery, the letter holds the reader's whole day.
    assert Relay(parts, {"mail": recorder}).drain(batch=1) == {"sent": 5}
    ((_, subject, text),) = recorder.texts.values()
    assert subject == "お知らせのまとめ（5件）"
    assert text.count("■ ") == 5
    assert rows(own_database, "select count(distinct provider_id), min(tries) from delivery") == [
        (1, 1)
    ]
    owe(own_database, rows(own_database, "select id from person")[0][0], 1, hour=19)
    move_to(parts, TODAY, 20)
    assert Relay(parts, {"mail": recorder}).drain() == {"queued": 1}
    move_to(parts, TODAY + timedelta(days=1), 18)
    assert Relay(parts, {"mail": recorder}).drain() == {"sent": 1}


def test_r05_twenty_places_are_no_flood(own_database: Database) -> None:
    """The linked prefecture is none of the person's own and does not count."""
    owe(own_database, registered_with(own_database, 20), 3, hour=9)
    recorder = Recorder()
    parts = parts_at(own_database, TODAY, 10)
    assert Relay(parts, {"mail": recorder}).drain() == {"sent": 3}
    assert len(recorder.texts) == 3


@pytest.mark.parametrize("kind", ["place_offered", "session_cancelled", "safety_evacuation"])
def test_r05_what_cannot_wait_is_in_no_digest(own_database: Database, kind: str) -> None:
    owe(own_database, registered_with(own_database, 21), 2, hour=9, kind=kind)
    recorder = Recorder()
    assert Relay(parts_at(own_database, TODAY, 10), {"mail": recorder}).drain() == {"sent": 2}


def test_r05_a_digest_that_failed_is_not_put_off_by_a_day(own_database: Database) -> None:
    owe(own_database, registered_with(own_database, 21), 3, hour=9)
    parts = parts_at(own_database, TODAY, 18)
    down = Relay(
        parts, {"mail": MailChannel(parts.settings.model_copy(update={"smtp_port": free_port()}))}
    )
    assert down.drain() == {"queued": 3}
    move_to(parts, TODAY, 19)
    recorder = Recorder()
    assert Relay(parts, {"mail": recorder}).drain() == {"sent": 3}
    assert len(recorder.texts) == 1


def test_r05_the_relay_learns_numbers_and_nobody_else_does(own_database: Database) -> None:
    person = registered_with(own_database, 21)
    ask = sql("select found from furusato_counted(:people)")
    with own_database.transaction(RELAY) as db:
        assert db.execute(ask, {"people": [person]}).scalars().all() == [21]
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        own_database.transaction(for_job("test", HIDA)) as db,
    ):
        db.execute(ask, {"people": [person]})


def chosen(database: Database, *, off: str = "[]", hours: tuple[int, int] | None = None) -> None:
    """Everybody has chosen the same."""
    evening, morning = hours or ("null", "null")
    do(
        database,
        "insert into notification_setting (person_id, quiet_from, quiet_until, off, changed_at)"
        f" select id, {evening}, {morning}, '{off}', now() from person",
    )


@pytest.mark.parametrize(
    ("hours", "hour", "leaves"),
    [((19, 9), 20, False), ((19, 9), 8, False), ((19, 9), 9, True), ((23, 5), 21, True),
     ((1, 4), 2, False), ((1, 4), 23, True), ((0, 0), 3, True)],
)  # fmt: skip
def test_r23_a_person_has_quiet_hours_of_their_own(
    own_database: Database, hours: tuple[int, int], hour: int, leaves: bool
) -> None:
    parts = owed(own_database, 1, hour=hour)
    chosen(own_database, hours=hours)
    assert Relay(parts, {"mail": Recorder()}).drain() == ({"sent": 1} if leaves else {})


def test_r23_what_is_switched_off_ends_without_a_message(own_database: Database) -> None:
    parts = owed(own_database, 2)
    chosen(own_database, off='["premium:mail"]')
    recorder = Recorder()
    assert Relay(parts, {"mail": recorder}).drain() == {"suppressed": 2}
    assert rows(own_database, "select distinct error from delivery") == [("switched off",)]
    assert rows(own_database, "select count(*) from notice") == [(2,)], "the app still shows it"


def test_r23_a_session_of_today_that_is_called_off_is_told_at_night(own_database: Database) -> None:
    parts = owed(own_database, 1, hour=22)
    someone = rows(own_database, "select id from person")[0][0]
    for key, facts in (("a", {"anyhow": True}), ("b", {})):
        with own_database.transaction(for_job("test", HIDA)) as db:
            draft = NoticeDraft(someone, "session_cancelled", key, HIDA, facts)
            tell(db, [draft], now=at(TODAY, 0))
    assert Relay(parts, {"mail": Recorder()}).drain() == {"sent": 1}
