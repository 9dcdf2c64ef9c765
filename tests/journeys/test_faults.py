"""Everything is killed while it works: web, worker, broker, database, mail (P01, P05, P07, P08).

The figures of each test are printed; `pytest -s` shows them.
"""

import hashlib
import http
import json
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from app import local_process, migrate
from app.local import LocalStack
from app.mailcatcher import messages
from bench import gate as gates
from bench.population import Cohort, fill
from core.access import Role
from core.clock import JAPAN, FileClock, FixedClock
from core.db import Database, for_job
from core.outbox import NoticeDraft, tell
from core.settings import Environment
from tests.factories.premium import own, ready, show_card
from tests.factories.registry import SignedIn, create_person, make_staff, open_bodies
from tests.journeys.load import Log, at_the_gate
from tests.workers.nights import TABLES, _plain
from workers.parts import Parts
from workers.runner import Runner
from workers.shares import CLAIM

pytestmark = pytest.mark.stack

HIDA, GIFU = "212172", "210005"
DAY = date(2027, 6, 1)
NOON = datetime(2027, 6, 1, 12, tzinfo=JAPAN).astimezone(UTC)
#: When all jobs of the night are due and no mail goes out yet (R23).
MORNING = datetime(2027, 6, 1, 6, tzinfo=JAPAN).astimezone(UTC)
PEOPLE = 6000
#: Towns whose nights are disturbed, with their prefectures.
TOWNS = {
    HIDA: GIFU,
    "042056": "040002",
    "113611": "110001",
    "072036": "070009",
    "152021": "150002",
    "202053": "200000",
    "271004": "270008",
    "231002": "230006",
}
READY = 60.0
#: P08: the backlog after a loss of the broker.
DRAINED = 300.0


@pytest.fixture(scope="module", autouse=True)
def no_servers_of_ones_own() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DATABASE_URL", "REDIS_URL", "FURUSATO_MIGRATE_DATABASE_URL"):
            patch.delenv(name, raising=False)
        # Whoever dies often is started again ever later; here it is killed on purpose.
        patch.setattr(local_process, "_LONGEST_BACK_OFF_SECONDS", 0.25)
        yield


def show(figures: str) -> None:
    """Print what a test found out."""
    print(f"\n{figures}")  # noqa: T201 - figures are for people to read


@dataclass(slots=True)
class House:
    """A running stack, a gate with many cards, and the owner's eyes."""

    stack: LocalStack
    database: Database
    gate: gates.Gate
    cards: Iterator[str]

    def some(self, number: int) -> list[str]:
        """Cards nobody has scanned yet."""
        return list(islice(self.cards, number))

    def ask(self, query: str, *given: Any) -> list[tuple[Any, ...]]:
        """What the owner of the database sees."""
        with psycopg.connect(self.stack.owner_url) as connection:
            return connection.execute(query.encode(), given).fetchall()

    def do(self, statement: str, *given: Any) -> None:
        """What the owner does."""
        with psycopg.connect(self.stack.owner_url) as connection:
            connection.execute(statement.encode(), given)


def loaded(stack: LocalStack) -> None:
    """Migrated, with all local governments."""
    migrate.upgrade(stack.owner_url, stack.settings().db_password.get_secret_value())
    migrate.load(stack.owner_url)


@contextmanager
def stack_of_its_own(*, durable: bool) -> Iterator[LocalStack]:
    """A stack with loaded database in a folder that no other test run looks after."""
    with (
        tempfile.TemporaryDirectory(prefix="furusato-faults-", ignore_cleanup_errors=True) as home,
        LocalStack(
            Path(home) / "data",
            environment=Environment.TEST,
            # Six hands stand for the rush of a whole gate.
            settings={"limit_device_scans": 0, "tick_seconds": 0.2},
            durable=durable,
        ) as stack,
    ):
        loaded(stack)
        yield stack


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with stack_of_its_own(durable=True) as stack:
        FileClock(stack.clock_file).set(NOON, running=True)
        database = Database(stack.settings())
        open_bodies(database, GIFU, HIDA, now=NOON)
        gate = gates.prepare(stack, PEOPLE, now=NOON)
        stack.start_processes(["mail", "web", "worker", "beat"])
        stack.wait_ready(READY)
        yield House(stack, database, gate, iter(gate.cards))
        database.dispose()


