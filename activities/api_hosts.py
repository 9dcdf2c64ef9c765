"""Doors of hosts: proposing, sessions, and the people of a session. Staff may stand in."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy.orm import Session

from activities import proposing, sessions
from activities.doors import DeviceActor, HostActor, as_device, as_host
from activities.hosts import HostRole
from activities.inbox import history_of, proposals_of
from activities.models import Activity
from activities.paging import Cursor, Limit, after, cursor, page
from activities.queries import activity_of, organisation_of, session_of, sessions_of
from activities.roster import insurance_list, roster, search_roster
from activities.schemas_hosts import (
    CapacityIn,
    HistoryOut,
    HostSessionOut,
    ProposalDetailOut,
    ProposalIn,
    ProposalOut,
    ReasonIn,
    RosterEntryOut,
    RosterOut,
    SessionIn,
    SubmissionIn,
)
from core.problems import problems
from core.web import Answer, Items, PlatformDep, answer_once, limit_search
from registry.doors import BookDep

router = APIRouter(prefix="/local-governments/{lg_code}", tags=["hosts"])
device_router = APIRouter(tags=["hosts"])

_READ = problems(401, 404, 422)
_WRITE = problems(401, 403, 404, 409, 422)


def detail_of(db: Session, activity: Activity) -> ProposalDetailOut:
    """A proposal with its history and its sessions."""
    return ProposalDetailOut(
        **ProposalOut.model_validate(activity).model_dump(),
        history=[HistoryOut.model_validate(one) for one in history_of(db, activity)],
        sessions=[HostSessionOut.of(one) for one in sessions_of(db, activity.lg_code, activity.id)],
    )


@router.get(
    "/organisations/{organisation_id}/activities",
    summary="List an organisation's activities",
    responses=_READ,
)
def list_activities(
    organisation_id: UUID,
    host: HostActor,
    platform: PlatformDep,
    limit: Limit = 20,
    cursor_: Annotated[Cursor, Query(alias="cursor")] = None,
) -> Items[ProposalOut]:
    """Every proposal of one's organisation in every state, the newest first."""
    host.require(organisation_id, HostRole.RECEPTION)
    with platform.database.transaction(as_host(host)) as db:
        organisation_of(db, host.lg_code, organisation_id)
        rows = proposals_of(
            db,
            lg_code=host.lg_code,
            organisation_id=organisation_id,
            limit=limit + 1,
            after=after(cursor_),
        )
    shown, last = page(rows, limit)
    return Items[ProposalOut](
        items=[ProposalOut.model_validate(one) for one in shown],
        next_cursor=None if last is None else cursor(last.created_at, last.id),
    )


