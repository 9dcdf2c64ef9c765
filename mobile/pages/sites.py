"""会場のようす: steps, toilets, how to get there, and whether newcomers are welcome."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from activities import sites
from activities.hosts import Host, HostRole
from activities.sites import Site
from core.errors import Invalid, Refused
from core.web import Platform, PlatformDep
from mobile.pages.hosts import HostHere, own_activity
from mobile.pages.shell import FormDep, act, again, show
from registry.doors import as_body

router = APIRouter(prefix="/host/{lg_code}", include_in_schema=False)


@router.get("/activities/{activity_id}/site")
def site(request: Request, activity_id: UUID, host: HostHere, platform: PlatformDep) -> Response:
    """What is said of the place so far."""
    return _page(request, platform, host, activity_id)


def _page(
    request: Request,
    platform: Platform,
    host: Host,
    activity_id: UUID,
    error: Invalid | Refused | None = None,
    given: Site | None = None,
) -> Response:
    with platform.database.transaction(as_body(host.actor, host.lg_code)) as db:
        activity = own_activity(db, host, activity_id, HostRole.ORGANISER)
    said = given or Site(tuple(activity.site), activity.site_note, activity.beginners)
    context: dict[str, Any] = {
        "activity": activity,
        "said": said,
        "features": list(sites.FEATURES.items()),
    }
    if error is not None:
        return again(request, "site.html", error, **context)
    return show(request, "site.html", **context)


@router.post("/activities/{activity_id}/site")
def describe(
    request: Request, activity_id: UUID, form: FormDep, host: HostHere, platform: PlatformDep
) -> Response:
    """One press; registrants read it at once."""
    now = platform.clock.now()
    chosen = tuple(form.many("features"))
    given = Site(chosen, form.one("note"), form.one("beginners") == "yes")

    def work(db: Session) -> None:
        own_activity(db, host, activity_id, HostRole.ORGANISER)
        said = Site(chosen, form.text("note", most=400), given.beginners)
        sites.describe_site(db, host=host, activity_id=activity_id, site=said, now=now)

    then = f"/host/{host.lg_code}/activities/{activity_id}?done=site"
    try:
        return act(request, form, as_body(host.actor, host.lg_code), host.actor, work, then)
    except (Invalid, Refused) as error:
        return _page(request, platform, host, activity_id, error, given)
