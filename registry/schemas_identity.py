"""What the doors of identity and of guardians take and give (R12, R18)."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from registry.models import Guardianship, IdentityAttempt
from registry.rules.facts import IdentityLevel

Asked = Literal["basic", "premium", "helper"]
Scope = Literal["basic", "premium", "managed", "helper"]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AttemptIn(_In):
    """Begin an identity check with the My Number card."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"purpose": "premium", "next": "/me"}]},
    )

    purpose: Literal["premium", "renewal", "guardian"] = Field(
        default="premium",
        description="Decides what is asked of the card: all facts, the address, or name and birth",
    )
    next: str = Field(
        default="/", max_length=300, description="Path on this site to come back to afterwards"
    )
    guardianship_id: UUID | None = Field(
        default=None, description="For a guardian: the consent it is for"
    )


class AttemptStarted(BaseModel):
    """Where to send the browser; good for ten minutes and one use, with this sign-in only."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "f5c8a0b2-5d38-4f0f-93c5-0d6a0f1c2e11",
                    "url": "https://auth-and-sign.go.jp/api/realms/main/protocol/openid-connect/auth?…",
                    "expires_at": "2027-06-01T01:10:00Z",
                }
            ]
        }
    )

    id: UUID
    url: str
    expires_at: datetime


class AttemptOut(BaseModel):
    """How an identity check ended."""

    id: UUID
    purpose: str
    state: Literal["open", "verified", "refused"]
    level: str | None = Field(default=None, description="Level proved: mnc_user or mnc_sign")
    code: str | None = Field(default=None, description="Why nobody was verified")
    detail: str | None = Field(default=None, description="The same in words")

    @classmethod
    def of(cls, row: IdentityAttempt, detail: str | None) -> "AttemptOut":
        """A row as its person reads it; `detail` is the sentence of a refusal."""
        proved = row.result in {level.value for level in IdentityLevel}
        return cls(
            id=row.id,
            purpose=row.purpose,
            state="open" if row.result is None else "verified" if proved else "refused",
            level=row.result if proved else None,
            code=None if proved else row.result,
            detail=None if proved or row.result is None else detail,
        )


class InviteIn(_In):
    """Ask a guardian for consent."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"contact": "parent@example.jp", "scope": "premium"}]},
    )

    contact: str = Field(max_length=254, description="The guardian's e-mail address")
    scope: Asked = Field(
        description="For a registration at all, or for premium; helper: an adult asks for help"
    )
    months: Literal[3, 6, 12] = Field(default=12, description="For how long somebody helps")


class KeeperIn(_In):
    """Ask another adult to be a managed child's guardian."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"contact": "father@example.jp"}]}
    )

    contact: str = Field(max_length=254, description="The other adult's e-mail address")


class GuardianshipOut(BaseModel):
    """A guardian's consent with its scope, text and dates (C43)."""

    id: UUID
    role: Literal["minor", "guardian"] = Field(description="As what the reader appears in it")
    contact: str | None = Field(default=None, description="The guardian's address, for the minor")
    scope: Scope
    state: Literal["invited", "living", "withdrawn", "ended"]
    text_version: str
    invited_at: datetime
    contact_confirmed_at: datetime | None
    verified_at: datetime | None
    ended_at: datetime | None
    ended_reason: str | None
    until: date | None = Field(description="First day on which it no longer holds")
    name: str | None = Field(description="How the guardian or helper is called")
    link: str | None = Field(
        default=None, description="The invitation's address: only in a rehearsal without a mailbox"
    )

    @classmethod
    def of(
        cls, row: Guardianship, *, role: Literal["minor", "guardian"], link: str | None = None
    ) -> "GuardianshipOut":
        """A row as the minor, or the guardian, reads it."""
        return cls.model_validate(
            {
                "id": row.id,
                "role": role,
                "contact": row.contact if role == "minor" else None,
                "scope": row.scope,
                "state": row.state,
                "text_version": row.text_version,
                "invited_at": row.invited_at,
                "contact_confirmed_at": row.contact_confirmed_at,
                "verified_at": row.verified_at,
                "ended_at": row.ended_at,
                "ended_reason": row.ended_reason,
                "until": row.until,
                "name": row.guardian_name,
                "link": link,
            }
        )


class InvitationOut(BaseModel):
    """What an invited guardian reads before signing in: nothing but what is asked."""

    scope: Scope
    state: Literal["invited", "living", "withdrawn", "ended"]
    text_version: str
    confirmed: bool
    card_needed: bool = Field(description="The guardian's own card is needed: scope premium")

    @classmethod
    def of(cls, row: Guardianship) -> "InvitationOut":
        """An invitation as its link shows it."""
        return cls.model_validate(
            {
                "scope": row.scope,
                "state": row.state,
                "text_version": row.text_version,
                "confirmed": row.contact_confirmed_at is not None,
                "card_needed": row.scope == "premium" and row.verified_at is None,
            }
        )


class ConfirmIn(_In):
    """How the guardian wants to be called, where they have no profile yet."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"nickname": "花子の母"}]})

    nickname: str = Field(default="保護者", min_length=1, max_length=40)
