"""Each job as a function of parts, transaction and scope; thin: the use cases do the work."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from activities import corrections, readiness, signup, waiting
from activities.refusals import policy_now
from admin import exporting
from core.access import system
from core.outbox import NoticeDraft, tell
from mobile import exports
from qr.keys import KeyScope
from qr.signatures import KeyUse
from qr.store import ensure_keys
from registry import (
    adults,
    deadlines,
    dormancy,
    duplicates,
    governments,
    helping,
    joining,
    list_letters,
    list_mail,
    queries,
    renewal,
    renewal_staff,
    replanning,
    slots,
    survey_night,
)
from registry.bulk import Counts
from registry.models import Registration
from registry.ranges import Range
from reporting import counting, publishing
from workers.parts import Parts

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Scope:
    """For what a job runs: one local government (None: the nation), one day, one instant."""

    lg_code: str | None
    as_of: date
    now: datetime

    @property
    def code(self) -> str:
        """The local government of a job that works for one."""
        if self.lg_code is None:
            raise ValueError("this job works for one local government at a time")
        return self.lg_code

    def part(self, *, after: UUID | None = None, only: Sequence[UUID] | None = None) -> Range:
        """A range of the rows due there."""
        return Range(self.code, self.as_of, self.now, after=after, only=only)


# --- ranged -----------------------------------------------------------------------------


def renewal_batch(parts: Parts, db: Session, part: Range) -> Counts:
    """R14: terms due for a check, in grace, or over."""
    return renewal.run_range(db, part, book=parts.book, evidence=parts.evidence)


def dormancy_batch(parts: Parts, db: Session, part: Range) -> Counts:
    """R06: clocks of basic registrations."""
    return dormancy.run_range(db, part, book=parts.book)


def survey_batch(parts: Parts, db: Session, part: Range) -> Counts:
    """R04: first questionnaires nobody has answered."""
    return survey_night.run_range(db, part, book=parts.book)


# --- one transaction a local government -------------------------------------------------


def forget_plans(_parts: Parts, db: Session, scope: Scope) -> Mapping[str, int]:
    """R04, R06, R14: plans made by numbers that hold no longer."""
    return {"forgotten": replanning.forget_plans(db, lg_code=scope.code)}


def end_ties(_parts: Parts, db: Session, scope: Scope) -> Mapping[str, int]:
    """R18: children who grew up, helpers whose time is over."""
    children, helpers = helping.end_ties(db, as_of=scope.as_of, now=scope.now)
    return {"children": children, "helpers": helpers}


def find_duplicates(_parts: Parts, db: Session, scope: Scope) -> Mapping[str, int]:
    """C42: who may be registered twice; staff look at them."""
    found = duplicates.find(db, lg_code=scope.code, as_of=scope.as_of, now=scope.now)
    return {"found": found}


def turn_adults(_parts: Parts, db: Session, scope: Scope) -> Mapping[str, int]:
    """R18: who comes of age today."""
    return {"adults": adults.turn_adults(db, as_of=scope.as_of, now=scope.now)}


def wake_links(parts: Parts, db: Session, scope: Scope) -> Mapping[str, int]:
    """R02: a prefecture that has joined: people are told, and linked from the next day on."""
    return governments.wake_links(
        db,
        actor=system("links"),
        lg_code=scope.code,
        as_of=scope.as_of,
        now=scope.now,
        book=parts.book,
    )


def confirm_premium(parts: Parts, db: Session, scope: Scope) -> Mapping[str, int]:
    """R15: applications to which nobody objected in time."""
    done = deadlines.confirm_due(
        db,
        actor=system("premium_veto"),
        lg_code=scope.code,
        now=scope.now,
        book=parts.book,
        evidence=parts.evidence,
    )
    return {"decided": done}


def confirm_renewals(parts: Parts, db: Session, scope: Scope) -> Mapping[str, int]:
    """R15: renewals to which nobody objected in time."""
    done = renewal_staff.confirm_due(
        db, lg_code=scope.code, now=scope.now, book=parts.book, evidence=parts.evidence
    )
    return {"decided": done}


def expire_pending(parts: Parts, db: Session, scope: Scope) -> Mapping[str, int]:
    """R13: places kept too long by applications."""
    done = deadlines.expire_pending(
        db,
        actor=system("pending"),
        lg_code=scope.code,
        as_of=scope.as_of,
        now=scope.now,
        book=parts.book,
    )
    return {"freed": done}


def heal_over_cap(parts: Parts, db: Session, scope: Scope) -> Mapping[str, int]:
    """R13: who gave up a place is no longer above the limit; the rest is for the renewal."""
    rows = db.scalars(
        select(Registration)
        .where(Registration.lg_code == scope.code, Registration.over_cap_since.is_not(None))
        .order_by(Registration.person_id)
        .with_for_update(skip_locked=True)
    ).all()
    healed = 0
    for row in rows:
        premium = queries.living_term(db, row) is not None
        if not premium or slots.take(
            db, registration=row, state="active", now=scope.now, book=parts.book
        ):
            row.over_cap_since = None
            healed += 1
    return {"over_cap": len(rows) - healed, "healed": healed}


def settle_presence(parts: Parts, db: Session, scope: Scope) -> Mapping[str, int]:
    """C23: presence made offline is settled once all devices have reported."""
    policy = policy_now(db, parts.book, scope.code, scope.now)
    return {"settled": corrections.settle(db, lg_code=scope.code, policy=policy, now=scope.now)}


def move_lines(parts: Parts, db: Session, scope: Scope) -> Mapping[str, int]:
    """C33: waiting lines: offers that ran out, places offered on."""
    moved = waiting.offer_seats(db, lg_code=scope.code, book=parts.book, now=scope.now)
    return {"expired": moved.expired, "offered": moved.offered}


def give_back_ended(parts: Parts, db: Session, scope: Scope) -> Mapping[str, int]:
    """C33: places in sessions to come of people whose registration has ended."""
    moved = signup.give_back_ended(
        db, actor=system("sign_ups"), lg_code=scope.code, book=parts.book, now=scope.now
    )
    return {"expired": moved.expired, "offered": moved.offered}


def remind(parts: Parts, db: Session, scope: Scope) -> Mapping[str, int]:
    """Tomorrow's sessions."""
    told = waiting.remind(db, lg_code=scope.code, as_of=scope.as_of, book=parts.book, now=scope.now)
    return {"reminded": told}


