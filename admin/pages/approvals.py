"""承認: proposals, applications, renewals, stay reports and samples, decided from the list."""

from collections.abc import Callable
from datetime import date
from uuid import UUID

from fastapi import APIRouter, Response
from sqlalchemy.orm import Session

from activities import designation, stays
from activities.models import Activity
from activities.refusals import policy_now
from admin import approving, return_reasons, waiting
from admin.desk import (
    Again,
    ApproverDesk,
    DeciderDesk,
    Desk,
    Done,
    Problems,
    RenewalDesk,
    StayDesk,
    ViewerDesk,
)
from admin.forms import Form, FormDep
from admin.pages import activities, today
from core.errors import Invalid, Refused
from registry import approvals, renewal_staff
from registry.doors import EvidenceDep
from registry.evidence import Evidence
from registry.models import Application

router = APIRouter(include_in_schema=False)
MAX_REASON = 400
#: Decisions on proposals that can be taken back.
UNDONE = frozenset({"designated", "returned", "rejected"})
STAFF = "/staff/{lg_code}"


def show(desk: Desk, *, errors: Problems = (), status: int = 200, done: str = "") -> Response:
    """The page of everything to decide, and what stood in the way of a decision."""
    with desk.transaction() as db:
        policy = policy_now(db, desk.book, desk.lg_code, desk.now)
        inbox = approvals.inbox(db, actor=desk.actor, lg_code=desk.lg_code, now=desk.now)
        return desk.render(
            db,
            "approvals.html",
            here="approvals",
            status=status,
            errors=errors,
            done=done,
            queue=waiting.counts(db, lg_code=desk.lg_code, today=desk.today, now=desk.now),
            proposals=approving.proposed(db, desk.lg_code),
            questions=policy.texts("designation.checklist"),
            applications=inbox,
            renewals=renewal_staff.waiting_renewals(
                db, actor=desk.actor, lg_code=desk.lg_code, now=desk.now
            ),
            stays=approving.reported_stays(
                db, actor=desk.actor, lg_code=desk.lg_code, now=desk.now
            ),
            samples=approving.sampled(db, desk.lg_code),
        )


@router.get(STAFF + "/approvals")
def list_everything(desk: ViewerDesk, done: Done = "") -> Response:
    """What waits for a decision, by deadline."""
    return show(desk, done=done)


def _again(desk: Desk, form: Form) -> Again:
    """The list from which it was decided: 今日 or 承認."""
    page = today.show if form.one("back") == "today" else show
    return lambda errors, status: page(desk, errors=errors, status=status)


def _back(desk: Desk, form: Form, done: str, undo: str = "") -> str:
    """The list from which it was decided; on 今日 the last press is offered to be taken back."""
    if form.one("back") != "today":
        return f"{desk.home}/approvals?done={done}"
    return f"{desk.home}?done={done}" + (f"&undo={undo}" if undo else "")


# --- proposals (R09) ------------------------------------------------------------------------------


@router.post(STAFF + "/activities/{activity_id}/designate")
def designate(desk: ApproverDesk, activity_id: UUID, form: FormDep) -> Response:
    """R09: the four questions, each confirmed by an approver."""

    def work(db: Session) -> str:
        policy = policy_now(db, desk.book, desk.lg_code, desk.now)
        ticked = form.many("answers")
        designation.designate(
            db,
            actor=desk.actor,
            lg_code=desk.lg_code,
            activity_id=activity_id,
            answers=approving.answers(ticked, policy.texts("designation.checklist")),
            book=desk.book,
            now=desk.now,
            count_cap=form.amount("count_cap"),
        )
        return _after(desk, form, activity_id, "designated")

    return desk.act(form, work, _again(desk, form))


@router.post(STAFF + "/activities/{activity_id}/return")
def return_proposal(desk: ApproverDesk, activity_id: UUID, form: FormDep) -> Response:
    """R09: back to the host, with a reason."""
    return _with_reason(desk, activity_id, form, designation.return_proposal, "returned")


@router.post(STAFF + "/activities/{activity_id}/reject")
def reject(desk: ApproverDesk, activity_id: UUID, form: FormDep) -> Response:
    """R09: not designated, with a reason."""
    return _with_reason(desk, activity_id, form, designation.reject, "rejected")


@router.post(STAFF + "/activities/{activity_id}/withdraw")
def withdraw(desk: ApproverDesk, activity_id: UUID, form: FormDep) -> Response:
    """R10: no longer designated from now on; what people did stays counted."""
    return _with_reason(desk, activity_id, form, designation.withdraw_designation, "withdrawn")


@router.post(STAFF + "/activities/{activity_id}/reason")
def write_reason(desk: ApproverDesk, activity_id: UUID, form: FormDep) -> Response:
    """R09: the chosen sentences stand in the reason, to be read and changed; nothing is decided."""
    return _written(desk, activity_id, form)


def _written(desk: Desk, activity_id: UUID, form: Form) -> Response:
    try:
        reason = return_reasons.filled(form.one("reason", most=MAX_REASON), form.many("because"))
    except (Invalid, Refused) as error:
        return activities.show(desk, activity_id, errors=desk.problems(error), status=422)
    return activities.show(desk, activity_id, reason=reason)


def _with_reason(
    desk: Desk, activity_id: UUID, form: Form, decide: Callable[..., Activity], done: str
) -> Response:
    if form.many("because") and not form.one("reason"):
        # What nobody has seen is not sent: without scripts the sentences are shown first.
        return _written(desk, activity_id, form)

    def work(db: Session) -> str:
        decide(
            db,
            actor=desk.actor,
            lg_code=desk.lg_code,
            activity_id=activity_id,
            reason=form.one("reason", most=MAX_REASON),
            now=desk.now,
        )
        return _after(desk, form, activity_id, done)

    return desk.act(form, work, _again(desk, form))


