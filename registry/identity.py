"""R12: the identity check with the My Number card, from the first click to what is stored.

Levels. A visit that used the signing certificate (scope `sign`) gives `mnc_sign`, one with the
authentication certificate and its facts `mnc_user` (券面事項). Premium needs `mnc_sign`, and from
children, who have no signing certificate, `mnc_user`. A first check therefore asks for the
signature unless the person's own year of birth says that they are too young; whoever turns out
to be older than they said has `mnc_user` only, and is told that it does not suffice. A renewal
asks for the address only and never lowers a level; a guardian shows name and birth date.

Order. The attempt is claimed and committed first, so that it is used once whatever follows; the
provider is asked outside any transaction, so that its slowness holds nothing (P12); the result
is stored in a second transaction. The provider's subject is kept as a blind index only, unique
over the platform: one subject belongs to one account, and accounts are never merged (P23).

Two times: `now` is the scheme's (a rehearsal sets it), `at` is protocol time, which the
provider shares.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import httpx
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core import audit
from core.access import Actor
from core.clock import japan_day
from core.db import Context, Database
from core.errors import DomainError, Invalid, NotFound, Refused, invalid, refused
from core.ids import new_id
from core.limits import too_many
from registry import guardians, identity_lapse, idp, people, queries
from registry.addresses import locate
from registry.idp_checks import ATTEMPT_LIFETIME, refusal
from registry.models import IdentityAttempt, IdentityLink, LocalGovernment, Person
from registry.residence import change_residence
from registry.rules.facts import IdentityLevel
from registry.rules.minors import age_on
from registry.rules.policy import PolicyBook

PURPOSES = ("premium", "renewal", "guardian")
_SCOPES: Mapping[str, tuple[str, ...]] = {
    "renewal": idp.RENEWAL_SCOPES,
    "guardian": idp.GUARDIAN_SCOPES,
}
_LONGEST_PATH = 300
#: Visits one sign-in may begin within ten minutes, and how many of them at once.
WINDOW, MOST_VISITS, MOST_OPEN = timedelta(minutes=10), 10, 3


def own_path(path: str) -> str:
    """Where the browser goes afterwards: a path of ours, never another site.

    Raises:
        Invalid: It is an address elsewhere, or too long.
    """
    safe = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    if not safe or "\\" in path or len(path) > _LONGEST_PATH:
        raise invalid("next_path", field="next")
    return path


#: The provider's word for a card whose certificate no longer holds.
REVOKED = "certificate_revoked"


@dataclass(frozen=True, slots=True)
class Started:
    """An attempt that begins, and where to send the browser."""

    attempt_id: UUID
    url: str
    expires_at: datetime


def start_attempt(
    db: Session,
    *,
    actor: Actor,
    purpose: str,
    session_hash: str,
    provider: idp.ProviderConfig,
    now: datetime,
    at: datetime,
    book: PolicyBook,
    next_path: str = "/",
    guardianship_id: UUID | None = None,
) -> Started:
    """R12: begin one visit to the provider: single use, ten minutes, bound to this sign-in.

    Args:
        db: A transaction of the person.
        actor: The person.
        purpose: `premium` (all facts), `renewal` (address), `guardian` (name and birth date).
        session_hash: Of the sign-in; the callback must come with the same.
        provider: From `identity_provider`.
        now: The instant of the scheme.
        at: Protocol time.
        book: The policy book.
        next_path: Where the browser goes afterwards.
        guardianship_id: For a guardian: the consent it is for (the door has looked it up).

    Raises:
        NotFound: The person has no profile.
        Invalid: An unknown purpose, a guardian's without consent, or a path elsewhere.
        TooMany: Ten visits within ten minutes from one sign-in, or three that are still open.
    """
    person = queries.person(db, actor.person_id)
    if purpose not in PURPOSES or (purpose == "guardian") != (guardianship_id is not None):
        raise invalid("validation", field="purpose", found=purpose)
    _limit(db, session_hash, at)
    begun = idp.begin(provider, _scopes(person, purpose, now, book), now=at)
    row = IdentityAttempt(
        id=new_id(),
        person_id=person.id,
        session_hash=session_hash,
        purpose=purpose,
        guardianship_id=guardianship_id,
        state_hash=idp.digest_of_state(begun.state),
        nonce=begun.nonce,
        verifier=begun.verifier,
        scopes=" ".join(begun.scopes),
        next_path=own_path(next_path),
        created_at=at,
        expires_at=at + ATTEMPT_LIFETIME,
    )
    db.add(row)
    db.flush()
    _record(db, actor, "identity.start", row.id, now, purpose)
    return Started(row.id, begun.url, row.expires_at)


def _limit(db: Session, session_hash: str, at: datetime) -> None:
    """Visits of one sign-in, counted where losing Valkey resets nothing."""
    made = IdentityAttempt.session_hash == session_hash
    begun, still_open = db.execute(
        select(
            func.count(),
            func.count().filter(IdentityAttempt.used_at.is_(None), IdentityAttempt.expires_at > at),
        ).where(made, IdentityAttempt.created_at > at - WINDOW)
    ).one()
    if begun >= MOST_VISITS or still_open >= MOST_OPEN:
        raise too_many(WINDOW)


def _scopes(person: Person, purpose: str, now: datetime, book: PolicyBook) -> tuple[str, ...]:
    """R12: what the purpose needs, and no more; children are not asked for a signature."""
    if purpose in _SCOPES:
        return _SCOPES[purpose]
    today = japan_day(now)
    born = queries.birth_of(person)
    under = book.on("idv.level.young_under", today).value
    young = born is not None and born <= today and age_on(born, today) < under
    return idp.PREMIUM_YOUNG_SCOPES if young else idp.PREMIUM_SCOPES


@dataclass(frozen=True, slots=True)
class Claimed:
    """An attempt this browser session owns, taken out of use for good."""

    attempt_id: UUID
    purpose: str
    guardianship_id: UUID | None
    next_path: str
    kept: idp.KeptAttempt


def claim_attempt(
    db: Session,
    *,
    actor: Actor,
    callback: idp.Callback,
    session_hash: str,
    at: datetime,
) -> Claimed | None:
    """Mark the attempt of a callback as used, whatever comes of it; None when it is not ours.

    Another person's attempt cannot be seen, another session's is not taken (P23).
    """
    row = db.scalars(
        select(IdentityAttempt)
        .where(
            IdentityAttempt.state_hash == (callback.state_hash or ""),
            IdentityAttempt.session_hash == session_hash,
            IdentityAttempt.person_id == actor.person_id,
        )
        .with_for_update()
    ).one_or_none()
    if row is None:
        return None
    kept = idp.KeptAttempt(
        state_hash=row.state_hash,
        nonce=row.nonce,
        verifier=row.verifier,
        scopes=tuple(row.scopes.split()),
        begun_at=row.created_at,
        used_at=row.used_at,
    )
    row.used_at = row.used_at or at
    return Claimed(row.id, row.purpose, row.guardianship_id, row.next_path, kept)


def finish_attempt(
    database: Database,
    context: Context,
    *,
    actor: Actor,
    callback: idp.Callback,
    session_hash: str,
    provider: idp.ProviderConfig,
    secret: str,
    now: datetime,
    at: datetime,
    book: PolicyBook,
) -> Claimed:
    """R12: from the callback to the stored result, in two transactions around the exchange.

    A guardian's consent itself is made living by `guardians.verify`, in the minor's context.

    Args:
        database: Both transactions are opened here.
        context: The person's.
        actor: The person.
        callback: As the browser brought it.
        session_hash: Of the sign-in it came with.
        provider: From `identity_provider`.
        secret: The platform's, for the blind index.
        now: The instant of the scheme.
        at: Protocol time.
        book: The policy book.

    Raises:
        IdentityRefused: Nobody was verified (P23: the 44 bad answers).
        Refused: `subject_taken`: the card belongs to another account; `subject_changed`: this
            account was verified with another card; `guardian_is_minor`.
    """
    with database.transaction(context) as db:
        claimed = claim_attempt(
            db, actor=actor, callback=callback, session_hash=session_hash, at=at
        )
        person = queries.person(db, actor.person_id)
        known = person.birth_date if person.identity_checked_at is not None else None
    try:
        with httpx.Client(trust_env=False) as http:
            verified = idp.finish(
                provider,
                http,
                callback=callback,
                attempt=None if claimed is None else claimed.kept,
                now=at,
                today=japan_day(now),
                known_birth_date=known,
            )
        if claimed is None:
            raise refusal("attempt_unknown")
        with database.transaction(context) as db:
            store(
                db,
                actor=actor,
                claimed=claimed,
                verified=verified,
                issuer=provider.issuer,
                secret=secret,
                now=now,
                book=book,
            )
    except (Refused, Invalid) as error:
        # A second use must not overwrite what the first one came to.
        if claimed is not None and claimed.kept.used_at is None:
            with database.transaction(context) as db:
                _close(db, actor, claimed.attempt_id, error, now)
                if error.code == REVOKED and claimed.purpose != "guardian":
                    _lapse(db, actor, now, book)
        raise
    return claimed


def store(
    db: Session,
    *,
    actor: Actor,
    claimed: Claimed,
    verified: idp.VerifiedIdentity,
    issuer: str,
    secret: str,
    now: datetime,
    book: PolicyBook,
) -> None:
    """R12, R16, R18, R25: level and time, the link, the facts taken, and the copies bodies hold."""
    person = queries.person(db, actor.person_id, lock=True)
    facts = verified.facts
    if claimed.purpose == "guardian":
        guardians.require_adult(facts.birth_date, today=japan_day(now), book=book)
    level = max(IdentityLevel(person.identity_level), verified.level)
    _link(db, person, idp.blind_index(secret.encode(), verified.subject), level, issuer, now)
    person.identity_level, person.identity_checked_at = level.value, now
    person.identity_lapsed_on = None
    if facts.name is not None:
        person.name = facts.name
    if facts.birth_date is not None:
        person.birth_date, person.birth_year = facts.birth_date, facts.birth_date.year
    if facts.address is not None:
        person.address = facts.address
    db.flush()
    people.refresh_copies(db, person=person, now=now, book=book)
    if facts.address is not None:
        code = locate(facts.address, _governments(db))
        if code is not None:
            change_residence(db, actor=actor, code=code, verified=True, now=now, book=book)
    _result(db, claimed.attempt_id, verified.level.value)
    _record(
        db,
        actor,
        "identity.verified",
        claimed.attempt_id,
        now,
        claimed.purpose,
        fields=[name for name in facts.__slots__ if getattr(facts, name) is not None],
    )


def _link(
    db: Session, person: Person, index: str, level: IdentityLevel, issuer: str, now: datetime
) -> None:
    """One subject, one account: the unique index decides, whoever races (P23)."""
    db.execute(
        insert(IdentityLink)
        .values(
            person_id=person.id,
            subject_index=index,
            issuer=issuer,
            level=level.value,
            checked_at=now,
        )
        .on_conflict_do_nothing()
    )
    own = db.get(IdentityLink, person.id, populate_existing=True)
    if own is None:
        raise refused("subject_taken", rule="R12", action="ask_support")
    if own.subject_index != index:
        raise refused("subject_changed", rule="R12", action="ask_support")
    own.level, own.checked_at, own.issuer = level.value, now, issuer


def _governments(db: Session) -> list[tuple[str, str, str]]:
    found = db.execute(
        select(LocalGovernment.code, LocalGovernment.prefecture, LocalGovernment.name)
    )
    return [(code, prefecture, name) for code, prefecture, name in found]


def _close(db: Session, actor: Actor, attempt_id: UUID, error: DomainError, now: datetime) -> None:
    _result(db, attempt_id, error.code)
    _record(db, actor, "identity.refused", attempt_id, now, error.code, outcome="refused")


def _lapse(db: Session, actor: Actor, now: datetime, book: PolicyBook) -> None:
    """R12: the certificate once shown is revoked (a move does that); the days of grace begin.

    They begin once: another look at the same card gives no new ones.
    """
    person = queries.person(db, actor.person_id, lock=True)
    if (
        person.identity_lapsed_on is None
        and IdentityLevel(person.identity_level) > IdentityLevel.EMAIL
    ):
        identity_lapse.lapse_identity(
            db, actor=actor, person_id=person.id, lapsed_on=japan_day(now), now=now, book=book
        )


def _result(db: Session, attempt_id: UUID, result: str) -> None:
    """The end of an attempt; its one-time secrets have no use any more and go."""
    db.execute(
        update(IdentityAttempt)
        .where(IdentityAttempt.id == attempt_id)
        .values(result=result[:40], nonce="", verifier="")
    )


def attempt_of(db: Session, *, actor: Actor, attempt_id: UUID) -> IdentityAttempt:
    """One's own attempt, to read how it ended.

    Raises:
        NotFound: There is none of this person.
    """
    row = db.get(IdentityAttempt, attempt_id)
    if row is None or row.person_id != actor.person_id:
        raise NotFound(code="not_found")
    return row


def _record(
    db: Session,
    actor: Actor,
    action: str,
    attempt_id: UUID,
    now: datetime,
    purpose: str,
    *,
    outcome: str = "done",
    fields: list[str] | None = None,
) -> None:
    audit.record(
        db,
        actor=actor,
        action=action,
        subject=("identity_attempt", attempt_id),
        now=now,
        person_id=actor.person_id,
        purpose=purpose,
        outcome=outcome,
        fields=fields,
    )
