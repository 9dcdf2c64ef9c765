"""Doors of local governments: public look-ups, and the operator's hand on their state."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy.orm import Session

from core.access import Actor, system
from core.clock import japan_day
from core.db import Context, for_body
from core.etags import tagged
from core.problems import problems
from core.tenancy import Audience
from core.web import Answer, Items, Platform, PlatformDep, answer_once, decode_cursor, encode_cursor
from registry import governments, joining, policies, queries
from registry.doors import BookDep, LgCode, as_operator
from registry.fresh_doors import FreshOperator
from registry.rules.facts import BodyKind
from registry.rules.policy import PolicyBook
from registry.rules.requirement import parse
from registry.schemas_governments import (
    GovernmentDetailOut,
    GovernmentOut,
    RequirementWords,
    State,
    StateIn,
)

public_router = APIRouter(tags=["local-governments"])
operator_router = APIRouter(tags=["operator"])

#: A visitor sees what every registrant sees of local governments, and no person's rows.
VISITOR = Context(Audience.PERSON, actor="anonymous:visitor")


@public_router.get(
    "/local-governments",
    summary="Find local governments",
    response_model=Items[GovernmentOut],
    responses=problems(422),
)
def find(
    request: Request,
    platform: PlatformDep,
    book: BookDep,
    q: Annotated[str, Query(max_length=40, description="Part of the name or its reading.")] = "",
    prefecture: Annotated[str | None, Query(pattern=r"^\d{6}$")] = None,
    kind: Literal["municipality", "prefecture"] | None = None,
    state: Annotated[list[State] | None, Query()] = None,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=governments.MAX_PAGE)] = 50,
) -> Response:
    """R01: by name (飛騨), reading (ひだ, ヒダ), prefecture or state, in the order of the codes."""
    with platform.database.transaction(VISITOR) as db:
        rows = governments.find(
            db,
            text=q,
            prefecture_code=prefecture,
            kind=kind,
            states=state or (),
            after=None if cursor is None else decode_cursor(cursor, 1)[0],
            limit=limit + 1,
        )
    today = japan_day(platform.clock.now())
    shown = rows[:limit]
    return tagged(
        request,
        Items[GovernmentOut](
            items=[
                GovernmentOut.of(row, accepts=queries.accepts(row, book, today)) for row in shown
            ],
            next_cursor=encode_cursor(shown[-1].code) if len(rows) > limit else None,
        ),
    )


def detail(db: Session, lg_code: str, platform: Platform, book: PolicyBook) -> GovernmentDetailOut:
    """A local government with its requirement of today.

    Raises:
        NotFound: There is none with this code.
    """
    row = queries.government(db, lg_code)
    today = japan_day(platform.clock.now())
    own = policies.body_policy(db, book, lg_code, today)
    tree = parse(own.on(policies.REQUIREMENT, today, lg_code).value)
    below = policies.is_below_base(tree, book, today)
    base = GovernmentOut.of(row, accepts=queries.accepts(row, book, today))
    return GovernmentDetailOut(
        **base.model_dump(),
        joined_on=row.joined_on,
        message=row.message,
        requirement=RequirementWords.of(tree, below=below),
    )


@public_router.get(
    "/local-governments/{lg_code}",
    summary="One local government",
    response_model=GovernmentDetailOut,
    responses=problems(404, 422),
)
def open_government(
    request: Request, lg_code: LgCode, platform: PlatformDep, book: BookDep
) -> Response:
    """R01, R07: its state of joining, and what it asks for premium today."""
    with platform.database.transaction(VISITOR) as db:
        return tagged(request, detail(db, lg_code, platform, book))


@operator_router.post(
    "/operator/local-governments/{lg_code}/state",
    summary="Write down where a local government stands",
    response_model=GovernmentOut,
    responses=problems(401, 403, 404, 409, 422),
)
def set_state(
    request: Request,
    lg_code: LgCode,
    given: StateIn,
    actor: FreshOperator,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """R01, R02: none → preparing → trial → active …; a prefecture's joining wakes waiting links.

    With a day to come, the step is planned (202) and the night before that day's work takes it.
    """
    now = platform.clock.now()

    def work(db: Session) -> Answer:
        step: dict[str, Any] = {
            "lg_code": lg_code,
            "state": given.state,
            "reason": given.reason,
            "now": now,
        }
        if given.since is not None and given.since != japan_day(now):
            joining.plan(db, actor=actor, on_day=given.since, **step)
            row, status = queries.government(db, lg_code), 202
        else:
            row, status = joining.set_state(db, actor=actor, **step), 200
        accepts = queries.accepts(row, book, japan_day(now))
        return Answer.of(GovernmentOut.of(row, accepts=accepts), status)

    response = answer_once(request, as_operator(actor), actor=actor, work=work)
    _wake(platform, actor, lg_code, book)
    return response


def _wake(platform: Platform, actor: Actor, lg_code: str, book: PolicyBook) -> None:
    """R02: tell whoever waits for this prefecture, in its own area. The nightly job repeats it."""
    now = platform.clock.now()

    def work(db: Session) -> None:
        if queries.government(db, lg_code).kind == BodyKind.PREFECTURE:
            governments.wake_links(
                db,
                actor=system("joining"),
                lg_code=lg_code,
                as_of=japan_day(now),
                now=now,
                book=book,
            )

    platform.database.run(for_body(lg_code, actor=actor.label), work)
