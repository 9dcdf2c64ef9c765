"""Participations and stay days as the registry's judgements ask for them."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BindParameter, any_, bindparam, or_, select
from sqlalchemy.orm import Session

from activities.models import Participation as ParticipationRow
from activities.models import StayDay
from core.types import Uuid
from registry.rules.facts import Participation, Period

_UUIDS: Any = ARRAY(Uuid)


def _ids(registration_ids: Collection[UUID]) -> BindParameter[list[UUID]]:
    """One array for any number: a night asks for ten thousand at once."""
    return bindparam("ids", list(registration_ids), type_=_UUIDS, unique=True)


class SqlEvidence:
    """`registry.evidence.Evidence` on this room's tables: one query a call, whatever the number."""

    def participations(
        self, db: Session, lg_code: str, registration_ids: Collection[UUID], period: Period
    ) -> Mapping[UUID, tuple[Participation, ...]]:
        """Participations that stand, with a day in the period, by registration (R07, R08)."""
        table = ParticipationRow.__table__.c
        rows = db.execute(
            select(
                table.registration_id,
                table.id,
                table.activity_id,
                table.day,
                table.designated,
                table.counted,
                table.minutes,
                table.category,
                table.overnight_next_day,
                table.minutes_minimum,
                table.count_cap,
            )
            .where(
                table.lg_code == lg_code,
                table.registration_id == any_(_ids(registration_ids)),
                table.day.between(period.first, period.last),
                table.annulled_at.is_(None),
                # R19: what staff ruled out says nothing; the second of its day still does (R08).
                or_(table.counted, table.not_counted_reason == "same_day"),
            )
            # A judgement stores what it saw: the same facts read twice are the same text.
            .order_by(table.day, table.id)
        ).all()
        found: defaultdict[UUID, list[Participation]] = defaultdict(list)
        for registration_id, record_id, activity_id, day, *about in rows:
            designated, counted, minutes, category, overnight, minimum, cap = about
            found[registration_id].append(
                Participation(
                    id=record_id,
                    lg_code=lg_code,
                    activity_id=activity_id,
                    day=day,
                    designated=designated,
                    counted=counted,
                    minutes=minutes,
                    category=category,
                    overnight_next_day=overnight,
                    min_minutes=minimum,
                    max_counts=cap,
                )
            )
        return {key: tuple(values) for key, values in found.items()}

    def stay_days(
        self, db: Session, lg_code: str, registration_ids: Collection[UUID], period: Period
    ) -> Mapping[UUID, tuple[date, ...]]:
        """Days with evidence of being there, by registration (R11)."""
        rows = db.execute(
            select(StayDay.registration_id, StayDay.day)
            .where(
                StayDay.lg_code == lg_code,
                StayDay.registration_id == any_(_ids(registration_ids)),
                StayDay.day.between(period.first, period.last),
                StayDay.state == "counted",
            )
            .order_by(StayDay.day)
        ).all()
        found: defaultdict[UUID, list[date]] = defaultdict(list)
        for registration_id, day in rows:
            found[registration_id].append(day)
        return {key: tuple(values) for key, values in found.items()}