def crashes(stack: LocalStack) -> str:
    """What the web process itself could not explain."""
    told = (stack.logs / "web.log").read_text(encoding="utf-8")
    return "\n".join(one[-1500:] for one in told.split("Exception in ASGI application")[1:][-3:])


def nothing_lost_nothing_doubled(house: House, log: Log) -> None:
    """The log of the hands against the database."""
    assert log.wrong == [], crashes(house.stack)
    assert log.answers
    scans = list(log.answers)
    stored = house.ask(
        "select scan_id::text, outcome from scan_attempt where scan_id = any(%s::uuid[])", scans
    )
    assert len(stored) == len(scans), "each acknowledged scan is there, once"
    assert {scan: answer["outcome"] for scan, answer in log.answers.items()} == dict(stored)
    ((arrived, people, counted),) = house.ask(
        "select (select count(*) from check_in where scan_id = any(%s::uuid[])),"
        " (select count(distinct person_id) from scan_attempt where scan_id = any(%s::uuid[])),"
        " (select count(*) from participation p where p.counted and exists (select from check_in c"
        " where c.scan_id = any(%s::uuid[]) and c.lg_code = p.lg_code"
        " and c.session_id = p.session_id and c.person_id = p.person_id))",
        scans,
        scans,
        scans,
    )
    assert arrived == people == counted == len(scans)
    ((taken, signed_up, audited),) = house.ask(
        "select s.taken, (select count(*) from sign_up u where u.session_id = s.id"
        " and u.state in ('taken', 'offered')),"
        " (select count(*) from audit_event where action = 'check_in.scan'"
        " and subject_id = any(%s))"
        " from activity_session s where s.id = %s",
        scans,
        house.gate.session_id,
    )
    assert taken == signed_up
    assert audited == len(scans)


def test_p01_web_killed_ten_times_under_six_writers(house: House) -> None:
    began = house.stack.starts("web")
    with at_the_gate(house.stack, house.gate, house.some(2000)) as writers:
        for kill in range(10):
            writers.wait_for(40 + 7 * kill)
            house.stack.kill("web", signal.SIGKILL)
        writers.wait_for(40)
        log = writers.finish()
    show(f"web killed 10 times: {log.said()}")
    assert house.stack.starts("web") - began == 10
    assert log.statuses["no answer"] > 0
    nothing_lost_nothing_doubled(house, log)


def test_p01_database_restarted_and_killed_under_load(house: House) -> None:
    starts = house.stack.starts("web")
    with at_the_gate(house.stack, house.gate, house.some(1500)) as writers:
        for _ in range(2):
            writers.wait_for(60)
            house.stack.restart_postgres()
        writers.wait_for(60)
        house.stack.kill("postgres", signal.SIGKILL)
        house.stack.wait_for_servers()
        # The busy door's own connections have been replaced: the same process goes on.
        writers.wait_for(60)
        log = writers.finish()
    show(f"database restarted twice, killed once: {log.said()}")
    assert house.stack.starts("web") == starts
    assert log.statuses["503"] > 0
    nothing_lost_nothing_doubled(house, log)


def test_p01_the_same_scan_sent_by_six_hands_at_once_is_one(house: House) -> None:
    card, scan_id = house.some(1)[0], str(uuid4())
    token = house.gate.tokens[0]
    body = {"scan_id": scan_id, "code": card, "name_confirmed": True, "walk_in_confirmed": True}
    url = f"{house.stack.base_url}/api/v1/device/sessions/{house.gate.session_id}/check-ins"

    def scan(_: int) -> httpx.Response:
        return httpx.post(url, json=body, headers={"Authorization": f"Bearer {token}"}, timeout=30)

    answers = at_once(scan, 6)
    assert {answer.status_code for answer in answers} == {200}
    assert [answer.json()["repeated"] for answer in answers].count(False) == 1
    assert house.ask("select count(*) from scan_attempt where scan_id = %s", scan_id) == [(1,)]


