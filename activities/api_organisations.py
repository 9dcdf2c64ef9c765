"""Doors of staff to host organisations: their people, and the trust in them (R10)."""

from uuid import UUID

from fastapi import APIRouter, Request, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from activities import organisations
from activities.models import Organisation, OrganisationMember
from activities.queries import organisation_of, trust_on
from activities.schemas_hosts import (
    InvitationIn,
    InvitationOut,
    MemberOut,
    OrganisationDetailOut,
    OrganisationIn,
    OrganisationOut,
    ReasonIn,
    TrustIn,
    TrustOut,
)
from core import audit
from core.clock import japan_day
from core.problems import problems
from core.web import Answer, Items, PlatformDep, answer_once
from registry.doors import ApproverActor, BookDep, ClerkActor, LgCode, ViewerActor, as_body

router = APIRouter(prefix="/local-governments/{lg_code}", tags=["organisations"])

_READ = problems(401, 403, 404, 422)
_WRITE = problems(401, 403, 404, 409, 422)


@router.get(
    "/organisations",
    summary="List host organisations",
    responses=_READ,
)
def list_organisations(
    lg_code: LgCode, actor: ViewerActor, platform: PlatformDep
) -> Items[OrganisationOut]:
    """Every host organisation of the local government, by name."""
    with platform.database.transaction(as_body(actor, lg_code)) as db:
        rows = db.scalars(
            select(Organisation).where(Organisation.lg_code == lg_code).order_by(Organisation.name)
        ).all()
    return Items[OrganisationOut](items=[OrganisationOut.model_validate(one) for one in rows])


@router.post(
    "/organisations",
    status_code=201,
    summary="Enter a host organisation",
    response_model=OrganisationOut,
    responses=_WRITE,
)
def create_organisation(
    request: Request,
    lg_code: LgCode,
    given: OrganisationIn,
    actor: ClerkActor,
    platform: PlatformDep,
) -> Response:
    """自治会, NPO, 消防団 …: who may then propose activities."""
    now = platform.clock.now()

    def work(db: Session) -> Answer:
        row = organisations.create_organisation(
            db, actor=actor, lg_code=lg_code, name=given.name, kind=given.kind, now=now
        )
        return Answer.of(OrganisationOut.model_validate(row), 201)

    return answer_once(request, as_body(actor, lg_code), actor=actor, work=work)


@router.get(
    "/organisations/{organisation_id}",
    summary="Look at an organisation, its people and its trust",
    responses=_READ,
)
def show_organisation(
    lg_code: LgCode, organisation_id: UUID, actor: ClerkActor, platform: PlatformDep
) -> OrganisationDetailOut:
    """The look at its people is recorded."""
    now = platform.clock.now()
    with platform.database.transaction(as_body(actor, lg_code)) as db:
        row = organisation_of(db, lg_code, organisation_id)
        members = db.scalars(
            select(OrganisationMember)
            .where(
                OrganisationMember.lg_code == lg_code,
                OrganisationMember.organisation_id == organisation_id,
                OrganisationMember.ended_at.is_(None),
            )
            .order_by(OrganisationMember.granted_at, OrganisationMember.person_id)
        ).all()
        trust = trust_on(db, lg_code, organisation_id, japan_day(now))
        for one in members:
            audit.record(
                db,
                actor=actor,
                action="organisation.read_members",
                subject=("organisation", organisation_id),
                lg_code=lg_code,
                person_id=one.person_id,
                row_count=len(members),
                fields=["name"],
                now=now,
            )
        return OrganisationDetailOut(
            **OrganisationOut.model_validate(row).model_dump(),
            members=[MemberOut.model_validate(one) for one in members],
            trust=None if trust is None else TrustOut.model_validate(trust),
        )


@router.post(
    "/organisations/{organisation_id}/members",
    status_code=201,
    summary="Invite somebody to act for an organisation",
    response_model=InvitationOut,
    responses=_WRITE,
)
def invite_member(
    request: Request,
    lg_code: LgCode,
    organisation_id: UUID,
    given: InvitationIn,
    actor: ClerkActor,
    platform: PlatformDep,
) -> Response:
    """A link to hand over, good once and for 14 days. Local governments read no accounts."""
    now = platform.clock.now()

    def work(db: Session) -> Answer:
        invited = organisations.invite_member(
            db,
            actor=actor,
            lg_code=lg_code,
            organisation_id=organisation_id,
            name=given.name,
            role=given.role,
            now=now,
        )
        out = InvitationOut(
            organisation_id=organisation_id,
            role=given.role,
            expires_at=invited.invitation.expires_at,
            token=invited.token,
            url=f"{platform.settings.public_url}/host-invitations/{invited.token}",
        )
        return Answer.of(out, 201)

    return answer_once(request, as_body(actor, lg_code), actor=actor, work=work)


@router.delete(
    "/organisations/{organisation_id}/members/{person_id}",
    summary="End somebody's right to act for an organisation",
    response_model=MemberOut,
    responses=_WRITE,
)
def remove_member(
    request: Request,
    lg_code: LgCode,
    organisation_id: UUID,
    person_id: UUID,
    actor: ClerkActor,
    platform: PlatformDep,
) -> Response:
    """C28: what they did before stays; the person is told."""
    now = platform.clock.now()

    def work(db: Session) -> Answer:
        member = organisations.remove_member(
            db,
            actor=actor,
            lg_code=lg_code,
            organisation_id=organisation_id,
            person_id=person_id,
            now=now,
        )
        return Answer.of(MemberOut.model_validate(member))

    return answer_once(request, as_body(actor, lg_code), actor=actor, work=work)


@router.post(
    "/organisations/{organisation_id}/trust",
    status_code=201,
    summary="Trust an organisation (pattern 2)",
    response_model=TrustOut,
    responses=_WRITE,
)
def grant_trust(
    request: Request,
    lg_code: LgCode,
    organisation_id: UUID,
    given: TrustIn,
    actor: ApproverActor,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """R10: in some categories, until the fiscal year's end and a month."""
    now = platform.clock.now()

    def work(db: Session) -> Answer:
        row = organisations.grant_trust(
            db,
            actor=actor,
            lg_code=lg_code,
            organisation_id=organisation_id,
            categories=given.categories,
            book=book,
            now=now,
        )
        return Answer.of(TrustOut.model_validate(row), 201)

    return answer_once(request, as_body(actor, lg_code), actor=actor, work=work)


@router.post(
    "/organisations/{organisation_id}/trust/withdrawal",
    summary="Withdraw the trust",
    response_model=TrustOut,
    responses=_WRITE,
)
def withdraw_trust(
    request: Request,
    lg_code: LgCode,
    organisation_id: UUID,
    given: ReasonIn,
    actor: ApproverActor,
    platform: PlatformDep,
) -> Response:
    """R10: back to pattern 1 from today; what was designated before stays so."""
    now = platform.clock.now()

    def work(db: Session) -> Answer:
        row = organisations.withdraw_trust(
            db,
            actor=actor,
            lg_code=lg_code,
            organisation_id=organisation_id,
            reason=given.reason,
            now=now,
        )
        return Answer.of(TrustOut.model_validate(row))

    return answer_once(request, as_body(actor, lg_code), actor=actor, work=work)
