"""Doors of everybody: finding activities, taking and giving back places, joining a host."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from activities import organisations, search, signup
from activities.hosts import HostRole
from activities.models import Organisation, OrganisationMember
from activities.paging import Cursor, Limit, after, cursor, kept, page
from activities.schemas_activities import (
    ActivityDetailOut,
    ActivityOut,
    SignUpIn,
    SignUpOut,
)
from activities.schemas_fields import EARLIEST_DAY, LATEST_DAY
from activities.schemas_hosts import AcceptIn, OwnOrganisationOut
from activities.search import ActivityQuery
from core.access import Actor, ActorKind
from core.clock import japan_day
from core.db import Context
from core.problems import problems
from core.tenancy import Audience
from core.web import Answer, Items, PlatformDep, answer_once
from registry.doors import AnyActor, BookDep, LgCode, PersonActor, as_body, as_person

public_router = APIRouter(tags=["activities"])
own_router = APIRouter(tags=["sign-ups"])

Day = Annotated[date | None, Query(ge=EARLIEST_DAY, le=LATEST_DAY)]
Code = Annotated[str | None, Query(pattern=r"^\d{6}$")]


def reader_context(actor: Actor) -> Context:
    """A registrant's own context; anybody else reads what is published."""
    if actor.kind is ActorKind.PERSON:
        return as_person(actor)
    return Context(Audience.PERSON, actor="anonymous:visitor", request_id=actor.request_id)


def reads_as_minor(db: Session, actor: Actor, today: date) -> bool:
    """R18: whether late-night activities are hidden from this reader."""
    is_person = actor.kind is ActorKind.PERSON
    return is_person and search.is_minor(db, person_id=actor.person_id, today=today)


@public_router.get(
    "/activities",
    summary="Find activities to take part in",
    response_model=Items[ActivityOut],
    responses=problems(422),
)
def find_activities(
    request: Request,
    actor: AnyActor,
    platform: PlatformDep,
    lg_code: Code = None,
    prefecture: Code = None,
    first_day: Day = None,
    last_day: Day = None,
    category: Annotated[str | None, Query(max_length=40)] = None,
    free: Annotated[bool, Query(description="With a free place only")] = False,
    beginners: Annotated[bool, Query(description="Where newcomers are welcome only")] = False,
    limit: Limit = 20,
    cursor_: Annotated[Cursor, Query(alias="cursor")] = None,
) -> Response:
    """Designated activities with a session to come, the next one first.

    Days are Japanese days, both included. Minors who are signed in are not shown late-night
    activities (R18).
    """
    now = platform.clock.now()
    with platform.database.transaction(reader_context(actor)) as db:
        query = ActivityQuery(
            lg_code=lg_code,
            prefecture_code=prefecture,
            first_day=first_day,
            last_day=last_day,
            category=category,
            free_only=free,
            beginners=beginners,
            for_minor=reads_as_minor(db, actor, japan_day(now)),
        )
        rows = search.find_activities(
            db, query=query, now=now, limit=limit + 1, after=after(cursor_)
        )
    shown, last = page(rows, limit)
    following = None
    if last is not None and last.next_at is not None:
        following = cursor(last.next_at, last.activity.id)
    return kept(
        request,
        Items[ActivityOut](items=[ActivityOut.of(one) for one in shown], next_cursor=following),
    )


@public_router.get(
    "/activities/{lg_code}/{activity_id}",
    summary="Look at one activity and its sessions",
    response_model=ActivityDetailOut,
    responses=problems(404, 422),
)
def show_activity(
    request: Request, lg_code: LgCode, activity_id: UUID, actor: AnyActor, platform: PlatformDep
) -> Response:
    """What people do there, what to bring, whom to call, and the sessions to come."""
    now = platform.clock.now()
    with platform.database.transaction(reader_context(actor)) as db:
        detail = search.activity_detail(
            db,
            lg_code=lg_code,
            activity_id=activity_id,
            now=now,
            for_minor=reads_as_minor(db, actor, japan_day(now)),
        )
    return kept(request, ActivityDetailOut.of_detail(detail))


@own_router.get(
    "/me/sign-ups",
    summary="List one's own sign-ups",
    responses=problems(401, 422),
)
def list_sign_ups(
    actor: PersonActor,
    platform: PlatformDep,
    upcoming: Annotated[bool, Query(description="Sessions that are not over only")] = False,
    limit: Limit = 20,
    cursor_: Annotated[Cursor, Query(alias="cursor")] = None,
) -> Items[SignUpOut]:
    """Places, offers and waiting lines with every local government, the latest session first."""
    with platform.database.transaction(as_person(actor)) as db:
        rows = search.own_sign_ups(
            db,
            person_id=actor.person_id,
            limit=limit + 1,
            after=after(cursor_),
            since=platform.clock.now() if upcoming else None,
        )
    shown, last = page(rows, limit)
    return Items[SignUpOut](
        items=[SignUpOut.of(one) for one in shown],
        next_cursor=None if last is None else cursor(last.session.starts_at, last.sign_up.id),
    )


