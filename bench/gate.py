"""A gate's rush: check-ins over HTTP by organisers' devices, one by one and as offline uploads.

Everything runs on this machine: web process, PostgreSQL and the generator share its cores.
The generator writes prepared requests to plain sockets, so that it takes little of them.
"""

import asyncio
import functools
import json
import operator
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_bytes
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from activities.devices import enrol
from app.local import LocalStack
from app.migrate import owner
from core.access import Actor, ActorKind
from core.clock import day_start, japan_day, wall_now
from core.db import Context, Database, for_body
from core.tenancy import Audience
from qr.codes import CardCode, sign_card
from qr.keys import KeyScope
from qr.signatures import KeyUse
from qr.store import KeyStore, ensure_keys

HIDA = "212172"
IN_FLIGHT = 32
DONE, ACCEPTED = 200, 202
#: Connections are fewer than devices: each device keeps to the pace of a hand (trust: limits).
DEVICES_A_LANE = 8
BATCH = 200
#: The same is measured this many times; the median counts.
ROUNDS = 3
#: pretix 2026.8 on the same kind of machine: 24–28 check-ins a second flat out.
PEER = 26.0


@dataclass(frozen=True, slots=True)
class Gate:
    """What the generator needs: a session, device tokens, cards to scan."""

    session_id: UUID
    tokens: tuple[str, ...]
    cards: tuple[str, ...]


def prepare(stack: LocalStack, people: int, *, now: datetime | None = None) -> Gate:
    """A session of today and that many registrants with paper cards, written in bulk.

    Args:
        stack: Whose database is filled; its local governments are loaded.
        people: How many.
        now: The stack's instant; the machine's own when its clock is not set.
    """
    now = now or wall_now()
    database = Database(stack.settings())
    secret = stack.settings().secret_key.get_secret_value()
    scopes = [KeyScope(KeyUse.CARD, HIDA), KeyScope(KeyUse.VENUE, HIDA)]
    with database.transaction(Context(Audience.WORKER, actor="system:bench")) as db:
        ensure_keys(db, scopes=scopes, secret=secret, now=now)
    keys = KeyStore(secret)
    with owner(stack.owner_url) as connection:
        keys.refresh(Session(connection), wall=wall_now())
        session_id, organisation_id = _activity(connection, now)
        cards = _people(connection, keys, people, now)
    actor = Actor(ActorKind.STAFF, id=uuid4())
    tokens = []
    with database.transaction(for_body(HIDA, actor=actor.label)) as db:
        for number in range(IN_FLIGHT * DEVICES_A_LANE):
            made = enrol(
                db,
                actor=actor,
                lg_code=HIDA,
                organisation_id=organisation_id,
                label=f"受付 {number}",
                now=now,
            )
            tokens.append(made.token)
    database.dispose()
    return Gate(session_id, tuple(tokens), tuple(cards))


def _activity(connection: Connection, now: datetime) -> tuple[UUID, UUID]:
    values: dict[str, Any] = {
        "org": uuid4(),
        "activity": uuid4(),
        "session": uuid4(),
        "now": now,
        "day": japan_day(now),
        "starts": now - timedelta(minutes=30),
        "ends": now + timedelta(hours=3),
        "lg": HIDA,
        "poster": token_bytes(4).hex().upper(),
    }
    for statement in (
        (
            "insert into organisation (lg_code, id, name, kind, state, created_at)"
            " values (:lg, :org, '受付の負荷', 'npo', 'active', :now)"
        ),
        (
            "insert into activity (lg_code, id, organisation_id, title, category, summary, bring,"
            " contact, state, published, minutes_minimum, insurance, attendance_mode, late_night,"
            " walk_in, audit_sampled, proposed_by, created_at, designated_on)"
            " values (:lg, :activity, :org, '農作業のお手伝い', 'agriculture_forestry', '', '', '',"
            " 'designated', true, 60, 'organiser', 'in_only', false, true, false, 'bench', :now,"
            " :day)"
        ),
        (
            "insert into activity_session (lg_code, id, activity_id, starts_at, ends_at, place, taken,"
            " state, published, overnight, poster_code, created_at)"
            " values (:lg, :session, :activity, :starts, :ends, '公民館', 0, 'open', true, false,"
            " :poster, :now)"
        ),
    ):
        connection.execute(text(statement), values)
    return values["session"], values["org"]


