"""Local governments: finding one, and what its joining sets off (R01, R02)."""

import unicodedata
from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from core.access import Actor
from core.clock import japan_day
from core.db import working_for
from core.outbox import NoticeDraft, tell
from registry import queries
from registry.derived_links import Source, refresh_sources
from registry.models import LocalGovernment, PendingLink
from registry.rules.policy import PolicyBook

_HIRAGANA = {code: code + 0x60 for code in range(ord("ぁ"), ord("ゖ") + 1)}
MAX_PAGE = 200


def find(
    db: Session,
    *,
    text: str = "",
    prefecture_code: str | None = None,
    kind: str | None = None,
    states: Sequence[str] = (),
    after: str | None = None,
    limit: int = 50,
) -> Sequence[LocalGovernment]:
    """R01: local governments by name, reading or prefecture, in the order of their codes.

    Args:
        db: Any transaction.
        text: A part of the name (飛騨) or of its reading in either kana (ひだ, ヒダ).
        prefecture_code: Only inside this prefecture, itself included.
        kind: `municipality` or `prefecture`.
        states: Only these states of joining; all when empty.
        after: Code of the last one already seen.
        limit: At most so many rows, up to 200.
    """
    statement = (
        select(LocalGovernment).order_by(LocalGovernment.code).limit(min(limit, MAX_PAGE + 1))
    )
    if text.strip():
        statement = statement.where(_matches(text))
    if prefecture_code is not None:
        statement = statement.where(LocalGovernment.prefecture_code == prefecture_code)
    if kind is not None:
        statement = statement.where(LocalGovernment.kind == kind)
    if states:
        statement = statement.where(LocalGovernment.state.in_(states))
    if after is not None:
        statement = statement.where(LocalGovernment.code > after)
    return db.scalars(statement).all()


def _matches(text: str) -> ColumnElement[bool]:
    plain = unicodedata.normalize("NFKC", text).strip()
    reading = plain.translate(_HIRAGANA)
    return or_(
        LocalGovernment.name.contains(plain, autoescape=True),
        LocalGovernment.kana.contains(reading, autoescape=True),
        # 岐阜県飛騨市, as people write an address.
        (LocalGovernment.prefecture + LocalGovernment.name).contains(plain, autoescape=True),
    )


def wake_links(
    db: Session, *, actor: Actor, lg_code: str, as_of: date, now: datetime, book: PolicyBook
) -> dict[str, int]:
    """R02: a prefecture has joined: tell whoever waits, and link them from the next day on.

    The day between is the person's chance to opt out. Safe to repeat; the nightly job calls it
    for each prefecture that has waiting links.

    Args:
        db: A transaction of the prefecture (its own, or a job's).
        actor: Who or what acts.
        lg_code: The prefecture.
        as_of: The Japanese day to work for.
        now: The instant.
        book: The policy book.

    Returns:
        How many were `told` and how many `linked`.
    """
    counts = {"told": 0, "linked": 0}
    prefecture = queries.government(db, lg_code)
    if not queries.accepts(prefecture, book, as_of):
        return counts
    waiting = db.scalars(
        select(PendingLink)
        .where(PendingLink.lg_code == lg_code)
        .order_by(PendingLink.source_lg_code, PendingLink.person_id)
        .with_for_update(skip_locked=True)
    ).all()
    new = [link for link in waiting if link.told_at is None]
    _tell_joined(db, prefecture, new, now)
    counts["told"] = len({link.person_id for link in new})
    due = [link for link in waiting if link.told_at and japan_day(link.told_at) < as_of]
    for source in sorted({link.source_lg_code for link in due}):
        people = [link for link in due if link.source_lg_code == source]
        _link(db, actor, source, people, now, book)
        counts["linked"] += len(people)
    return counts


def _tell_joined(
    db: Session, prefecture: LocalGovernment, links: Sequence[PendingLink], now: datetime
) -> None:
    drafts = [
        NoticeDraft(
            person_id=person_id,
            kind="prefecture_joined",
            period_key=f"{prefecture.code}:{prefecture.joined_on or japan_day(now)}",
            lg_code=prefecture.code,
            facts={"prefecture": prefecture.name},
        )
        for person_id in sorted({link.person_id for link in links})
    ]
    tell(db, drafts, now=now)
    for link in links:
        link.told_at = now
    db.flush()


def _link(
    db: Session,
    actor: Actor,
    source_code: str,
    links: Sequence[PendingLink],
    now: datetime,
    book: PolicyBook,
) -> None:
    with working_for(db, source_code):
        sources = []
        for link in links:
            row = queries.registration_of(db, lg_code=source_code, person_id=link.person_id)
            if row is not None:
                sources.append(Source(row, queries.premium_until(queries.living_term(db, row))))
        refresh_sources(db, actor=actor, lg_code=source_code, sources=sources, now=now, book=book)
