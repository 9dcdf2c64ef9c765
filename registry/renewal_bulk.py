"""What a renewal night writes: judgements, terms, cards, events, audit, notices, in bulk (R14, R15)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from core.access import Actor, system
from core.clock import japan_day
from core.ids import new_id
from core.outbox import NoticeDraft
from registry import policies
from registry.bulk import (
    Act,
    Column,
    Happened,
    add_events,
    insert_rows,
    plain_json,
    record_many,
    run,
    tell_many,
    unnest,
)
from registry.ending import end_premiums
from registry.granting import reversible_day
from registry.identity_lapse import ask_again
from registry.judging import keep_numbers
from registry.models import Registration
from registry.renewal_facts import Step
from registry.renewal_terms import NewTerm, add_terms, lapse_reason, refresh_expiry, word_of
from registry.rules.facts import Body, DecisionMode, Period
from registry.rules.identity import asks_again
from registry.rules.modes import resolution
from registry.rules.policy import Policy, PolicyBook
from registry.rules.reasons import Decision
from registry.rules.terms import extended
from registry.rules.versions import version_for_term

JOB = "renewal"
#: Kinds of a step that leave event, audit and judgement behind; `planned` is a look only.
TOLD = ("booked", "veto", "review", "missing", "grace")


@dataclass(slots=True)
class Writer:
    """Writes the steps of a range, or of a part of it: one statement a table."""

    db: Session
    body: Body
    name: str
    policy: Policy
    as_of: date
    now: datetime
    book: PolicyBook
    steps: Sequence[Step]
    actor: Actor = field(default_factory=lambda: system(JOB))
    _judgements: dict[UUID, UUID] = field(default_factory=dict)
    _versions: dict[date, UUID | None] = field(default_factory=dict)

    def write(self) -> None:
        """Everything that follows from the steps, in the caller's transaction."""
        self._judge([step for step in self.steps if step.found and step.kind != "planned"])
        self._move([step for step in self.steps if step.kind not in {"lapsed", "rolled"}])
        self._book(self._of("booked"))
        self._roll([step.row for step in self._of("rolled")])
        self._say([step for step in self.steps if step.kind in TOLD])
        self._lapse(self._of("lapsed"))

    def _of(self, kind: str) -> list[Step]:
        return [step for step in self.steps if step.kind == kind]

    # --- judgements ---

    def _judge(self, steps: Sequence[Step]) -> None:
        """R15: each decision with its inputs, numbers and reasons, as `judging` stores it."""
        if not steps:
            return
        decided = [(step, step.found.decision) for step in steps if step.found]
        for step, _ in decided:
            self._judgements[step.row.id] = new_id()
        rows = [step.row for step, _ in decided]
        insert_rows(
            self.db,
            "judgement",
            {
                "id": Column("uuid", [self._judgements[row.id] for row in rows]),
                "registration_id": Column("uuid", [row.registration_id for row in rows]),
                "person_id": Column("uuid", [row.person_id for row in rows]),
                "subject_key": Column("text", [_subject(step) for step, _ in decided]),
                "as_of": Column("date", [one.day for _, one in decided]),
                "allowed": Column("bool", [one.allowed for _, one in decided]),
                "outcome": Column("text", [one.outcome for _, one in decided]),
                "reasons": Column("jsonb", [_reasons(one) for _, one in decided]),
                "rules_version": Column("text", [one.rules_version for _, one in decided]),
                "reversible_until": Column("date", [self._reversible(s) for s, _ in decided]),
                "inputs": Column("jsonb", [plain_json(one.inputs) for _, one in decided]),
            },
            same={
                "lg_code": self.body.code,
                "kind": "renewal",
                "made_at": self.now,
                "policy_day": self.policy.day,
                "policy_digest": keep_numbers(self.db, self.body.code, decided[0][1].policy),
            },
        )

    def _reversible(self, step: Step) -> date | None:
        if step.kind in {"booked", "lapsed"}:
            return reversible_day(self.policy, self.now)
        if step.kind == "veto":
            return reversible_day(self.policy, self._effective_at())
        return None

    def _effective_at(self) -> datetime:
        found = resolution(DecisionMode.VETO, self.now, self.policy).effective_at
        if found is None:
            raise AssertionError("unreachable: a veto window closes")
        return found

    # --- terms ---

    def _move(self, steps: Sequence[Step]) -> None:
        """The terms themselves: what they wait for, and when a night looks at them again."""
        if not steps:
            return
        columns = {
            "id": Column("uuid", [step.row.id for step in steps]),
            "state": Column("text", [self._state(step) for step in steps]),
            "renewal_state": Column("text", [self._renewal_state(step) for step in steps]),
            "judgement_id": Column("uuid", [self._judgements.get(s.row.id) for s in steps]),
            "last_check": Column("int", [step.check for step in steps]),
            "grace_until": Column("date", [step.last_of_grace for step in steps]),
            "due_on": Column("date", [step.due_on for step in steps]),
        }
        run(
            self.db,
            "update term t set state = v.state, renewal_state = v.renewal_state,"
            " renewal_judgement_id = coalesce(v.judgement_id, t.renewal_judgement_id),"
            " renewal_effective_at = case v.renewal_state when 'veto'"
            " then cast(%(effective_at)s as timestamptz) else t.renewal_effective_at end,"
            " last_check = coalesce(v.last_check, t.last_check),"
            " grace_until = coalesce(v.grace_until, t.grace_until), due_on = v.due_on"
            f" from {unnest(columns)} where t.lg_code = %(lg_code)s and t.id = v.id",
            columns,
            lg_code=self.body.code,
            effective_at=self._effective_at(),
        )
        self._cards(
            (step.row.registration_id, step.last_of_grace)
            for step in steps
            if step.last_of_grace is not None
        )

    def _state(self, step: Step) -> str:
        if step.kind == "booked" and self._begins_now(step):
            return "ended"
        return "grace" if step.kind == "grace" else str(step.row.state)

    def _renewal_state(self, step: Step) -> str:
        if step.kind == "booked":
            return "done" if self._begins_now(step) else "booked"
        return step.kind if step.kind in {"veto", "review"} else str(step.row.renewal_state)

    def _begins_now(self, step: Step) -> bool:
        """R14: a renewal in grace has no gap: the next term began the day after the last one."""
        following = step.found.next_term if step.found else None
        return following is not None and following.first <= self.as_of

    def _book(self, steps: Sequence[Step]) -> None:
        """R14: a new row a year, never stretched."""
        booked = [(s, s.found.next_term, s.found.carry_over) for s in steps if s.found]
        terms = [(step, term, carried) for step, term, carried in booked if term is not None]
        if not terms:
            return

        def asked_on(step: Step) -> date | None:
            return self._asked_on(step.row) if self._begins_now(step) else None

        add_terms(
            self.db,
            self.body.code,
            [
                NewTerm(
                    step.row.registration_id,
                    step.row.person_id,
                    term,
                    self.version_id(term.first),
                    carried,
                    active=self._begins_now(step),
                    due_on=self._first_look(term, asked_on(step)),
                    asked_on=asked_on(step),
                )
                for step, term, carried in terms
            ],
            now=self.now,
        )
        self._ask_again([step.row for step, _, _ in terms if asked_on(step)])
        self._cards((step.row.registration_id, term.last) for step, term, _ in terms)
        begun = [(s.row.person_id, term.last) for s, term, _ in terms if self._begins_now(s)]
        refresh_expiry(self.db, self.body, begun)

    def _first_look(self, term: Period, asked_on: date | None = None) -> date:
        first = term.last - timedelta(days=max(self.policy.integers("renewal.checks")))
        return first if asked_on is None else min(first, self._grace_over(asked_on))

    def _grace_over(self, asked_on: date) -> date:
        return asked_on + timedelta(days=self.policy.integer("idv.grace_days") + 1)

    def _asked_on(self, row: Row[Any]) -> date | None:
        """R12: today, where the year that follows this one asks for a new check of identity."""
        if not asks_again(row.identity_checked_on, row.first_day):
            return None
        return max(self.as_of, japan_day(self.now))

    def _ask_again(self, rows: Sequence[Row[Any]]) -> None:
        ask_again(
            self.db,
            lg_code=self.body.code,
            people=[row.person_id for row in rows],
            asked_on=max(self.as_of, japan_day(self.now)),
            now=self.now,
            book=self.book,
        )

    def version_id(self, day: date) -> UUID | None:
        """R33: the stored requirement that a term beginning on a day is judged by."""
        if day not in self._versions:
            code = self.body.code
            own = policies.body_policy(self.db, self.book, code, day)
            version = version_for_term(policies.rule_versions(own, code), day)
            self._versions[day] = policies.requirement_id(self.db, code, version.since)
        return self._versions[day]

    def _roll(self, rows: Sequence[Row[Any]]) -> None:
        """R14: the year ended and the booked one began, at midnight."""
        if not rows:
            return
        begun = self._begin_booked(rows)
        self._cards((registration_id, last) for registration_id, _, last in begun)
        refresh_expiry(self.db, self.body, [(person_id, last) for _, person_id, last in begun])
        self._trace("term_began", [(row, {"term_id": str(row.id)}) for row in rows], "term.begin")
        self._ask_again([row for row in rows if self._asked_on(row)])

    def _begin_booked(self, rows: Sequence[Row[Any]]) -> list[tuple[UUID, UUID, date]]:
        self.db.execute(
            text(
                "update term set state = 'ended', renewal_state = 'done'"
                " where lg_code = :lg_code and id = any(:ids)"
            ),
            {"lg_code": self.body.code, "ids": [row.id for row in rows]},
        )
        # The next term begins after the extension, where there was one (R14).
        ends = {extended(Period(row.first_day, row.last_day), row.extended_until) for row in rows}
        days = sorted({judged.last + timedelta(days=1) for judged in ends})
        asked_on = max(self.as_of, japan_day(self.now))
        asked = [row.registration_id for row in rows if self._asked_on(row)]
        found: list[tuple[UUID, UUID, date]] = []
        for day in days:
            begun = self.db.execute(
                text(
                    "update term set state = 'active', requirement_version_id = :version,"
                    " due_on = least(last_day - cast(:first_check as int),"
                    " case when registration_id = any(:asked) then cast(:grace_over as date) end),"
                    " identity_asked_on ="
                    " case when registration_id = any(:asked) then cast(:asked_on as date) end"
                    " where lg_code = :lg_code and registration_id = any(:registrations)"
                    " and state = 'booked' and first_day = :day"
                    " returning registration_id, person_id, last_day"
                ),
                {
                    "lg_code": self.body.code,
                    "registrations": [row.registration_id for row in rows],
                    "version": self.version_id(day),
                    "asked": asked,
                    "asked_on": asked_on,
                    "grace_over": self._grace_over(asked_on),
                    "first_check": max(self.policy.integers("renewal.checks")),
                    "day": day,
                },
            )
            found += [(row[0], row[1], row[2]) for row in begun]
        return found

    def _cards(self, ends: Iterable[tuple[UUID, date | None]]) -> None:
        """R22: living cards show the day until which premium lasts; in grace that day (R14)."""
        rows = [(registration_id, day) for registration_id, day in ends if day is not None]
        if not rows:
            return
        columns = {
            "registration_id": Column("uuid", [row[0] for row in rows]),
            "day": Column("date", [row[1] for row in rows]),
        }
        run(
            self.db,
            f"update card c set expires_on = v.day from {unnest(columns)}"
            " where c.lg_code = %(lg_code)s and c.registration_id = v.registration_id"
            " and c.revoked_at is null",
            columns,
            lg_code=self.body.code,
        )

    # --- events, audit, notices ---

    def _say(self, steps: Sequence[Step]) -> None:
        if not steps:
            return
        for kind in TOLD:
            told = [step for step in steps if step.kind == kind]
            facts = [(step.row, self._facts(step)) for step in told]
            self._trace(f"renewal_{kind}", facts, f"term.renewal_{kind}")
        tell_many(self.db, [self._draft(step) for step in steps], now=self.now)

    def _facts(self, step: Step) -> dict[str, Any]:
        """For the event: ids and days only."""
        judgement_id = self._judgements.get(step.row.id)
        until = step.last_of_grace
        return {
            "term_id": str(step.row.id),
            "judgement_id": None if judgement_id is None else str(judgement_id),
            "check": step.check,
            **({} if until is None else {"grace_until": until.isoformat()}),
        }

    def _trace(
        self, kind: str, rows: Sequence[tuple[Row[Any], Mapping[str, Any]]], action: str
    ) -> None:
        """The registration's event and the audit row, for each."""
        code = self.body.code
        add_events(
            self.db,
            [Happened(row.registration_id, row.person_id, facts) for row, facts in rows],
            lg_code=code,
            kind=kind,
            now=self.now,
            on_day=self.as_of,
        )
        record_many(
            self.db,
            [Act(action, row.id, row.person_id) for row, _ in rows],
            actor=self.actor,
            lg_code=code,
            now=self.now,
            subject_kind="term",
        )

    def _draft(self, step: Step) -> NoticeDraft:
        row, found = step.row, step.found
        facts: dict[str, Any] = {"government": self.name, "day": row.last_day.isoformat()}
        key = word_of(row.id, self.as_of)
        if step.kind == "booked" and found is not None and found.next_term is not None:
            facts["until"] = found.next_term.last.isoformat()
        if step.kind == "grace" and step.last_of_grace is not None:
            facts["until"] = step.last_of_grace.isoformat()
        if found is not None and found.decision.reasons:
            first = found.decision.reasons[0]
            facts |= {"found": first.found, "needed": first.needed, "codes": found.decision.codes}
        return NoticeDraft(row.person_id, f"renewal_{step.kind}", key, self.body.code, facts)

    def _lapse(self, steps: Sequence[Step]) -> None:
        """R14: back to basic, never deleted; everything that follows is `end_premiums`'."""
        if not steps:
            return
        reasons = {step.row.registration_id: lapse_reason(step.found) for step in steps}
        found = self.db.scalars(
            select(Registration)
            .where(Registration.lg_code == self.body.code, Registration.id.in_(reasons))
            .order_by(Registration.person_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        ends = [(row, reasons[row.id]) for row in found]
        end_premiums(self.db, actor=self.actor, ends=ends, now=self.now, book=self.book)


def _subject(step: Step) -> str:
    """The term judged, and the check; unique with the day."""
    return f"{step.row.id}:{'end' if step.kind == 'lapsed' else step.check}"


def _reasons(decision: Decision) -> str:
    return plain_json([reason.to_json() for reason in decision.reasons])
