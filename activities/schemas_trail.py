"""The audit trail as it is shown."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from activities.schemas_fields import Out


class AuditEventOut(Out):
    """One act or look, as a local government's manager reads it."""

    id: UUID
    at: datetime
    actor: str
    action: str
    subject_kind: str
    subject_id: str | None
    person_id: UUID | None
    purpose: str | None
    row_count: int
    fields: list[str] | None
    outcome: str


class AboutMeOut(Out):
    """One act or look at one's own data. Who, by kind: the office answers for its people."""

    id: UUID
    at: datetime
    lg_code: str | None
    actor_kind: str = Field(description="person, staff, device, operator or system")
    mine: bool = Field(description="I did it myself")
    action: str
    purpose: str | None
    fields: list[str] | None
