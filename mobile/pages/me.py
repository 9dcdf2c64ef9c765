"""わたし: history and totals, profile, residence, identity check, who looked at my data (R12, R16, R25)."""

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.responses import Response

from activities.models import Activity, OrganisationMember, Participation
from core.access import Actor
from core.clock import japan_day, wall_now
from core.errors import Conflict, Invalid, Refused
from core.texts import N_
from core.web import Platform, PlatformDep
from mobile.pages.occasions import town_name
from mobile.pages.shell import (
    FormDep,
    NextPath,
    Registrant,
    act_as_person,
    again,
    local_path,
    registrant,
    show,
)
from registry import governments, identifying, identity, identity_lapse, people, queries, residence
from registry.doors import BookDep, as_person
from registry.models import LocalGovernment, Person
from registry.overview import held_by
from registry.rules.policy import PolicyBook

router = APIRouter(include_in_schema=False)

_PAGE: Final = 30
_TOWNS: Final = 40
LEVELS: Final = {
    "none": N_("まだ"),
    "email": N_("メールアドレスの確認"),
    "mnc_user": N_("マイナンバーカード（利用者証明）"),
    "mnc_sign": N_("マイナンバーカード（署名）"),
}


@router.get("/me")
def me(
    request: Request,
    actor: Registrant,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """Totals, and everything one can look at or change."""
    now = platform.clock.now()
    with platform.database.transaction(as_person(actor)) as db:
        held = held_by(db, person_id=actor.person_id, today=japan_day(now), book=book)
        living = [one for one in held if one.row.status == "active"]
        person = queries.person(db, actor.person_id)
        count, minutes = _totals(db, actor)
        return show(
            request,
            "me.html",
            person=person,
            level=LEVELS[person.identity_level],
            count=count,
            hours=minutes // 60,
            towns=len(living),
            minor=queries.minor_until(person, book, japan_day(now)) is not None,
            hosting=_hosting(db, actor),
        )


def _hosting(db: Session, actor: Actor) -> int:
    """For how many host organisations one acts (R10)."""
    return (
        db.scalar(
            select(func.count()).where(
                OrganisationMember.person_id == actor.person_id,
                OrganisationMember.ended_at.is_(None),
            )
        )
        or 0
    )


def _totals(db: Session, actor: Actor) -> tuple[int, int]:
    row = db.execute(
        select(func.count(), func.coalesce(func.sum(Participation.minutes), 0)).where(
            Participation.person_id == actor.person_id,
            Participation.counted,
            Participation.annulled_at.is_(None),
        )
    ).one()
    return int(row[0]), int(row[1])


@router.get("/me/history")
def history(
    request: Request,
    actor: Registrant,
    platform: PlatformDep,
    before: Annotated[int, Query(ge=0, le=100_000)] = 0,
) -> Response:
    """参加のきろく, the latest first."""
    with platform.database.transaction(as_person(actor)) as db:
        rows = db.execute(
            select(Participation, Activity.title, LocalGovernment)
            .join(LocalGovernment, LocalGovernment.code == Participation.lg_code)
            .outerjoin(
                Activity,
                (Activity.lg_code == Participation.lg_code)
                & (Activity.id == Participation.activity_id),
            )
            .where(Participation.person_id == actor.person_id, Participation.annulled_at.is_(None))
            .order_by(Participation.day.desc(), Participation.id)
            .offset(before)
            .limit(_PAGE + 1)
        ).all()
    shown = [(one, title, town_name(government)) for one, title, government in rows[:_PAGE]]
    older = f"/me/history?before={before + _PAGE}" if len(rows) > _PAGE else None
    return show(request, "history.html", rows=shown, older=older)


# --- profile and residence ------------------------------------------------------------------------


@router.get("/me/profile", dependencies=[Depends(registrant)])
def profile(request: Request) -> Response:
    """What others see of one, to be changed."""
    person: Person = request.state.person
    typed = {"nickname": person.nickname, "name": person.name or "", "kana": person.kana or ""}
    return show(request, "profile.html", **_about(person, typed))


def _about(person: Person, typed: dict[str, str]) -> dict[str, Any]:
    """R18: whoever spoke for a minor only has not been asked for the year of birth yet."""
    return {"typed": typed, "proved": _proved(person), "ask_year": person.birth_year is None}


def _proved(person: Person) -> bool:
    return person.identity_level in people.CARD_LEVELS


@router.post("/me/profile")
def change_profile(
    request: Request, form: FormDep, actor: Registrant, platform: PlatformDep, book: BookDep
) -> Response:
    """Change names; every town's own copy follows (R25). What the card proved stays (R12)."""
    now, person = platform.clock.now(), request.state.person
    fields = ("nickname", "kana") if _proved(person) else ("nickname", "name", "kana")
    changes: dict[str, Any] = {name: form.one(name) or None for name in fields}

    def work(db: Session) -> Any:
        if person.birth_year is None and form.one("birth_year"):
            changes["birth_year"] = form.year("birth_year")
        return people.update_profile(db, actor=actor, changes=changes, now=now, book=book)

    try:
        return act_as_person(request, form, actor, work, "/me")
    except (Invalid, Refused) as error:
        typed = {name: form.one(name) for name in ("nickname", "name", "kana", "birth_year")}
        return again(request, "profile.html", error, **_about(person, typed))


@router.get("/me/residence")
def residence_page(
    request: Request,
    actor: Registrant,
    platform: PlatformDep,
    q: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """R16: where one lives, found by name."""
    person: Person = request.state.person
    code = person.verified_residence or person.declared_residence
    with platform.database.transaction(as_person(actor)) as db:
        lives = db.get(LocalGovernment, code) if code else None
        found = governments.find(db, text=q, limit=_TOWNS) if q else []
    return show(
        request,
        "residence.html",
        lives=None if lives is None else town_name(lives),
        verified=person.verified_residence is not None,
        q=q,
        found=[(one.code, town_name(one)) for one in found],
    )


@router.post("/me/residence")
def change_residence(
    request: Request, form: FormDep, actor: Registrant, platform: PlatformDep, book: BookDep
) -> Response:
    """R16: declare it; a verified place is only replaced by the card."""
    now, code = platform.clock.now(), form.one("code") or None

    def work(db: Session) -> Any:
        return residence.change_residence(
            db, actor=actor, code=code, verified=False, now=now, book=book
        )

    return act_as_person(request, form, actor, work, "/me/residence")


# --- identity -------------------------------------------------------------------------------------


@router.get("/me/identity")
def identity_page(
    request: Request,
    actor: Registrant,
    platform: PlatformDep,
    book: BookDep,
    wanted: NextPath = "/me",
) -> Response:
    """R12: what the card check is, what it takes and what it never takes."""
    shown = _identity(request, platform, actor, book)
    return show(request, "identity.html", **shown, back_to=local_path(wanted))


def _identity(
    request: Request, platform: Platform, actor: Actor, book: PolicyBook
) -> dict[str, Any]:
    """What is known of the card check, and until when a renewal asks for another."""
    person: Person = request.state.person
    today = japan_day(platform.clock.now())
    with platform.database.transaction(as_person(actor)) as db:
        until = identity_lapse.recheck_until(db, person=person, today=today, book=book)
    return {
        "level": LEVELS[person.identity_level],
        "verified": _proved(person),
        "checked_at": person.identity_checked_at,
        "lapsed_on": person.identity_lapsed_on,
        "recheck_until": until,
    }


@router.post("/me/identity")
def begin_identity(
    request: Request, form: FormDep, actor: Registrant, platform: PlatformDep, book: BookDep
) -> Response:
    """R12: begin one visit, and show the link out: no form of ours posts to another site."""
    purpose = form.one("purpose") or "premium"
    guardianship = form.id("guardianship") if form.one("guardianship") else None
    back_to = form.back_to
    try:
        url = _begin(request, platform, actor, book, purpose, guardianship, back_to)
    except (Refused, Conflict) as error:
        return again(
            request,
            "identity.html",
            error,
            **_identity(request, platform, actor, book),
            back_to=back_to,
        )
    return show(request, "identity_go.html", url=url, back_to=back_to)


def _begin(
    request: Request,
    platform: Platform,
    actor: Actor,
    book: Any,
    purpose: str,
    guardianship: UUID | None,
    back_to: str,
) -> str:
    provider = identifying.ready(platform, actor=actor, guardianship_id=guardianship)
    with platform.database.transaction(as_person(actor)) as db:
        return identity.start_attempt(
            db,
            actor=actor,
            purpose=purpose,
            session_hash=request.state.signed_in.token_hash,
            provider=provider,
            now=platform.clock.now(),
            at=wall_now(),
            book=book,
            next_path=back_to,
            guardianship_id=guardianship,
        ).url
