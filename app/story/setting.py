"""Before the first day: local governments join, staff are appointed, hosts propose, staff designate."""

from collections.abc import Mapping, Sequence
from typing import Any

from activities.seeding import Template
from app.local import LocalStack
from app.story.cast import (
    FIRST_DAY,
    MODES,
    MUNICIPALITIES,
    ORGANISERS,
    PREFECTURES,
    Cast,
    Session,
    Town,
    enrol,
    proposals_of,
)
from app.story.world import Someone, World
from core.clock import wall_now
from core.db import Context, Database
from core.tenancy import Audience
from registry.staff import account_for_duty

GATE = Context(Audience.GATE, actor="system:operator")
YES = {
    "public_nature": True,
    "local_contribution": True,
    "shortage_of_hands": True,
    "substance_and_time": True,
}


def first_operator(stack: LocalStack) -> Someone:
    """The first operator, as `furusato operator add` makes one."""
    operator = Someone(
        email="operator@furusato.example.jp", kind="operator", address="203.0.113.250"
    )
    settings = stack.settings()
    database = Database(settings)
    with database.transaction(GATE) as db:
        account_for_duty(
            db,
            kind="operator",
            email=operator.email,
            secret=settings.secret_key.get_secret_value(),
            now=wall_now(),
        )
    database.dispose()
    return operator


def open_country(world: World, cast: Cast) -> None:
    """R01: municipalities and prefectures join, each with its first manager (R15: how it decides)."""
    for code in (*MUNICIPALITIES, *PREFECTURES):
        open_body(world, cast, code, {"decision.mode": MODES.get(code, "auto")})


def open_body(world: World, cast: Cast, code: str, own: Mapping[str, Any]) -> Town:
    """R01, R33: one joins today, with its first manager, a clerk, and what it sets for itself."""
    for state in ("preparing", "active"):
        world.call(
            "POST",
            f"/operator/local-governments/{code}/state",
            by=cast.operator,
            body={"state": state},
        )
    manager, clerk = cast.staff(code, "manager"), cast.staff(code, "clerk")
    approver = cast.staff(code, "approver")
    town = cast.towns[code] = Town(code, cast.place(code)[1], manager, clerk, approver)
    world.call(
        "POST",
        f"/operator/local-governments/{code}/staff",
        by=cast.operator,
        body={"email": manager.email, "name": manager.name, "role": "manager"},
    )
    for someone, role in ((clerk, "clerk"), (approver, "approver")):
        world.call(
            "POST",
            f"/local-governments/{code}/staff",
            by=manager,
            body={"email": someone.email, "name": someone.name, "role": role},
        )
    for name, value in own.items():
        body = {"value": value, "since": world.today.isoformat()}
        agree(world, town, "PUT", f"settings/{name}", body)
    return town


def agree(world: World, town: Town, method: str, leaf: str, body: Any) -> None:
    """C47: the manager asks; where one alone may not decide, the approver confirms."""
    asked = world.call(method, f"/local-governments/{town.code}/{leaf}", by=town.manager, body=body)
    if asked.get("state") == "open":
        world.call(
            "POST",
            f"/local-governments/{town.code}/confirmations/{asked['id']}/confirm",
            by=town.approver,
        )


def enrol_device(world: World, town: Town) -> None:
    """C23: a scanner nobody hears of for two weeks ends by itself: a session's is enrolled for it."""
    device = world.call(
        "POST",
        f"/local-governments/{town.code}/organisations/{town.organisation_id}/devices",
        by=town.organiser,
        body={"label": "受付の電話"},
    )
    town.device, town.device_sequence = device["token"], 0


def open_hosts(world: World, cast: Cast) -> None:
    """R09: in each municipality a host, its organiser, and two or three real activities."""
    for code in MUNICIPALITIES:
        open_host(world, cast, cast.towns[code], proposals_of(code))


def open_host(world: World, cast: Cast, town: Town, offered: Sequence[Template]) -> None:
    """R09: a host with its organiser; what it offers is proposed and designated."""
    organisation = world.call(
        "POST",
        f"/local-governments/{town.code}/organisations",
        by=town.manager,
        body={"name": offered[0].host, "kind": offered[0].host_kind},
    )
    town.organisation_id = organisation["id"]
    town.organiser = appoint_organiser(world, cast, town)
    for one in offered:
        proposal = propose(world, town, one.title, one.category)
        designate(world, town, proposal["id"])
        town.activities.append(proposal["id"])


