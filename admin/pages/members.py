"""登録者: found by three characters, one person's page, and what staff may put right (R14, R19, R25)."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from sqlalchemy.orm import Session

from activities import corrections
from activities.roster import SEARCH_LENGTH, SEARCH_ROWS
from admin import dossier, words
from admin.desk import (
    Again,
    ApproverDesk,
    DeciderDesk,
    Desk,
    Done,
    ExtenderDesk,
    Problems,
    RecordDesk,
    ViewerDesk,
    problems_of,
)
from admin.forms import Form, FormDep
from core.errors import NotFound, invalid, refused
from core.web import limit_search
from registry import (
    approvals,
    closing,
    duplicates,
    guardians,
    identifying,
    keepers,
    members,
    questions,
    terms,
)
from registry.api_closing import person_at, wards_at

router = APIRouter(include_in_schema=False)
STAFF = "/staff/{lg_code}"
PAGE = 50
COUNTER = "counter"
Search = Annotated[str, Query(alias="q", max_length=80)]
Choice = Annotated[str, Query(max_length=20)]
After = Annotated[UUID | None, Query()]


@router.get(STAFF + "/members")
def list_members(
    desk: ViewerDesk,
    text: Search = "",
    tier: Choice = "",
    status: Choice = "active",
    purpose: Choice = COUNTER,
    after: After = None,
) -> Response:
    """Found by name, reading or number; each look is recorded with how many it showed."""
    return show_all(desk, text=text, tier=tier, chosen=status, purpose=purpose, after=after)


def show_all(
    desk: Desk,
    *,
    text: str = "",
    tier: str = "",
    chosen: str = "active",
    purpose: str = COUNTER,
    after: UUID | None = None,
    errors: Problems = (),
    status: int = 200,
) -> Response:
    """A page of the list."""
    text = text.strip()
    if text:
        limit_search(desk.platform, desk.actor)
    problems: Problems = ()
    if text and len(text) < SEARCH_LENGTH:
        error = refused("search_too_short", rule="R25", found=len(text), needed=SEARCH_LENGTH)
        problems, text = problems_of(desk.request, error), ""
    with desk.transaction() as db:
        limit = SEARCH_ROWS if text else PAGE
        rows = members.list_members(
            db,
            actor=desk.actor,
            lg_code=desk.lg_code,
            now=desk.now,
            text=text,
            tier=tier if words.known("tier", tier) else None,
            status=chosen if words.known("registration_status", chosen) else None,
            after=after,
            limit=limit + 1,
        )
        more = len(rows) > limit
        return desk.render(
            db,
            "members.html",
            here="members",
            status=422 if problems else status,
            errors=[*errors, *problems],
            rows=rows[:limit],
            capped=more and bool(text),
            last=rows[limit - 1].id if more and not text else None,
            first=after is None,
            text=text,
            tier=tier,
            chosen=chosen,
            purpose=_purpose(purpose),
        )


def _purpose(given: str) -> str:
    return given if words.known("purpose", given) else COUNTER


def show(
    desk: Desk,
    registration_id: UUID,
    *,
    purpose: str = COUNTER,
    errors: Problems = (),
    status: int = 200,
    done: str = "",
) -> Response:
    """One registrant: history, terms, presence, judgements; the person can read of this look."""
    with desk.transaction() as db:
        row, events = members.open_member(
            db,
            actor=desk.actor,
            lg_code=desk.lg_code,
            registration_id=registration_id,
            now=desk.now,
            purpose=_purpose(purpose),
        )
        return desk.render(
            db,
            "member.html",
            here="members",
            status=status,
            errors=errors,
            done=done,
            row=row,
            events=list(reversed(events)),
            purpose=_purpose(purpose),
            about=dossier.about(db, row, today=desk.today),
            questions=questions.of_registration(db, lg_code=desk.lg_code, registration_id=row.id),
            partners=duplicates.partners(db, lg_code=desk.lg_code, registration_id=row.id),
        )


@router.get(STAFF + "/members/{registration_id}")
def one_member(
    desk: ViewerDesk, registration_id: UUID, purpose: Choice = COUNTER, done: Done = ""
) -> Response:
    """What for is asked with every look and kept with it (C48)."""
    return show(desk, registration_id, purpose=purpose, done=done)


def _again(desk: Desk, registration_id: UUID) -> Again:
    return lambda errors, status: show(
        desk, registration_id, purpose="correction", errors=errors, status=status
    )


def _back(desk: Desk, registration_id: UUID, done: str) -> str:
    return f"{desk.home}/members/{registration_id}?purpose=correction&done={done}"


@router.post(STAFF + "/members/{registration_id}/participations/{participation_id}")
def correct(
    desk: RecordDesk, registration_id: UUID, participation_id: UUID, form: FormDep
) -> Response:
    """R19: whether a participation counts, with a reason; what stood before stays."""

    def work(db: Session) -> str:
        corrected = corrections.correct(
            db,
            actor=desk.actor,
            lg_code=desk.lg_code,
            participation_id=participation_id,
            counted=form.needed("counted") == "yes",
            reason=form.needed("reason", most=200),
            now=desk.now,
        )
        if corrected.registration_id != registration_id:
            raise NotFound(code="not_found")
        return _back(desk, registration_id, "corrected")

    return desk.act(form, work, _again(desk, registration_id))


@router.post(STAFF + "/members/{registration_id}/extension")
def extend(desk: ExtenderDesk, registration_id: UUID, form: FormDep) -> Response:
    """R14: a disaster or an illness lets the term last longer, until a day."""

    def work(db: Session) -> str:
        try:
            reason = terms.ExtensionReason(form.needed("why"))
        except ValueError:
            raise invalid("field_needed", field="why") from None
        terms.extend(
            db,
            actor=desk.actor,
            lg_code=desk.lg_code,
            registration_id=registration_id,
            until=form.day("until"),
            reason=reason,
            now=desk.now,
            book=desk.book,
        )
        return _back(desk, registration_id, "extended")

    return desk.act(form, work, _again(desk, registration_id))


@router.post(STAFF + "/members/{registration_id}/applications/{application_id}/reverse")
def reverse(
    desk: DeciderDesk, registration_id: UUID, application_id: UUID, form: FormDep
) -> Response:
    """R15: within 90 days a grant is undone; the person is basic again and reads why."""

    def work(db: Session) -> str:
        reversed_one = approvals.reverse(
            db,
            actor=desk.actor,
            lg_code=desk.lg_code,
            application_id=application_id,
            reason=form.one("reason", most=400),
            now=desk.now,
            book=desk.book,
        )
        if reversed_one.registration_id != registration_id:
            raise NotFound(code="not_found")
        return _back(desk, registration_id, "reversed")

    return desk.act(form, work, _again(desk, registration_id))


@router.post(STAFF + "/members/{registration_id}/closing")
def close(desk: ApproverDesk, registration_id: UUID, form: FormDep) -> Response:
    """R32: for somebody who died or is ill for long; nothing is deleted."""
    desk.prove_fresh()
    person_id, context = person_at(
        desk.platform, desk.actor, lg_code=desk.lg_code, registration_id=registration_id
    )
    wards = wards_at(desk.platform, person_id)

    def work(db: Session) -> str:
        closing.close_for_person(
            db,
            actor=desk.actor,
            lg_code=desk.lg_code,
            person_id=person_id,
            told=_told(form),
            wards=wards,
            now=desk.now,
            book=desk.book,
        )
        return _back(desk, registration_id, "closed")

    return desk.act(form, work, _again(desk, registration_id), context)


def _told(form: Form) -> closing.Told:
    if form.one("sure") != "yes":
        raise invalid("field_needed", field="sure")
    try:
        reason = closing.ClosingReason(form.needed("closing_reason"))
    except ValueError:
        raise invalid("field_needed", field="closing_reason") from None
    try:
        told_by = closing.ToldBy(form.needed("told_by"))
    except ValueError:
        raise invalid("field_needed", field="told_by") from None
    seen = form.one("seen")
    known = closing.Seen(seen) if seen in set(closing.Seen) else None
    return closing.Told(reason, told_by, known)


@router.post(STAFF + "/members/{registration_id}/reopening")
def reopen(desk: ApproverDesk, registration_id: UUID, form: FormDep) -> Response:
    """R32: a death was recorded by mistake."""
    desk.prove_fresh()
    person_id, context = person_at(
        desk.platform, desk.actor, lg_code=desk.lg_code, registration_id=registration_id
    )

    def work(db: Session) -> str:
        closing.reopen(
            db,
            actor=desk.actor,
            lg_code=desk.lg_code,
            person_id=person_id,
            secret=desk.platform.secret,
            now=desk.now,
            book=desk.book,
        )
        return _back(desk, registration_id, "reopened")

    return desk.act(form, work, _again(desk, registration_id), context)


@router.post(STAFF + "/members/{registration_id}/guardians")
def ask_guardian(desk: ApproverDesk, registration_id: UUID, form: FormDep) -> Response:
    """R18, R32: a child's guardian died; another adult is asked by mail."""
    desk.prove_fresh()
    person_id, context = person_at(
        desk.platform, desk.actor, lg_code=desk.lg_code, registration_id=registration_id
    )
    made: list[guardians.Invited] = []

    def work(db: Session) -> str:
        made[:] = [
            keepers.ask_for_orphan(
                db,
                actor=desk.actor,
                person_id=person_id,
                contact=form.needed("contact"),
                now=desk.now,
            )
        ]
        return _back(desk, registration_id, "guardian_asked")

    answer = desk.act(form, work, _again(desk, registration_id), context)
    for invited in made:
        identifying.mail_invitation(desk.platform, invited, language="ja")
    return answer