def _people(connection: Connection, keys: KeyStore, people: int, now: datetime) -> list[str]:
    kid, sign = keys.signer(use=KeyUse.CARD, lg_code=HIDA, now=now)
    expires = day_start(japan_day(now) + timedelta(days=200))
    rows, cards = [], []
    for number in range(people):
        card_id = token_bytes(10)
        cards.append(sign_card(CardCode(kid, HIDA, card_id, expires), sign))
        rows.append(
            {
                "person": uuid4(),
                "registration": uuid4(),
                "card": uuid4(),
                "ref": card_id.hex(),
                "number": f"{number:012X}"[-12:],
                "lg": HIDA,
                "now": now,
                "day": japan_day(now),
                "expires": japan_day(expires),
            }
        )
    for statement in (
        (
            "insert into account (id, kind, language, created_at)"
            " values (:person, 'person', 'ja', :now)"
        ),
        (
            "insert into person (id, nickname, identity_level, link_default, created_at)"
            " values (:person, '負荷', 'email', true, :now)"
        ),
        (
            "insert into registration (lg_code, id, person_id, tier, status, direct, derived,"
            " derived_from, link_opted_out, residence_relation, residence_related, member_number,"
            " registered_on, last_access_on, display_name, identity_level)"
            " values (:lg, :registration, :person, 'basic', 'active', true, false, '[]', false,"
            " 'unknown', false, :number, :day, :day, '負荷', 'email')"
        ),
        (
            "insert into card (lg_code, id, card_ref, registration_id, person_id, kind, issued_at,"
            " expires_on) values (:lg, :card, :ref, :registration, :person, 'paper', :now, :expires)"
        ),
    ):
        connection.execute(text(statement), rows)
    for table in ("registration", "card", "person", "account"):
        connection.execute(text(f"analyze {table}"))
    return cards


def request(stack: LocalStack, path: str, headers: Mapping[str, str], body: object) -> bytes:
    """A POST as it goes over the wire."""
    payload = json.dumps(body).encode()
    host = stack.base_url.removeprefix("http://")
    own = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\n{own}"
        f"Content-Type: application/json\r\nContent-Length: {len(payload)}\r\n\r\n"
    )
    return head.encode() + payload


def _request(stack: LocalStack, path: str, token: str, body: object) -> bytes:
    return request(stack, path, {"Authorization": f"Bearer {token}"}, body)


async def send(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sent: bytes
) -> tuple[int, bytes]:
    """Status and body of the answer."""
    writer.write(sent)
    await writer.drain()
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return int(head[9:12]), await reader.readexactly(length)


async def _drive(
    stack: LocalStack, requests: Sequence[Sequence[bytes]]
) -> tuple[float, list[float], int]:
    """Each list of requests on a connection of its own; seconds in all, each latency, failures."""
    port = int(stack.base_url.rsplit(":", 1)[1])
    latencies: list[float] = []
    failures = 0

    async def one(mine: Sequence[bytes]) -> None:
        nonlocal failures
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for sent in mine:
            began = time.perf_counter()
            status, body = await send(reader, writer, sent)
            latencies.append(time.perf_counter() - began)
            if status != DONE or b'"refused"' in body:
                failures += 1
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(one(mine) for mine in requests))
    return time.perf_counter() - began, latencies, failures


def single(stack: LocalStack, gate: Gate, cards: Sequence[str]) -> list[list[bytes]]:
    """One check-in a card, shared out to lanes."""
    path = f"/api/v1/device/sessions/{gate.session_id}/check-ins"
    lanes: list[list[bytes]] = [[] for _ in range(IN_FLIGHT)]
    for number, card in enumerate(cards):
        token = gate.tokens[number % len(gate.tokens)]
        body = {
            "scan_id": str(uuid4()),
            "code": card,
            "name_confirmed": True,
            "walk_in_confirmed": True,
        }
        lanes[number % IN_FLIGHT].append(_request(stack, path, token, body))
    return lanes


