"""The way to premium as it is read outside (R07, R13, R14)."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from activities.planner import Visit, Way
from activities.rules.outings import Change, Plan, Route
from activities.schemas_fields import Out
from core.texts import Texts
from registry.rules.requirement import describe_en, describe_ja, to_json
from registry.schemas_premium import ReasonOut


class PlannedSessionOut(Out):
    """One session to attend."""

    session_id: UUID
    activity_id: UUID
    title: str
    starts_at: datetime
    ends_at: datetime
    place: str
    places_left: int | None = Field(description="None where there is no limit")
    signed_up: bool
    insurance: str = Field(description="organiser, participant or none (R31)")

    @classmethod
    def of(cls, visit: Visit) -> "PlannedSessionOut":
        """A session of a plan as it is read outside."""
        return cls(
            session_id=visit.session.id,
            activity_id=visit.activity.id,
            title=visit.activity.title,
            starts_at=visit.session.starts_at,
            ends_at=visit.session.ends_at,
            place=visit.session.place,
            places_left=visit.left,
            signed_up=visit.state == "taken",
            insurance=visit.activity.insurance,
        )


class RouteOut(Out):
    """What to attend, and between which days the judgement says yes."""

    sessions: list[PlannedSessionOut]
    stay_days: list[date] = Field(description="Days to stay on besides (R11)")
    first_day: date
    ready_on: date = Field(description="The day on which the last of it is done")
    days: int = Field(description="From the first day to the last")
    ask_from: date = Field(description="The first day to apply, or the check that renews")
    ask_by: date = Field(description="The last day on which all of it still counts")

    @classmethod
    def of(cls, route: Route | None, way: Way) -> "RouteOut | None":
        """A route with the sessions in words; none for none."""
        if route is None:
            return None
        return cls(
            sessions=[PlannedSessionOut.of(one) for one in way.visits_of(route.sessions)],
            stay_days=list(route.stay_days),
            first_day=route.first_day,
            ready_on=route.ready_on,
            days=route.length,
            ask_from=route.ask_from,
            ask_by=route.ask_by,
        )


class StepOut(Out):
    """Something to do besides activities."""

    action: str = Field(examples=["verify_identity"])
    reason: ReasonOut
    choices: list[str] = Field(description="Local governments to choose one of (R13)")


class ChangeOut(Out):
    """What would make a plan possible, the earliest first."""

    code: str = Field(examples=["more_sessions", "free_place"])
    day: date | None = Field(description="When; null if nobody can say")
    session_id: UUID | None
    detail: str = Field(description="In words")


class PlanOut(Out):
    """The way to premium with one local government."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "lg_code": "212172",
                    "standing": "first",
                    "state": "planned",
                    "requirement": {"count": 3},
                    "requirement_text": "指定された活動に3回以上参加すること。",
                    "count": 2,
                    "missing": [],
                    "steps": [],
                    "keep_until": "2027-08-02",
                    "soonest": None,
                    "trip": None,
                    "why": None,
                    "changes": [],
                }
            ]
        }
    )

    lg_code: str
    standing: Literal["first", "renewal", "secured", "asked", "follows", "closed"]
    state: Literal["ready", "planned", "none"] | None = Field(
        description="null where there is nothing to plan"
    )
    requirement: dict[str, Any]
    requirement_text: str
    count: int = Field(description="Counted times today (R08)")
    missing: list[ReasonOut] = Field(description="What the requirement still misses (R07)")
    steps: list[StepOut] = Field(description="What to do besides activities")
    keep_until: date | None = Field(description="The last day before something ceases to count")
    soonest: RouteOut | None = Field(description="Ready first")
    trip: RouteOut | None = Field(description="In the fewest days in a row")
    why: ReasonOut | None = Field(description="What is in the way")
    changes: list[ChangeOut]

    @classmethod
    def of(cls, way: Way, texts: Texts, language: str) -> "PlanOut":
        """A way in the words of a language."""
        tree = way.asked
        describe = describe_en if language == "en" else describe_ja
        found = way.plan
        return cls(
            lg_code=way.government.code,
            standing=way.standing.value,
            state=None if found is None else found.state.value,
            requirement={} if tree is None else to_json(tree),
            requirement_text="" if tree is None else describe(tree),
            count=way.shown.count,
            **_found(found, way, texts, language),
        )


def _found(found: Plan | None, way: Way, texts: Texts, language: str) -> dict[str, Any]:
    names = dict(way.names)
    if found is None:
        empty = dict.fromkeys(("keep_until", "soonest", "trip", "why"))
        return empty | {"missing": [], "steps": [], "changes": []}
    why = found.why
    return {
        "keep_until": found.keep_until,
        "missing": [ReasonOut.of(one, texts, language, names) for one in found.missing],
        "steps": [
            StepOut(
                action=one.action,
                reason=ReasonOut.of(one.reason, texts, language, names),
                choices=list(one.choices),
            )
            for one in found.steps
        ],
        "soonest": RouteOut.of(found.soonest, way),
        "trip": RouteOut.of(found.trip, way),
        "why": None if why is None else ReasonOut.of(why, texts, language, names),
        "changes": [
            ChangeOut(
                code=one.code,
                day=one.day,
                session_id=one.session_id,
                detail=change_words(one, way.visits, texts, language),
            )
            for one in found.changes
        ],
    }


def change_words(change: Change, visits: Mapping[UUID, Visit], texts: Texts, language: str) -> str:
    """What would change it, as a sentence with its day and activity."""
    visit = visits.get(change.session_id) if change.session_id else None
    facts = {
        "code": change.code,
        "found": None if change.day is None else change.day.isoformat(),
        "names": [] if visit is None else [visit.activity.title],
    }
    return texts.reason_sentence(language, facts)