@own_router.post(
    "/me/sign-ups",
    status_code=201,
    summary="Sign up for a session",
    response_model=SignUpOut,
    responses=problems(401, 404, 409, 422),
)
def sign_up(
    request: Request, given: SignUpIn, actor: PersonActor, platform: PlatformDep, book: BookDep
) -> Response:
    """C33: a place, or a place in the waiting line when none is free; `state` says which.

    Refused with every reason: not registered, a minor at night (R18), no insurance where it is
    asked for (R31), or another activity at the same time (C34). A small overlap is told in
    `touches`. Signing up again gives the place that stands (200).
    """
    now = platform.clock.now()
    with platform.database.transaction(as_person(actor)) as db:
        elsewhere = signup.engagements(db, person_id=actor.person_id, now=now)

    def work(db: Session) -> Answer:
        signed = signup.sign_up(
            db,
            actor=actor,
            lg_code=given.lg_code,
            session_id=given.session_id,
            insurance_proof=given.insurance_proof,
            elsewhere=elsewhere,
            book=book,
            now=now,
        )
        return Answer.of(SignUpOut.of(signed), 201 if signed.created else 200)

    return answer_once(request, as_body(actor, given.lg_code), actor=actor, work=work)


@own_router.post(
    "/me/sign-ups/{lg_code}/{session_id}/acceptance",
    summary="Accept a place offered from the waiting line",
    response_model=SignUpOut,
    responses=problems(401, 404, 409, 410, 422),
)
def accept_offer(
    request: Request,
    lg_code: LgCode,
    session_id: UUID,
    actor: PersonActor,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """C33: an offer holds until `offer_until`; afterwards the place goes to the next person."""
    now = platform.clock.now()
    with platform.database.transaction(as_person(actor)) as db:
        elsewhere = signup.engagements(db, person_id=actor.person_id, now=now)

    def work(db: Session) -> Answer:
        signed = signup.accept_offer(
            db,
            actor=actor,
            lg_code=lg_code,
            session_id=session_id,
            elsewhere=elsewhere,
            book=book,
            now=now,
        )
        return Answer.of(SignUpOut.of(signed))

    return answer_once(request, as_body(actor, lg_code), actor=actor, work=work)


@own_router.delete(
    "/me/sign-ups/{lg_code}/{session_id}",
    summary="Give a place back",
    response_model=SignUpOut,
    responses=problems(401, 404, 409, 422),
)
def cancel_sign_up(
    request: Request,
    lg_code: LgCode,
    session_id: UUID,
    actor: PersonActor,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """C33: a place, an offer or a place in the line; who waits longest is asked at once."""
    now = platform.clock.now()

    def work(db: Session) -> Answer:
        signed = signup.cancel_sign_up(
            db, actor=actor, lg_code=lg_code, session_id=session_id, book=book, now=now
        )
        return Answer.of(SignUpOut.of(signed))

    return answer_once(request, as_body(actor, lg_code), actor=actor, work=work)


@own_router.get(
    "/me/organisations",
    summary="List the host organisations one acts for",
    responses=problems(401),
)
def list_own_organisations(actor: PersonActor, platform: PlatformDep) -> Items[OwnOrganisationOut]:
    """Where the signed-in person may propose activities or receive people."""
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
    return Items[OwnOrganisationOut](
        items=[OwnOrganisationOut.of_role(one, HostRole(role)) for one, role in rows]
    )


@own_router.post(
    "/me/organisation-invitations/accept",
    summary="Accept a host organisation's invitation",
    response_model=OwnOrganisationOut,
    responses=problems(401, 410, 422),
)
def accept_invitation(
    request: Request, given: AcceptIn, actor: PersonActor, platform: PlatformDep
) -> Response:
    """The token of the link that the local government handed over; it works once."""
    lg_code = organisations.invitation_area(given.token)
    now = platform.clock.now()

    def work(db: Session) -> Answer:
        member = organisations.accept_invitation(
            db, actor=actor, lg_code=lg_code, token=given.token, now=now
        )
        row = db.get_one(Organisation, (lg_code, member.organisation_id))
        return Answer.of(OwnOrganisationOut.of_role(row, HostRole(member.role)))

    return answer_once(request, as_body(actor, lg_code), actor=actor, work=work)
