"""What hosts and staff give and get: organisations, proposals, decisions, sessions, rosters."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field

from activities.hosts import HostRole
from activities.models import ActivitySession, Organisation
from activities.proposing import ProposalFields
from activities.schemas_activities import SessionOut
from activities.schemas_fields import (
    EARLIEST_DAY,
    LATEST_DAY,
    In,
    Line,
    Name,
    Note,
    Out,
    Place,
    Reason,
    Story,
)
from core.clock import JAPAN
from core.web import Items


class OrganisationIn(In):
    """A host organisation to enter."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"name": "里山の会", "kind": "npo"}]},
    )

    name: Name
    kind: str = Field(pattern=r"^[a-z_]{1,40}$", description="Such as npo or fire_corps")


class OrganisationOut(Out):
    """A host organisation."""

    lg_code: str
    id: UUID
    name: str
    kind: str
    state: str


class OwnOrganisationOut(OrganisationOut):
    """A host organisation one acts for."""

    role: HostRole

    @classmethod
    def of_role(cls, row: Organisation, role: HostRole) -> Self:
        """From an organisation and what one may do for it."""
        return cls(**OrganisationOut.model_validate(row).model_dump(), role=role)


class MemberOut(Out):
    """Somebody who acts for an organisation."""

    person_id: UUID
    name: str
    role: HostRole
    granted_at: datetime


class TrustOut(Out):
    """A grant of trust (pattern 2, R10)."""

    since: date
    until: date
    categories: list[str]
    withdrawn_on: date | None
    withdrawn_reason: str | None


class OrganisationDetailOut(OrganisationOut):
    """An organisation with its people and its trust."""

    members: list[MemberOut]
    trust: TrustOut | None


class InvitationIn(In):
    """Whom to invite, in the words of staff, and for what role."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"name": "主催 花子", "role": "organiser"}]},
    )

    name: Name
    role: HostRole = HostRole.ORGANISER


class InvitationOut(Out):
    """An invitation to hand over; the token is told once."""

    organisation_id: UUID
    role: HostRole
    expires_at: datetime
    token: str
    url: str


class AcceptIn(In):
    """The token of an invitation."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"token": "k3J9xq0T6mYw"}]}
    )

    token: str = Field(min_length=8, max_length=120)


class TrustIn(In):
    """Categories in which an organisation is trusted."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"categories": ["agriculture_forestry"]}]}
    )

    categories: list[Annotated[str, Field(max_length=40)]] = Field(min_length=1, max_length=40)


class ReasonIn(In):
    """Why; the people concerned read it."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"reason": "実施日と場所を書いてください。"}]},
    )

    reason: Reason


class ProposalIn(In):
    """The ten fields of a proposal."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "title": "農作業のお手伝い",
                    "category": "agriculture_forestry",
                    "summary": "稲刈りとはざ掛けを一緒にします。",
                    "bring": "長靴、軍手",
                    "contact": "里山の会 0577-00-0000",
                }
            ]
        },
    )

    title: Name
    category: str = Field(max_length=40)
    summary: Story = ""
    bring: Note = ""
    contact: Line = ""
    insurance: Literal["organiser", "participant", "none"] = "organiser"
    attendance_mode: Literal["automatic", "in_only", "in_and_out"] = "in_only"
    minutes_minimum: int | None = Field(default=None, ge=1, le=480)
    late_night: bool = False
    walk_in: bool = True

    def fields(self) -> ProposalFields:
        """As the use case takes them."""
        return ProposalFields(**self.model_dump())


class ProposalOut(Out):
    """A proposal as its host and staff see it."""

    lg_code: str
    id: UUID
    organisation_id: UUID
    title: str
    category: str
    summary: str
    bring: str
    contact: str
    insurance: str
    attendance_mode: str
    minutes_minimum: int
    count_cap: int | None
    late_night: bool
    walk_in: bool
    state: Literal["draft", "submitted", "designated", "returned", "rejected", "withdrawn"]
    pattern: int | None
    checklist: dict[str, Any] | None
    audit_sampled: bool
    created_at: datetime
    submitted_at: datetime | None
    decided_at: datetime | None
    designated_on: date | None
    withdrawn_at: datetime | None


class HistoryOut(Out):
    """One step of a proposal."""

    from_state: str
    to_state: str
    at: datetime
    actor: str
    reason: str | None
    facts: dict[str, Any]


class HostSessionOut(SessionOut):
    """A session with what its host needs."""

    taken: int
    poster_code: str
    published: bool

    @classmethod
    def of(cls, one: ActivitySession) -> Self:
        """From a row."""
        public = SessionOut.of(one).model_dump()
        return cls(**public, taken=one.taken, poster_code=one.poster_code, published=one.published)


class ProposalDetailOut(ProposalOut):
    """A proposal with its history and sessions."""

    history: list[HistoryOut]
    sessions: list[HostSessionOut]


class SubmissionIn(In):
    """The host's answers to the checklist of R09."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "answers": {
                        "public_nature": True,
                        "local_contribution": True,
                        "shortage_of_hands": True,
                        "substance_and_time": True,
                    }
                }
            ]
        },
    )

    answers: dict[Annotated[str, Field(max_length=40)], bool] = Field(
        default_factory=dict, max_length=20
    )


class DesignationIn(SubmissionIn):
    """What staff confirm when they designate."""

    count_cap: int | None = Field(
        default=None, ge=1, le=365, description="Counts one person may have from it a year"
    )


class FindingIn(In):
    """What a look at a sampled activity found (R10)."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"sound": True, "note": "記録と参加者の話が一致"}]},
    )

    sound: bool
    note: Reason


class SessionIn(In):
    """A date in Japan time; an end not after the start is on the next day."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "day": "2027-09-18",
                    "starts": "09:00",
                    "ends": "12:00",
                    "place": "古川町公民館",
                    "capacity": 20,
                }
            ]
        },
    )

    day: date = Field(ge=EARLIEST_DAY, le=LATEST_DAY)
    starts: time
    ends: time
    place: Place
    capacity: int | None = Field(default=None, ge=1, le=100_000)

    def span(self) -> tuple[datetime, datetime]:
        """Start and end as aware instants."""
        starts, ends = self.starts.replace(tzinfo=None), self.ends.replace(tzinfo=None)
        last_day = self.day if ends > starts else self.day + timedelta(days=1)
        return (
            datetime.combine(self.day, starts, JAPAN).astimezone(UTC),
            datetime.combine(last_day, ends, JAPAN).astimezone(UTC),
        )


class CapacityIn(In):
    """The new number of places; none for no limit."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"capacity": 12}]})

    capacity: int | None = Field(ge=1, le=100_000)


class RosterEntryOut(Out):
    """One person of a session."""

    sign_up_id: UUID
    display_name: str
    kana: str | None
    member_number: str
    state: Literal["taken", "waiting", "offered"]
    insurance_proof: bool
    arrived_at: datetime | None
    minor: bool | None = Field(description="Told on the day of the session only (R18)")
    emergency_name: str | None = Field(
        description="Whom to call for a minor: told on the day, to people and not to devices (R18)"
    )
    emergency_phone: str | None


class RosterOut(Items[RosterEntryOut]):
    """The people of a session."""

    session: HostSessionOut
