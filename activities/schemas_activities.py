"""What the public and registrants get and give: activities, sessions, sign-ups."""

from datetime import date, datetime
from typing import Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field, JsonValue

from activities.models import Activity, ActivitySession
from activities.schemas_fields import In, Out
from activities.search import Detail, Found, OwnSignUp
from activities.signup import Signed
from core.clock import japan_day

_FOUND_EXAMPLE: dict[str, JsonValue] = {
    "lg_code": "212172",
    "government": "飛騨市",
    "id": "0d5c1f6e-7d0b-4f0a-9a57-0a4a8b6f3c11",
    "organisation": "里山の会",
    "title": "農作業のお手伝い",
    "category": "agriculture_forestry",
    "summary": "稲刈りとはざ掛けを一緒にします。",
    "next_at": "2027-09-18T00:00:00Z",
    "sessions": 3,
    "late_night": False,
    "walk_in": True,
    "beginners": True,
}


class ActivityOut(Out):
    """A designated activity in a list."""

    model_config = ConfigDict(
        from_attributes=True, json_schema_extra={"examples": [_FOUND_EXAMPLE]}
    )

    lg_code: str
    government: str = Field(description="The local government's name")
    id: UUID
    organisation: str = Field(description="The host's name")
    title: str
    category: str
    summary: str
    next_at: datetime | None = Field(description="Start of the next open session, UTC")
    sessions: int = Field(description="Open sessions to come that fit what was looked for")
    late_night: bool
    walk_in: bool
    beginners: bool = Field(description="Whoever has never done it is welcome")

    @classmethod
    def of(cls, found: Found) -> Self:
        """From a row of the search."""
        one = found.activity
        return cls(
            lg_code=one.lg_code,
            government=found.government,
            id=one.id,
            organisation=found.organisation,
            title=one.title,
            category=one.category,
            summary=one.summary,
            next_at=found.next_at,
            sessions=found.sessions,
            late_night=one.late_night,
            walk_in=one.walk_in,
            beginners=one.beginners,
        )


class SessionOut(Out):
    """One date of an activity, as everybody sees it."""

    id: UUID
    activity_id: UUID
    day: date = Field(description="Japanese day of the start")
    starts_at: datetime
    ends_at: datetime
    place: str
    capacity: int | None = Field(description="Places; none without a limit")
    free: int | None = Field(description="Places neither taken nor on offer")
    state: Literal["open", "cancelled", "closed"]
    cancelled_reason: str | None

    @classmethod
    def of(cls, one: ActivitySession) -> Self:
        """From a row."""
        free = None if one.capacity is None else max(0, one.capacity - one.taken)
        return cls.model_validate(
            {
                "id": one.id,
                "activity_id": one.activity_id,
                "day": japan_day(one.starts_at),
                "starts_at": one.starts_at,
                "ends_at": one.ends_at,
                "place": one.place,
                "capacity": one.capacity,
                "free": free,
                "state": one.state,
                "cancelled_reason": one.cancelled_reason,
            }
        )


class ActivityDetailOut(ActivityOut):
    """A designated activity with all that people need to decide."""

    bring: str
    contact: str
    insurance: str
    minutes_minimum: int
    site: list[str] = Field(description="How the place is, such as step_free or toilet")
    site_note: str = Field(description="How to get there, in words")
    designated_on: date | None
    upcoming: list[SessionOut]

    @classmethod
    def of_detail(cls, detail: Detail) -> Self:
        """From the activity and its sessions."""
        one: Activity = detail.found.activity
        return cls(
            **ActivityOut.of(detail.found).model_dump(),
            bring=one.bring,
            contact=one.contact,
            insurance=one.insurance,
            site=one.site,
            site_note=one.site_note,
            minutes_minimum=one.minutes_minimum,
            designated_on=one.designated_on,
            upcoming=[SessionOut.of(session) for session in detail.sessions],
        )


class SignUpIn(In):
    """A registrant wants to take part."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "lg_code": "212172",
                    "session_id": "6f6c0a34-1f0e-4c57-bb0c-6a4b8f0e2d11",
                    "insurance_proof": False,
                }
            ]
        },
    )

    lg_code: str = Field(pattern=r"^\d{6}$")
    session_id: UUID
    insurance_proof: bool = Field(
        default=False, description="I have the insurance that the activity asks for (R31)"
    )


class SignUpOut(Out):
    """A place, or a place in the line, as the person sees it."""

    id: UUID
    lg_code: str
    government: str | None = None
    session_id: UUID
    activity_id: UUID
    activity: str
    starts_at: datetime
    ends_at: datetime
    place: str
    session_state: str
    state: Literal["taken", "waiting", "offered", "declined", "cancelled"]
    offer_until: datetime | None = Field(description="Until when an offered place is kept")
    touches: list[str] = Field(
        default_factory=list, description="Own activities that this one overlaps a little"
    )

    @classmethod
    def of(cls, own: Signed | OwnSignUp) -> Self:
        """From what signing up gave, or from the list of one's own."""
        row, session = own.sign_up, own.session
        return cls.model_validate(
            {
                "id": row.id,
                "lg_code": row.lg_code,
                "government": own.government if isinstance(own, OwnSignUp) else None,
                "session_id": session.id,
                "activity_id": own.activity.id,
                "activity": own.activity.title,
                "starts_at": session.starts_at,
                "ends_at": session.ends_at,
                "place": session.place,
                "session_state": session.state,
                "state": row.state,
                "offer_until": row.offer_until if row.state == "offered" else None,
                "touches": list(own.touches) if isinstance(own, Signed) else [],
            }
        )
