"""R19: presence is proved. Gather in one statement, decide with the rule, apply in one statement.

Every attempt is stored whatever its result; the same scan id gets the first answer. A single
scan, a person at a poster, a roster and a device's upload of a day without signal all come
through `check_in`; the busy door (`activities.hot`) runs the same three steps asynchronously.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import text
from sqlalchemy.orm import Session

from activities.checkin_facts import HELD, Attempt, Progress, Row, corrected_at, facts_of
from activities.checkin_sql import APPLY, GATHER
from activities.rules.attendance import minutes_changed
from activities.rules.checkin import (
    CheckinFacts,
    Direction,
    Method,
    Outcome,
    OutcomeKind,
    judge,
)
from activities.scans import ASSURANCE, Answer, Reading, Scan, Source, read
from core.clock import japan_day
from core.errors import Conflict
from core.ids import new_id
from core.outbox import NoticeDraft
from qr.signatures import KeyRing
from registry.rules.counting import overnight_counts_next_day
from registry.rules.policy import Policy
from registry.rules.requirement import Leaf, Measure

Policies = Callable[[date], Policy]
#: By source and scan id.
Answers = dict[tuple[str, str], Answer]


class ScanRaceError(Conflict):
    """The same scan arrived twice at once; the transaction is rolled back and done again."""


def read_all(
    attempts: Sequence[Attempt], *, lg_code: str, ring: KeyRing, policy: Policy
) -> tuple[Reading, ...]:
    """Verify every code, outside any transaction."""
    rotate_s = policy.integer("checkin.rotate_s")
    tolerance = policy.integer("checkin.step_tolerance")
    return tuple(
        read(
            one.scan,
            lg_code=lg_code,
            ring=ring,
            at=corrected_at(one.scan),
            rotate_s=rotate_s,
            tolerance=tolerance,
        )
        for one in attempts
    )


def gather_items(attempts: Sequence[Attempt], readings: Sequence[Reading]) -> str:
    """The JSON that `GATHER` takes."""
    return json.dumps(
        [
            {
                "n": n,
                "source": one.source.label,
                "scan_id": str(one.scan.scan_id),
                "session_id": _text(reading.session_id),
                "card_ref": reading.card_ref,
                "member_number": reading.member_number,
                "person_id": _text(one.scan.person_id),
                "code_hash": reading.code_hash,
                "roster": reading.method is Method.ROSTER,
            }
            for n, (one, reading) in enumerate(zip(attempts, readings, strict=True))
        ]
    )


def decide(
    attempts: Sequence[Attempt],
    readings: Sequence[Reading],
    rows: Sequence[Row],
    *,
    policies: Policies,
) -> tuple[Answers, str]:
    """Judge each scan in the order it was made; returns known answers and what `APPLY` takes."""
    progress = Progress()
    known: Answers = {}
    items: list[dict[str, Any]] = []
    order = sorted(range(len(attempts)), key=lambda n: (corrected_at(attempts[n].scan), n))
    seen: set[tuple[str, str]] = set()
    for n in order:
        one, reading, row = attempts[n], readings[n], rows[n]
        if one.key in seen:
            continue
        seen.add(one.key)
        if row["prior"] is not None:
            known[one.key] = answer_from(one.scan.scan_id, row["prior"], repeated=True)
            continue
        facts = facts_of(one, reading, row, progress)
        outcome = judge(facts, policies(_session_day(row, one.received_at)))
        _note(progress, one.scan, reading, row, outcome)
        item = _item(n, one, reading, row, facts, outcome, policies)
        item["minutes"] = _minutes(progress, row, facts, outcome)
        _settle_minutes(progress, row, item)
        items.append(item)
    return known, json.dumps(items)


def answer_from(scan_id: UUID, body: Mapping[str, Any], *, repeated: bool = False) -> Answer:
    """An answer from its stored JSON."""
    return Answer(
        scan_id=scan_id,
        outcome=str(body["outcome"]),
        reason=str(body["reason"]),
        counted=bool(body["counted"]),
        body=body,
        repeated=repeated,
    )


def check_in(
    db: Session,
    *,
    lg_code: str,
    scans: Sequence[Scan],
    source: Source,
    ring: KeyRing,
    policies: Policies,
    now: datetime,
) -> list[Answer]:
    """Judge and store scans of one local government; one answer a scan, in their order.

    Args:
        db: A transaction in the context of that local government.
        lg_code: The local government.
        scans: At least one.
        source: Who scans.
        ring: Keys known here.
        policies: The body's numbers on a day.
        now: When they were received.

    Raises:
        ScanRaceError: Another request stored one of these scans meanwhile; try again.
    """
    attempts = [Attempt(scan, source, now) for scan in scans]
    readings = read_all(attempts, lg_code=lg_code, ring=ring, policy=policies(japan_day(now)))
    gathered = db.execute(
        text(GATHER), {"items": gather_items(attempts, readings), "lg_code": lg_code}
    )
    rows: list[Row] = [row._mapping for row in gathered]  # noqa: SLF001 (SQLAlchemy's public name)
    known, items = decide(attempts, readings, rows, policies=policies)
    stored = db.execute(text(APPLY), {"items": items, "lg_code": lg_code}).mappings().all()
    return merge(attempts, known, items, stored)


def merge(
    attempts: Sequence[Attempt], known: Answers, items: str, stored: Sequence[Row]
) -> list[Answer]:
    """One answer a scan, in the order given; `stored` is what `APPLY` returned.

    The same scan id twice in one statement is one scan: the second is told so.

    Raises:
        ScanRaceError: As `check_in`.
    """
    if len(stored) < len(json.loads(items)):
        raise ScanRaceError(code="busy")
    answers = known | {
        (row["source"], str(row["scan_id"])): answer_from(row["scan_id"], row["answer"])
        for row in stored
    }
    merged: list[Answer] = []
    told: set[tuple[str, str]] = set()
    for one in attempts:
        answer = answers[one.key]
        merged.append(replace(answer, repeated=answer.repeated or one.key in told))
        told.add(one.key)
    return merged


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _session_day(row: Row, now: datetime) -> date:
    return japan_day(row["starts_at"] or now)


def _note(progress: Progress, scan: Scan, reading: Reading, row: Row, outcome: Outcome) -> None:
    """Remember an accepted scan for those after it in the same upload."""
    if outcome.kind is not OutcomeKind.ACCEPTED:
        return
    person, session = row["person_id"], row["session_id"]
    if scan.direction is Direction.OUT:
        progress.gone.add((person, session))
        return
    progress.arrived[person, session] = outcome.scanned_at
    if outcome.counts:
        progress.counted.add((person, outcome.day))
    if reading.code_hash is not None:
        progress.codes.add(reading.code_hash)
    if row["sign_up"] not in HELD:
        progress.walk_ins[session] = progress.walk_ins.get(session, 0) + 1


def _item(
    n: int,
    one: Attempt,
    reading: Reading,
    row: Row,
    facts: CheckinFacts,
    outcome: Outcome,
    policies: Policies,
) -> dict[str, Any]:
    scan, source = one.scan, one.source
    accepted = outcome.kind is OutcomeKind.ACCEPTED
    entering = accepted and scan.direction is Direction.IN
    item: dict[str, Any] = {
        "n": n,
        "source": source.label,
        "scan_id": str(scan.scan_id),
        "session_id": _text(row["session_id"]),
        "activity_id": _text(row["activity_id"]),
        "person_id": _text(row["person_id"]),
        "registration_id": _text(row["registration_id"]),
        "method": reading.method.value,
        "direction": scan.direction.value,
        "code_hash": reading.code_hash,
        "outcome": outcome.kind.value,
        "reason": outcome.code,
        "counts": outcome.counts and entering,
        "provisional": outcome.provisional,
        "offline": scan.offline,
        "assurance": ASSURANCE[reading.method],
        "sequence": scan.sequence,
        "scanned_at": outcome.scanned_at.isoformat(),
        "device_at": scan.scanned_at.isoformat(),
        "offset_ms": scan.offset_ms,
        "offset_method": scan.offset_method,
        "received_at": one.received_at.isoformat(),
        "check_in_id": str(new_id()) if accepted else None,
        "participation_id": str(new_id()) if entering else None,
        "day": outcome.day.isoformat(),
        "minutes_minimum": row["minutes_minimum"],
        "count_cap": row["count_cap"],
        "overnight": _overnight(facts, policies(outcome.day)),
        "category": row["category"],
        "walk_in": entering and row["sign_up"] not in HELD,
        "placed": entering and row["sign_up"] != "taken",
        "sign_up_id": str(new_id()),
        "audit_id": str(new_id()),
        "actor": source.actor,
        "request_id": source.request_id,
        "answer": _answer_body(scan, row, outcome),
    }
    return item | _reach_notice(row, outcome, policies, entering=entering)


def _minutes(progress: Progress, row: Row, facts: CheckinFacts, outcome: Outcome) -> int | None:
    """C31: the minutes of an arrival, or what leaving makes of them; None leaves them alone."""
    if outcome.kind is not OutcomeKind.ACCEPTED:
        return None
    came = row["arrived_at"] or progress.arrived[row["person_id"], row["session_id"]]
    span = (facts.session.starts_at, facts.session.ends_at)
    left_at = outcome.scanned_at if facts.direction is Direction.OUT else None
    return minutes_changed(row["attendance_mode"], span, arrived_at=came, left_at=left_at)


def _settle_minutes(progress: Progress, row: Row, item: dict[str, Any]) -> None:
    """C31: an arrival that is written by the same statement learns when the person left."""
    place = row["person_id"], row["session_id"]
    if item["participation_id"] is not None:
        progress.entries[place] = item
    elif item["minutes"] is not None and place in progress.entries:
        progress.entries[place]["minutes"] = item["minutes"]


def _overnight(facts: CheckinFacts, policy: Policy) -> bool:
    return overnight_counts_next_day(
        facts.session.starts_at, facts.session.ends_at, policy.number("count.overnight_hours")
    )


def _answer_body(scan: Scan, row: Row, outcome: Outcome) -> dict[str, Any]:
    return {
        "scan_id": str(scan.scan_id),
        "direction": scan.direction.value,
        "session_id": _text(row["session_id"]),
        "activity": row["title"],
        "day": outcome.day.isoformat(),
        "scanned_at": outcome.scanned_at.isoformat(),
        "provisional": outcome.provisional,
        "late": outcome.late,
        "investigate": outcome.investigate,
        "problems": [reason.to_json() for reason in outcome.reasons],
        "notes": list(outcome.notes),
    }


def _reach_notice(
    row: Row, outcome: Outcome, policies: Policies, *, entering: bool
) -> dict[str, Any]:
    """A notice is due when this presence makes the national base of the requirement (R07)."""
    if not (entering and outcome.counts and row["tier"] == "basic"):
        return {"notice_id": None}
    base = policies(outcome.day).tree("premium.rule")
    needed = base.amount if isinstance(base, Leaf) and base.measure is Measure.COUNT else None
    if needed is None or row["counted_in_year"] + 1 != needed:
        return {"notice_id": None}
    draft = NoticeDraft(
        person_id=row["person_id"],
        kind="premium_within_reach",
        period_key=f"{row['registration_id']}:{outcome.day.isoformat()}",
    )
    return {
        "notice_id": str(draft.id),
        "delivery_id": str(uuid5(draft.id, "mail")),
        "notice_key": draft.period_key,
        "notice_facts": {"count": needed},
    }