def tell_unready(parts: Parts, db: Session, scope: Scope) -> Mapping[str, int]:
    """C18: hosts are told in the evening that tomorrow's session is not ready."""
    told = readiness.evening_before(
        db, lg_code=scope.code, as_of=scope.as_of, book=parts.book, now=scope.now
    )
    return {"told": told}


def nudge(parts: Parts, db: Session, scope: Scope) -> Mapping[str, int]:
    """R15: approvers are reminded of what has waited for 7 and for 14 days."""
    days = parts.book.on("decision.nudge_days", scope.as_of).value
    asked = [scope.as_of - timedelta(days=n) for n in days]
    waiting_on = db.execute(
        text(
            "select (select count(*) from application where lg_code = :code and state = 'review'"
            " and applied_on = any(:asked)) + (select count(*) from term t join judgement j"
            " on j.lg_code = t.lg_code and j.id = t.renewal_judgement_id where t.lg_code = :code"
            " and t.renewal_state = 'review' and t.state in ('active', 'grace')"
            " and j.as_of = any(:asked))"
        ),
        {"code": scope.code, "asked": asked},
    ).scalar_one()
    if not waiting_on:
        return {"nudged": 0}
    approvers = db.scalars(
        text(
            "select distinct account_id from staff_role where lg_code = :code and ended_at is null"
            " and role in ('approver', 'manager')"
        ),
        {"code": scope.code},
    ).all()
    government = queries.government(db, scope.code).name
    drafts = [
        NoticeDraft(
            account,
            "decisions_waiting",
            f"{scope.code}:{scope.as_of.isoformat()}",
            scope.code,
            {"government": government, "found": waiting_on},
        )
        for account in approvers
    ]
    return {"nudged": tell(db, drafts, now=scope.now)}


