"""要件を組み立てる: a requirement put together from plain sentences, seen before it is announced (R07, R33)."""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response
from sqlalchemy.orm import Session

from admin import ahead, requirements, words
from admin.ahead import Ahead
from admin.desk import Again, Desk, Done, ManagerDesk, Problems
from admin.forms import Form, FormDep
from core.errors import invalid
from registry import drafting, foresight, policies
from registry.doors import EvidenceDep
from registry.evidence import Evidence
from registry.foresight import Look, Wanted
from registry.models import RequirementDraft
from registry.requirement_checks import limits_of
from registry.rules import composing
from registry.rules.composing import Draft
from registry.rules.requirement import MAX_AMOUNT, Measure

router = APIRouter(include_in_schema=False)
PAGE: Final = "/staff/{lg_code}/settings/requirement"
NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
#: Fields kept when something stood in the way, with what is typed at the conditions.
KEPT: Final = ("measure", "amount", "category", "group", "effective_from", "draft")


def show(
    desk: Desk,
    *,
    evidence: Evidence | None = None,
    given: Mapping[str, str] = NOTHING,
    errors: Problems = (),
    status: int = 200,
    done: str = "",
) -> Response:
    """The draft, line by line, and what it would mean; with `evidence`, for whom."""
    with desk.transaction() as db:
        draft = db.get(RequirementDraft, desk.lg_code)
        tree = None if draft is None else composing.tidy(draft.tree)
        own = policies.body_policy(db, desk.book, desk.lg_code, desk.today)
        return desk.render(
            db,
            "requirement.html",
            here="settings",
            status=status,
            errors=errors,
            done=done,
            given=given,
            # What was typed belongs to the draft that was looked at, and to no other.
            typed=given if draft and given.get("draft") == draft.stamp else NOTHING,
            draft=draft,
            lines=list(composing.lines(draft.tree)) if draft else [],
            composed=requirements.composed(db, desk, tree) if tree else None,
            supposed=_supposed(db, desk, tree, evidence) if tree and evidence else None,
            named=ahead.NAMED,
            limits=limits_of(desk.book, desk.today),
            favour_days=desk.book.on("rule.favour_days", desk.today).value,
            notice_days=own.on("rule.notice_days", desk.today, desk.lg_code).value,
            in_force=requirements.held(db, desk),
            category_options=_categories(desk),
        )


def _supposed(db: Session, desk: Desk, tree: Draft, evidence: Evidence) -> Ahead:
    """R33: for whom it would come to something else, by what decides in earnest."""
    day, _ = foresight.next_night(desk.now)
    look = Look(desk.lg_code, day, desk.now, desk.book, evidence)
    found = foresight.by_other_numbers(db, look, Wanted(tree))
    return ahead.told(db, found, actor=desk.actor, lg_code=desk.lg_code, now=desk.now)


def _categories(desk: Desk) -> list[tuple[str, str]]:
    codes = desk.book.on("activity.categories", desk.today).value
    return [(code, words.word(desk.say, "category", code)) for code in codes]


@router.get(PAGE)
def compose(
    desk: ManagerDesk,
    evidence: EvidenceDep,
    done: Done = "",
    look: Annotated[str, Query(max_length=8)] = "",
) -> Response:
    """Nothing of it holds, and nobody hears of it, before it is announced."""
    return show(desk, evidence=evidence if look else None, done=done)


def _again(desk: Desk, form: Form | None = None) -> Again:
    kept = {
        name: str(value)[:40]
        for name, value in (form.data.items() if form else ())
        if name in KEPT or name.startswith("at-")
    }
    return lambda errors, status: show(desk, given=kept, errors=errors, status=status)


@router.post(PAGE + "/start")
def start(desk: ManagerDesk, form: FormDep) -> Response:
    """From what holds today."""

    def work(db: Session) -> str:
        drafting.start(db, actor=desk.actor, lg_code=desk.lg_code, now=desk.now, book=desk.book)
        return f"{desk.home}/settings/requirement"

    return desk.act(form, work, _again(desk))


@router.post(PAGE + "/edit")
def edit(desk: ManagerDesk, form: FormDep) -> Response:
    """One step: all numbers as they stand in the fields, and what the pressed button says."""

    def work(db: Session) -> str:
        drafting.edit(
            db,
            actor=desk.actor,
            lg_code=desk.lg_code,
            seen=form.one("draft"),
            change=partial(_changed, form),
            now=desk.now,
            book=desk.book,
        )
        return f"{desk.home}/settings/requirement"

    return desk.act(form, work, _again(desk, form))


def _changed(form: Form, draft: Draft) -> Draft:
    """The draft after a step.

    Raises:
        Invalid: A number or the choice is missing, or nobody knows the button.
        RequirementError: As the steps raise it.
    """
    given: dict[str, object] = {}
    for line in composing.lines(draft):
        name = f"at-{line.place}"
        if name in form.data:
            given[line.place] = form.one(name) if line.joint else _amount(form, name)
    draft = composing.with_amounts(draft, given)
    chosen = form.many("chosen")
    match form.one("act"):
        case "add":
            return composing.added(draft, form.one("group"), _condition(form))
        case "group" | "dissolve" | "remove" if not chosen:
            raise invalid("condition_needed", field="chosen")
        case "group":
            return composing.grouped(draft, set(chosen))
        case "dissolve":
            return composing.dissolved(draft, set(chosen))
        case "remove":
            return composing.removed(draft, set(chosen))
    return draft


def _amount(form: Form, name: str) -> int:
    amount = form.amount(name)
    if amount is None:
        raise invalid("number_needed", field=name)
    if not 1 <= amount <= MAX_AMOUNT:
        raise invalid("number_between", field=name, found=1, needed=MAX_AMOUNT)
    return amount


def _condition(form: Form) -> Draft:
    """The plain sentence that was chosen, with its number."""
    measure = form.needed("measure", most=20)
    amount = _amount(form, "amount")
    if measure == Measure.CATEGORY:
        return {"category": {"name": form.needed("category", most=40), "count": amount}}
    return {measure: amount}


@router.post(PAGE + "/discard")
def discard(desk: ManagerDesk, form: FormDep) -> Response:
    """The draft is dropped; what holds goes on holding."""

    def work(db: Session) -> str:
        seen = form.one("draft")
        drafting.discard(db, actor=desk.actor, lg_code=desk.lg_code, seen=seen, now=desk.now)
        return f"{desk.home}/settings?done=draft_dropped"

    return desk.act(form, work, _again(desk))


@router.post(PAGE)
def ask(desk: ManagerDesk, form: FormDep) -> Response:
    """R33: a second person confirms it, then it is announced; a harder one needs its notice."""
    desk.prove_fresh()

    def work(db: Session) -> str:
        drafting.ask(
            db,
            actor=desk.actor,
            lg_code=desk.lg_code,
            seen=form.one("draft"),
            effective_from=form.day("effective_from"),
            now=desk.now,
            book=desk.book,
        )
        return f"{desk.home}/confirmations?done=asked"

    return desk.act(form, work, _again(desk, form))
