"""What goes in and out at the doors of signing in."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

Kind = Literal["person", "staff", "operator"]


class CodeAsked(BaseModel):
    """Ask for a code by mail."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"email": "hanako@example.jp", "kind": "person"}]}
    )

    email: str = Field(max_length=254, description="Address the code goes to.")
    kind: Kind = Field(default="person", description="As whom to sign in.")
    language: Literal["ja", "easy", "en"] = "ja"
    website: str = Field(
        default="",
        max_length=400,
        description="Left empty by people: a field of the page's form that only machines fill in.",
    )


class CodeSent(BaseModel):
    """A code is on its way, whether or not the address is known."""

    binding: str = Field(description="To be brought back with the code; keep it on this device.")
    expires_at: datetime
    code: str | None = Field(
        default=None, description="The code itself: only in a rehearsal without a mailbox."
    )


class CodeProved(BaseModel):
    """The code and where it was asked for."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"code": "12345678", "binding": "…", "transport": "bearer"}]
        }
    )

    code: str = Field(max_length=40)
    binding: str = Field(max_length=100)
    transport: Literal["bearer", "cookie"] = Field(
        default="bearer", description="A token for apps, or a cookie for browsers."
    )


class SignInOut(BaseModel):
    """A sign-in."""

    kind: Kind
    account_id: str
    token: str | None = Field(
        default=None, description="For `Authorization: Bearer …`; not shown again."
    )


class SessionOut(BaseModel):
    """One living sign-in of one's own."""

    id: UUID
    transport: str = Field(examples=["bearer"])
    method: Literal["code", "passkey"] = Field(description="How one signed in.")
    created_at: datetime
    last_seen_at: datetime
    user_agent: str
    browser: str = Field(
        description="Browser and system by their names, empty when unknown.",
        examples=["Chrome / Android"],
    )
    current: bool = Field(description="Whether this request came with it.")
