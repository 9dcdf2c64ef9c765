"""The facts of one arrival and its typed answer (R19); `activities.rules.checkin` judges them."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from registry.rules.plain import Plain
from registry.rules.reasons import Reason


class Method(StrEnum):
    """How presence is proved: by the person (venue, poster) or by the organiser (the rest)."""

    VENUE = "venue"  # the rotating signed code on a screen
    POSTER = "poster"  # a printed code, which anybody may photograph
    PHONE = "phone"  # the person's card on the phone, signed just now
    CARD = "card"  # the paper card, which can be copied
    TYPED = "typed"  # the number of a card, typed
    ROSTER = "roster"  # a name ticked on a list


class Direction(StrEnum):
    IN = "in"
    OUT = "out"


class CodeProblem(StrEnum):
    """What can be wrong with a code, in the order in which it is verified."""

    MALFORMED = "malformed"
    WRONG_KIND = "wrong_kind"
    UNKNOWN_KEY = "unknown_key"
    REVOKED_KEY = "revoked_key"
    RETIRED_KEY = "retired_key"
    NOT_YET_VALID = "not_yet_valid"
    FOREIGN_BODY = "foreign_body"
    BAD_SIGNATURE = "bad_signature"
    EXPIRED = "expired"
    WRONG_TIME_STEP = "wrong_time_step"
    REVOKED_CARD = "revoked_card"
    UNKNOWN_CODE = "unknown_code"


class SecondFactor(StrEnum):
    """What makes a printed code believable."""

    ROSTER = "roster"  # ticked by the organiser
    STAFF_TAP = "staff_tap"
    LOCATION = "location"  # one shot, with consent, not kept finer than the municipality
    PEERS = "peers"


class RegistrationState(StrEnum):
    ACTIVE = "active"
    NONE = "none"
    ENDED = "ended"


class SignUpState(StrEnum):
    TAKEN = "taken"
    WAITING = "waiting"
    NONE = "none"


class OutcomeKind(StrEnum):
    ACCEPTED = "accepted"
    ALREADY = "already"
    REFUSED = "refused"
    NEEDS_INPUT = "needs_input"


@dataclass(frozen=True, slots=True)
class SessionFacts(Plain):
    """The session asked about. `designated_until` is set when a designation was withdrawn.

    `places_left` is None for a session without limit, or where it could not be looked up.
    """

    lg_code: str
    starts_at: datetime
    ends_at: datetime
    designated_from: datetime | None
    designated_until: datetime | None = None
    cancelled: bool = False
    walk_in: bool = True
    places_left: int | None = None
    late_night: bool = False


@dataclass(frozen=True, slots=True)
class ScannerFacts(Plain):
    """The device and the organiser that read the code; for a person's own scan, nothing is set.

    `clock_offset_s` is the device's clock minus true time in seconds, None if never measured;
    `uncertainty_s` is how far that measurement may be wrong.
    """

    revoked_at: datetime | None = None
    organiser_ended_at: datetime | None = None
    serves_session: bool = True
    offline: bool = False
    clock_offset_s: float | None = None
    uncertainty_s: float = 0.0
    all_reported: bool = True


@dataclass(frozen=True, slots=True)
class PersonFacts(Plain):
    """The person asked about, at this body, session and day."""

    registration: RegistrationState = RegistrationState.ACTIVE
    sign_up: SignUpState = SignUpState.TAKEN
    minor: bool = False
    arrived: bool = False
    left: bool = False
    counted_today: bool = False
    code_seen_elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class CheckinFacts(Plain):
    """Everything one judgement of presence looks at. Instants are aware; durations in seconds.

    `certifies_self` is set when the organiser who vouches is the person; `attestations` is the
    number of different people, in different roles, who vouch for a roster entry or a conflict.
    """

    method: Method
    session: SessionFacts
    person: PersonFacts
    scanned_at: datetime
    received_at: datetime
    scanner: ScannerFacts = ScannerFacts()
    code_problems: tuple[CodeProblem, ...] = ()
    direction: Direction = Direction.IN
    second_factors: tuple[SecondFactor, ...] = ()
    name_confirmed: bool = False
    walk_in_confirmed: bool = False
    certifies_self: bool = False
    attestations: int = 1


@dataclass(frozen=True, slots=True)
class Outcome(Plain):
    """The typed answer. `counts` is whether it stands for its day; `day` is the session's start day.

    `scanned_at` is corrected by the measured clock error. `provisional`: not all devices of the
    session have reported. `late`: it arrived after the session's window. `investigate`: somebody
    should look at it. `notes` name what could not be checked.
    """

    kind: OutcomeKind
    code: str
    counts: bool
    day: date
    scanned_at: datetime
    provisional: bool = False
    late: bool = False
    investigate: bool = False
    reasons: tuple[Reason, ...] = ()
    notes: tuple[str, ...] = ()
