"""Facts the rules look at. Plain records: no tables, no framework, no clock.

The words are those of the glossary: a *body* is a local government, a *participation* is the
record that counts, a *holding* is a place a person has with a body.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from uuid import UUID

from registry.rules.plain import Plain

ONE_DAY = timedelta(days=1)


class BodyKind(StrEnum):
    """R01: municipalities (市区町村) and prefectures (都道府県), nothing else."""

    MUNICIPALITY = "municipality"
    PREFECTURE = "prefecture"


class Tier(StrEnum):
    BASIC = "basic"
    PREMIUM = "premium"


class Origin(StrEnum):
    """R02: registered by the person, or following from a municipality inside."""

    DIRECT = "direct"
    DERIVED = "derived"


class DecisionMode(StrEnum):
    """R15: by itself, by itself unless somebody objects, or by staff."""

    AUTO = "auto"
    VETO = "veto"
    REVIEW = "review"


class IdentityLevel(StrEnum):
    """R12: how surely we know who somebody is. Ordered: none < email < mnc_user < mnc_sign."""

    NONE = "none"
    EMAIL = "email"
    MNC_USER = "mnc_user"
    MNC_SIGN = "mnc_sign"

    @property
    def rank(self) -> int:
        """Position in the order, 0 for none."""
        return _RANKS[self]

    def __lt__(self, other: str) -> bool:
        return self.rank < IdentityLevel(other).rank

    def __le__(self, other: str) -> bool:
        return self.rank <= IdentityLevel(other).rank

    def __gt__(self, other: str) -> bool:
        return self.rank > IdentityLevel(other).rank

    def __ge__(self, other: str) -> bool:
        return self.rank >= IdentityLevel(other).rank


_RANKS = {level: rank for rank, level in enumerate(IdentityLevel)}


class ResidenceRelation(StrEnum):
    """R16: how a body relates to where a person lives."""

    RESIDENT = "resident"  # lives in this municipality, or in this prefecture
    RELATED = "related"  # lives in another municipality of the same prefecture
    ELSEWHERE = "elsewhere"
    UNKNOWN = "unknown"


class HoldingState(StrEnum):
    ACTIVE = "active"
    PENDING = "pending"  # an open application; reserves a place (R13)


@dataclass(frozen=True, slots=True)
class Period(Plain):
    """Whole Japanese days, both ends included."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError(f"A period cannot end ({self.last}) before it starts ({self.first}).")

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last

    @property
    def days(self) -> int:
        """Length in days; a period of one day has length 1."""
        return (self.last - self.first).days + 1


@dataclass(frozen=True, slots=True)
class Body(Plain):
    """A local government (R01). A prefecture's prefecture_code is its own code."""

    code: str
    kind: BodyKind
    prefecture_code: str

    def __post_init__(self) -> None:
        if (self.kind is BodyKind.PREFECTURE) != (self.code == self.prefecture_code):
            raise ValueError(f"{self.code}: a prefecture, and only a prefecture, is its own one.")

    @property
    def is_prefecture(self) -> bool:
        return self.kind is BodyKind.PREFECTURE


@dataclass(frozen=True, slots=True)
class Participation(Plain):
    """One presence at one activity on one Japanese day (R08; the start day when overnight).

    `counted` is False for the second record of a day: the first one stands for it (the second
    still adds its minutes to a split day of the same activity, and its night to the next day).
    What staff ruled out is not among the records at all. `annulled` records
    were undone and say nothing at all. `matched` is False for a presence before the basic
    registration whose identity was not confirmed afterwards (R07).
    `min_minutes` and `max_counts` are the activity's own minimum and its own limit of counts in
    one period, if it has them. `minutes` is in minutes.
    """

    id: UUID
    lg_code: str
    activity_id: UUID
    day: date
    designated: bool
    counted: bool
    minutes: int
    category: str
    overnight_next_day: bool = False
    annulled: bool = False
    matched: bool = True
    min_minutes: int | None = None
    max_counts: int | None = None


@dataclass(frozen=True, slots=True)
class Residence(Plain):
    """Where a person lives (R16): declared by the person, or verified by the card (MNC)."""

    municipality_code: str | None
    prefecture_code: str | None
    verified: bool = False
    abroad: bool = False


@dataclass(frozen=True, slots=True)
class Holding(Plain):
    """A place with a body. Premium unless said otherwise; `since` is approval or application."""

    registration_id: UUID
    body: Body
    state: HoldingState
    since: date
    tier: Tier = Tier.PREMIUM
    origin: Origin = Origin.DIRECT


@dataclass(frozen=True, slots=True)
class Applicant(Plain):
    """What the rules need to know of a person, and nothing more (no name, no address).

    `guardian_consent` means a living consent of a guardian who verified their own identity.
    `stay_days` are those at the body asked about. `registered_on` is the day of the basic
    registration with that body. `identity_lapsed_on` is the day the certificate ceased to hold.
    """

    person_id: UUID
    birth_date: date | None
    residence: Residence | None
    identity_level: IdentityLevel
    identity_valid: bool
    guardian_consent: bool = False
    participations: tuple[Participation, ...] = ()
    stay_days: tuple[date, ...] = ()
    holdings: tuple[Holding, ...] = ()
    registered_on: date | None = None
    identity_lapsed_on: date | None = None
