"""関係団体の人になる: the link that a local government handed over, and whom one acts for (R10)."""

from fastapi import APIRouter, Request
from sqlalchemy import select
from starlette.responses import Response

from activities.models import Organisation, OrganisationMember
from activities.organisations import accept_invitation, invitation_area
from core.texts import N_
from core.web import PlatformDep
from mobile.pages.occasions import town_name
from mobile.pages.shell import FormDep, Registrant, act, show
from registry import queries
from registry.doors import as_body, as_person

router = APIRouter(include_in_schema=False)

ROLES = {"organiser": N_("主催"), "reception": N_("受付")}


@router.get("/host-invitations/{token}")
def invitation(request: Request, token: str, actor: Registrant, platform: PlatformDep) -> Response:
    """Who invites; the organisation is named once the invitation is accepted."""
    lg_code = invitation_area(token)
    with platform.database.transaction(as_person(actor)) as db:
        town = town_name(queries.government(db, lg_code))
    return show(request, "host_invitation.html", token=token, town=town)


@router.post("/host-invitations/{token}")
def accept(
    request: Request, token: str, form: FormDep, actor: Registrant, platform: PlatformDep
) -> Response:
    """The link works once; whoever opens it signed in becomes a member."""
    lg_code = invitation_area(token)
    now = platform.clock.now()
    return act(
        request,
        form,
        as_body(actor, lg_code),
        actor,
        lambda db: accept_invitation(db, actor=actor, lg_code=lg_code, token=token, now=now),
        "/me/organisations",
    )


@router.get("/me/organisations")
def organisations(request: Request, actor: Registrant, platform: PlatformDep) -> Response:
    """The host organisations one acts for."""
    with platform.database.transaction(as_person(actor)) as db:
        rows = db.execute(
            select(Organisation, OrganisationMember.role)
            .join(
                OrganisationMember,
                (OrganisationMember.lg_code == Organisation.lg_code)
                & (OrganisationMember.organisation_id == Organisation.id),
            )
            .where(
                OrganisationMember.person_id == actor.person_id,
                OrganisationMember.ended_at.is_(None),
            )
            .order_by(Organisation.lg_code, Organisation.name)
        ).all()
        towns = queries.governments(db, {row.lg_code for row, _ in rows})
    return show(
        request,
        "organisations.html",
        rows=[(row, ROLES[role], town_name(towns[row.lg_code])) for row, role in rows],
    )
