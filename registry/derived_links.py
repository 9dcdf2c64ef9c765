"""R02: a municipal registration carries the prefecture with it, while it lives.

A municipality's transaction writes its own entry into the prefecture's row: `derived_from`
holds one snapshot a source, so that no other municipality's rows need to be seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from secrets import token_bytes
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from core.access import Actor
from core.clock import japan_day
from core.db import as_json_day, working_for
from core.ids import new_id
from core.outbox import NoticeDraft
from core.shortcode import MEMBER, new_code
from registry import queries
from registry.bulk import Act, Happened, add_events, record_many, tell_many
from registry.events import revoke_cards
from registry.models import UNPLANNED, LocalGovernment, PendingLink, Registration, Term
from registry.rules.derived import DerivedSource, DerivedState, derive
from registry.rules.facts import Body, BodyKind, Residence, Tier
from registry.rules.policy import PolicyBook
from registry.rules.residence import relation

#: What a person is told of a link: that it began, that it ended.
TOLD = ("derived_started", "derived_ended")


@dataclass(frozen=True, slots=True)
class Source:
    """A municipal registration and the last day of its term, None for basic."""

    registration: Registration
    expires_on: date | None = None

    @property
    def linked(self) -> bool:
        """Whether it carries the prefecture: it lives, and the person did not opt out."""
        return self.registration.status == "active" and not self.registration.link_opted_out

    def snapshot(self) -> dict[str, Any]:
        """What the prefecture's row keeps of it."""
        premium = self.registration.tier == Tier.PREMIUM
        return {
            "code": self.registration.lg_code,
            "registration_id": str(self.registration.id),
            "tier": self.registration.tier,
            "expires_on": as_json_day(self.expires_on) if premium else None,
        }


def new_member_number() -> str:
    """A number for a card: random, with a check character."""
    return new_code(token_bytes, MEMBER)


def refresh_source(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    person_id: UUID,
    expires_on: date | None,
    now: datetime,
    book: PolicyBook,
) -> None:
    """R02: bring the prefecture's row in line with one municipal registration as it is now.

    Call it in the transaction of whatever changed the registration: its status, tier, opt-out
    or term. Works in the person's context, and in the municipality's own.

    Args:
        db: A transaction that reaches the municipal registration.
        actor: Who acts.
        lg_code: The municipality; for a prefecture nothing happens.
        person_id: The registrant.
        expires_on: Last day of the premium term; None for basic.
        now: The instant.
        book: The policy book.
    """
    registration = queries.registration_of(db, lg_code=lg_code, person_id=person_id)
    if registration is not None:
        source = Source(registration, expires_on)
        refresh_sources(db, actor=actor, lg_code=lg_code, sources=[source], now=now, book=book)


def refresh_sources(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    sources: Sequence[Source],
    now: datetime,
    book: PolicyBook,
) -> None:
    """R02: as `refresh_source`, for many registrations of one municipality in few statements."""
    municipality = queries.government(db, lg_code)
    if municipality.kind == BodyKind.PREFECTURE or not sources:
        return
    prefecture = queries.government(db, municipality.prefecture_code)
    ordered = sorted(sources, key=lambda source: source.registration.person_id)
    homes = queries.governments(
        db, {s.registration.residence_code for s in ordered if s.registration.residence_code}
    )
    with working_for(db, prefecture.code):
        today = japan_day(now)
        joined = queries.accepts(prefecture, book, today)
        rows = _rows(db, prefecture, ordered, today, joined=joined)
        premium = _direct_premium(db, prefecture.code, list(rows.values()))
        _keep_pending(db, prefecture, ordered, rows, today)
        changes = _Changes(prefecture, today)
        for source in ordered:
            row = rows.get(source.registration.person_id)
            if row is None:
                continue
            home = queries.residence_from(
                homes.get(source.registration.residence_code or ""), verified=False
            )
            changes.apply(
                row,
                _snapshots(row, source),
                home,
                direct_premium=row.id in premium,
                joined=joined,
            )
        changes.leave_word(db, actor, now)