@router.post(
    "/organisations/{organisation_id}/activities",
    status_code=201,
    summary="Propose an activity",
    response_model=ProposalOut,
    responses=_WRITE,
)
def propose(
    request: Request,
    organisation_id: UUID,
    given: ProposalIn,
    host: HostActor,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """R09: a draft of ten fields, of which a title and a category are needed."""
    now = platform.clock.now()

    def work(db: Session) -> Answer:
        activity = proposing.propose(
            db,
            host=host,
            organisation_id=organisation_id,
            fields=given.fields(),
            book=book,
            now=now,
        )
        return Answer.of(ProposalOut.model_validate(activity), 201)

    return answer_once(request, as_host(host), actor=host.actor, work=work)


@router.get(
    "/activities/{activity_id}",
    summary="Look at one's proposal",
    responses=_READ,
)
def show_proposal(activity_id: UUID, host: HostActor, platform: PlatformDep) -> ProposalDetailOut:
    """The proposal with its history (who decided what, and why) and its sessions."""
    with platform.database.transaction(as_host(host)) as db:
        activity = activity_of(db, host.lg_code, activity_id)
        host.require(activity.organisation_id, HostRole.RECEPTION)
        return detail_of(db, activity)


@router.put(
    "/activities/{activity_id}",
    summary="Change a draft or a returned proposal",
    response_model=ProposalOut,
    responses=_WRITE,
)
def revise(
    request: Request,
    activity_id: UUID,
    given: ProposalIn,
    host: HostActor,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """R09: all ten fields again; what was decided on is not changed behind the decision."""
    now = platform.clock.now()

    def work(db: Session) -> Answer:
        activity = proposing.revise(
            db, host=host, activity_id=activity_id, fields=given.fields(), book=book, now=now
        )
        return Answer.of(ProposalOut.model_validate(activity))

    return answer_once(request, as_host(host), actor=host.actor, work=work)


@router.post(
    "/activities/{activity_id}/copies",
    status_code=201,
    summary="Start from last year's activity",
    response_model=ProposalOut,
    responses=_WRITE,
)
def copy_activity(
    request: Request,
    activity_id: UUID,
    host: HostActor,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """R09: a new draft with the same fields."""
    now = platform.clock.now()

    def work(db: Session) -> Answer:
        activity = proposing.copy_activity(
            db, host=host, activity_id=activity_id, book=book, now=now
        )
        return Answer.of(ProposalOut.model_validate(activity), 201)

    return answer_once(request, as_host(host), actor=host.actor, work=work)


@router.post(
    "/activities/{activity_id}/submission",
    summary="Hand a proposal in",
    response_model=ProposalOut,
    responses=_WRITE,
)
def submit(
    request: Request,
    activity_id: UUID,
    given: SubmissionIn,
    host: HostActor,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """R09, R10: staff decide; a trusted organisation's proposal is designated at once."""
    now = platform.clock.now()

    def work(db: Session) -> Answer:
        activity = proposing.submit(
            db, host=host, activity_id=activity_id, answers=given.answers, book=book, now=now
        )
        return Answer.of(ProposalOut.model_validate(activity))

    return answer_once(request, as_host(host), actor=host.actor, work=work)


@router.post(
    "/activities/{activity_id}/taking-back",
    summary="Take a proposal back",
    response_model=ProposalOut,
    responses=_WRITE,
)
def take_back(
    request: Request, activity_id: UUID, host: HostActor, platform: PlatformDep
) -> Response:
    """R09: only while it is not designated; staff end a designation."""
    now = platform.clock.now()

    def work(db: Session) -> Answer:
        activity = proposing.take_back(db, host=host, activity_id=activity_id, now=now)
        return Answer.of(ProposalOut.model_validate(activity))

    return answer_once(request, as_host(host), actor=host.actor, work=work)


@router.post(
    "/activities/{activity_id}/sessions",
    status_code=201,
    summary="Add a session",
    response_model=HostSessionOut,
    responses=_WRITE,
)
def add_session(
    request: Request,
    activity_id: UUID,
    given: SessionIn,
    host: HostActor,
    platform: PlatformDep,
) -> Response:
    """A date in Japan time. Past dates and overlaps at the same place are refused."""
    now = platform.clock.now()
    starts_at, ends_at = given.span()

    def work(db: Session) -> Answer:
        session = sessions.add_session(
            db,
            host=host,
            activity_id=activity_id,
            starts_at=starts_at,
            ends_at=ends_at,
            place=given.place,
            capacity=given.capacity,
            now=now,
        )
        return Answer.of(HostSessionOut.of(session), 201)

    return answer_once(request, as_host(host), actor=host.actor, work=work)


@router.patch(
    "/sessions/{session_id}",
    summary="Change the places of a session",
    response_model=HostSessionOut,
    responses=_WRITE,
)
def change_capacity(
    request: Request,
    session_id: UUID,
    given: CapacityIn,
    host: HostActor,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """C33: never below the places taken; new places go to the waiting line first."""
    now = platform.clock.now()

    def work(db: Session) -> Answer:
        session = sessions.change_capacity(
            db, host=host, session_id=session_id, capacity=given.capacity, book=book, now=now
        )
        return Answer.of(HostSessionOut.of(session))

    return answer_once(request, as_host(host), actor=host.actor, work=work)


@router.post(
    "/sessions/{session_id}/cancellation",
    summary="Call a session off",
    response_model=HostSessionOut,
    responses=_WRITE,
)
def cancel_session(
    request: Request,
    session_id: UUID,
    given: ReasonIn,
    host: HostActor,
    platform: PlatformDep,
) -> Response:
    """Everybody who has or waits for a place is told, with the reason."""
    now = platform.clock.now()

    def work(db: Session) -> Answer:
        session = sessions.cancel_session(
            db, host=host, session_id=session_id, reason=given.reason, now=now
        )
        return Answer.of(HostSessionOut.of(session))

    return answer_once(request, as_host(host), actor=host.actor, work=work)


@router.get(
    "/sessions/{session_id}/roster",
    summary="Read who is coming",
    responses=problems(401, 403, 404, 422),
)
def read_roster(session_id: UUID, host: HostActor, platform: PlatformDep) -> RosterOut:
    """C35: names, places, and who is here already. Each look is on the person's own record."""
    with platform.database.transaction(as_host(host)) as db:
        session = session_of(db, host.lg_code, session_id)
        host.require(activity_of(db, host.lg_code, session.activity_id).organisation_id)
        entries = roster(db, actor=host.actor, session=session, now=platform.clock.now())
        return RosterOut(
            session=HostSessionOut.of(session),
            items=[RosterEntryOut.model_validate(one) for one in entries],
        )


@router.get(
    "/sessions/{session_id}/insurance-list",
    summary="Take the list of participants for the insurer",
    response_class=Response,
    responses=problems(401, 403, 404, 422)
    | {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
def read_insurance_list(session_id: UUID, host: HostActor, platform: PlatformDep) -> Response:
    """R31: number, name and kana of everybody with a place, as CSV. The look is recorded."""
    with platform.database.transaction(as_host(host)) as db:
        session = session_of(db, host.lg_code, session_id)
        host.require(activity_of(db, host.lg_code, session.activity_id).organisation_id)
        text = insurance_list(db, actor=host.actor, session=session, now=platform.clock.now())
    name = f'attachment; filename="insurance-{session_id}.csv"'
    return Response(text, media_type="text/csv", headers={"Content-Disposition": name})


@router.get(
    "/sessions/{session_id}/people",
    summary="Find one person of a session",
    responses=problems(401, 404, 409, 422),
)
def find_people(
    session_id: UUID,
    host: HostActor,
    platform: PlatformDep,
    q: Annotated[str, Query(max_length=60)],
) -> Items[RosterEntryOut]:
    """C29: by three characters of a name or member number, 20 rows at most."""
    limit_search(platform, host.actor)
    with platform.database.transaction(as_host(host)) as db:
        session = session_of(db, host.lg_code, session_id)
        activity = activity_of(db, host.lg_code, session.activity_id)
        host.require(activity.organisation_id, HostRole.RECEPTION)
        found = search_roster(
            db, actor=host.actor, session=session, text=q, now=platform.clock.now()
        )
    return Items[RosterEntryOut](items=[RosterEntryOut.model_validate(one) for one in found])


@device_router.get(
    "/device/sessions/{session_id}/people",
    summary="Find one person of a session, from a device",
    responses=problems(401, 403, 404, 409, 422),
)
def find_people_from_device(
    session_id: UUID,
    device: DeviceActor,
    platform: PlatformDep,
    q: Annotated[str, Query(max_length=60)],
) -> Items[RosterEntryOut]:
    """C29: an enrolled device has no list to browse; it searches within its own organisation."""
    limit_search(platform, device.actor)
    with platform.database.transaction(as_device(device)) as db:
        session = session_of(db, device.lg_code, session_id)
        activity = activity_of(db, device.lg_code, session.activity_id)
        device.require(activity.organisation_id)
        found = search_roster(
            db,
            actor=device.actor,
            session=session,
            text=q,
            now=platform.clock.now(),
            contacts=False,
        )
    return Items[RosterEntryOut](items=[RosterEntryOut.model_validate(one) for one in found])
