"""What goes in and out at the doors of a person's own profile and notices."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from core.models import Account, Notice
from core.texts import Texts
from registry.models import Person
from registry.people import MAX_NAME, MAX_NICKNAME, MAX_PHONE

Nickname = Annotated[str, Field(min_length=1, max_length=MAX_NICKNAME, examples=["花子"])]
Name = Annotated[str, Field(max_length=MAX_NAME)]
Phone = Annotated[str, Field(max_length=MAX_PHONE, examples=["090-1234-5678"])]
Code = Annotated[str, Field(pattern=r"^\d{6}$", description="全国地方公共団体コード, 6 digits.")]


class ProfileIn(BaseModel):
    """What a person says of themselves; only the nickname must be there (R03).

    The Individual Number is never asked for, and refused wherever it is written.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"nickname": "花子", "birth_year": 1990, "declared_residence": "131016"},
            ]
        },
    )

    nickname: Nickname
    name: Name | None = None
    kana: Name | None = None
    birth_date: date | None = None
    birth_year: int | None = Field(
        default=None,
        description="Needed unless the birth date is given: enough to know an age (R18).",
    )
    declared_residence: Code | None = Field(default=None, description="Where one lives (R16).")
    emergency_name: Name | None = Field(
        default=None, description="Of minors: whom a host calls on the day (R18)."
    )
    emergency_phone: Phone | None = None


class ProfileChange(BaseModel):
    """Fields to change; what is left out stays as it is, `null` empties it."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"declared_residence": "212172"}]}
    )

    nickname: Nickname | None = None
    name: Name | None = None
    kana: Name | None = None
    birth_date: date | None = None
    birth_year: int | None = None
    declared_residence: Code | None = None
    emergency_name: Name | None = None
    emergency_phone: Phone | None = None
    link_default: bool | None = Field(
        default=None,
        description="Whether new municipal registrations register the prefecture too (R02).",
    )
    language: Literal["ja", "easy", "en"] | None = None

    def changes(self) -> dict[str, Any]:
        """Only what was sent; a switch or a language cannot be emptied."""
        sent = self.model_dump(exclude_unset=True)
        never_empty = ("link_default", "language")
        return {k: v for k, v in sent.items() if not (k in never_empty and v is None)}


class ProfileOut(BaseModel):
    """One's own profile."""

    id: UUID
    email: str | None
    language: str
    nickname: str
    name: str | None
    kana: str | None
    birth_date: date | None
    birth_year: int | None
    declared_residence: str | None
    verified_residence: str | None = Field(description="As the card says (R12, R16).")
    emergency_name: str | None
    emergency_phone: str | None
    identity_level: Literal["none", "email", "mnc_user", "mnc_sign"]
    identity_checked_at: datetime | None
    identity_lapsed_on: date | None
    link_default: bool
    created_at: datetime
    unread_notices: int

    @classmethod
    def of(cls, person: Person, account: Account, unread: int) -> "ProfileOut":
        """From the person's own rows."""
        values = {name: getattr(person, name, None) for name in cls.model_fields}
        more = {"email": account.email, "language": account.language, "unread_notices": unread}
        return cls.model_validate(values | more)


class NoticeOut(BaseModel):
    """One notice, in the person's language."""

    id: UUID
    kind: str = Field(examples=["registration_registered"])
    lg_code: str | None
    title: str = Field(examples=["飛騨市にふるさと住民登録をしました"])
    body: str
    facts: dict[str, Any]
    created_at: datetime
    read_at: datetime | None

    @classmethod
    def of(cls, notice: Notice, texts: Texts, language: str) -> "NoticeOut":
        """From the row, with its words."""
        title, body = texts.notice_text(language, notice.kind, notice.facts)
        values = {name: getattr(notice, name, None) for name in cls.model_fields}
        return cls.model_validate(values | {"title": title, "body": body})
