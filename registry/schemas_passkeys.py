"""What goes in and out at the doors of passkeys. Credentials pass as the browser's own JSON."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from core.models import Passkey
from core.passkey_challenges import Ceremony
from core.passkey_list import MAX_NAME
from registry.schemas_signin import Kind

_BINDING = "k3Jv0k3V1rXn1n1Vd0m7x7f8m0k9d2Q4a5b6c7d8e9f"
_CREDENTIAL: JsonDict = {
    "id": "3q2-7w",
    "rawId": "3q2-7w",
    "type": "public-key",
    "response": {"clientDataJSON": "e30"},
}


class ChallengeOut(BaseModel):
    """What to hand to the browser, and what to bring back with its answer."""

    binding: str = Field(description="To be brought back; good for one try.", examples=[_BINDING])
    options: dict[str, Any] = Field(
        description="For `PublicKeyCredential.parseCreationOptionsFromJSON` or"
        " `parseRequestOptionsFromJSON`.",
        examples=[{"challenge": "6Zq0b0mC", "rpId": "furusato.example"}],
    )
    expires_at: datetime

    @classmethod
    def of(cls, ceremony: Ceremony) -> "ChallengeOut":
        """As JSON."""
        return cls(
            binding=ceremony.binding, options=ceremony.options, expires_at=ceremony.expires_at
        )


#: In the browser's own spelling, which is not ours to change.
Credential = Annotated[dict[str, Any], Field(description="What the credential's `toJSON()` gives.")]


class SignInChallengeAsked(BaseModel):
    """As whom one wants to sign in."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"kind": "person"}]})

    kind: Kind = "person"


class PasskeyAnswer(BaseModel):
    """A device's answer to a challenge."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"binding": _BINDING, "credential": _CREDENTIAL, "transport": "bearer"}]
        }
    )

    binding: str = Field(max_length=100)
    credential: Credential
    transport: Literal["bearer", "cookie"] = Field(
        default="bearer", description="A token for apps, or a cookie for browsers."
    )


class PasskeyMade(BaseModel):
    """A new key of a device."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"binding": _BINDING, "credential": _CREDENTIAL}]}
    )

    binding: str = Field(max_length=100)
    credential: Credential
    name: str = Field(
        default="",
        max_length=MAX_NAME,
        description="What to call it; browser and system when empty.",
    )


class PasskeyName(BaseModel):
    """What to call a key."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "わたしの電話"}]})

    name: str = Field(min_length=1, max_length=MAX_NAME)


class PasskeyOut(BaseModel):
    """One of one's own keys."""

    id: UUID
    name: str = Field(examples=["わたしの電話"])
    created_at: datetime
    last_used_at: datetime | None
    synced: bool = Field(description="Whether it is kept on more than one device.")
    blocked: bool = Field(description="Its counter went back; it may be a copy and opens nothing.")

    @classmethod
    def of(cls, row: Passkey) -> "PasskeyOut":
        """As JSON."""
        return cls(
            id=row.id,
            name=row.name,
            created_at=row.created_at,
            last_used_at=row.last_used_at,
            synced=row.backed_up,
            blocked=row.blocked_at is not None,
        )