def _after(desk: Desk, form: Form, activity_id: UUID, done: str) -> str:
    """Back to the activity's own page when the decision was made there, else to the list."""
    undo = f"proposal:{activity_id}" if done in UNDONE else ""
    if form.one("back") == "activity":
        where = f"{desk.home}/activities/{activity_id}?done={done}"
        return where + (f"&undo={undo}" if undo else "")
    return _back(desk, form, done, undo)


@router.post(STAFF + "/activities/{activity_id}/audit")
def record_audit(desk: ApproverDesk, activity_id: UUID, form: FormDep) -> Response:
    """R10: what was found when a sampled activity was looked at."""

    def work(db: Session) -> str:
        designation.record_audit(
            db,
            actor=desk.actor,
            lg_code=desk.lg_code,
            activity_id=activity_id,
            sound=form.needed("sound") == "yes",
            note=form.one("note", most=200),
            now=desk.now,
        )
        return _back(desk, form, "audited")

    return desk.act(form, work, _again(desk, form))


# --- applications (R13, R15) ----------------------------------------------------------------------


@router.post(STAFF + "/applications/{application_id}/approve")
def approve(
    desk: DeciderDesk, application_id: UUID, form: FormDep, evidence: EvidenceDep
) -> Response:
    """R13, C37: facts are looked at again, then premium begins today."""

    def work(db: Session) -> str:
        approvals.approve(
            db,
            actor=desk.actor,
            lg_code=desk.lg_code,
            application_id=application_id,
            now=desk.now,
            book=desk.book,
            evidence=evidence,
        )
        return _back(desk, form, "approved", f"application:{application_id}")

    return desk.act(form, work, _again(desk, form))


@router.post(STAFF + "/applications/{application_id}/refuse")
def refuse(desk: DeciderDesk, application_id: UUID, form: FormDep) -> Response:
    """R15: no, with a reason that the person reads."""
    return _decided(desk, application_id, form, approvals.refuse, "refused")


@router.post(STAFF + "/applications/{application_id}/object")
def object_to(desk: DeciderDesk, application_id: UUID, form: FormDep) -> Response:
    """R15: within the hours of objection the clock is stopped; a human decides."""
    return _decided(desk, application_id, form, approvals.object_to, "objected")


def _decided(
    desk: Desk, application_id: UUID, form: Form, decide: Callable[..., Application], done: str
) -> Response:
    def work(db: Session) -> str:
        decide(
            db,
            actor=desk.actor,
            lg_code=desk.lg_code,
            application_id=application_id,
            reason=form.one("reason", most=MAX_REASON),
            now=desk.now,
            book=desk.book,
        )
        undo = f"application:{application_id}" if done == "refused" else ""
        return _back(desk, form, done, undo)

    return desk.act(form, work, _again(desk, form))


# --- renewals (R14, R15) --------------------------------------------------------------------------


@router.post(STAFF + "/renewals/{term_id}/approve")
def approve_renewal(
    desk: RenewalDesk, term_id: UUID, form: FormDep, evidence: EvidenceDep
) -> Response:
    """R14: the next year is booked."""
    return _renewal(desk, term_id, form, evidence, approve=True)


@router.post(STAFF + "/renewals/{term_id}/refuse")
def refuse_renewal(
    desk: RenewalDesk, term_id: UUID, form: FormDep, evidence: EvidenceDep
) -> Response:
    """R14: the year runs out, then its grace; the person reads why."""
    return _renewal(desk, term_id, form, evidence, approve=False)


def _renewal(
    desk: Desk, term_id: UUID, form: Form, evidence: Evidence, *, approve: bool
) -> Response:
    def work(db: Session) -> str:
        renewal_staff.decide_renewal_by_staff(
            db,
            actor=desk.actor,
            lg_code=desk.lg_code,
            term_id=term_id,
            approve=approve,
            now=desk.now,
            book=desk.book,
            evidence=evidence,
            reason=form.one("reason", most=MAX_REASON),
        )
        return _back(desk, form, "approved" if approve else "refused", f"renewal:{term_id}")

    return desk.act(form, work, _again(desk, form))


@router.post(STAFF + "/renewals/{term_id}/object")
def object_to_renewal(desk: RenewalDesk, term_id: UUID, form: FormDep) -> Response:
    """R15: within the hours of objection the clock is stopped; a human decides."""

    def work(db: Session) -> str:
        renewal_staff.object_renewal(
            db,
            actor=desk.actor,
            lg_code=desk.lg_code,
            term_id=term_id,
            reason=form.one("reason", most=MAX_REASON),
            now=desk.now,
            book=desk.book,
        )
        return _back(desk, form, "objected")

    return desk.act(form, work, _again(desk, form))


# --- stays (R11) ----------------------------------------------------------------------------------


@router.post(STAFF + "/stays/{person_id}/{day}/approve")
def approve_stay(desk: StayDesk, person_id: UUID, day: date, form: FormDep) -> Response:
    """R11: a reported stay counts."""

    def work(db: Session) -> str:
        stays.approve_report(
            db,
            actor=desk.actor,
            lg_code=desk.lg_code,
            person_id=person_id,
            day=day,
            now=desk.now,
        )
        return _back(desk, form, "stay_approved", f"stay:{person_id}:{day}")

    return desk.act(form, work, _again(desk, form))
