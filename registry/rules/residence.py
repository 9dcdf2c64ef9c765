"""R16, R17: where somebody lives, and whom the relationship population holds."""

from dataclasses import dataclass
from datetime import date

from registry.rules.calendars import month_end
from registry.rules.facts import Body, Residence, ResidenceRelation, Tier
from registry.rules.plain import Plain


@dataclass(frozen=True, slots=True)
class DerivedFlags(Plain):
    """R16: what the prefecture of residence does to the row derived from a town in it."""

    residence_related: bool
    may_be_premium: bool
    counts: bool


def in_use(declared: Residence | None, verified: Residence | None) -> Residence | None:
    """R16: the declared address is used until the card gives a verified one."""
    return verified if verified is not None else declared


def relation(residence: Residence | None, body: Body) -> ResidenceRelation:
    """R16: residence is compared at the body's own level, municipality or prefecture."""
    if residence is None:
        return ResidenceRelation.UNKNOWN
    if residence.abroad:
        return ResidenceRelation.ELSEWHERE
    if residence.prefecture_code != body.prefecture_code:
        unknown = residence.prefecture_code is None
        return ResidenceRelation.UNKNOWN if unknown else ResidenceRelation.ELSEWHERE
    if body.is_prefecture or residence.municipality_code == body.code:
        return ResidenceRelation.RESIDENT
    unknown = residence.municipality_code is None
    return ResidenceRelation.UNKNOWN if unknown else ResidenceRelation.RELATED


def counts_as_relationship_population(residence: Residence | None, body: Body) -> bool:
    """R16, R17: everybody registered there who does not live there; the unknown count apart."""
    return relation(residence, body) is not ResidenceRelation.RESIDENT


def derived_flags(residence: Residence | None, prefecture: Body) -> DerivedFlags:
    """R16: in the prefecture where the person lives, a derived row is never premium nor counted."""
    related = relation(residence, prefecture) is ResidenceRelation.RESIDENT
    return DerivedFlags(residence_related=related, may_be_premium=not related, counts=not related)


def derived_tier(residence: Residence | None, prefecture: Body, tier: Tier) -> Tier:
    """R02, R16: the tier a derived row may show, given the highest tier of its sources."""
    return tier if derived_flags(residence, prefecture).may_be_premium else Tier.BASIC


def moved_in(residence: Residence | None, body: Body) -> bool:
    """R16: whether a verified address shows that a registrant now lives there.

    A declared address alone ends nothing: premium ends at the next identity event.
    """
    if residence is None or not residence.verified:
        return False
    return relation(residence, body) is ResidenceRelation.RESIDENT


def supports_stop_on(event_on: date) -> date:
    """R16: the last day of supports after moving in: the end of that month."""
    return month_end(event_on)
