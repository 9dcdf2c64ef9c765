"""会場のようす: who can come and how, as the host says it; no decision rests on it.

It may be put right at any time, also after the designation: a broken lift does not wait for staff.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from activities.hosts import Host
from activities.models import Activity
from activities.queries import activity_of
from activities.rules.designation import ActivityState
from core import audit
from core.errors import invalid, refused
from core.texts import N_

FEATURES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "step_free": N_("段差がありません"),
        "accessible_toilet": N_("車いすで使えるトイレがあります"),
        "toilet": N_("トイレがあります"),
        "seats": N_("座って休めます"),
        "seated_work": N_("座ってできる作業があります"),
        "shade": N_("日かげや屋根があります"),
        "parking": N_("駐車場があります"),
        "transit": N_("駅やバス停から歩けます"),
        "pickup": N_("送り迎えがあります"),
        "writing": N_("筆談ができます"),
    }
)
_CLOSED: Final = frozenset({ActivityState.REJECTED, ActivityState.WITHDRAWN})


@dataclass(frozen=True, slots=True)
class Site:
    """What is said of a place and of who may come.

    Attributes:
        features: Codes of `FEATURES`.
        note: How to get there, in words.
        beginners: Whether somebody who has never done it is welcome.
    """

    features: tuple[str, ...] = ()
    note: str = ""
    beginners: bool = False


def describe_site(
    db: Session, *, host: Host, activity_id: UUID, site: Site, now: datetime
) -> Activity:
    """Say how the place of one's activity is to reach and use.

    Raises:
        NotFound, Forbidden: The activity is not the host's.
        Invalid: `site_unknown`: a feature that nobody could read.
        Refused: `proposal_closed`: it was rejected or withdrawn.
    """
    activity = activity_of(db, host.lg_code, activity_id, lock=True)
    host.require(activity.organisation_id)
    if ActivityState(activity.state) in _CLOSED:
        raise refused("proposal_closed", rule="R09", found=activity.state, action="copy_activity")
    unknown = [code for code in site.features if code not in FEATURES]
    if unknown:
        raise invalid("site_unknown", field="features", found=unknown[0])
    activity.site = [code for code in FEATURES if code in site.features]
    activity.site_note, activity.beginners = site.note, site.beginners
    audit.record(
        db,
        actor=host.actor,
        action="activity.site",
        subject=("activity", activity.id),
        lg_code=activity.lg_code,
        now=now,
    )
    db.flush()
    return activity


def carry_over(source: Activity, copy: Activity) -> None:
    """The place of last year's activity is the place of this year's."""
    copy.site, copy.site_note, copy.beginners = (
        list(source.site),
        source.site_note,
        source.beginners,
    )


def features_of(activity: Activity) -> list[str]:
    """What is said of the place, as sentences to be translated."""
    return [FEATURES[code] for code in activity.site if code in FEATURES]
