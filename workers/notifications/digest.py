"""Who gets one mail a day, and what stands in it (R05)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from core.texts import Texts
from registry.rules.digest import digest_at, takes_digest
from registry.rules.policy import Policy

KIND = "digest"
HINT = "push_hint"
#: Kinds that people need at once: they keep no quiet hours (R23) and join no digest.
URGENT_PREFIX = "safety"


@dataclass(frozen=True, slots=True)
class Sorted:
    """A batch, sorted: letters of one or more deliveries each, and what waits until an instant."""

    letters: Sequence[Sequence[Row[Any]]]
    waiting: Mapping[UUID, datetime]


def readers(db: Session, people: Sequence[UUID], policy: Policy) -> frozenset[UUID]:
    """R05: those of these people who are registered with more places than the soft limit."""
    found = db.execute(
        text("select person_id, found from furusato_counted(:people)"), {"people": list(people)}
    )
    return frozenset(row.person_id for row in found if takes_digest(row.found, policy))


def sort(
    rows: Sequence[Row[Any]],
    digest_readers: frozenset[UUID],
    texts: Texts,
    policy: Policy,
    now: datetime,
) -> Sorted:
    """R05: each delivery by itself, or with all others that the reader's digest of today holds.

    A delivery waits for the first digest after its notice, never for a later one, so a try that
    failed is not put off by a day. What is wanted at once never waits.
    """
    letters: dict[tuple[Any, ...], list[Row[Any]]] = {}
    waiting: dict[UUID, datetime] = {}
    for row in rows:
        at_once = row.kind.startswith(URGENT_PREFIX) or texts.is_at_once(row.kind)
        if at_once or row.person_id not in digest_readers:
            letters[(row.id,)] = [row]
            continue
        leaves_at = digest_at(row.created_at, policy)
        if now < leaves_at:
            waiting[row.id] = leaves_at
        else:
            letters.setdefault((row.person_id, row.channel), []).append(row)
    return Sorted(list(letters.values()), waiting)


def words(letter: Sequence[Row[Any]], texts: Texts) -> tuple[str, str]:
    """Title and body of a letter in its reader's language."""
    told = [texts.notice_text(row.language, row.kind, row.facts) for row in letter]
    if len(told) == 1:
        return told[0]
    title, intro = texts.notice_text(letter[0].language, KIND, {"found": len(told)})
    return title, "\n\n".join([intro, *(f"■ {head}\n{body}" for head, body in told)])


def hint(letter: Sequence[Row[Any]], texts: Texts) -> tuple[str, str]:
    """R23: what a locked screen may show: that there is something, and nothing of the person."""
    return texts.notice_text(letter[0].language, HINT, {"reason": letter[0].kind})