def _rows(
    db: Session,
    prefecture: LocalGovernment,
    sources: Sequence[Source],
    today: date,
    *,
    joined: bool,
) -> dict[UUID, Registration]:
    """The prefecture's rows of these people, locked; new ones are made where a link needs one."""
    new = [_new_row(prefecture.code, s.registration, today) for s in sources if s.linked]
    if joined and new:
        db.execute(insert(Registration).on_conflict_do_nothing(), new)
    found = db.scalars(
        select(Registration)
        .where(
            Registration.lg_code == prefecture.code,
            Registration.person_id.in_([s.registration.person_id for s in sources]),
        )
        .order_by(Registration.person_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {row.person_id: row for row in found}


def _new_row(code: str, source: Registration, today: date) -> dict[str, Any]:
    """A row that has no origin yet; the prefecture's own copy of what it may know (R25)."""
    return {
        "lg_code": code,
        "id": new_id(),
        "person_id": source.person_id,
        "tier": "basic",
        "status": "pending",
        "direct": False,
        "derived": False,
        "derived_from": [],
        "link_opted_out": False,
        "residence_relation": "unknown",
        "residence_related": False,
        "member_number": new_member_number(),
        "registered_on": today,
        "last_access_on": today,
        "display_name": source.display_name,
        "kana": source.kana,
        "residence_code": source.residence_code,
        "minor_until": source.minor_until,
        "identity_level": source.identity_level,
        "identity_lapsed_on": source.identity_lapsed_on,
        "identity_checked_on": source.identity_checked_on,
    }


def _direct_premium(db: Session, code: str, rows: Sequence[Registration]) -> set[UUID]:
    """Rows that are premium in their own right, whatever their sources say."""
    direct = [row.id for row in rows if row.direct]
    if not direct:
        return set()
    found = db.scalars(
        select(Term.registration_id).where(
            Term.lg_code == code,
            Term.registration_id.in_(direct),
            Term.state.in_(queries.LIVING),
        )
    )
    return set(found)


def _keep_pending(
    db: Session,
    prefecture: LocalGovernment,
    sources: Sequence[Source],
    rows: dict[UUID, Registration],
    today: date,
) -> None:
    """R02: where the prefecture has no row to carry, the link waits; where it has, it is over."""
    waits = [s.registration for s in sources if s.linked and s.registration.person_id not in rows]
    if waits:
        db.execute(
            insert(PendingLink).on_conflict_do_nothing(),
            [
                {
                    "person_id": registration.person_id,
                    "lg_code": prefecture.code,
                    "source_lg_code": registration.lg_code,
                    "since": today,
                }
                for registration in waits
            ],
        )
    over = [s.registration for s in sources if s.registration not in waits]
    if over:
        db.execute(
            delete(PendingLink).where(
                PendingLink.lg_code == prefecture.code,
                PendingLink.source_lg_code == over[0].lg_code,
                PendingLink.person_id.in_([registration.person_id for registration in over]),
            )
        )


def _snapshots(row: Registration, source: Source) -> list[dict[str, Any]]:
    """The row's sources with this one put in or taken out."""
    own = source.registration.lg_code
    others = [entry for entry in row.derived_from if entry["code"] != own]
    return sorted(
        [*others, source.snapshot()] if source.linked else others, key=lambda entry: entry["code"]
    )


def derived_state(
    row: Registration,
    prefecture: LocalGovernment,
    home: Residence | None,
    *,
    joined: bool = True,
    snapshots: Sequence[dict[str, Any]] | None = None,
) -> DerivedState:
    """R02: what the derived origin of a prefecture's row should be, by its own snapshots."""
    body = queries.body_of(prefecture)
    listed = row.derived_from if snapshots is None else snapshots
    sources = [
        DerivedSource(
            registration_id=UUID(entry["registration_id"]),
            body=Body(entry["code"], BodyKind.MUNICIPALITY, prefecture.code),
            tier=Tier(entry["tier"]),
            expires_on=entry["expires_on"] and date.fromisoformat(entry["expires_on"]),
        )
        for entry in listed
    ]
    # A prefecture that stops taking new registrations keeps those it has.
    stays = joined or row.derived
    return derive(sources, (), row.direct, prefecture=body, prefecture_joined=stays, residence=home)


def derived_expiry(row: Registration) -> date | None:
    """R02: the last day of derived premium: the latest end of the sources that give it."""
    ends = [date.fromisoformat(s["expires_on"]) for s in row.derived_from if s["expires_on"]]
    return max(ends) if ends and row.tier == Tier.PREMIUM else None


@dataclass(frozen=True, slots=True)
class _Changes:
    """Rows of a prefecture being brought in line; every difference leaves an event."""

    prefecture: LocalGovernment
    today: date
    #: Kind of event → the rows it happened to.
    happened: dict[str, list[Happened]] = field(default_factory=dict)
    over: list[Registration] = field(default_factory=list)

    def apply(
        self,
        row: Registration,
        snapshots: list[dict[str, Any]],
        home: Residence | None,
        *,
        direct_premium: bool,
        joined: bool,
    ) -> None:
        """Write the derived origin, the tier and the flags of residence (R02, R16)."""
        state = derived_state(row, self.prefecture, home, joined=joined, snapshots=snapshots)
        lived, tier = row.status == "active", row.tier
        was = lived and row.derived
        row.derived, row.derived_from = state.exists, snapshots if state.exists else []
        row.residence_relation = relation(home, queries.body_of(self.prefecture)).value
        row.residence_related = state.exists and state.residence_related and not direct_premium
        premium = direct_premium or (state.exists and state.tier is Tier.PREMIUM)
        row.tier = Tier.PREMIUM.value if premium else Tier.BASIC.value
        if state.exists and not lived:
            self._begin(row)
        elif was and not state.row_exists:
            self._end(row)
        if state.exists and not was:
            self._event(row, "derived_started", {"sources": [s["code"] for s in snapshots]})
        if was and not state.exists:
            # What had no clock of its own has one again (R06).
            row.clock_due_on = UNPLANNED
            self._event(row, "derived_ended", {})
        if lived and tier != row.tier:
            self._event(row, "tier_changed", {"tier": row.tier, "derived": True})

    def _begin(self, row: Registration) -> None:
        """The row lives (again) by its sources alone.

        A direct origin that was released can still be restored in its time (R06); any other
        stays past.
        """
        if row.status != "released_dormant":
            row.released_on = row.restore_until = None
        row.status, row.direct = "active", False
        row.registered_on = row.last_access_on = self.today
        row.ended_on = row.ended_reason = None

    def _end(self, row: Registration) -> None:
        if row.restore_until is not None and self.today <= row.restore_until:
            row.status = "released_dormant"
        else:
            row.status, row.ended_on, row.ended_reason = "ended", self.today, "source_ended"
        self.over.append(row)

    def _event(self, row: Registration, kind: str, facts: dict[str, Any]) -> None:
        self.happened.setdefault(kind, []).append(Happened(row.id, row.person_id, facts))

    def leave_word(self, db: Session, actor: Actor, now: datetime) -> None:
        """Cards that go, events, audit rows, and notices of links that began or ended."""
        code = self.prefecture.code
        db.flush()
        revoke_cards(db, self.over, reason="source_ended", now=now)
        for kind, rows in self.happened.items():
            add_events(db, rows, lg_code=code, kind=kind, now=now, on_day=self.today)
            acts = [Act(f"registration.{kind}", row.registration_id, row.person_id) for row in rows]
            record_many(db, acts, actor=actor, lg_code=code, now=now, subject_kind="registration")
            if kind not in TOLD:
                continue
            facts = {"prefecture": self.prefecture.name}
            key = now.isoformat()
            tell_many(
                db,
                [
                    NoticeDraft(row.person_id, kind, f"{row.registration_id}:{key}", code, facts)
                    for row in rows
                ],
                now=now,
            )
