"""R02: the prefectural row that follows from municipal registrations."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from registry.rules.facts import Body, Residence, Tier
from registry.rules.plain import Plain
from registry.rules.residence import derived_flags, derived_tier


@dataclass(frozen=True, slots=True)
class DerivedSource(Plain):
    """A municipal registration that may carry the prefecture with it.

    `expires_on` is the last day of its premium term, None for basic.
    """

    registration_id: UUID
    body: Body
    tier: Tier
    valid: bool = True
    expires_on: date | None = None


@dataclass(frozen=True, slots=True)
class DerivedState(Plain):
    """What the derived origin of a prefectural row should be now.

    `exists` is about the derived origin, `row_exists` about the row with either origin.
    `pending` links wait for the prefecture to join and for the person to be told.
    """

    exists: bool
    pending: bool
    row_exists: bool
    tier: Tier | None
    expires_on: date | None
    sources: tuple[UUID, ...]
    residence_related: bool


def derive(
    sources: Iterable[DerivedSource],
    opted_out_sources: Collection[UUID],
    direct: bool,
    *,
    prefecture: Body,
    prefecture_joined: bool = True,
    link_by_default: bool = True,
    opted_in_sources: Collection[UUID] = (),
    residence: Residence | None = None,
) -> DerivedState:
    """R02: derived while one valid source is not opted out; a direct origin is never touched.

    The tier is the highest of the sources (never premium where the person lives, R16), the
    expiry the latest of those that give that tier. Opting out works for each source; the
    person's general choice (`link_by_default`) holds for sources without a choice of their own.
    """
    linked = [
        source
        for source in sources
        if source.valid
        and not source.body.is_prefecture
        and source.body.prefecture_code == prefecture.code
        and source.registration_id not in opted_out_sources
        and (link_by_default or source.registration_id in opted_in_sources)
    ]
    premium = [source for source in linked if source.tier is Tier.PREMIUM]
    exists = bool(linked) and prefecture_joined
    highest = Tier.PREMIUM if premium else Tier.BASIC
    tier = derived_tier(residence, prefecture, highest)
    ends = [source.expires_on for source in premium if source.expires_on is not None]
    return DerivedState(
        exists=exists,
        pending=bool(linked) and not prefecture_joined,
        row_exists=exists or direct,
        tier=tier if linked else None,
        expires_on=max(ends) if ends and tier is Tier.PREMIUM else None,
        sources=tuple(sorted(source.registration_id for source in linked)),
        residence_related=derived_flags(residence, prefecture).residence_related,
    )
