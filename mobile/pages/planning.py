"""プレミアムへの道すじ: what is left to do, on which days, with which activities (R07, R13, R14)."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from activities import planner
from activities.planner import Visit, Way
from activities.rules.goals import Errand
from activities.rules.outings import PlanState, Route
from activities.schemas_plan import change_words
from core.clock import japan_day
from core.web import PlatformDep
from mobile.pages.home import ways_of
from mobile.pages.occasions import count_needed, town_name
from mobile.pages.shell import Registrant, show
from registry import queries
from registry.doors import BookDep, EvidenceDep, LgCode, as_person
from registry.judging import problem_of
from registry.overview import held_by
from registry.rules.requirement import describe_en, describe_ja

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Stop:
    """One stop on the way: a session to attend, or a day to stay on besides."""

    day: date
    visit: Visit | None = None

    @property
    def signed(self) -> bool:
        """Whether nothing needs to be done for it before its day."""
        return self.visit is None or self.visit.state == "taken"


@router.get("/me/premium")
def all_ways(
    request: Request,
    actor: Registrant,
    platform: PlatformDep,
    book: BookDep,
    evidence: EvidenceDep,
) -> Response:
    """How far it is in every town and when one could be there, the shortest way first."""
    now = platform.clock.now()
    with platform.database.transaction(as_person(actor)) as db:
        held = held_by(db, person_id=actor.person_id, today=japan_day(now), book=book)
        living = [one for one in held if one.row.status == "active"]
        ways = [
            (
                one,
                planner.plan_premium(
                    db, actor=actor, lg_code=one.lg_code, now=now, book=book, evidence=evidence
                ),
            )
            for one in ways_of(db, actor, living, now, book, evidence)
        ]
    return show(request, "ways.html", ways=ways)


@router.get("/me/premium/{lg_code}/plan")
def plan_page(
    request: Request,
    lg_code: LgCode,
    actor: Registrant,
    platform: PlatformDep,
    book: BookDep,
    evidence: EvidenceDep,
) -> Response:
    """The stops on the way, the last days by which, the shortest trip; or why there is no way."""
    lang = platform.phone.language(request)
    with platform.database.transaction(as_person(actor)) as db:
        row = queries.registration_of(db, lg_code=lg_code, person_id=actor.person_id)
        if row is None or row.status != "active":
            return RedirectResponse(f"/towns/{lg_code}", status_code=303)
        way = planner.plan_premium(
            db,
            actor=actor,
            lg_code=lg_code,
            now=platform.clock.now(),
            book=book,
            evidence=evidence,
        )
        return show(request, "plan.html", **_page(way, lang), **_reasons(request, way, lang))


def _page(way: Way, lang: str) -> dict[str, Any]:
    found = way.plan
    soonest = [] if found is None else stops_of(way, found.soonest)
    trip = [] if found is None else stops_of(way, found.trip)
    sentence = "" if way.asked is None else _sentence(way, lang)
    return {
        "way": way,
        "name": town_name(way.government),
        "lg_code": way.government.code,
        "needed": None if way.asked is None else count_needed(way.asked),
        "sentence": sentence,
        "ready": found is not None and found.state is PlanState.READY,
        "route": None if found is None else found.soonest,
        "stops": soonest,
        "trip": None if found is None or trip == soonest else found.trip,
        "trip_stops": trip,
        "next_visit": next((one.visit for one in soonest if not one.signed), None),
        "renewal": way.term is not None,
    }


def _sentence(way: Way, lang: str) -> str:
    if way.asked is None:
        return ""
    return describe_en(way.asked) if lang == "en" else describe_ja(way.asked)


def _reasons(request: Request, way: Way, lang: str) -> dict[str, Any]:
    """What stands besides activities, and what is in the way, as `ui.reasons` takes it."""
    found, texts = way.plan, request.app.state.platform.texts
    if found is None:
        return {"steps": [], "why": None, "changes": []}
    return {
        "steps": [_step(one, way) for one in found.steps],
        "why": None if found.why is None else problem_of(found.why, dict(way.names)).to_json(),
        "changes": [change_words(one, way.visits, texts, lang) for one in found.changes],
    }


def _step(step: Errand, way: Way) -> dict[str, Any]:
    choices = [way.names[code] for code in step.choices if code in way.names]
    return {"reason": problem_of(step.reason, dict(way.names)).to_json(), "choices": choices}


def stops_of(way: Way, route: Route | None) -> list[Stop]:
    """A route's sessions and days of stay, in time."""
    if route is None:
        return []
    visits = [Stop(japan_day(one.session.starts_at), one) for one in way.visits_of(route.sessions)]
    stays = [Stop(day) for day in route.stay_days]
    return sorted([*visits, *stays], key=lambda one: one.day)
