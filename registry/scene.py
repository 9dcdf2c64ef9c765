"""What every act on a registration needs, and what each of them leaves behind."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from core import audit
from core.access import Actor
from core.clock import japan_day
from core.errors import Conflict, NotFound
from core.outbox import NoticeDraft, tell
from registry import queries
from registry.derived_links import refresh_source
from registry.events import add_event
from registry.models import LocalGovernment, Registration
from registry.rules.facts import BodyKind
from registry.rules.policy import PolicyBook


@dataclass(frozen=True, slots=True)
class Scene:
    """What every act on a registration needs."""

    db: Session
    actor: Actor
    government: LocalGovernment
    now: datetime
    book: PolicyBook

    @property
    def today(self) -> date:
        return japan_day(self.now)

    @property
    def is_prefecture(self) -> bool:
        return self.government.kind == BodyKind.PREFECTURE

    def row(self) -> Registration:
        """The person's row, locked.

        Raises:
            NotFound: There never was one.
        """
        found = queries.registration_of(
            self.db, lg_code=self.government.code, person_id=self.actor.person_id, lock=True
        )
        if found is None:
            raise NotFound(code="not_found")
        return found

    def active_row(self) -> Registration:
        """The person's living row, locked.

        Raises:
            NotFound: There never was one.
            Conflict: `registration_not_active`.
        """
        found = self.row()
        if found.status != "active":
            raise Conflict(code="registration_not_active")
        return found

    def mark(
        self, row: Registration, kind: str, facts: dict[str, Any] | None = None, *, told: bool
    ) -> None:
        """The event and the audit row of an act; a notice where the person should read of it."""
        add_event(self.db, row, kind=kind, now=self.now, facts=facts)
        audit.record(
            self.db,
            actor=self.actor,
            action=f"registration.{kind}",
            subject=("registration", row.id),
            now=self.now,
            lg_code=row.lg_code,
            person_id=row.person_id,
        )
        if told:
            draft = NoticeDraft(
                person_id=row.person_id,
                kind=f"registration_{kind}",
                period_key=f"{row.id}:{self.now.isoformat()}",
                lg_code=row.lg_code,
                facts={"government": self.government.name},
            )
            tell(self.db, [draft], now=self.now)

    def link(self, row: Registration) -> None:
        """R02: let the prefecture's row follow."""
        self.db.flush()
        refresh_source(
            self.db,
            actor=self.actor,
            lg_code=row.lg_code,
            person_id=row.person_id,
            expires_on=queries.premium_until(queries.living_term(self.db, row)),
            now=self.now,
            book=self.book,
        )
