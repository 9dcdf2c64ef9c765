"""What the registry asks of participation, without knowing where it is kept.

Renewal needs participation and participation needs people: the circle is cut by passing
an `Evidence`, which `activities` implements and the roof hands over.
"""

from collections.abc import Collection, Mapping
from datetime import date
from typing import Protocol
from uuid import UUID

from sqlalchemy.orm import Session

from registry.rules.facts import Participation, Period


class Evidence(Protocol):
    """Presence at one local government, for many registrations in one query each."""

    def participations(
        self, db: Session, lg_code: str, registration_ids: Collection[UUID], period: Period
    ) -> Mapping[UUID, tuple[Participation, ...]]:
        """Living participations with a day in the period, by registration."""
        ...

    def stay_days(
        self, db: Session, lg_code: str, registration_ids: Collection[UUID], period: Period
    ) -> Mapping[UUID, tuple[date, ...]]:
        """Days with evidence of being there, by registration."""
        ...
