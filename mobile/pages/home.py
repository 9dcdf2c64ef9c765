"""ホーム: one big button, what is next, and how many more times until premium."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from activities.planner import Visit, plan_premium
from activities.rules.outings import Route
from activities.search import OwnSignUp, own_sign_ups
from core.access import Actor, ActorKind
from core.clock import japan_day
from core.web import Platform, PlatformDep
from mobile.pages.devices import offered
from mobile.pages.notices import letters
from mobile.pages.occasions import Way, town_name, way_to_premium
from mobile.pages.shell import PUBLIC, VisitorDep, show, with_next
from registry.doors import BookDep, EvidenceDep, as_person
from registry.evidence import Evidence
from registry.governments import find
from registry.models import LocalGovernment
from registry.overview import Held, held_by
from registry.rules.policy import PolicyBook

router = APIRouter(include_in_schema=False)

#: Ways shown on the first page; more stand under わたし, all of them on the towns' own pages.
MOST_WAYS = 4
#: Notices and activities to come on the first page.
MOST_LETTERS, MOST_NEXT = 3, 2
#: Ways that are worked out at once: those of the towns one was last in touch with.
WORKED_OUT = 8
_FRONT_TOWNS = 6
_MANY = 50


@router.get("/")
def home(
    request: Request,
    visitor: VisitorDep,
    platform: PlatformDep,
    book: BookDep,
    evidence: EvidenceDep,
) -> Response:
    """For strangers what this is; for registrants what they can do now."""
    actor = visitor.actor
    if actor.kind is not ActorKind.PERSON:
        return show(request, "front.html", towns=_open_towns(platform, book), town_name=town_name)
    if visitor.person is None:
        return RedirectResponse(with_next("/welcome", "/"), status_code=303)
    now, offer = platform.clock.now(), offered(request)
    with platform.database.transaction(as_person(actor)) as db:
        held = held_by(db, person_id=actor.person_id, today=japan_day(now), book=book)
        living = [one for one in held if one.row.status == "active"]
        ending = [one for one in living if _ending(one, now, book)]
        asked = {one.row.lg_code for one in ending}
        unread = letters(request, db, actor, unread=True, limit=MOST_LETTERS)
        upcoming = next_ones(db, actor, now)
        ways = ways_of(db, actor, living, now, book, evidence)
        return show(
            request,
            "home.html",
            person=visitor.person,
            today=japan_day(now),
            held=living,
            ending=ending,
            # What is asked above is not asked again among the notices.
            asking=[one for one in unread if one.act and one.lg_code not in asked],
            letters=[one for one in unread if not one.act],
            offers=[one for one in upcoming if one.sign_up.state == "offered"],
            upcoming=[one for one in upcoming if one.sign_up.state != "offered"][:MOST_NEXT],
            ways=ways[:MOST_WAYS],
            nearest=_nearest(db, actor, ways, now, book, evidence),
            passkey_offered=offer,
        )


@dataclass(frozen=True, slots=True)
class Nearest:
    """The premium that is nearest: how far it is, when it could be, and the next thing to join."""

    way: Way
    route: Route | None
    suggested: Visit | None


def _nearest(
    db: Session,
    actor: Actor,
    ways: Sequence[Way],
    now: datetime,
    book: PolicyBook,
    evidence: Evidence,
) -> Nearest | None:
    """R07: what the first page says of the way to premium; one town, so that it stays quick."""
    way = next((one for one in ways if not one.premium), None)
    if way is None:
        return None
    planned = plan_premium(
        db, actor=actor, lg_code=way.lg_code, now=now, book=book, evidence=evidence
    )
    route = None if planned.plan is None else planned.plan.soonest
    visits = [] if route is None else planned.visits_of(route.sessions)
    return Nearest(way, route, next((one for one in visits if one.state != "taken"), None))


def _open_towns(platform: Platform, book: PolicyBook) -> Sequence[LocalGovernment]:
    """A few towns that take registrations, for whoever looks in for the first time."""
    states = book.on("body.accepts", japan_day(platform.clock.now())).value
    with platform.database.transaction(PUBLIC) as db:
        return find(db, kind="municipality", states=states, limit=_FRONT_TOWNS)


def _ending(held: Held, now: datetime, book: PolicyBook) -> bool:
    """R06: the first notice before release is due, and nobody has said whether to keep it."""
    today, release = japan_day(now), held.dormancy.release_on
    first = max(int(days) for days in book.on("dormancy.notice_days", today).value)
    return release is not None and release - today <= timedelta(days=first)


def next_ones(db: Session, actor: Actor, now: datetime) -> list[OwnSignUp]:
    """What one has signed up for and is not over, the nearest first."""
    found = own_sign_ups(db, person_id=actor.person_id, limit=_MANY, since=now)
    living = [one for one in found if one.sign_up.state in {"taken", "offered", "waiting"}]
    return sorted(living, key=lambda one: one.session.starts_at)


def ways_of(
    db: Session,
    actor: Actor,
    held: list[Held],
    now: datetime,
    book: PolicyBook,
    evidence: Evidence,
) -> list[Way]:
    """The ways to premium, the shortest first; a prefecture that only follows has none."""
    last = sorted(held, key=lambda one: one.row.last_access_on, reverse=True)
    ways = [
        way_to_premium(
            db, actor=actor, government=one.government, now=now, book=book, evidence=evidence
        )
        for one in [one for one in last if _can_lead(one)][:WORKED_OUT]
    ]
    return sorted(ways, key=lambda way: (way.premium, (way.needed or 99) - way.done, way.lg_code))


def _can_lead(held: Held) -> bool:
    """R02, R16: nobody is premium where they live, or by a prefecture's row that only follows."""
    return held.row.direct and held.row.residence_relation != "resident"
