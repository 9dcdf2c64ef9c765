"""What pages and API do for a member of one's family, by the usual use cases (R18)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from fastapi import Request
from sqlalchemy import select

from activities import signup
from activities.api_checkin import own_scan, presence_of
from activities.models import ScanAttempt, SignUp
from activities.presence import run, source_for
from activities.scans import Answer
from activities.schemas_checkin import OwnCheckIn
from core.access import Actor
from core.clock import japan_day
from core.db import Database
from core.web import Platform
from registry import families, guardians, queries, registration
from registry.doors import GATE, as_body, as_person
from registry.models import Guardianship, Person
from registry.rules.families import FamilyAct, Tie, may_act
from registry.rules.policy import PolicyBook


@dataclass(frozen=True, slots=True)
class Kin:
    """Somebody in whose name one may act: how they are called, and under which tie."""

    name: str
    tie: Guardianship
    actor: Actor

    @property
    def is_child(self) -> bool:
        """A managed child, not somebody helped."""
        return self.tie.scope == Tie.MANAGED


def kin_of(platform: Platform, actor: Actor) -> list[Kin]:
    """Everybody in whose name somebody may act today; for most people nobody."""
    with platform.database.transaction(GATE) as db:
        rows = guardians.spoken_for(db, actor=actor)
    today = japan_day(platform.clock.now())
    found = []
    for row in families.holding(rows, today):
        acting = families.acting_for(actor, row)
        found.append(Kin(families.name_of(platform, acting), row, acting))
    return found


def one_of_kin(platform: Platform, actor: Actor, tie_id: UUID, act: FamilyAct) -> Kin:
    """Somebody in whose name one may do this.

    Raises:
        NotFound, Refused: As `families.in_name_of`.
    """
    acting, row = families.in_name_of(platform, actor, tie_id, act, now=platform.clock.now())
    return Kin(families.name_of(platform, acting), row, acting)


def keeper_with_room(platform: Platform, actor: Actor, book: PolicyBook) -> families.Keeper:
    """R18: whoever registers a young child, an adult with room for one more.

    Raises:
        Refused, Conflict: As `families.keeper_of` and `families.require_room`.
    """
    with platform.database.transaction(as_person(actor)) as db:
        keeper = families.keeper_of(db, actor=actor, now=platform.clock.now(), book=book)
    with platform.database.transaction(GATE) as db:
        families.require_room(db, actor=actor)
    return keeper


def may(kin: Kin, act: FamilyAct, now: datetime) -> bool:
    """Whether the tie lets one do this today."""
    tie = kin.tie
    return may_act(tie.scope, tie.state, act, japan_day(now), until=tie.until) is None


def join_on_the_way(
    platform: Platform, book: PolicyBook, kin: Kin, lg_code: str, now: datetime
) -> None:
    """R03: a managed child is registered where it takes part; somebody helped registers themselves."""
    if not may(kin, FamilyAct.REGISTER, now):
        return
    with platform.database.transaction(as_person(kin.actor)) as db:
        row = queries.registration_of(db, lg_code=lg_code, person_id=kin.actor.person_id)
        if row is None or row.status != "active":
            registration.register(db, actor=kin.actor, lg_code=lg_code, now=now, book=book)


def engagements_of(database: Database, kin: Kin, now: datetime) -> tuple[signup.Engagement, ...]:
    """What somebody has promised elsewhere, in their own context (C34)."""
    with database.transaction(as_person(kin.actor)) as db:
        return signup.engagements(db, person_id=kin.actor.person_id, now=now)


def sign_ups_of(
    platform: Platform, kin: Kin, lg_code: str, session_ids: list[UUID]
) -> dict[UUID, SignUp]:
    """The sign-ups of a member of the family for some sessions, by session."""
    with platform.database.transaction(as_person(kin.actor)) as db:
        rows = db.scalars(
            select(SignUp).where(
                SignUp.lg_code == lg_code,
                SignUp.person_id == kin.actor.person_id,
                SignUp.session_id.in_(session_ids),
            )
        )
        return {row.session_id: row for row in rows}


# --- checking in together -------------------------------------------------------------------------


def scan_of(scan_id: UUID, tie: Guardianship) -> UUID:
    """The scan id of a member of the family, made from the one of the form: a repeat repeats all."""
    return uuid5(scan_id, str(tie.id))


def check_in(
    request: Request, platform: Platform, book: PolicyBook, kin: Kin, given: OwnCheckIn
) -> Answer:
    """R19, F15: one code, read once; each member of the family gets an attendance of their own.

    Raises:
        NotFound: The code names no place we know.
        Refused, Conflict: A child could not be registered on the way.
    """
    now = platform.clock.now()
    own = given.model_copy(update={"scan_id": scan_of(given.scan_id, kin.tie)})
    lg_code, scan = own_scan(platform, kin.actor, own)
    join_on_the_way(platform, book, kin, lg_code, now)
    (answer,) = run(
        platform.database,
        as_body(kin.actor, lg_code),
        presence_of(request),
        scans=[scan],
        source=source_for(kin.actor),
        now=now,
    )
    return answer


def answers_of(
    platform: Platform, actor: Actor, lg_code: str, scan_id: UUID
) -> list[dict[str, Any]]:
    """What became of those who checked in together under one scan, by name."""
    found = []
    for kin in kin_of(platform, actor):
        with platform.database.transaction(as_person(kin.actor)) as db:
            attempt = db.get(ScanAttempt, (lg_code, actor.label, scan_of(scan_id, kin.tie)))
        if attempt is not None:
            found.append(
                {
                    "name": kin.name,
                    "outcome": attempt.outcome,
                    "reasons": attempt.answer.get("problems", []),
                }
            )
    return found


def person_of(platform: Platform, kin: Kin) -> Person:
    """The profile of a member of the family."""
    with platform.database.transaction(as_person(kin.actor)) as db:
        return queries.person(db, kin.actor.person_id)
