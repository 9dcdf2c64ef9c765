"""主催の画面: what an organisation does, and where each of its proposals stands (R09, R10)."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from activities import proposing
from activities.categories import LABELS
from activities.hosts import Host, HostRole
from activities.inbox import history_of, proposals_of
from activities.queries import sessions_of
from core.errors import Invalid, Refused
from core.texts import N_
from core.web import Platform, PlatformDep
from mobile.pages.hosts import HostHere, own_activity, own_organisation
from mobile.pages.proposal_form import add_date, span_of
from mobile.pages.shell import FormDep, act, again, show
from registry.doors import as_body

router = APIRouter(prefix="/host/{lg_code}", include_in_schema=False)

#: Activities shown at most, the newest first.
_LATEST: Final = 12
#: What a further date is asked.
_DATE: Final = ("starts", "ends", "place", "capacity")
STATES: Final = {
    "draft": (N_("下書き"), "plain"),
    "submitted": (N_("自治体が確かめています"), "info"),
    "designated": (N_("募集できます"), "good"),
    "returned": (N_("直してほしいところがあります"), "warn"),
    "rejected": (N_("今回は指定になりませんでした"), "plain"),
    "withdrawn": (N_("取り下げました"), "plain"),
}


# --- an organisation ------------------------------------------------------------------------------


@router.get("/organisations/{organisation_id}")
def organisation(
    request: Request, organisation_id: UUID, host: HostHere, platform: PlatformDep
) -> Response:
    """What an organisation does: today's receptions first, then what was proposed."""
    now = platform.clock.now()
    with platform.database.transaction(as_body(host.actor, host.lg_code)) as db:
        row = own_organisation(db, host, organisation_id)
        found = proposals_of(
            db, lg_code=host.lg_code, organisation_id=organisation_id, limit=_LATEST
        )
        coming = [
            (one, activity)
            for activity in found
            for one in sessions_of(db, host.lg_code, activity.id)
            if one.state == "open" and one.ends_at > now - timedelta(hours=12)
        ]
        coming.sort(key=lambda pair: pair[0].starts_at)
    return show(
        request,
        "host.html",
        organisation=row,
        activities=found,
        coming=coming[:_LATEST],
        states=STATES,
        organiser=host.may(organisation_id),
    )


# --- one proposal ---------------------------------------------------------------------------------


def show_proposal(
    request: Request,
    platform: Platform,
    host: Host,
    activity_id: UUID,
    *,
    error: Invalid | Refused | None = None,
    given: Mapping[str, str] | None = None,
    done: str = "",
) -> Response:
    """One proposal: where it stands, what happens next, its dates."""
    with platform.database.transaction(as_body(host.actor, host.lg_code)) as db:
        activity = own_activity(db, host, activity_id)
        steps = history_of(db, activity)
        held = sessions_of(db, host.lg_code, activity_id)
    context: dict[str, Any] = {
        "activity": activity,
        "category": LABELS.get(activity.category, activity.category),
        "state": STATES[activity.state],
        "reason": next((one.reason for one in reversed(steps) if one.reason), ""),
        "sessions": held,
        "now": platform.clock.now(),
        "organiser": host.may(activity.organisation_id),
        "done": done,
        "given": given or dict.fromkeys(_DATE, ""),
    }
    if error is not None:
        return again(request, "proposal.html", error, **context)
    return show(request, "proposal.html", **context)


@router.get("/activities/{activity_id}")
def proposal(
    request: Request,
    activity_id: UUID,
    host: HostHere,
    platform: PlatformDep,
    done: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """Where a proposal stands."""
    return show_proposal(request, platform, host, activity_id, done=done)


@router.post("/activities/{activity_id}/sessions")
def add_session(
    request: Request, activity_id: UUID, form: FormDep, host: HostHere, platform: PlatformDep
) -> Response:
    """One more date of the same activity."""
    now = platform.clock.now()

    def work(db: Session) -> None:
        own_activity(db, host, activity_id, HostRole.ORGANISER)
        add_date(db, host, activity_id, form, span_of(form), now)

    try:
        return act(
            request,
            form,
            as_body(host.actor, host.lg_code),
            host.actor,
            work,
            f"/host/{host.lg_code}/activities/{activity_id}?done=dated",
        )
    except (Invalid, Refused) as error:
        given = {name: form.one(name) for name in _DATE}
        return show_proposal(request, platform, host, activity_id, error=error, given=given)


@router.post("/activities/{activity_id}/taking-back")
def take_back(
    request: Request, activity_id: UUID, form: FormDep, host: HostHere, platform: PlatformDep
) -> Response:
    """R09: what has not been decided may be taken back."""
    now = platform.clock.now()
    try:
        return act(
            request,
            form,
            as_body(host.actor, host.lg_code),
            host.actor,
            lambda db: proposing.take_back(db, host=host, activity_id=activity_id, now=now),
            f"/host/{host.lg_code}/activities/{activity_id}",
        )
    except Refused as error:
        return show_proposal(request, platform, host, activity_id, error=error)
