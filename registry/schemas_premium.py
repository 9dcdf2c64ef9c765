"""What the doors of premium take and give."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from core.texts import Texts
from registry.approvals import InboxRow
from registry.judging import ReplayReport
from registry.models import Application, Judgement, Term
from registry.premium import Applied, Missing
from registry.rules.reasons import Reason
from registry.rules.requirement import describe_en, describe_ja, to_json
from registry.terms import ExtensionReason

ApplicationState = Literal[
    "open",
    "waiting",
    "veto",
    "review",
    "granted",
    "refused",
    "withdrawn",
    "expired",
    "reversed",
]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ReasonOut(BaseModel):
    """One reason against: the rule, what was found, what is needed, what the person can do."""

    rule: str = Field(description="Id of the rule in rules.md", examples=["R07"])
    code: str = Field(examples=["not_enough_count"])
    found: int | str | None = None
    needed: int | str | None = None
    names: list[str] = Field(default=[], description="Local governments it is about")
    source: str = Field(default="", description="Document and clause the number comes from")
    action: str = Field(default="", description="Code of the next step", examples=["find_activity"])
    detail: str = Field(description="The reason in words")
    next_step: str = Field(default="", description="What the person can do, in words")

    @classmethod
    def of(
        cls, reason: Reason, texts: Texts, language: str, names: Mapping[str, str]
    ) -> "ReasonOut":
        """A reason with its words, codes of local governments as their names."""
        plain = reason.to_json() | {"names": [names.get(name, name) for name in reason.names]}
        return cls(
            **plain,
            detail=texts.reason_sentence(language, plain),
            next_step=texts.action_sentence(language, plain),
        )


class TermOut(BaseModel):
    """有効期間: one year of premium, both days included (R14)."""

    id: UUID
    first_day: date
    last_day: date
    state: str
    extended_until: date | None = None
    extension_reason: str | None = None
    grace_until: date | None = None
    renewal_state: str = "none"

    @classmethod
    def of(cls, term: Term) -> "TermOut":
        """A row as it is read outside."""
        return cls.model_validate(term, from_attributes=True)


class ApplyIn(_In):
    """Ask for premium, or exchange one local government for another (R13)."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{}, {"replaces_lg_code": "113611"}]}
    )

    replaces_lg_code: str | None = Field(
        default=None,
        pattern=r"^\d{6}$",
        description="Exchange: the premium given up in the moment the new one is granted",
    )


class ApplicationOut(BaseModel):
    """申請: an application and what became of it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "9f0c3d1e-6c6f-4a3e-8b59-2a8f4f0b1c11",
                    "lg_code": "212172",
                    "state": "refused",
                    "mode": "auto",
                    "applied_on": "2027-06-01",
                    "reasons": [
                        {
                            "rule": "R13",
                            "code": "cap_reached",
                            "found": 3,
                            "needed": 3,
                            "names": ["岐阜県飛騨市", "宮城県気仙沼市", "埼玉県横瀬町"],
                            "action": "exchange",
                            "detail": "プレミアム登録は3団体までです。",
                        }
                    ],
                }
            ]
        }
    )

    id: UUID
    lg_code: str
    state: ApplicationState
    mode: str = Field(description="How the local government decides: auto, veto, review (R15)")
    applied_at: datetime
    applied_on: date
    replaces_lg_code: str | None = None
    place_kept_until: date | None = Field(
        default=None, description="One of the three places is kept until this day (R13)"
    )
    effective_at: datetime | None = Field(
        default=None, description="When it takes effect unless somebody objects (R15)"
    )
    decided_at: datetime | None = None
    judgement_id: UUID | None = None
    note: str | None = Field(default=None, description="What staff wrote")
    reasons: list[ReasonOut] = []
    term: TermOut | None = None

    @classmethod
    def of(
        cls,
        row: Application,
        *,
        reasons: list[ReasonOut] | None = None,
        term: Term | None = None,
    ) -> "ApplicationOut":
        """A row as the applicant reads it."""
        return cls(
            id=row.id,
            lg_code=row.lg_code,
            state=row.state,
            mode=row.mode,
            applied_at=row.applied_at,
            applied_on=row.applied_on,
            replaces_lg_code=row.replaces_lg_code,
            place_kept_until=row.slot_until,
            effective_at=row.effective_at,
            decided_at=row.decided_at,
            judgement_id=row.judgement_id,
            note=row.note,
            reasons=reasons or [],
            term=None if term is None else TermOut.of(term),
        )

    @classmethod
    def of_applied(cls, applied: Applied, texts: Texts, language: str) -> "ApplicationOut":
        """What an application came to, with the names that only the person sees."""
        reasons = [
            ReasonOut.of(reason, texts, language, applied.names)
            for reason in applied.decision.reasons
        ]
        return cls.of(applied.application, reasons=reasons, term=applied.term)


class MissingOut(BaseModel):
    """What stands between the person and premium there, today."""

    as_of: date
    allowed: bool = Field(description="Nothing is missing: an application would be allowed")
    requirement: dict[str, Any] = Field(examples=[{"count": 3}])
    requirement_text: str = Field(examples=["指定された活動に3回以上参加すること。"])
    counted: int = Field(description="Counted days of designated activities in the period (R08)")
    hours: int
    projects: int
    stay_days: int
    reasons: list[ReasonOut]
    application: ApplicationOut | None = None
    term: TermOut | None = None

    @classmethod
    def of(cls, found: Missing, texts: Texts, language: str) -> "MissingOut":
        """With words in the reader's language."""
        describe = describe_en if language == "en" else describe_ja
        return cls(
            as_of=found.day,
            allowed=found.decision.allowed,
            requirement=to_json(found.asked),
            requirement_text=describe(found.asked),
            counted=found.shown.count,
            hours=found.shown.minutes // 60,
            projects=found.shown.projects,
            stay_days=found.shown.stay_days,
            reasons=[
                ReasonOut.of(reason, texts, language, found.names)
                for reason in found.decision.reasons
            ],
            application=None if found.application is None else ApplicationOut.of(found.application),
            term=None if found.term is None else TermOut.of(found.term),
        )


