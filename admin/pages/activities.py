"""活動: the list, one activity with its dates, and proposing on behalf of a host (R09)."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from activities import proposing
from activities import sessions as dates
from activities.hosts import Host
from activities.inbox import history_of, proposals_of
from activities.models import Organisation
from activities.paging import after, cursor, page
from activities.proposing import ProposalFields
from activities.queries import activity_of, organisation_of, session_of, sessions_of
from activities.refusals import policy_now
from admin import approving, deciding, words
from admin.desk import ClerkDesk, Desk, Done, Problems, Undo, ViewerDesk
from admin.forms import Form, FormDep
from core.errors import NotFound
from registry.people import refuse_individual_number

router = APIRouter(include_in_schema=False)
STAFF = "/staff/{lg_code}"
PAGE = 50
NOTHING: Mapping[str, str] = MappingProxyType({})
#: Fields of the two forms, kept when a form is shown again.
PROPOSAL = (
    "organisation_id",
    "title",
    "category",
    "summary",
    "bring",
    "contact",
    "insurance",
    "attendance_mode",
    "minutes_minimum",
)
SESSION = ("day", "starts", "ends", "place", "capacity")
State = Annotated[str, Query(max_length=12)]
Cursor = Annotated[str | None, Query(max_length=400)]


def _host(desk: Desk) -> Host:
    """Staff acting in a host's place."""
    return Host(desk.actor, desk.lg_code, staff=True)


@router.get(STAFF + "/activities")
def list_activities(desk: ViewerDesk, state: State = "", where: Cursor = None) -> Response:
    """All activities of this local government, the newest first."""
    states = [state] if words.known("activity_state", state) else []
    with desk.transaction() as db:
        rows = proposals_of(
            db, lg_code=desk.lg_code, limit=PAGE + 1, states=states, after=after(where)
        )
        shown, last = page(rows, PAGE)
        hosts = {
            row.id: row.name
            for row in db.scalars(
                select(Organisation).where(
                    Organisation.lg_code == desk.lg_code,
                    Organisation.id.in_({one.organisation_id for one in shown}),
                )
            )
        }
        return desk.render(
            db,
            "activities.html",
            here="activities",
            rows=shown,
            hosts=hosts,
            state=state,
            first=where is None,
            older=last and cursor(last.created_at, last.id),
        )


# --- a new one ------------------------------------------------------------------------------------


def show_new(
    desk: Desk, *, given: Mapping[str, str] = NOTHING, errors: Problems = (), status: int = 200
) -> Response:
    """The form for a proposal on behalf of a host."""
    with desk.transaction() as db:
        policy = policy_now(db, desk.book, desk.lg_code, desk.now)
        hosts = db.scalars(
            select(Organisation)
            .where(Organisation.lg_code == desk.lg_code, Organisation.state == "active")
            .order_by(Organisation.name)
        ).all()
        return desk.render(
            db,
            "activity_new.html",
            here="activities",
            status=status,
            errors=errors,
            given=given,
            hosts=hosts,
            host_options=[(one.id, one.name) for one in hosts],
            category_options=worded(desk, "category", policy.texts("activity.categories")),
            insurance_options=worded(desk, "insurance", policy.texts("project.insurance")),
            question_options=worded(desk, "checklist", policy.texts("designation.checklist")),
            least=policy.integer("activity.min_minutes"),
        )


def worded(desk: Desk, family: str, codes: Sequence[str]) -> list[tuple[str, str]]:
    """Codes with their words, for a field to choose from."""
    return [(code, words.word(desk.say, family, code)) for code in codes]


@router.get(STAFF + "/activities/new")
def new_activity(desk: ClerkDesk) -> Response:
    """A proposal as the host would write it."""
    return show_new(desk)


@router.post(STAFF + "/activities")
def propose(desk: ClerkDesk, form: FormDep) -> Response:
    """R09: staff write a proposal down for a host and hand it in; another one decides (C47)."""

    def work(db: Session) -> str:
        policy = policy_now(db, desk.book, desk.lg_code, desk.now)
        activity = proposing.propose(
            db,
            host=_host(desk),
            organisation_id=form.id("organisation_id"),
            fields=_fields(form),
            book=desk.book,
            now=desk.now,
        )
        proposing.submit(
            db,
            host=_host(desk),
            activity_id=activity.id,
            book=desk.book,
            now=desk.now,
            answers=approving.answers(form.many("answers"), policy.texts("designation.checklist")),
        )
        return f"{desk.home}/activities/{activity.id}?done=proposed"

    return desk.act(
        form,
        work,
        lambda errors, status: show_new(
            desk, given=_kept(form, PROPOSAL), errors=errors, status=status
        ),
    )


