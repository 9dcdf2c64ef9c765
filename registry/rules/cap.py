"""R13: at most three bodies with premium, and which prefectures stand outside."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from registry.rules.facts import Body, Holding, HoldingState, Origin, Tier
from registry.rules.plain import Plain
from registry.rules.policy import Policy

CAP_KEYS = ("premium.cap", "premium.prefecture_exempt_by", "pending.days")
EXEMPT_BY_ANY = "any"


@dataclass(frozen=True, slots=True)
class Cap:
    """The numbers of the limit. `exempt_by_any`: a basic registration inside exempts as well."""

    most: int
    exempt_by_any: bool
    pending_days: int

    @classmethod
    def of(cls, policy: Policy) -> "Cap":
        return cls(
            most=policy.integer("premium.cap"),
            exempt_by_any=policy.text("premium.prefecture_exempt_by") == EXEMPT_BY_ANY,
            pending_days=policy.integer("pending.days"),
        )


@dataclass(frozen=True, slots=True)
class OverCap(Plain):
    """R13: somebody holds more than the limit, by a change that was not theirs.

    Nothing is cancelled. `returns_to_basic` is the newest counted direct prefecture, which goes
    back at its renewal when the person does not choose in time.
    """

    counted: tuple[str, ...]
    most: int
    returns_to_basic: UUID | None

    @property
    def is_over(self) -> bool:
        return len(self.counted) > self.most


def counted_holdings(holdings: Iterable[Holding], cap: Cap, today: date) -> tuple[Holding, ...]:
    """R13: the premium places that count, active and pending, oldest first.

    Derived rows never count. A direct prefecture does not count while a municipality inside it
    is held: "域内市区町村の登録がある都道府県はカウントしない". We read that as a premium
    registration inside, as the sentence is about premium; the setting
    premium.prefecture_exempt_by makes it any registration. A pending application reserves its
    place for pending.days and then no longer counts.
    """
    held = [holding for holding in holdings if _reserves(holding, cap, today)]
    exempting = {
        holding.body.prefecture_code
        for holding in held
        if not holding.body.is_prefecture and (cap.exempt_by_any or _is_premium(holding))
    }
    counted = [
        holding
        for holding in held
        if _is_premium(holding)
        and not (holding.body.is_prefecture and holding.body.code in exempting)
    ]
    return tuple(sorted(counted, key=lambda holding: (holding.since, holding.body.code)))


def _is_premium(holding: Holding) -> bool:
    return holding.tier is Tier.PREMIUM and holding.origin is Origin.DIRECT


def _reserves(holding: Holding, cap: Cap, today: date) -> bool:
    if holding.state is HoldingState.ACTIVE:
        return True
    return today <= holding.since + timedelta(days=cap.pending_days)


def counted_with(
    holdings: Iterable[Holding],
    body: Body,
    cap: Cap,
    today: date,
    *,
    replaces: UUID | None = None,
) -> tuple[Holding, ...]:
    """R13: what would count if a body were held too, and the replaced place given up.

    A place already held or pending with the same body does not count against itself.
    """
    others = [
        holding
        for holding in holdings
        if holding.registration_id != replaces
        and not (holding.body == body and _is_premium(holding))
    ]
    wanted = Holding(
        registration_id=UUID(int=0), body=body, state=HoldingState.ACTIVE, since=date.max
    )
    return counted_holdings([*others, wanted], cap, today)


def over_cap(holdings: Iterable[Holding], cap: Cap, today: date) -> OverCap:
    """R13: whether somebody is over the limit, and what returns to basic without a choice."""
    counted = counted_holdings(holdings, cap, today)
    direct = [h for h in counted if h.body.is_prefecture and h.state is HoldingState.ACTIVE]
    is_over = len(counted) > cap.most
    return OverCap(
        counted=tuple(holding.body.code for holding in counted),
        most=cap.most,
        returns_to_basic=direct[-1].registration_id if direct and is_over else None,
    )


def choose_until(flagged_on: date, days: int) -> date:
    """R13: the last day on which the person chooses what to keep."""
    return flagged_on + timedelta(days=days)
