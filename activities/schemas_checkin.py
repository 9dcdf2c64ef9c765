"""What the check-in doors take and give."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from activities.rules.checkin import Direction, Method, SecondFactor
from activities.rules.devicelog import Line, LogState
from activities.scans import Answer, Scan
from activities.schemas_fields import Reason

Code = Annotated[
    str,
    Field(
        min_length=1,
        max_length=2048,
        description="What was read: a signed code (`FJ1:…`, or an address with it), a poster's"
        " eight characters, or a member number",
    ),
]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ScanIn(_In):
    """What every scan says about itself."""

    scan_id: UUID = Field(
        description="Made by the client before its first try; a repeat gets the first answer"
    )
    direction: Direction = Direction.IN
    scanned_at: AwareDatetime | None = Field(
        default=None, description="When, by the client's clock; now when left out"
    )
    offset_ms: int | None = Field(
        default=None,
        ge=-(10**9),
        le=10**9,
        description="The client's clock minus true time, in milliseconds, if measured",
    )
    uncertainty_ms: int = Field(
        default=0, ge=0, le=600_000, description="Half the round trip of that measurement"
    )

    def when(self, now: datetime) -> datetime:
        """The client's instant, or now."""
        return self.scanned_at or now


class OwnCheckIn(ScanIn):
    """A person scans the venue's code or follows a poster's link."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"scan_id": "5b0f7c1e-3f0b-4a55-9c0e-8f6f3f1f2a10", "code": "7KQ2M9XD"}]
        }
    )

    code: Code
    offline: bool = Field(default=False, description="Made without network, sent later")


class DoorCheckIn(ScanIn):
    """An organiser's device or a counter scans a card, or ticks a name on the roster."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "scan_id": "0c6c0f5e-7a39-4a07-8f1b-6a2d8f0c9d11",
                    "code": "FJ1:…",
                    "name_confirmed": True,
                }
            ]
        }
    )

    code: Code | None = None
    person_id: UUID | None = Field(default=None, description="A roster entry, instead of a code")
    name_confirmed: bool = Field(default=False, description="Somebody asked for the name (paper)")
    walk_in_confirmed: bool = Field(default=False, description="They did not sign up and join now")
    second_factor: Literal["staff_tap"] | None = None
    offline: bool = False
    sequence: int | None = Field(default=None, ge=1, description="The device's own scan number")

    def scan(self, session_id: UUID, now: datetime) -> Scan:
        """As a command."""
        return Scan(
            scan_id=self.scan_id,
            scanned_at=self.when(now),
            session_id=session_id,
            code=self.code,
            person_id=self.person_id if self.code is None else None,
            method=Method.ROSTER if self.code is None else None,
            direction=self.direction,
            offset_ms=self.offset_ms,
            offset_method=None if self.offset_ms is None else "round_trip",
            uncertainty_ms=self.uncertainty_ms,
            offline=self.offline,
            sequence=self.sequence,
            name_confirmed=self.name_confirmed,
            walk_in_confirmed=self.walk_in_confirmed,
            second_factors=() if self.second_factor is None else (SecondFactor.STAFF_TAP,),
        )


class BatchedScan(DoorCheckIn):
    """One scan of a device's upload."""

    session_id: UUID
    mark: str | None = Field(
        default=None,
        pattern="^[0-9a-f]{64}$",
        description="SHA-256 of `mark before|sequence|scan_id|scanned_at|code`, with the instant as"
        " the client's `toISOString` writes it",
    )
    undone_at: AwareDatetime | None = Field(
        default=None, description="Taken back on the device at this instant of its clock"
    )

    def line(self) -> Line | None:
        """As a line of the device's log."""
        if self.sequence is None or self.mark is None or self.scanned_at is None:
            return None
        written = self.scanned_at.astimezone(UTC).isoformat(timespec="milliseconds")
        return Line(
            self.sequence,
            str(self.scan_id),
            written.replace("+00:00", "Z"),
            self.code or "",
            self.mark,
        )

    def taken_back(self) -> datetime | None:
        """When it was taken back, by the corrected clock."""
        if self.undone_at is None:
            return None
        return self.undone_at - timedelta(milliseconds=self.offset_ms or 0)


class BatchIn(_In):
    """What a device made without network, at most 200 a request."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "scans": [
                        {
                            "scan_id": "0c6c0f5e-7a39-4a07-8f1b-6a2d8f0c9d11",
                            "session_id": "9a1de1a3-52c5-4b0b-8f0f-2f0f3b6c1d55",
                            "code": "FJ1:…",
                            "scanned_at": "2027-06-05T09:12:30+09:00",
                            "offset_ms": -1200,
                            "uncertainty_ms": 80,
                            "offline": True,
                            "sequence": 41,
                            "name_confirmed": True,
                        }
                    ],
                    "made": 41,
                }
            ]
        }
    )

    scans: list[BatchedScan] = Field(min_length=1, max_length=200)
    made: int | None = Field(
        default=None, ge=0, description="How many scans the device has made in all"
    )


class CheckInOut(BaseModel):
    """The answer to a scan; a repeat of the scan id gets the same."""

    scan_id: UUID
    outcome: Literal["accepted", "already", "refused", "needs_input"]
    reason: str
    counted: bool = Field(description="Whether it stands for its day")
    provisional: bool = False
    repeated: bool = False
    direction: str = "in"
    session_id: UUID | None = None
    activity: str | None = None
    day: str | None = None
    problems: list[dict[str, Any]] = []
    notes: list[str] = []

    @classmethod
    def of(cls, answer: Answer) -> "CheckInOut":
        """From a stored answer."""
        return cls.model_validate(dict(answer.body) | {"repeated": answer.repeated})


class BatchOut(BaseModel):
    """One answer a scan, in order; a client deletes nothing that is not named here."""

    answers: list[CheckInOut]
    missing: list[int] = Field(
        default=[], description="Scan numbers the device made that have not arrived"
    )
    log: LogState | None = Field(
        default=None,
        description="Whether the device's log follows line by line, where it has marks",
    )


class AnnulIn(_In):
    """Why a check-in is undone."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "別の方の登録証を読み取ったため"}]}
    )

    reason: Reason


class CorrectionIn(_In):
    """A correction of a participation by staff."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"counted": False, "reason": "開始直後に帰られたため"}]}
    )

    counted: bool
    reason: Reason


class LeavingIn(_In):
    """When somebody left who forgot to check out."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"left_at": "2027-06-05T12:00:00+09:00"}]}
    )

    left_at: AwareDatetime


class LeftOut(BaseModel):
    """A presence with the minutes it has now."""

    participation_id: UUID
    minutes: int
    counted: bool


class ForgottenExitOut(BaseModel):
    """A presence that ended with its session because nobody checked out (C31)."""

    check_in_id: UUID
    session_id: UUID
    activity: str
    display_name: str
    member_number: str
    arrived_at: datetime
    ends_at: datetime


class AnnulledOut(BaseModel):
    """A check-in that was undone."""

    check_in_id: UUID
    state: str = Field(examples=["annulled"])


class CorrectedOut(BaseModel):
    """A participation as it stands after the correction."""

    participation_id: UUID
    counted: bool


class VenueCodeOut(BaseModel):
    """The venue's code for the present step."""

    url: str
    code: str
    valid_for_s: int
    svg: str
