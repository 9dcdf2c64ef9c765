"""R16: where somebody lives, and what moving does to each registration."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import audit
from core.access import Actor
from core.clock import japan_day
from core.errors import invalid
from core.outbox import NoticeDraft, tell
from registry import queries
from registry.derived_links import derived_state
from registry.ending import end_premium
from registry.events import add_event
from registry.models import LocalGovernment, Person, Registration
from registry.rules.facts import BodyKind, Residence, Tier
from registry.rules.policy import PolicyBook
from registry.rules.residence import moved_in, relation, supports_stop_on


def change_residence(
    db: Session,
    *,
    actor: Actor,
    code: str | None,
    verified: bool,
    now: datetime,
    book: PolicyBook,
) -> Person:
    """R16: the person says, or the card proves, where they live.

    A declared place is used until the card gives a verified one; a verified one is only replaced
    by another verified one. Premium with a place where the card shows that the person now lives
    ends with `moved_in`; a declared place alone ends nothing.

    Args:
        db: A transaction of the person.
        actor: The person.
        code: Code of the municipality (or prefecture, when the town is not said); None for none.
        verified: Whether the card says so.
        now: The instant.
        book: The policy book.

    Raises:
        NotFound: The person has no profile.
        Invalid: `unknown_government`.
    """
    someone = queries.person(db, actor.person_id, lock=True)
    if code is not None and db.get(LocalGovernment, code) is None:
        raise invalid("unknown_government", field="declared_residence", found=code)
    if verified:
        someone.verified_residence = code
    else:
        someone.declared_residence = code
    db.flush()
    audit.record(
        db,
        actor=actor,
        action="person.residence",
        subject=("person", someone.id),
        now=now,
        person_id=someone.id,
        fields=["verified_residence" if verified else "declared_residence"],
    )
    apply_residence(db, actor=actor, person=someone, now=now, book=book)
    return someone


def apply_residence(
    db: Session, *, actor: Actor, person: Person, now: datetime, book: PolicyBook
) -> int:
    """R16: compare the place with every registration again; returns how many changed."""
    home = queries.residence_of(db, person)
    code = person.verified_residence or person.declared_residence
    rows = db.scalars(
        select(Registration)
        .where(Registration.person_id == person.id, Registration.pseudonymised_on.is_(None))
        .order_by(Registration.lg_code)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    where = queries.governments(db, [row.lg_code for row in rows])
    changed = 0
    for row in rows:
        changed += _compare(db, actor, row, where[row.lg_code], home, code, now, book)
    db.flush()
    return changed


def _compare(
    db: Session,
    actor: Actor,
    row: Registration,
    government: LocalGovernment,
    home: Residence | None,
    code: str | None,
    now: datetime,
    book: PolicyBook,
) -> bool:
    body = queries.body_of(government)
    before, row.residence_code = row.residence_relation, code
    row.residence_relation = relation(home, body).value
    if row.status == "active" and moved_in(home, body):
        _end_by_move(db, actor, row, government, now, book)
    if row.status == "active" and row.derived:
        _flag_derived(db, row, government, home)
    if before == row.residence_relation:
        return False
    add_event(
        db,
        row,
        kind="residence_changed",
        now=now,
        facts={"from": before, "to": row.residence_relation},
    )
    return True


def _end_by_move(
    db: Session,
    actor: Actor,
    row: Registration,
    government: LocalGovernment,
    now: datetime,
    book: PolicyBook,
) -> None:
    """Premium becomes basic; supports go on to the end of the month."""
    ended = end_premium(db, actor=actor, registration=row, reason="moved_in", now=now, book=book)
    if not ended:
        return
    until = supports_stop_on(japan_day(now))
    draft = NoticeDraft(
        person_id=row.person_id,
        kind="supports_stop",
        period_key=f"{row.id}:{until.isoformat()}",
        lg_code=row.lg_code,
        facts={"government": government.name, "until": until.isoformat()},
    )
    tell(db, [draft], now=now)


def _flag_derived(
    db: Session, row: Registration, government: LocalGovernment, home: Residence | None
) -> None:
    """The prefecture of residence shows the row as `residence_related`, never as premium."""
    if government.kind != BodyKind.PREFECTURE:
        return
    own_term = queries.living_term(db, row) if row.direct else None
    state = derived_state(row, government, home)
    row.residence_related = state.residence_related and own_term is None
    premium = own_term is not None or (state.exists and state.tier is Tier.PREMIUM)
    tier = Tier.PREMIUM.value if premium else Tier.BASIC.value
    row.tier = tier
