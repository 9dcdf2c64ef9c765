"""活動を提案する: last year's or a kind as a start, ten fields, one press (R09, R10)."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from activities import proposing
from activities.categories import LABELS
from activities.hosts import Host, HostRole
from activities.inbox import proposals_of
from activities.models import Activity
from activities.queries import sessions_of
from activities.refusals import policy_now
from activities.rules.night import is_late_night
from activities.sites import carry_over
from activities.steps import noted
from core.errors import Invalid, Refused
from core.web import PlatformDep
from mobile.pages.hosts import HostHere, own_activity, own_organisation
from mobile.pages.proposal_form import (
    INSURANCE,
    QUESTIONS,
    add_date,
    base_of,
    copied,
    fields_of,
    given_in,
    span_of,
    started,
)
from mobile.pages.shell import Form, FormDep, act, again, show
from registry.doors import BookDep, as_body
from registry.rules.policy import Policy, PolicyBook

router = APIRouter(prefix="/host/{lg_code}", include_in_schema=False)

#: Earlier activities offered to start from.
_LATEST: Final = 12


# --- a new proposal -------------------------------------------------------------------------------


@router.get("/organisations/{organisation_id}/activities/new")
def choose(
    request: Request,
    organisation_id: UUID,
    host: HostHere,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """Where to start from: an earlier activity, or a kind."""
    with platform.database.transaction(as_body(host.actor, host.lg_code)) as db:
        row = own_organisation(db, host, organisation_id, HostRole.ORGANISER)
        earlier = [
            (one, sessions_of(db, host.lg_code, one.id))
            for one in proposals_of(
                db, lg_code=host.lg_code, organisation_id=organisation_id, limit=_LATEST
            )
        ]
        policy = policy_now(db, book, host.lg_code, platform.clock.now())
    kinds = [(code, LABELS[code]) for code in policy.texts("activity.categories")]
    return show(request, "proposal_start.html", organisation=row, earlier=earlier, kinds=kinds)


@router.get("/organisations/{organisation_id}/activities/new/form")
def new_form(
    request: Request,
    organisation_id: UUID,
    host: HostHere,
    platform: PlatformDep,
    book: BookDep,
    kind: Annotated[str, Query(max_length=40)] = "",
    copy: UUID | None = None,
) -> Response:
    """The ten fields, most of them filled in already."""
    now = platform.clock.now()
    with platform.database.transaction(as_body(host.actor, host.lg_code)) as db:
        own_organisation(db, host, organisation_id, HostRole.ORGANISER)
        if copy is not None:
            source = own_activity(db, host, copy, HostRole.ORGANISER)
            given = copied(source, sessions_of(db, host.lg_code, copy), now)
        else:
            given = started(kind)
        frame = _frame(db, host, organisation_id, now, book, copy)
    return show(request, "proposal_form.html", given=given, **frame)


def _frame(
    db: Session,
    host: Host,
    organisation_id: UUID,
    now: datetime,
    book: PolicyBook,
    copy: UUID | None = None,
) -> dict[str, Any]:
    row = own_organisation(db, host, organisation_id, HostRole.ORGANISER)
    policy = policy_now(db, book, host.lg_code, now)
    return {
        "organisation": row,
        "copy": copy,
        "kinds": [(code, LABELS[code]) for code in policy.texts("activity.categories")],
        "insurance": [(code, INSURANCE[code]) for code in policy.texts("project.insurance")],
        "questions": [(code, *QUESTIONS[code]) for code in _asked(policy)],
        "minutes": policy.integer("activity.min_minutes"),
    }


def _asked(policy: Policy) -> list[str]:
    return [code for code in policy.texts("designation.checklist") if code in QUESTIONS]


@router.post("/organisations/{organisation_id}/activities")
def propose(
    request: Request,
    organisation_id: UUID,
    form: FormDep,
    host: HostHere,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """R09, R10: one press: written, dated and handed in; a trusted host's is designated at once."""
    now = platform.clock.now()
    copy = form.id("copy") if form.one("copy") else None

    def work(db: Session) -> Activity:
        span = span_of(form)
        source = None if copy is None else own_activity(db, host, copy, HostRole.ORGANISER)
        activity = proposing.propose(
            db,
            host=host,
            organisation_id=organisation_id,
            fields=fields_of(form, base_of(source), late_night=is_late_night(*span)),
            book=book,
            now=now,
        )
        if source is not None:
            carry_over(source, activity)
            noted(db, activity, actor=host.actor, now=now, facts={"copied_from": str(copy)})
        _hand_in(db, host, activity, form, book, now)
        add_date(db, host, activity.id, form, span, now)
        return activity

    try:
        return act(
            request,
            form,
            as_body(host.actor, host.lg_code),
            host.actor,
            work,
            lambda activity: f"/host/{host.lg_code}/activities/{activity.id}?done=proposed",
        )
    except (Invalid, Refused) as error:
        with platform.database.transaction(as_body(host.actor, host.lg_code)) as db:
            frame = _frame(db, host, organisation_id, now, book, copy)
        return again(request, "proposal_form.html", error, given=given_in(form), **frame)


def _hand_in(
    db: Session, host: Host, activity: Activity, form: Form, book: PolicyBook, now: datetime
) -> None:
    policy = policy_now(db, book, host.lg_code, now)
    ticked = set(form.many("answers"))
    answers = {code: code in ticked for code in policy.texts("designation.checklist")}
    proposing.submit(db, host=host, activity_id=activity.id, book=book, now=now, answers=answers)


# --- put right ------------------------------------------------------------------------------------


@router.get("/activities/{activity_id}/edit")
def edit(
    request: Request, activity_id: UUID, host: HostHere, platform: PlatformDep, book: BookDep
) -> Response:
    """The fields of a returned proposal or a draft, to be put right and handed in again."""
    with platform.database.transaction(as_body(host.actor, host.lg_code)) as db:
        activity = own_activity(db, host, activity_id, HostRole.ORGANISER)
        frame = _frame(db, host, activity.organisation_id, platform.clock.now(), book)
        given = replace(
            copied(activity, [], platform.clock.now()),
            answers=tuple(code for code, yes in (activity.checklist or {}).items() if yes),
        )
    return show(request, "proposal_form.html", given=given, revised=activity, **frame)


@router.post("/activities/{activity_id}/edit")
def revise(
    request: Request,
    activity_id: UUID,
    form: FormDep,
    host: HostHere,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """R09: put right and handed in again with one press; its dates stay as they are."""
    now = platform.clock.now()

    def work(db: Session) -> None:
        activity = own_activity(db, host, activity_id, HostRole.ORGANISER)
        proposing.revise(
            db,
            host=host,
            activity_id=activity_id,
            fields=fields_of(form, base_of(activity)),
            book=book,
            now=now,
        )
        _hand_in(db, host, activity, form, book, now)

    try:
        return act(
            request,
            form,
            as_body(host.actor, host.lg_code),
            host.actor,
            work,
            f"/host/{host.lg_code}/activities/{activity_id}?done=proposed",
        )
    except (Invalid, Refused) as error:
        with platform.database.transaction(as_body(host.actor, host.lg_code)) as db:
            activity = own_activity(db, host, activity_id, HostRole.ORGANISER)
            frame = _frame(db, host, activity.organisation_id, now, book)
        return again(
            request,
            "proposal_form.html",
            error,
            given=given_in(form),
            revised=activity,
            **frame,
        )
