"""今日: what wants a human by its deadline, what the platform did by itself, and today's sessions."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from fastapi import APIRouter, Response
from sqlalchemy.orm import Session

from activities import readiness
from activities.refusals import policy_now
from admin import deciding, inbox, night, waiting
from admin.deciding import Chosen, Deciding, Outlook
from admin.desk import ApproverDesk, ClerkDesk, Desk, Done, Problems, Undo, ViewerDesk, not_oneself
from admin.forms import Form, FormDep
from admin.pages.own import passkey_offered
from core import audit
from core.access import Role
from core.errors import Invalid, invalid
from registry.doors import EvidenceDep
from registry.evidence import Evidence
from registry.rules.policy import Policy

router = APIRouter(include_in_schema=False)
#: Sessions of today and of the days after it that staff prepare for.
DAYS_AHEAD = 7
HOME = "/staff/{lg_code}"
#: What is due within it is marked.
SOON: Final = timedelta(days=1)


def show(
    desk: Desk, *, errors: Problems = (), status: int = 200, done: str = "", undo: str = ""
) -> Response:
    """The page of today, and what stood in the way of a decision."""
    offered = passkey_offered(desk.request)
    with desk.transaction() as db:
        policy = policy_now(db, desk.book, desk.lg_code, desk.now)
        items = _items(db, desk, policy)
        tomorrow = readiness.readiness(
            db,
            lg_code=desk.lg_code,
            first=desk.today + SOON,
            days=1,
            book=desk.book,
            now=desk.now,
        )
        return desk.render(
            db,
            "today.html",
            here="today",
            status=status,
            errors=errors,
            done=done,
            undo=deciding.offered(
                db, actor=desk.actor, lg_code=desk.lg_code, key=undo, now=desk.now
            ),
            queue=waiting.counts(db, lg_code=desk.lg_code, today=desk.today, now=desk.now),
            items=items[: inbox.SHOWN],
            more=max(0, len(items) - inbox.SHOWN),
            plain=sum(one.plain for one in items),
            soon=desk.now + SOON,
            questions=policy.texts("designation.checklist"),
            sessions=waiting.sessions_on(db, lg_code=desk.lg_code, day=desk.today, days=DAYS_AHEAD),
            unready=sum(not one.ready for one in tomorrow),
            lost=waiting.undelivered(db, lg_code=desk.lg_code, today=desk.today),
            lost_days=waiting.LOST_DAYS.days,
            reverse_days=policy.integer("decision.reverse_days"),
            due_days=waiting.DUE_DAYS.days,
            passkey_offered=offered,
            night=night.by_itself(db, actor=desk.actor, lg_code=desk.lg_code, now=desk.now),
        )


def _items(db: Session, desk: Desk, policy: Policy) -> list[inbox.Item]:
    return inbox.gather(
        db,
        actor=desk.actor,
        lg_code=desk.lg_code,
        now=desk.now,
        offline=timedelta(days=policy.integer("checkin.offline_days")),
    )


@router.get(HOME)
def today(desk: ViewerDesk, done: Done = "", undo: Undo = "") -> Response:
    """R15: what wants a human, soonest first; then the sessions, then last night."""
    return show(desk, done=done, undo=undo)


# --- many at once ---------------------------------------------------------------------------------


@router.post(HOME + "/today/preview")
def look_at_many(desk: ApproverDesk, form: FormDep, evidence: EvidenceDep) -> Response:
    """R15, C46: what approving the chosen rows would do; nothing is kept."""
    try:
        given = _given(desk, form)
    except Invalid as error:
        return show(desk, errors=desk.problems(error), status=422)
    with desk.transaction() as db:
        outlooks = deciding.approve_many(db, _as(desk, evidence), given, keep=False)
        titles = {one.key: deciding.title_of(db, desk.lg_code, one) for one in given}
        audit.record(
            db,
            actor=desk.actor,
            action="approval.look_at_many",
            subject=("local_government", desk.lg_code),
            now=desk.now,
            lg_code=desk.lg_code,
            purpose="approval",
            row_count=len(given),
            fields=["display_name"],
        )
        return desk.render(
            db,
            "today_many.html",
            here="today",
            outlooks=outlooks,
            good=[one for one in outlooks if one.well],
            titles=titles,
            told=_told(desk, outlooks),
        )


@router.post(HOME + "/today/approve")
def approve_many(desk: ApproverDesk, form: FormDep, evidence: EvidenceDep) -> Response:
    """R15: each by itself; what something stands in the way of stays in the list (d-11)."""
    desk.prove_fresh()

    try:
        given = _given(desk, form)
    except Invalid as error:
        return show(desk, errors=desk.problems(error), status=422)

    def work(db: Session) -> str:
        outlooks = deciding.approve_many(db, _as(desk, evidence), given, keep=True)
        left = any(not one.well for one in outlooks)
        return f"{desk.home}?done={'many_partly' if left else 'many_approved'}"

    return desk.act(form, work, lambda errors, status: show(desk, errors=errors, status=status))


def _given(desk: Desk, form: Form) -> list[Chosen]:
    """The rows that were ticked, or all that meet the rules; none about oneself (C47).

    Raises:
        Invalid: `choose_rows`: there are none.
        Forbidden: `own_application`.
    """
    keys = list(dict.fromkeys(form.many("item")))
    if form.flag("plain"):
        with desk.transaction() as db:
            policy = policy_now(db, desk.book, desk.lg_code, desk.now)
            keys = [one.key for one in _items(db, desk, policy) if one.plain]
    given = [deciding.chosen(key) for key in keys[: deciding.MOST]]
    if not given:
        raise invalid("choose_rows", field="item")
    for one in given:
        _refuse_own(desk, one)
    return given


def _refuse_own(desk: Desk, one: Chosen) -> None:
    not_oneself(desk, lambda db: deciding.person_of(db, desk.lg_code, one))


def _told(desk: Desk, outlooks: Sequence[Outlook]) -> dict[str, Problems]:
    return {one.chosen.key: desk.problems(one.error) for one in outlooks if one.error is not None}


def _as(desk: Desk, evidence: Evidence) -> Deciding:
    return Deciding(desk.actor, desk.lg_code, desk.now, desk.book, evidence)


# --- taken back -----------------------------------------------------------------------------------


@router.post(HOME + "/today/undo")
def take_back(desk: ClerkDesk, form: FormDep, evidence: EvidenceDep) -> Response:
    """R15: one's own press of these minutes was a mistake; the row waits again."""
    one = deciding.chosen(form.needed("item", most=64))
    if one.kind != "stay":
        desk.actor.require_role(desk.lg_code, Role.APPROVER)
    if one.kind != "proposal":
        _refuse_own(desk, one)

    def work(db: Session) -> str:
        deciding.take_back(db, _as(desk, evidence), one)
        return f"{desk.home}?done=taken_back"

    return desk.act(form, work, lambda errors, status: show(desk, errors=errors, status=status))