class StaffApplicationOut(BaseModel):
    """An application as staff of its local government see it; other bodies are not named."""

    id: UUID
    registration_id: UUID
    display_name: str
    member_number: str
    minor: bool
    state: ApplicationState
    mode: str
    applied_on: date
    deadline: datetime
    exchange: bool = Field(description="Another local government is given up for it")
    judgement_id: UUID | None
    allowed: bool | None = Field(description="What the rules said")
    reasons: list[ReasonOut]
    note: str | None

    @classmethod
    def of(cls, row: InboxRow, texts: Texts, language: str) -> "StaffApplicationOut":
        """One row of the inbox."""
        given, member, judged = row.application, row.registration, row.judgement
        reasons = [] if judged is None else [Reason.from_json(one) for one in judged.reasons]
        return cls(
            id=given.id,
            registration_id=member.id,
            display_name=member.display_name,
            member_number=member.member_number,
            minor=member.minor_until is not None,
            state=given.state,
            mode=given.mode,
            applied_on=given.applied_on,
            deadline=row.deadline,
            exchange=given.replaces_lg_code is not None,
            judgement_id=given.judgement_id,
            allowed=None if judged is None else judged.allowed,
            reasons=[ReasonOut.of(reason, texts, language, {}) for reason in reasons],
            note=given.note,
        )


class DecisionIn(_In):
    """Why: a sentence that the person reads."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"reason": "活動の記録に確認が必要なため"}]},
    )

    reason: str = Field(min_length=1, max_length=400)


class DecidedOut(BaseModel):
    """An application after a decision by staff."""

    id: UUID
    state: ApplicationState
    decided_at: datetime | None
    judgement_id: UUID | None

    @classmethod
    def of(cls, row: Application) -> "DecidedOut":
        """A row after the decision."""
        return cls.model_validate(row, from_attributes=True)


class JudgementOut(BaseModel):
    """判定: one decision by the rules, with everything it was made from (R15)."""

    id: UUID
    lg_code: str
    registration_id: UUID
    kind: str
    as_of: date
    made_at: datetime
    allowed: bool
    outcome: str
    reasons: list[ReasonOut]
    inputs: dict[str, Any]
    rules_version: str
    reversible_until: date | None
    replays_equal: bool = Field(description="Made again now from the same facts: the same result")

    @classmethod
    def of(
        cls,
        row: Judgement,
        report: ReplayReport,
        texts: Texts,
        language: str,
        names: Mapping[str, str],
    ) -> "JudgementOut":
        """A stored judgement beside its replay."""
        return cls(
            id=row.id,
            lg_code=row.lg_code,
            registration_id=row.registration_id,
            kind=row.kind,
            as_of=row.as_of,
            made_at=row.made_at,
            allowed=row.allowed,
            outcome=row.outcome,
            reasons=[
                ReasonOut.of(reason, texts, language, names) for reason in report.stored.reasons
            ],
            inputs={"facts": row.inputs, "policy": row.policy},
            rules_version=row.rules_version,
            reversible_until=row.reversible_until,
            replays_equal=report.equal,
        )


class ExtensionIn(_In):
    """R14: let a term last longer, until a day and for a reason."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"until": "2028-09-30", "reason": "disaster"}]},
    )

    until: date
    reason: ExtensionReason


class ConsentEndedOut(BaseModel):
    """How many consents of guardians ended."""

    ended: int
