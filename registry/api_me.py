"""Doors of a person's own profile and notices."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy.orm import Session

from core.access import FRESH, Actor
from core.errors import invalid
from core.models import Account
from core.problems import problems
from core.web import Answer, Items, PlatformDep, answer_once, decode_cursor, encode_cursor
from registry import closing, people, queries, residence
from registry.api_closing import wards_at
from registry.doors import BookDep, PersonActor, as_person
from registry.notices import MAX_PAGE, list_notices, read_notice, unread_count
from registry.schemas_people import NoticeOut, ProfileChange, ProfileIn, ProfileOut
from registry.signing_in import leave_the_gate

router = APIRouter(tags=["me"])
CURSOR_PARTS = 2


def profile_of(db: Session, actor: Actor) -> ProfileOut:
    """One's own profile (in one's own context).

    Raises:
        NotFound: `profile_needed`: it has not been written yet.
    """
    someone = queries.person(db, actor.person_id)
    account = db.get_one(Account, actor.person_id)
    return ProfileOut.of(someone, account, unread_count(db, person_id=actor.person_id))


@router.get("/me", summary="One's own profile", responses=problems(401, 404))
def my_profile(actor: PersonActor, platform: PlatformDep) -> ProfileOut:
    """404 with `profile_needed` until the profile has been written after the first sign-in."""
    with platform.database.transaction(as_person(actor)) as db:
        return profile_of(db, actor)


@router.post(
    "/me",
    status_code=201,
    summary="Write one's profile after the first sign-in",
    response_model=ProfileOut,
    responses=problems(401, 409, 422),
)
def create_profile(
    request: Request, given: ProfileIn, actor: PersonActor, platform: PlatformDep, book: BookDep
) -> Response:
    """R03: a nickname is enough; birth and residence only where something depends on them."""

    def work(db: Session) -> Answer:
        people.create_profile(
            db,
            actor=actor,
            profile=people.Profile(**given.model_dump()),
            now=platform.clock.now(),
            book=book,
        )
        return Answer.of(profile_of(db, actor), 201)

    return answer_once(request, as_person(actor), actor=actor, work=work)


@router.patch(
    "/me",
    summary="Change one's profile",
    response_model=ProfileOut,
    responses=problems(401, 404, 409, 422),
)
def change_profile(
    request: Request,
    given: ProfileChange,
    actor: PersonActor,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """R16, R25: every local government's own copy follows at once."""

    def work(db: Session) -> Answer:
        now = platform.clock.now()
        changes = given.changes()
        if "declared_residence" in changes:
            residence.change_residence(
                db,
                actor=actor,
                code=changes.pop("declared_residence"),
                verified=False,
                now=now,
                book=book,
            )
        if changes:
            people.update_profile(db, actor=actor, changes=changes, now=now, book=book)
        return Answer.of(profile_of(db, actor))

    return answer_once(request, as_person(actor), actor=actor, work=work)


@router.delete(
    "/me",
    status_code=204,
    summary="Close one's account",
    responses=problems(401, 404, 409),
)
def close(request: Request, actor: PersonActor, platform: PlatformDep, book: BookDep) -> Response:
    """R32: all registrations end, notices stop at once, every sign-in ends, passkeys are forgotten.

    Needs a proof of a quarter of an hour (`fresh_sign_in_needed`). What took place stays with the
    local governments for its time (R25). Refused (`children_first`) while a child without a
    sign-in has no other guardian (R18).
    """
    now = platform.clock.now()
    actor.require_fresh(within=FRESH, now=now)
    wards = wards_at(platform, actor.person_id)

    def work(db: Session) -> Answer:
        closing.close_own_account(db, actor=actor, now=now, book=book, wards=wards)
        return Answer(status=204)

    response = answer_once(request, as_person(actor), actor=actor, work=work)
    leave_the_gate(platform, actor.person_id, now=now)
    return response


# --- notices ------------------------------------------------------------------------------


@router.get("/me/notices", summary="One's own notices", responses=problems(401, 422))
def my_notices(
    actor: PersonActor,
    platform: PlatformDep,
    cursor: Annotated[str | None, Query(max_length=400)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 30,
    *,
    unread: bool = False,
) -> Items[NoticeOut]:
    """Newest first, in the language of the account; `next_cursor` leads to older ones."""
    with platform.database.transaction(as_person(actor)) as db:
        language = db.get_one(Account, actor.person_id).language
        rows = list_notices(
            db,
            person_id=actor.person_id,
            after=None if cursor is None else _place(cursor),
            limit=limit + 1,
            unread=unread,
        )
        shown = rows[:limit]
        more = len(rows) > limit
        last = encode_cursor(shown[-1].created_at.isoformat(), str(shown[-1].id)) if more else None
        return Items[NoticeOut](
            items=[NoticeOut.of(row, platform.texts, language) for row in shown],
            next_cursor=last,
        )


def _place(cursor: str) -> tuple[datetime, UUID]:
    at, notice_id = decode_cursor(cursor, CURSOR_PARTS)
    try:
        instant, found = datetime.fromisoformat(at), UUID(notice_id)
    except ValueError as error:
        raise invalid("cursor", field="cursor") from error
    if instant.tzinfo is None:
        raise invalid("cursor", field="cursor")
    return instant, found


@router.post(
    "/me/notices/{notice_id}/read",
    summary="Mark a notice read",
    response_model=NoticeOut,
    responses=problems(401, 404, 422),
)
def read(request: Request, notice_id: UUID, actor: PersonActor, platform: PlatformDep) -> Response:
    """The first reading stays; reading again changes nothing."""

    def work(db: Session) -> Answer:
        row = read_notice(db, actor=actor, notice_id=notice_id, now=platform.clock.now())
        language = db.get_one(Account, actor.person_id).language
        return Answer.of(NoticeOut.of(row, platform.texts, language))

    return answer_once(request, as_person(actor), actor=actor, work=work)