def _batches(stack: LocalStack, gate: Gate, cards: Sequence[str], lanes: int) -> list[list[bytes]]:
    path = "/api/v1/device/check-ins/batch"
    out: list[list[bytes]] = [[] for _ in range(lanes)]
    at = wall_now().isoformat()
    for number in range(0, len(cards), BATCH):
        lane = (number // BATCH) % lanes
        scans = [
            {
                "scan_id": str(uuid4()),
                "session_id": str(gate.session_id),
                "scanned_at": at,
                "offline": True,
                "offset_ms": 0,
                "code": card,
                "name_confirmed": True,
                "walk_in_confirmed": True,
            }
            for card in cards[number : number + BATCH]
        ]
        out[lane].append(_request(stack, path, gate.tokens[lane], {"scans": scans}))
    return out


def analyze(stack: LocalStack) -> None:
    """What autovacuum does within a minute of the first rush: statistics, and plans made from them."""
    with owner(stack.owner_url) as connection:
        connection.execute(text("analyze"))


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which that share of them lies."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


@dataclass(frozen=True, slots=True)
class Round:
    """One measured stretch: requests or scans a second, and each request's seconds."""

    rate: float
    latencies: Sequence[float]
    failures: int


def _round(stack: LocalStack, requests: Sequence[Sequence[bytes]], things: int) -> Round:
    seconds, latencies, failures = asyncio.run(_drive(stack, requests))
    return Round(things / seconds, latencies, failures)


def _shares(cards: Sequence[str], rounds: int) -> list[Sequence[str]]:
    each = len(cards) // rounds
    return [cards[number * each : (number + 1) * each] for number in range(rounds)]


def _middle(rounds: Sequence[Round], what: str) -> Round:
    """The round of the median rate: others use this machine too.

    Raises:
        RuntimeError: A request was refused: the figure would mean nothing.
    """
    failures = sum(one.failures for one in rounds)
    if failures:
        raise RuntimeError(f"{failures} {what} were refused")
    return sorted(rounds, key=lambda one: one.rate)[len(rounds) // 2]


def run(
    stack: LocalStack, *, singles: int = 3000, scans: int = 6000
) -> dict[str, dict[str, object]]:
    """Figures of single check-ins, of one scanner alone, and of offline uploads."""
    gate = prepare(stack, singles + scans + 1200)
    warm, alone, rest = gate.cards[:1000], gate.cards[1000:1200], gate.cards[1200:]
    asyncio.run(_drive(stack, single(stack, gate, warm)))
    analyze(stack)
    lane: list[bytes] = functools.reduce(operator.iadd, single(stack, gate, alone), [])
    one = _middle([_round(stack, [lane], len(alone))], "check-ins")
    rush = _middle(
        [
            _round(stack, single(stack, gate, cards), len(cards))
            for cards in _shares(rest[:singles], ROUNDS)
        ],
        "check-ins",
    )
    upload = _middle(
        [
            _round(stack, _batches(stack, gate, cards, 2), len(cards))
            for cards in _shares(rest[singles:], ROUNDS)
        ],
        "uploads",
    )
    p99 = percentile(rush.latencies, 0.99) * 1000
    return {
        "checkin_http": _figure(rush.rate, "check-ins/s", 300.0)
        | {
            "p50_ms": round(statistics.median(rush.latencies) * 1000, 1),
            "p99_ms": round(p99, 1),
            "in_flight": IN_FLIGHT,
            "times_pretix": round(rush.rate / PEER, 1),
        },
        "checkin_http_p99": _figure(p99, "ms", 250.0),
        "checkin_one_scanner_p50": _figure(statistics.median(one.latencies) * 1000, "ms", 5.0),
        "checkin_batch": _figure(upload.rate, "scans/s", 1000.0),
    }


def _figure(value: float, unit: str, limit: float) -> dict[str, object]:
    return {
        "value": round(value, 1),
        "unit": unit,
        "limit": limit,
        "ratio": round(value / limit, 2),
    }