def count_figures(parts: Parts, db: Session, scope: Scope) -> Mapping[str, int]:
    """R17: the figures of one local government."""
    cells = counting.count_body(db, lg_code=scope.code, as_of=scope.as_of, book=parts.book)
    return {"cells": cells}


def mail_lists(parts: Parts, db: Session, scope: Scope) -> Mapping[str, int]:
    """R27: people of a list that was brought along are asked, some at every tick."""
    mailed = list_mail.send_letters(
        db,
        settings=parts.settings,
        texts=parts.texts,
        lg_code=scope.code,
        now=scope.now,
        book=parts.book,
    )
    return {"mailed": mailed}


def make_desk_exports(parts: Parts, db: Session, scope: Scope) -> Mapping[str, int]:
    """C52: files that staff asked for; those whose day is over are deleted."""
    secret = parts.settings.secret_key.get_secret_value()
    return exporting.make_due(
        db, lg_code=scope.code, secret=secret, texts=parts.texts, now=scope.now
    )


def end_lists(_parts: Parts, db: Session, scope: Scope) -> Mapping[str, int]:
    """R27: who did not answer is forgotten, and lists nobody confirmed."""
    silent, stale = list_letters.end(db, lg_code=scope.code, as_of=scope.as_of, now=scope.now)
    return {"expired": silent, "forgotten": stale}


# --- the nation -------------------------------------------------------------------------


def take_steps(_parts: Parts, db: Session, scope: Scope) -> Mapping[str, int]:
    """R01: local governments that begin, pause or leave today."""
    return joining.take_planned(db, as_of=scope.as_of, now=scope.now)


def note_numbers(parts: Parts, db: Session, scope: Scope) -> Mapping[str, int]:
    """Local governments whose numbers are others than those of the night before."""
    return {"changed": replanning.note_numbers(db, as_of=scope.as_of, book=parts.book)}


def publish_figures(parts: Parts, db: Session, scope: Scope) -> Mapping[str, int]:
    """R17: what everybody may know, once a month."""
    return {"cells": publishing.publish(db, as_of=scope.as_of, book=parts.book)}


def rotate_keys(parts: Parts, db: Session, scope: Scope) -> Mapping[str, int]:
    """R22: every local government that takes registrations has keys that last."""
    bodies = queries.accepting_codes(db, parts.book, scope.as_of)
    scopes = [
        KeyScope(KeyUse.ROOT, None),
        *(KeyScope(use, code) for code in bodies for use in (KeyUse.CARD, KeyUse.VENUE)),
    ]
    secret = parts.settings.secret_key.get_secret_value()
    made = ensure_keys(db, scopes=scopes, secret=secret, now=scope.now)
    return {"made": len(made)}


def make_exports(parts: Parts, db: Session, scope: Scope) -> Mapping[str, int]:
    """R25: what was asked for and is not made yet; what nobody may take any more is deleted.

    Each export is made in transactions of its own, in its owner's context.
    """
    counts = {"forgotten": exports.forget(db, now=scope.now), "made": 0, "failed": 0}
    for export_id, person_id in exports.waiting(db):
        try:
            made = exports.make(
                parts.database,
                secret=parts.settings.secret_key.get_secret_value(),
                texts=parts.texts,
                export_id=export_id,
                person_id=person_id,
                now=scope.now,
                told=True,
            )
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            # The others must not wait for it; it is tried again at the next tick.
            LOG.exception("export failed: %s", export_id)
            counts["failed"] += 1
        else:
            counts["made"] += made
    return counts
