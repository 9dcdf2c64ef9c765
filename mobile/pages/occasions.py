"""What pages say of one session: town, title, time, place; and of one's way to premium there."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from fastapi import Request
from sqlalchemy.orm import Session

from activities.models import Activity, ActivitySession
from activities.presence import poster_session
from activities.rates import unknown_codes
from core.access import Actor
from core.errors import NotFound, TooMany
from core.web import Platform, address_of
from mobile.pages.shell import PUBLIC
from registry import premium
from registry.evidence import Evidence
from registry.models import LocalGovernment
from registry.rules.policy import PolicyBook
from registry.rules.requirement import AllOf, Leaf, Measure, Tree

_POSTER: Final = re.compile(r"/[cC]/([^/?#]{1,40})")


@dataclass(frozen=True, slots=True)
class Occasion:
    """One session as a page shows it; instants are aware."""

    lg_code: str
    town: str
    activity_id: UUID
    title: str
    session_id: UUID
    starts_at: datetime
    ends_at: datetime
    where: str
    cancelled: bool
    asks_leaving: bool


@dataclass(frozen=True, slots=True)
class Way:
    """How far somebody is on the way to premium with one local government.

    `needed` is none where the requirement is more than a number of times.
    """

    lg_code: str
    town: str
    done: int
    needed: int | None
    premium: bool


def town_name(government: LocalGovernment) -> str:
    """岐阜県飛騨市, or 岐阜県 for the prefecture itself."""
    if government.kind == "prefecture":
        return government.name
    return f"{government.prefecture}{government.name}"


def occasion_in(db: Session, session: ActivitySession) -> Occasion:
    """A published session with its activity and town.

    Raises:
        NotFound: Its activity is not published (any more).
    """
    activity = db.get(Activity, (session.lg_code, session.activity_id))
    if activity is None:
        raise NotFound(code="not_found")
    return Occasion(
        lg_code=session.lg_code,
        town=town_name(db.get_one(LocalGovernment, session.lg_code)),
        activity_id=activity.id,
        title=activity.title,
        session_id=session.id,
        starts_at=session.starts_at,
        ends_at=session.ends_at,
        where=session.place,
        cancelled=session.state == "cancelled",
        asks_leaving=activity.attendance_mode == "in_and_out",
    )


def asked_poster(request: Request, platform: Platform, code: str) -> Occasion:
    """What a printed poster stands for, to whoever asks; nobody tries codes one after another.

    Raises:
        NotFound: No published session has this code.
        TooMany: Too many codes that nobody knows came from this network address.
    """
    limit, asker, now = unknown_codes(platform.settings), address_of(request), platform.clock.now()
    platform.limiter.look(limit, asker, now=now)
    try:
        _, session = poster_session(platform.database, code)
    except NotFound:
        platform.limiter.take(limit, asker, now=now)
        raise
    with platform.database.transaction(PUBLIC) as db:
        return occasion_in(db, session)


def poster_of(
    request: Request, platform: Platform, back_to: str
) -> tuple[str, str, Occasion] | None:
    """Code, scan id and session of the poster that a path leads back to; None for other paths."""
    parts = urlsplit(back_to)
    found = _POSTER.fullmatch(parts.path)
    if found is None:
        return None
    try:
        occasion = asked_poster(request, platform, found[1])
    except (NotFound, TooMany):
        return None
    return found[1], parse_qs(parts.query).get("scan", [""])[0], occasion


def count_needed(tree: Tree) -> int | None:
    """How many times a requirement asks for, where that is (a part of) what it asks."""
    if isinstance(tree, Leaf):
        return tree.amount if tree.measure is Measure.COUNT else None
    if isinstance(tree, AllOf):
        found = [count_needed(part) for part in tree.parts]
        return max((one for one in found if one is not None), default=None)
    return None


def way_to_premium(
    db: Session,
    *,
    actor: Actor,
    government: LocalGovernment,
    now: datetime,
    book: PolicyBook,
    evidence: Evidence,
) -> Way:
    """R07, C46: what is there and what is asked, by the same code that judges.

    Raises:
        NotFound: The person is not registered there.
    """
    found = premium.missing(
        db, actor=actor, lg_code=government.code, now=now, book=book, evidence=evidence
    )
    return Way(
        lg_code=government.code,
        town=town_name(government),
        done=found.shown.count,
        needed=count_needed(found.asked),
        premium=found.term is not None,
    )