def at_once(call: Any, number: int) -> list[httpx.Response]:
    """The same call from so many threads at the same instant."""
    gate, found = threading.Barrier(number), []

    def run(at: int) -> None:
        gate.wait()
        found.append(call(at))

    threads = [threading.Thread(target=run, args=(at,)) for at in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return found


def owe(house: House, number: int) -> list[str]:
    """Notices to people of their own, owed as a use case owes them; their deliveries' ids."""
    with psycopg.connect(house.stack.owner_url) as connection:
        cohort = Cohort(HIDA, GIFU, number)
        people = fill(connection, [cohort], seed=uuid4().int).people[0]
    drafts = [NoticeDraft(one, "premium_within_reach", uuid4().hex) for one in people]
    with house.database.transaction(for_job("faults")) as db:
        tell(db, drafts, now=NOON)
    ids = [draft.id for draft in drafts]
    return [
        row[0] for row in house.ask("select id::text from delivery where notice_id = any(%s)", ids)
    ]


def unsent(house: House, deliveries: Sequence[str]) -> int:
    """How many of these have not reached an end."""
    return int(
        house.ask(
            "select count(*) from delivery where id = any(%s::uuid[])"
            " and state in ('queued', 'claimed')",
            list(deliveries),
        )[0][0]
    )


def drain(house: House, deliveries: Sequence[str], *, until: int = 0) -> float:
    """Wait until at most so many have not gone; the seconds it took."""
    began = time.monotonic()
    while unsent(house, deliveries) > until:
        if time.monotonic() - began > DRAINED:
            raise AssertionError(f"{unsent(house, deliveries)} deliveries still wait")
        time.sleep(0.02)
    return time.monotonic() - began


def claims_run_out(house: House) -> None:
    """Two minutes pass for those whom a killed worker left claimed."""
    house.do("update delivery set claimed_until = now() - interval '1 s' where state = 'claimed'")


def mails(house: House, deliveries: Sequence[str]) -> Counter[str]:
    """How often each delivery arrived in the mail catcher."""
    found = Counter(
        str(mail.message["Message-ID"]).strip("<>").partition("@")[0]
        for mail in messages(house.stack.mail_dir)
    )
    return Counter({one: found[one] for one in deliveries})


def test_p08_broker_stopped_and_emptied_while_all_flows(house: House) -> None:
    someone = create_person(house.database)
    with at_the_gate(house.stack, house.gate, house.some(1200)) as writers:
        deliveries = owe(house, 150)
        writers.wait_for(40)
        house.stack.restart_valkey(empty=True)
        writers.wait_for(40)
        house.stack.kill("valkey", signal.SIGKILL)
        deliveries += owe(house, 150)
        writers.wait_for(40)
        house.stack.wait_for_servers()
        house.stack.restart_valkey(empty=True)
        log = writers.finish()
    seconds = drain(house, deliveries)
    show(f"broker emptied twice, killed once: drained {seconds:.1f} s later; {log.said()}")
    assert set(log.statuses) == {"200"}, "check-ins do not need the broker"
    nothing_lost_nothing_doubled(house, log)
    assert set(mails(house, deliveries).values()) == {1}
    me = httpx.get(f"{house.stack.base_url}/api/v1/me", headers=someone.headers, timeout=30)
    assert me.status_code == http.HTTPStatus.OK, "nobody is signed out"


def test_p07_mail_server_down_then_killed_and_workers_killed(house: House) -> None:
    clock = FileClock(house.stack.clock_file)
    house.stack.stop_process("mail")
    deliveries = owe(house, 300)
    time.sleep(1.5)
    assert unsent(house, deliveries) == 300
    house.stack.start_processes(["mail"])
    house.stack.wait_for_port(house.stack.settings().smtp_port)
    kills = 0
    for left, name in ((240, "worker"), (180, "mail"), (120, "worker"), (60, "mail")):
        # A provider that was away is left alone for half a minute: it passes.
        clock.set(clock.now() + timedelta(minutes=1), running=True)
        drain(house, deliveries, until=left)
        house.stack.kill(name, signal.SIGKILL)
        kills += 1
        claims_run_out(house)
        house.stack.wait_for_port(house.stack.settings().smtp_port)
    clock.set(clock.now() + timedelta(minutes=1), running=True)
    seconds = drain(house, deliveries)
    arrived = mails(house, deliveries)
    doubled = sum(arrived.values()) - len(deliveries)
    show(f"300 notices, {kills} kills: {doubled} mails twice, drained {seconds:.1f} s later")
    assert min(arrived.values()) >= 1, "owed - attempted = 0"
    assert doubled <= kills
    states = house.ask(
        "select state, count(*) from delivery where id = any(%s::uuid[]) group by 1", deliveries
    )
    assert states == [("sent", 300)]


def test_p09_premium_approved_twice_at_once(house: House) -> None:
    """R13, R15: two approvers, or one whose finger was too quick: one term, one judgement told."""
    now = FileClock(house.stack.clock_file).now()
    open_bodies(house.database, GIFU, HIDA, now=now)
    staff = [make_staff(house.database, HIDA, Role.APPROVER, now=now) for _ in range(2)]
    for _ in range(4):
        someone = create_person(house.database, birth_date=date(1985, 3, 15))
        ready(house.database, someone, HIDA, mode="review")
        show_card(house.database, someone)
        application = apply(house, someone)
        answers = at_once(lambda at, one=application: approve(house, staff[at % 2], one), 4)
        assert sorted({one.status_code for one in answers}) in ([200], [200, 409])
        assert granted(house, someone) == (1, 1, 1)
    someone = create_person(house.database, birth_date=date(1985, 3, 15))
    ready(house.database, someone, HIDA, mode="review")
    show_card(house.database, someone)
    application = apply(house, someone)
    headers = staff[0].headers
    answers = at_once(lambda _: approve(house, staff[0], application, headers), 4)
    assert {one.status_code for one in answers} == {200}
    assert len({one.text for one in answers}) == 1
    assert granted(house, someone) == (1, 1, 1)


def apply(house: House, someone: SignedIn) -> str:
    answer = httpx.post(
        house.stack.base_url + own(HIDA), json={}, headers=someone.headers, timeout=30
    )
    assert answer.status_code == http.HTTPStatus.CREATED, answer.text
    assert answer.json()["state"] == "review", answer.text
    return str(answer.json()["id"])


def approve(
    house: House, staff: SignedIn, application: str, headers: dict[str, str] | None = None
) -> httpx.Response:
    url = f"{house.stack.base_url}/api/v1/local-governments/{HIDA}/applications/{application}"
    return httpx.post(f"{url}/approve", headers=headers or staff.headers, timeout=30)


def granted(house: House, someone: SignedIn) -> tuple[int, int, int]:
    """Terms, places and grants on record."""
    ((terms, slots, events),) = house.ask(
        "select (select count(*) from term where person_id = %s),"
        " (select count(*) from premium_slot where person_id = %s and state = 'active'),"
        " (select count(*) from registration_event where person_id = %s"
        " and kind = 'application_granted')",
        *[someone.id] * 3,
    )
    return terms, slots, events


# --- the night ---------------------------------------------------------------------------


def cohorts() -> list[Cohort]:
    """In each town: renewed, short of the requirement, lapsing at the end of grace, silent."""
    found = []
    for town, prefecture in TOWNS.items():
        ends_today = date(2026, 6, 2)
        found += [
            Cohort(
                town, prefecture, 60, term_from=ends_today,
                took_part=(date(2026, 9, 1), date(2026, 10, 1), date(2027, 3, 1)),
            ),
            Cohort(town, prefecture, 60, term_from=ends_today, took_part=(date(2026, 9, 1),)),
            Cohort(town, prefecture, 40, term_from=date(2026, 4, 20)),
            Cohort(town, prefecture, 60, last_access_on=date(2025, 7, 1)),
        ]  # fmt: skip
    return found


def prepare_night(address: str) -> None:
    """The same people in any database."""
    with psycopg.connect(address) as connection:
        fill(connection, cohorts())
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("analyze")


def digest(address: str) -> dict[str, str]:
    """One number a table for everything a night may change."""
    found = {}
    with psycopg.connect(address) as connection:
        for table in TABLES:
            rows = connection.execute(f"select to_jsonb(t) from {table} t".encode()).fetchall()
            lines = sorted(json.dumps(_plain(row[0]), sort_keys=True) for row in rows)
            found[table] = (
                f"{len(lines)} {hashlib.sha256(chr(10).join(lines).encode()).hexdigest()}"
            )
    return found


def undisturbed(stack: LocalStack) -> dict[str, str]:
    """The same night in another database of the server, run once and in peace."""
    calm = stack.server_url("calm")
    with psycopg.connect(stack.server_url("postgres"), autocommit=True) as connection:
        connection.execute("create database calm")
    migrate.upgrade(calm, stack.settings().db_password.get_secret_value())
    migrate.load(calm)
    prepare_night(calm)
    settings = stack.settings().model_copy(update={"database_url": calm})
    database = Database(settings)
    runner = Runner(Parts.of(settings, database=database, clock=FixedClock(MORNING)))
    runner.tick()
    runner.drain()
    database.dispose()
    return digest(calm)


def shares(connection: psycopg.Connection[Any]) -> tuple[int, int]:
    """Shares of the night done and not done."""
    row = connection.execute(
        "select count(*) filter (where state = 'done'), count(*) filter (where state <> 'done')"
        " from job_run where range_key <> ''"
    ).fetchone()
    assert row is not None
    return row[0], row[1]


def killed_at_work(stack: LocalStack, after: int) -> bool:
    """Kill the worker inside a transaction, once so many shares are done; False when too late.

    A lock on the audit trail holds it in the middle of its writing.
    """
    with psycopg.connect(stack.owner_url, autocommit=True) as look:
        until = time.monotonic() + READY
        while shares(look)[0] < after and time.monotonic() < until:
            time.sleep(0.002)
        with psycopg.connect(stack.owner_url) as lock:
            lock.execute("lock table audit_event in share mode")
            while time.monotonic() < until:
                waiting = look.execute(
                    "select count(*) from pg_stat_activity where usename = 'furusato_worker'"
                    " and wait_event_type = 'Lock'"
                ).fetchone()
                if waiting and waiting[0]:
                    break
                done, left = shares(look)
                if done and not left:
                    return False
                time.sleep(0.002)
            stack.kill("worker", signal.SIGKILL)
        # The claim of the dead runs out: its minutes pass.
        look.execute(
            "update job_run set claimed_until = claimed_until - %s where state = 'running'",
            [CLAIM],
        )
    return True


def test_p05_worker_killed_in_the_night_leaves_what_one_quiet_run_leaves() -> None:
    with stack_of_its_own(durable=False) as stack:
        FileClock(stack.clock_file).set(MORNING, running=False)
        wanted = undisturbed(stack)
        prepare_night(stack.owner_url)
        stack.start_processes(["worker", "beat"])
        kills = sum(killed_at_work(stack, after) for after in (0, 2, 4, 6))
        with psycopg.connect(stack.owner_url, autocommit=True) as look:
            until = time.monotonic() + 2 * READY
            while time.monotonic() < until:
                done, left = shares(look)
                if done and not left and night_is_over(look):
                    break
                time.sleep(0.05)
            tries = look.execute("select sum(tries), count(*) from job_run where tries > 0")
            show(f"worker killed {kills} times at work: tries, shares {tries.fetchone()}")
        found = digest(stack.owner_url)
    # A worker faster than this look-out may be done before its last deaths.
    assert kills >= 2
    assert {table for table in TABLES if found[table] != wanted[table]} == set()


def night_is_over(connection: psycopg.Connection[Any]) -> bool:
    """The last job of the night is done."""
    row = connection.execute(
        "select exists (select from job_run where job = 'invariants' and period = %s"
        " and range_key = '' and state = 'done')",
        [DAY],
    ).fetchone()
    return bool(row and row[0])
