"""What goes in and out at the doors of registrations."""

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from registry.models import Registration
from registry.overview import Held
from registry.rules.survey import Survey


class RegisterIn(BaseModel):
    """Register with a local government."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"lg_code": "212172", "link": True, "answers": {"tie": "family"}}]
        }
    )

    lg_code: str = Field(pattern=r"^\d{6}$", description="全国地方公共団体コード, 6 digits.")
    link: bool | None = Field(
        default=None,
        description="Whether the prefecture comes too (R02); one's general choice when left out.",
    )
    answers: dict[str, Any] | None = Field(
        default=None, description="Answers to the first questionnaire (R04), if given at once."
    )


class LinkIn(BaseModel):
    """Whether this municipal registration carries the prefecture with it (R02)."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"linked": False}]})

    linked: bool


class AnswersIn(BaseModel):
    """Answers to the first questionnaire, by the keys of its questions (R04)."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"answers": {"tie": "tourism", "visits": 2}}]}
    )

    answers: dict[str, Any] = Field(max_length=100)


class RegistrationOut(BaseModel):
    """A registration as the registrant sees it."""

    id: UUID
    lg_code: str = Field(examples=["212172"])
    name: str = Field(examples=["飛騨市"])
    prefecture: str = Field(examples=["岐阜県"])
    tier: Literal["basic", "premium"]
    status: str = Field(examples=["active"])
    direct: bool = Field(description="Registered by the person (R02).")
    derived: bool = Field(description="Follows from municipalities inside (R02).")
    derived_from: list[str] = Field(examples=[["212172"]])
    linked: bool = Field(description="Carries the prefecture with it (R02).")
    link_waits: bool = Field(description="The prefecture has not joined yet.")
    residence_relation: Literal["resident", "related", "elsewhere", "unknown"]
    residence_related: bool = Field(description="Derived row of the prefecture of residence (R16).")
    member_number: str
    registered_on: date
    last_access_on: date
    premium_until: date | None = None
    in_grace: bool = False
    release_on: date | None = Field(
        default=None, description="Day of release when nothing is opened until then (R06)."
    )
    restore_until: date | None = None
    ended_on: date | None = None
    ended_reason: str | None = None
    survey_answered: bool

    @classmethod
    def of(cls, held: Held) -> "RegistrationOut":
        """From a row and what belongs to it."""
        row = held.row
        return cls.model_validate(
            {
                "id": row.id,
                "lg_code": row.lg_code,
                "name": held.government.name,
                "prefecture": held.government.prefecture,
                "tier": row.tier,
                "status": row.status,
                "direct": row.direct,
                "derived": row.derived,
                "derived_from": [entry["code"] for entry in row.derived_from],
                "linked": row.status == "active" and not row.link_opted_out,
                "link_waits": held.link_waits,
                "residence_relation": row.residence_relation,
                "residence_related": row.residence_related,
                "member_number": row.member_number,
                "registered_on": row.registered_on,
                "last_access_on": row.last_access_on,
                "premium_until": held.premium_until,
                "in_grace": held.term is not None and held.term.state == "grace",
                "release_on": held.dormancy.release_on,
                "restore_until": row.restore_until,
                "ended_on": row.ended_on,
                "ended_reason": row.ended_reason,
                "survey_answered": held.survey_answered,
            }
        )


class OptionOut(BaseModel):
    """One answer to choose."""

    code: str
    ja: str
    en: str


class QuestionOut(BaseModel):
    """One question of the first questionnaire."""

    key: str = Field(examples=["tie"])
    kind: Literal["one", "several", "number", "text"]
    ja: str
    en: str
    required: bool
    most: int = Field(description="Options one may choose, or the largest number one may write.")
    options: list[OptionOut]


class SurveyOut(BaseModel):
    """The first questionnaire (R04)."""

    version: int
    shortcut_question: str
    shortcut_answer: str = Field(description="With this answer the skipped ones are not asked.")
    skipped: list[str]
    questions: list[QuestionOut]

    @classmethod
    def of(cls, survey: Survey) -> "SurveyOut":
        """From the version in force."""
        return cls.model_validate({**survey.to_json(), "skipped": list(survey.skipped)})


class AnswersOut(BaseModel):
    """Answers as they are kept."""

    version: str | None = None
    answers: dict[str, Any]
    answered_at: datetime | None = None


class MemberOut(BaseModel):
    """A registration as its local government holds it: the body's own copy (R25)."""

    id: UUID
    member_number: str
    display_name: str
    kana: str | None
    tier: Literal["basic", "premium"]
    status: str
    direct: bool
    derived: bool
    residence_relation: str
    minor: bool
    identity_level: str
    registered_on: date
    last_access_on: date

    @classmethod
    def of(cls, row: Registration) -> "MemberOut":
        """From the body's own row."""
        values = {name: getattr(row, name, None) for name in cls.model_fields}
        return cls.model_validate(values | {"minor": row.minor_until is not None})


class EventOut(BaseModel):
    """What happened to a registration, in order."""

    kind: str = Field(examples=["registered"])
    at: datetime
    facts: dict[str, Any]


class MemberDetailOut(MemberOut):
    """One registration with its history."""

    events: list[EventOut]
