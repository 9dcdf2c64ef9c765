"""What goes in and out at the doors of local governments, their settings and requirements."""

from datetime import date
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from core.web import Items
from registry.models import LocalGovernment, RequirementVersion
from registry.policies import Setting
from registry.rules.policy import Step
from registry.rules.requirement import Tree, describe_en, describe_ja, to_json

State = Literal["none", "preparing", "trial", "active", "suspended", "left"]


class GovernmentOut(BaseModel):
    """One of 1,741 municipalities or 47 prefectures (R01)."""

    lg_code: str = Field(examples=["212172"], description="全国地方公共団体コード.")
    kind: Literal["municipality", "prefecture"]
    prefecture_code: str = Field(examples=["210005"])
    prefecture: str = Field(examples=["岐阜県"])
    name: str = Field(examples=["飛騨市"])
    kana: str = Field(examples=["ヒダシ"])
    state: State
    accepts: bool = Field(description="Whether it takes registrations.")

    @classmethod
    def of(cls, row: LocalGovernment, *, accepts: bool) -> "GovernmentOut":
        """From its row."""
        values = {name: getattr(row, name, None) for name in cls.model_fields}
        return cls.model_validate(values | {"lg_code": row.code, "accepts": accepts})


class RequirementWords(BaseModel):
    """A requirement for premium, as data and in words (R07)."""

    tree: dict[str, Any] = Field(examples=[{"count": 3}])
    ja: str = Field(examples=["担い手活動に年3回以上参加"])
    en: str
    below_national_base: bool = Field(description="It asks less than the national base (R07).")

    @classmethod
    def of(cls, tree: Tree, *, below: bool) -> "RequirementWords":
        """In both languages."""
        return cls(
            tree=to_json(tree),
            ja=describe_ja(tree),
            en=describe_en(tree),
            below_national_base=below,
        )


class GovernmentDetailOut(GovernmentOut):
    """A local government with what it asks for premium today."""

    joined_on: date | None
    message: str
    requirement: RequirementWords


class StateIn(BaseModel):
    """Where a local government stands with the scheme, from now on or from a day on (R01)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"state": "active"}, {"state": "trial", "since": "2027-10-01"}]
        }
    )

    state: State
    since: date | None = Field(
        None, description="A day to come; without it, the step is taken now."
    )
    reason: str = Field(
        "", max_length=400, description="For a step that pauses, leaves or goes back"
    )


class StepOut(BaseModel):
    """A value and the day from which it holds."""

    since: date
    value: Any
    source: str
    decided_by: str | None = None

    @classmethod
    def of(cls, step: Step) -> "StepOut":
        """From the policy book."""
        return cls(
            since=step.since,
            value=step.value,
            source=str(step.source),
            decided_by=step.decided_by or None,
        )


class SettingOut(BaseModel):
    """One number, switch or list of the scheme, as it holds for a local government."""

    key: str = Field(examples=["decision.mode"])
    label: str = Field(examples=["決定の方式"])
    about: str
    rules: list[str] = Field(examples=[["R15"]])
    unit: str
    kind: str
    options: list[str]
    may: Literal["never", "raise", "lower", "any"] = Field(
        description="What a local government may do with the national value."
    )
    at_least: float | None
    at_most: float | None
    national: StepOut
    in_force: StepOut
    own: list[StepOut] = Field(description="The local government's own values, later ones too.")

    @classmethod
    def of(cls, setting: Setting) -> "SettingOut":
        """From the policy book."""
        parameter = setting.parameter
        return cls.model_validate(
            {
                "key": parameter.key,
                "label": parameter.label,
                "about": parameter.about,
                "rules": list(parameter.rules),
                "unit": parameter.unit,
                "kind": parameter.kind.value,
                "options": list(parameter.options),
                "may": parameter.local.may.value,
                "at_least": parameter.local.at_least,
                "at_most": parameter.local.at_most,
                "national": StepOut.of(setting.national),
                "in_force": StepOut.of(setting.in_force),
                "own": [StepOut.of(step) for step in setting.own],
            }
        )


class SettingIn(BaseModel):
    """A local government's own value, from a day that is not past."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"value": "veto", "since": "2027-07-01"}]}
    )

    value: Any
    since: date


class RequirementIn(BaseModel):
    """A requirement for premium and the day from which it holds (R07, R33)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "tree": {"any_of": [{"count": 5}, {"hours": 20}]},
                    "effective_from": "2027-10-01",
                }
            ]
        }
    )

    tree: Any = Field(description="all_of / any_of over count, hours, projects, stay_days …")
    effective_from: date


class RequirementOut(RequirementWords):
    """One version of a local government's requirement."""

    id: UUID
    effective_from: date
    announced_on: date
    decided_by: str

    @classmethod
    def from_row(cls, row: RequirementVersion, tree: Tree, *, below: bool) -> "RequirementOut":
        """From its row."""
        words = RequirementWords.of(tree, below=below).model_dump()
        more = {
            name: getattr(row, name)
            for name in ("id", "effective_from", "announced_on", "decided_by")
        }
        return cls.model_validate(words | more)


class RequirementsOut(Items[RequirementOut]):
    """Every version of a local government's own, oldest first, and what holds today."""

    in_force: RequirementWords
