"""The door of the planner: how to get from here to premium (R07, R13, R14)."""

from fastapi import APIRouter, Request

from activities import planner
from activities.schemas_plan import PlanOut
from core.problems import problems
from core.web import PlatformDep
from registry.doors import BookDep, EvidenceDep, LgCode, PersonActor, as_person

router = APIRouter(tags=["premium"])


@router.get(
    "/me/registrations/{lg_code}/plan",
    summary="Plan the way to premium",
    responses=problems(401, 404),
)
def plan_premium(
    request: Request,
    lg_code: LgCode,
    actor: PersonActor,
    platform: PlatformDep,
    book: BookDep,
    evidence: EvidenceDep,
) -> PlanOut:
    """What is missing, the sessions with free places that close the gap, and by when to apply.

    Every plan was tried on the code that judges: whoever follows it is granted premium, or renewed.
    Without one `why` says what is in the way and `changes` what would change it.
    """
    now = platform.clock.now()
    with platform.database.transaction(as_person(actor)) as db:
        way = planner.plan_premium(
            db, actor=actor, lg_code=lg_code, now=now, book=book, evidence=evidence
        )
        return PlanOut.of(way, platform.texts, platform.phone.language(request))
