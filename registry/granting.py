"""Premium beginning: the term, the place among three, the exchange, what follows (R13, R14).

The one way to premium for applications in every mode: granted at once in the person's own
transaction (`auto`), by a member of staff (`review`), or by the clock (`veto`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core import audit
from core.access import Actor
from core.clock import japan_day
from core.db import working_for
from core.errors import Problem, Refused
from core.ids import new_id
from core.outbox import NoticeDraft, tell
from registry import policies, queries, slots
from registry.derived_links import refresh_source
from registry.ending import end_premium
from registry.events import add_event
from registry.models import Application, Card, Registration, Term
from registry.rules.facts import Tier
from registry.rules.modes import reversible_until
from registry.rules.policy import Policy, PolicyBook
from registry.rules.reasons import Reason
from registry.rules.terms import term_for
from registry.rules.versions import version_for_term

#: States of an application that is still undecided.
OPEN = ("waiting", "veto", "review")
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Scene:
    """What every step of an application needs: the transaction, who acts, when, by which numbers."""

    db: Session
    actor: Actor
    now: datetime
    book: PolicyBook

    @property
    def today(self) -> date:
        return japan_day(self.now)

    def mark(
        self,
        application: Application,
        verb: str,
        *,
        outcome: str = "done",
        facts: Mapping[str, Any] | None = None,
        purpose: str | None = None,
    ) -> None:
        """The event and the audit row of a step."""
        registration = queries.registration_of(
            self.db, lg_code=application.lg_code, person_id=application.person_id
        )
        if registration is not None:
            detail = {"application_id": str(application.id), **(facts or {})}
            add_event(self.db, registration, kind=f"application_{verb}", now=self.now, facts=detail)
        audit.record(
            self.db,
            actor=self.actor,
            action=f"application.{verb}",
            subject=("application", application.id),
            now=self.now,
            lg_code=application.lg_code,
            person_id=application.person_id,
            outcome=outcome,
            purpose=purpose,
        )

    def tell(self, application: Application, kind: str, **facts: Any) -> None:
        """A notice to the applicant of a step; the same step may come again (granted, undone)."""
        government = queries.government(self.db, application.lg_code)
        draft = NoticeDraft(
            person_id=application.person_id,
            kind=kind,
            period_key=f"{application.id}:{self.now.isoformat()}",
            lg_code=application.lg_code,
            facts={"government": government.name, **facts},
        )
        tell(self.db, [draft], now=self.now)

    def free_place(self, application: Application) -> None:
        """R13: the place that an application kept falls free."""
        registration = queries.registration_of(
            self.db, lg_code=application.lg_code, person_id=application.person_id
        )
        if registration is not None:
            slots.release(
                self.db,
                actor=self.actor,
                registration=registration,
                now=self.now,
                book=self.book,
                state="pending",
            )
        application.slot_until = None


def cap_refused(book: PolicyBook, today: date) -> Refused:
    """R13: all places are taken; the person is told which by their own application page."""
    most: int = book.on("premium.cap", today).value
    problem = Problem(code="cap_reached", rule="R13", needed=most, action="exchange")
    return Refused(code="cap_reached", problems=(problem,))


def grant(
    scene: Scene,
    *,
    registration: Registration,
    application: Application,
    policy: Policy,
    judgement_id: UUID,
) -> Term:
    """R13, R14, R33: premium begins today; everything that follows is written in this transaction.

    Raises:
        Refused: `cap_reached`: another body was faster to the last place.
    """
    if application.replaces_lg_code is not None:
        _give_up(scene, application, application.replaces_lg_code)
    taken = slots.take(
        scene.db, registration=registration, state="active", now=scene.now, book=scene.book
    )
    if not taken:
        raise cap_refused(scene.book, scene.today)
    term = begin_term(scene, registration, policy)
    registration.tier = Tier.PREMIUM.value
    application.state, application.slot_until = "granted", None
    application.effective_at = application.decided_at = scene.now
    application.decided_by, application.judgement_id = scene.actor.label, judgement_id
    scene.db.flush()
    cards_last_until(scene.db, registration, term.last_day)
    refresh_source(
        scene.db,
        actor=scene.actor,
        lg_code=registration.lg_code,
        person_id=registration.person_id,
        expires_on=term.last_day,
        now=scene.now,
        book=scene.book,
    )
    days = {"first_day": term.first_day.isoformat(), "last_day": term.last_day.isoformat()}
    scene.mark(application, "granted", facts=days)
    scene.tell(application, "premium_granted", day=days["last_day"])
    return term


def _give_up(scene: Scene, application: Application, lg_code: str) -> None:
    """R13: exchange: the replaced premium ends in the transaction that grants the new one."""
    with working_for(scene.db, lg_code):
        replaced = queries.registration_of(
            scene.db, lg_code=lg_code, person_id=application.person_id, lock=True
        )
        if replaced is not None:
            end_premium(
                scene.db,
                actor=scene.actor,
                registration=replaced,
                reason="exchanged",
                now=scene.now,
                book=scene.book,
            )


def begin_term(scene: Scene, registration: Registration, policy: Policy) -> Term:
    """R14: the approval's day is day 1; R33: judged by the version in force on it."""
    period = term_for(scene.today, policy.text("premium.term"))
    term = Term(
        lg_code=registration.lg_code,
        id=new_id(),
        registration_id=registration.id,
        person_id=registration.person_id,
        first_day=period.first,
        last_day=period.last,
        state="active",
        requirement_version_id=requirement_in_force(
            scene.db, scene.book, registration.lg_code, period.first
        ),
        created_at=scene.now,
    )
    scene.db.add(term)
    scene.db.flush()
    return term


def requirement_in_force(db: Session, book: PolicyBook, lg_code: str, day: date) -> UUID | None:
    """R33: the stored requirement that a term beginning on a day is judged by; None: the nation's."""
    own = policies.body_policy(db, book, lg_code, day)
    version = version_for_term(policies.rule_versions(own, lg_code), day)
    return policies.requirement_id(db, lg_code, version.since)


def cards_last_until(db: Session, registration: Registration, last_day: date) -> None:
    """R22: living cards of a registration show the end of its term."""
    db.execute(
        update(Card)
        .where(
            Card.lg_code == registration.lg_code,
            Card.registration_id == registration.id,
            Card.revoked_at.is_(None),
        )
        .values(expires_on=last_day)
    )


def refuse_application(
    scene: Scene,
    *,
    application: Application,
    reasons: tuple[Reason, ...] = (),
    note: str | None = None,
    judgement_id: UUID | None = None,
) -> None:
    """Close an application with every reason; its place falls free."""
    scene.free_place(application)
    application.state, application.decided_at = "refused", scene.now
    application.decided_by, application.effective_at = scene.actor.label, None
    application.note = note
    if judgement_id is not None:
        application.judgement_id = judgement_id
    codes = [reason.code for reason in reasons]
    scene.mark(application, "refused", outcome="refused", facts={"codes": codes})
    scene.tell(application, "premium_refused", codes=codes, note=note)


def reversible_day(policy: Policy, effective_at: datetime) -> date:
    """R15: the last day on which staff can reverse."""
    return japan_day(reversible_until(effective_at, policy))


def open_application(
    db: Session, registration: Registration, *, lock: bool = False
) -> Application | None:
    """The undecided application of a registration."""
    statement = select(Application).where(
        Application.lg_code == registration.lg_code,
        Application.registration_id == registration.id,
        Application.state.in_(OPEN),
    )
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return db.scalars(statement).one_or_none()
