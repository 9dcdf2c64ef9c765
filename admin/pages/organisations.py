"""関係団体: who may propose activities, their people, and the trust in them (R10)."""

from collections.abc import Mapping
from types import MappingProxyType
from uuid import UUID

from fastapi import APIRouter, Response
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from activities import organisations
from activities.hosts import HostRole
from activities.inbox import proposals_of
from activities.models import Activity, Organisation, OrganisationMember, OrganisationTrust
from activities.queries import organisation_of, trust_on
from activities.refusals import policy_now
from activities.rules.designation import trust_until
from admin import words
from admin.desk import (
    Again,
    ApproverDesk,
    ClerkDesk,
    Desk,
    Done,
    Problems,
    ViewerDesk,
)
from admin.forms import FormDep
from core import audit
from core.errors import invalid
from registry.people import refuse_individual_number

router = APIRouter(include_in_schema=False)
ORGANISATIONS = "/staff/{lg_code}/organisations"
ONE = ORGANISATIONS + "/{organisation_id}"
RECENT = 20
NOTHING: Mapping[str, str] = MappingProxyType({})


def show_all(
    desk: Desk, *, given: Mapping[str, str] = NOTHING, errors: Problems = (), status: int = 200
) -> Response:
    """All host organisations and the form for one more."""
    with desk.transaction() as db:
        many = (
            select(func.count())
            .select_from(Activity)
            .where(
                Activity.lg_code == Organisation.lg_code,
                Activity.organisation_id == Organisation.id,
                Activity.published,
            )
            .correlate(Organisation)
            .scalar_subquery()
        )
        rows = db.execute(
            select(Organisation, many)
            .where(Organisation.lg_code == desk.lg_code)
            .order_by(Organisation.name)
        ).all()
        return desk.render(
            db,
            "organisations.html",
            here="organisations",
            status=status,
            errors=errors,
            given=given,
            rows=rows,
        )


@router.get(ORGANISATIONS)
def list_organisations(desk: ViewerDesk) -> Response:
    """By name."""
    return show_all(desk)


@router.post(ORGANISATIONS)
def create(desk: ClerkDesk, form: FormDep) -> Response:
    """自治会, NPO, 消防団 …: who may then propose activities."""

    def work(db: Session) -> str:
        name = form.needed("name", most=120)
        refuse_individual_number(name, field="name")
        kind = form.needed("kind", most=40)
        if not words.known("host_kind", kind):
            raise invalid("field_needed", field="kind")
        row = organisations.create_organisation(
            db, actor=desk.actor, lg_code=desk.lg_code, name=name, kind=kind, now=desk.now
        )
        return f"{desk.home}/organisations/{row.id}?done=organisation_added"

    given = {name: str(form.data.get(name) or "")[:120] for name in ("name", "kind")}
    return desk.act(
        form,
        work,
        lambda errors, status: show_all(desk, given=given, errors=errors, status=status),
    )


# --- one organisation -----------------------------------------------------------------------------


def show(
    desk: Desk,
    organisation_id: UUID,
    *,
    invitation: str = "",
    errors: Problems = (),
    status: int = 200,
    done: str = "",
) -> Response:
    """One organisation: its people, its activities, the trust in it."""
    with desk.transaction() as db:
        organisation = organisation_of(db, desk.lg_code, organisation_id)
        policy = policy_now(db, desk.book, desk.lg_code, desk.now)
        people = db.scalars(
            select(OrganisationMember)
            .where(
                OrganisationMember.lg_code == desk.lg_code,
                OrganisationMember.organisation_id == organisation_id,
                OrganisationMember.ended_at.is_(None),
            )
            .order_by(OrganisationMember.granted_at)
        ).all()
        audit.record(
            db,
            actor=desk.actor,
            action="organisation.read_members",
            subject=("organisation", organisation_id),
            now=desk.now,
            lg_code=desk.lg_code,
            row_count=len(people),
            fields=["name"],
        )
        trust = trust_on(db, desk.lg_code, organisation_id, desk.today)
        never = policy.texts("designation.never")
        categories = [c for c in policy.texts("activity.categories") if c not in never]
        return desk.render(
            db,
            "organisation.html",
            here="organisations",
            status=status,
            errors=errors,
            done=done,
            organisation=organisation,
            people=people,
            trust=trust,
            trusted=_in_force(trust, desk),
            invitation=invitation,
            invitation_days=organisations.INVITATION_LIFE.days,
            trust_last=trust_until(desk.today, policy),
            category_options=[(c, words.word(desk.say, "category", c)) for c in categories],
            rows=proposals_of(
                db, lg_code=desk.lg_code, organisation_id=organisation_id, limit=RECENT
            ),
        )