def _fields(form: Form) -> ProposalFields:
    texts = {
        "title": form.needed("title", most=120),
        "summary": form.one("summary", most=1000),
        "bring": form.one("bring", most=400),
        "contact": form.one("contact", most=200),
    }
    for name, text in texts.items():
        refuse_individual_number(text, field=name)
    return ProposalFields(
        title=texts["title"],
        category=form.needed("category", most=40),
        summary=texts["summary"],
        bring=texts["bring"],
        contact=texts["contact"],
        insurance=form.one("insurance", most=12) or "organiser",
        attendance_mode=form.one("attendance_mode", most=10) or "in_only",
        minutes_minimum=form.amount("minutes_minimum"),
        late_night=form.flag("late_night"),
        walk_in=form.flag("walk_in"),
    )


def _kept(form: Form, names: Sequence[str]) -> dict[str, Any]:
    return {name: str(form.data.get(name) or "")[:1000] for name in names}


# --- one activity ---------------------------------------------------------------------------------


def show(
    desk: Desk,
    activity_id: UUID,
    *,
    given: Mapping[str, str] = NOTHING,
    errors: Problems = (),
    status: int = 200,
    done: str = "",
    undo: str = "",
    reason: str = "",
) -> Response:
    """One activity: what it is, its dates, its course, and what can be done with it."""
    with desk.transaction() as db:
        activity = activity_of(db, desk.lg_code, activity_id)
        policy = policy_now(db, desk.book, desk.lg_code, desk.now)
        proposals = approving.proposed(db, desk.lg_code, activity_id=activity_id)
        return desk.render(
            db,
            "activity.html",
            here="activities",
            status=status,
            errors=errors,
            done=done,
            given=given,
            activity=activity,
            organisation=organisation_of(db, desk.lg_code, activity.organisation_id),
            sessions=sessions_of(db, desk.lg_code, activity_id),
            history=history_of(db, activity),
            undo=deciding.offered(
                db, actor=desk.actor, lg_code=desk.lg_code, key=undo, now=desk.now
            ),
            given_reason=reason,
            proposal=proposals[0] if proposals else None,
            questions=policy.texts("designation.checklist"),
        )


@router.get(STAFF + "/activities/{activity_id}")
def one_activity(desk: ViewerDesk, activity_id: UUID, done: Done = "", undo: Undo = "") -> Response:
    """Its dates lead to the counter and the poster; a press of these minutes can be taken back."""
    return show(desk, activity_id, done=done, undo=undo)


@router.post(STAFF + "/activities/{activity_id}/sessions")
def add_session(desk: ClerkDesk, activity_id: UUID, form: FormDep) -> Response:
    """One more date; the end may lie after midnight."""

    def work(db: Session) -> str:
        day = form.day("day")
        starts_at, ends_at = form.moment(day, "starts"), form.moment(day, "ends")
        if ends_at <= starts_at:
            ends_at = form.moment(day.fromordinal(day.toordinal() + 1), "ends")
        dates.add_session(
            db,
            host=_host(desk),
            activity_id=activity_id,
            starts_at=starts_at,
            ends_at=ends_at,
            place=form.needed("place", most=200),
            capacity=form.amount("capacity"),
            now=desk.now,
        )
        return f"{desk.home}/activities/{activity_id}?done=session_added"

    return desk.act(
        form,
        work,
        lambda errors, status: show(
            desk, activity_id, given=_kept(form, SESSION), errors=errors, status=status
        ),
    )


@router.post(STAFF + "/activities/{activity_id}/sessions/{session_id}/cancel")
def cancel_session(desk: ClerkDesk, activity_id: UUID, session_id: UUID, form: FormDep) -> Response:
    """Called off; everybody in it is told."""

    def work(db: Session) -> str:
        if session_of(db, desk.lg_code, session_id).activity_id != activity_id:
            raise NotFound(code="not_found")
        dates.cancel_session(
            db,
            host=_host(desk),
            session_id=session_id,
            reason=form.needed("reason", most=200),
            now=desk.now,
        )
        return f"{desk.home}/activities/{activity_id}?done=session_cancelled"

    return desk.act(
        form, work, lambda errors, status: show(desk, activity_id, errors=errors, status=status)
    )