def appoint_organiser(world: World, cast: Cast, town: Town) -> Someone:
    """A person of the place accepts the invitation of the town."""
    someone = cast.person(residence=town.code)
    someone.email = f"{ORGANISERS}@{town.code}.host.example.jp"
    enrol(world, someone)
    invited = world.call(
        "POST",
        f"/local-governments/{town.code}/organisations/{town.organisation_id}/members",
        by=town.manager,
        body={"name": someone.name, "role": "organiser"},
    )
    world.call(
        "POST",
        "/me/organisation-invitations/accept",
        by=someone,
        body={"token": invited["token"]},
    )
    return someone


def propose(world: World, town: Town, title: str, category: str, **more: Any) -> dict[str, Any]:
    """The organiser proposes and submits."""
    proposal: dict[str, Any] = world.call(
        "POST",
        f"/local-governments/{town.code}/organisations/{town.organisation_id}/activities",
        by=town.organiser,
        body={"title": title, "category": category} | more,
    )
    submitted: dict[str, Any] = world.call(
        "POST",
        f"/local-governments/{town.code}/activities/{proposal['id']}/submission",
        by=town.organiser,
        body={"answers": YES},
    )
    return submitted


def designate(world: World, town: Town, activity_id: str) -> None:
    """The town designates it with the four questions answered."""
    world.call(
        "POST",
        f"/local-governments/{town.code}/activities/{activity_id}/designation",
        by=town.manager,
        body={"answers": YES},
    )
    world.tally["designated"] += 1


def proposals_that_fail(world: World, cast: Cast) -> None:
    """R09, R10: one is returned and mended, one is rejected; a trusted host needs no single look."""
    town = cast.towns["072036"]
    unclear = propose(world, town, "商店街等支援事業", "commerce")
    path = f"/local-governments/{town.code}/activities/{unclear['id']}"
    world.call(
        "POST",
        f"{path}/return",
        by=town.manager,
        body={"reason": "集合場所と持ち物を書いてください。"},
    )
    world.tally["returned"] += 1
    world.call(
        "PUT",
        path,
        by=town.organiser,
        body={"title": "商店街等支援事業", "category": "commerce", "bring": "軍手、飲み物"},
    )
    world.call("POST", f"{path}/submission", by=town.organiser, body={"answers": YES})
    designate(world, town, unclear["id"])
    bought = propose(world, town, "特産品のお買い物ツアー", "tourism")
    world.call(
        "POST",
        f"/local-governments/{town.code}/activities/{bought['id']}/rejection",
        by=town.manager,
        body={"reason": "購入や訪問だけでは担い手活動になりません。"},
    )
    world.tally["rejected"] += 1
    trusted = cast.towns["072028"]
    world.call(
        "POST",
        f"/local-governments/{trusted.code}/organisations/{trusted.organisation_id}/trust",
        by=trusted.manager,
        body={"categories": ["exchange", "international", "welfare"]},
    )
    by_itself = propose(world, trusted, "国際交流ボランティアの育成", "international")
    if by_itself["state"] == "designated":
        world.tally["designated"] += 1
        world.tally["designated_by_trust"] += 1
        trusted.activities.append(by_itself["id"])


def hold(
    world: World,
    town: Town,
    day: str,
    *,
    activity: int = 0,
    starts: str = "09:00",
    ends: str = "12:00",
    place: str = "公民館",
    capacity: int | None = None,
) -> Session:
    """The organiser sets a session."""
    activity_id = town.activities[activity % len(town.activities)]
    made = world.call(
        "POST",
        f"/local-governments/{town.code}/activities/{activity_id}/sessions",
        by=town.organiser,
        body={
            "day": day,
            "starts": starts,
            "ends": ends,
            "place": place,
            "capacity": capacity,
        },
    )
    return Session(
        town.code, made["id"], activity_id, FIRST_DAY.fromisoformat(day), made["poster_code"]
    )
