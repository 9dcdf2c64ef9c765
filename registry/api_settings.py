"""Doors of a local government's own numbers and requirements, for its staff (R07, R15, R33)."""

from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from core.clock import japan_day
from core.problems import problems
from core.web import Answer, Items, PlatformDep, answer_once
from registry import confirming, policies
from registry.api_confirming import WAITS, ConfirmationOut
from registry.doors import BookDep, LgCode, ViewerActor, as_body
from registry.fresh_doors import FreshManager
from registry.rules.requirement import parse
from registry.schemas_governments import (
    RequirementIn,
    RequirementOut,
    RequirementsOut,
    RequirementWords,
    SettingIn,
    SettingOut,
)

router = APIRouter(tags=["settings"])
AREA = "/local-governments/{lg_code}"


@router.get(f"{AREA}/settings", summary="All settings", responses=problems(401, 403, 404))
def list_settings(
    lg_code: LgCode, actor: ViewerActor, platform: PlatformDep, book: BookDep
) -> Items[SettingOut]:
    """Each with the national value, the own one, what holds today, and what one may change."""
    today = japan_day(platform.clock.now())
    with platform.database.transaction(as_body(actor, lg_code)) as db:
        found = policies.settings_of(db, lg_code=lg_code, book=book, day=today)
    return Items[SettingOut](items=[SettingOut.of(setting) for setting in found])


@router.put(
    f"{AREA}/settings/{{key}}",
    summary="Set one's own value",
    response_model=SettingOut,
    responses=problems(401, 403, 404, 409, 422) | WAITS,
)
def set_value(
    request: Request,
    lg_code: LgCode,
    key: str,
    given: SettingIn,
    actor: FreshManager,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """R15: within what the nation leaves to local governments; from today on or later.

    Deciding by machine alone (`auto`) waits for a second person.
    """
    now = platform.clock.now()

    def work(db: Session) -> Answer:
        wanted: dict[str, Any] = {"key": key, "value": given.value, "since": given.since}
        if policies.needs_two(key, given.value):
            row = confirming.ask_value(
                db, actor=actor, lg_code=lg_code, now=now, book=book, **wanted
            )
            return ConfirmationOut.waits(row)
        policies.set_body_value(db, actor=actor, lg_code=lg_code, now=now, book=book, **wanted)
        found = policies.settings_of(db, lg_code=lg_code, book=book, day=japan_day(now))
        setting = next(one for one in found if one.parameter.key == key)
        return Answer.of(SettingOut.of(setting))

    return answer_once(request, as_body(actor, lg_code), actor=actor, work=work)


@router.get(
    f"{AREA}/requirement-versions",
    summary="Requirements for premium",
    responses=problems(401, 403, 404),
)
def list_requirements(
    lg_code: LgCode, actor: ViewerActor, platform: PlatformDep, book: BookDep
) -> RequirementsOut:
    """R33: every version, past and announced; before the first the national base holds."""
    today = japan_day(platform.clock.now())
    with platform.database.transaction(as_body(actor, lg_code)) as db:
        rows = policies.requirement_versions(db, lg_code)
        own = policies.body_policy(db, book, lg_code, today)
    current = parse(own.on(policies.REQUIREMENT, today, lg_code).value)
    versions = []
    for row in rows:
        tree = parse(row.tree)
        below = policies.is_below_base(tree, book, row.effective_from)
        versions.append(RequirementOut.from_row(row, tree, below=below))
    below_today = policies.is_below_base(current, book, today)
    return RequirementsOut(in_force=RequirementWords.of(current, below=below_today), items=versions)


@router.post(
    f"{AREA}/requirement-versions",
    status_code=202,
    summary="Ask for a requirement to be announced",
    response_model=ConfirmationOut,
    responses=problems(401, 403, 404, 409, 422),
)
def announce(
    request: Request,
    lg_code: LgCode,
    given: RequirementIn,
    actor: FreshManager,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """R33: a second person confirms it, and then registrants are told in the app.

    A harder one needs 60 days' notice (a setting), reckoned from the confirmation.
    """
    now = platform.clock.now()

    def work(db: Session) -> Answer:
        row = confirming.ask_requirement(
            db,
            actor=actor,
            lg_code=lg_code,
            tree=given.tree,
            effective_from=given.effective_from,
            now=now,
            book=book,
        )
        return ConfirmationOut.waits(row)

    return answer_once(request, as_body(actor, lg_code), actor=actor, work=work)