def _in_force(trust: OrganisationTrust | None, desk: Desk) -> bool:
    return trust is not None and trust.withdrawn_on is None and trust.until >= desk.today


@router.get(ONE)
def one_organisation(desk: ViewerDesk, organisation_id: UUID, done: Done = "") -> Response:
    """Its people by name; the look is recorded."""
    return show(desk, organisation_id, done=done)


def _again(desk: Desk, organisation_id: UUID) -> Again:
    return lambda errors, status: show(desk, organisation_id, errors=errors, status=status)


@router.post(ONE + "/invitations")
def invite(desk: ClerkDesk, organisation_id: UUID, form: FormDep) -> Response:
    """A link that is shown once; whoever opens it signed in becomes a member."""
    made: list[str] = []

    def work(db: Session) -> str:
        name = form.needed("name", most=60)
        refuse_individual_number(name, field="name")
        try:
            role = HostRole(form.one("role"))
        except ValueError:
            raise invalid("field_needed", field="role") from None
        invited = organisations.invite_member(
            db,
            actor=desk.actor,
            lg_code=desk.lg_code,
            organisation_id=organisation_id,
            name=name,
            role=role,
            now=desk.now,
        )
        # Only here and in the browser: the stored answer of this form holds no token.
        made.append(invited.token)
        return f"{desk.home}/organisations/{organisation_id}"

    answer = desk.act(form, work, _again(desk, organisation_id))
    if not made:
        return answer
    link = f"{desk.platform.settings.public_url}/host-invitations/{made[-1]}"
    return show(desk, organisation_id, invitation=link)


@router.post(ONE + "/members/{person_id}/remove")
def remove(desk: ClerkDesk, organisation_id: UUID, person_id: UUID, form: FormDep) -> Response:
    """C28: from now on; what they did before stays."""

    def work(db: Session) -> str:
        organisations.remove_member(
            db,
            actor=desk.actor,
            lg_code=desk.lg_code,
            organisation_id=organisation_id,
            person_id=person_id,
            now=desk.now,
        )
        return f"{desk.home}/organisations/{organisation_id}?done=member_removed"

    return desk.act(form, work, _again(desk, organisation_id))


@router.post(ONE + "/trust")
def grant_trust(desk: ApproverDesk, organisation_id: UUID, form: FormDep) -> Response:
    """R10: designated in principle, in some categories, until a day."""

    def work(db: Session) -> str:
        organisations.grant_trust(
            db,
            actor=desk.actor,
            lg_code=desk.lg_code,
            organisation_id=organisation_id,
            categories=form.many("categories"),
            book=desk.book,
            now=desk.now,
        )
        return f"{desk.home}/organisations/{organisation_id}?done=trusted"

    return desk.act(form, work, _again(desk, organisation_id))


@router.post(ONE + "/trust/withdraw")
def withdraw_trust(desk: ApproverDesk, organisation_id: UUID, form: FormDep) -> Response:
    """R10: back to one by one from today."""

    def work(db: Session) -> str:
        organisations.withdraw_trust(
            db,
            actor=desk.actor,
            lg_code=desk.lg_code,
            organisation_id=organisation_id,
            reason=form.needed("reason", most=200),
            now=desk.now,
        )
        return f"{desk.home}/organisations/{organisation_id}?done=trust_withdrawn"

    return desk.act(form, work, _again(desk, organisation_id))
