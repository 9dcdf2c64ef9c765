"""Who stands in front of an organiser's page, and what its frame shows (R10)."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from activities.hosts import Host, HostRole, look_up_host
from activities.models import Activity, ActivitySession, Organisation
from activities.queries import activity_of, organisation_of, session_of
from core.web import platform_of
from mobile.pages.shell import Registrant
from registry.doors import GATE, LgCode


def host_here(request: Request, actor: Registrant, lg_code: LgCode) -> Host:
    """A registrant who acts for an organisation of this local government; others find nothing."""
    with platform_of(request).database.transaction(GATE) as db:
        return look_up_host(db, actor=actor, lg_code=lg_code)


HostHere = Annotated[Host, Depends(host_here)]


def own_organisation(
    db: Session, host: Host, organisation_id: UUID, role: HostRole = HostRole.RECEPTION
) -> Organisation:
    """An organisation the host acts for. Raises NotFound, Forbidden."""
    host.require(organisation_id, role)
    return organisation_of(db, host.lg_code, organisation_id)


def own_activity(
    db: Session, host: Host, activity_id: UUID, role: HostRole = HostRole.RECEPTION
) -> Activity:
    """An activity of the host's organisations. Raises NotFound, Forbidden."""
    activity = activity_of(db, host.lg_code, activity_id)
    host.require(activity.organisation_id, role)
    return activity


def own_session(
    db: Session, host: Host, session_id: UUID, role: HostRole = HostRole.RECEPTION
) -> tuple[ActivitySession, Activity]:
    """A session of the host's organisations with its activity. Raises NotFound, Forbidden."""
    session = session_of(db, host.lg_code, session_id)
    return session, own_activity(db, host, session.activity_id, role)
