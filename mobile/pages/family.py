"""家族: minors and their guardians, children under a guardian's account, helpers (R18)."""

from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from core.access import Actor, ActorKind
from core.clock import japan_day
from core.errors import Conflict, Forbidden, Invalid, NotFound, Refused, TooMany, Unavailable
from core.ids import new_id
from core.texts import N_
from core.web import Platform, PlatformDep
from mobile.kin import keeper_with_room, kin_of
from mobile.pages.shell import (
    Form,
    FormDep,
    Registrant,
    VisitorDep,
    act,
    act_as_person,
    again,
    plain_problems,
    rehearsal,
    show,
)
from registry import families, growing, guardians, identifying, people, queries
from registry.doors import GATE, BookDep, PersonActor, as_person
from registry.models import Guardianship, Person
from registry.rules.families import Tie
from registry.rules.policy import PolicyBook

public_router = APIRouter(include_in_schema=False)
router = APIRouter(include_in_schema=False)

_REFUSED: Final = 409
STATES: Final = {
    "invited": N_("お返事を待っています"),
    "living": N_("同意をいただいています"),
    "withdrawn": N_("同意は取り下げられました"),
    "ended": N_("終わりました"),
}
SCOPES: Final = {
    "basic": N_("ベーシック登録"),
    "premium": N_("プレミアム登録"),
    "managed": N_("お子さまの登録と参加"),
    "helper": N_("お手伝い"),
}


@dataclass(frozen=True, slots=True)
class Ward:
    """A minor a guardian speaks for, by the name they chose."""

    name: str
    consent: Guardianship


# --- the minor asks -------------------------------------------------------------------------------


@router.get("/family")
def family(request: Request, actor: Registrant, platform: PlatformDep, book: BookDep) -> Response:
    """Whom a minor has asked, and for whom a guardian speaks."""
    return show(request, "family.html", **_family(request, platform, actor, book), contact="")


def _family(request: Request, platform: Platform, actor: Actor, book: PolicyBook) -> dict[str, Any]:
    person: Person = request.state.person
    today = japan_day(platform.clock.now())
    with platform.database.transaction(as_person(actor)) as db:
        asked = guardians.guardians_of(db, actor=actor)
    with platform.database.transaction(GATE) as db:
        spoken = guardians.spoken_for(db, actor=actor)
        grown = {one.id for one in spoken if growing.waits_for_sign_in(db, one)}
    consents = [one for one in spoken if one.scope not in set(Tie)]
    return {
        "asked": [one for one in asked if one.scope != Tie.HELPER],
        "helpers": [one for one in asked if one.scope == Tie.HELPER],
        "wards": [Ward(_ward_name(platform, actor, one), one) for one in consents],
        "kin": kin_of(platform, actor),
        "grown": grown,
        "child": {"nickname": "", "birth_year": ""},
        "helper_contact": "",
        "managed_under": book.on("minor.managed_under", today).value,
        "minor": queries.minor_until(person, book, today) is not None,
        "called": {"name": person.emergency_name or "", "phone": person.emergency_phone or ""},
        "adult_age": book.on("minor.age", today).value,
        "states": STATES,
        "scopes": SCOPES,
    }


def _ward_name(platform: Platform, actor: Actor, consent: Guardianship) -> str:
    with platform.database.transaction(identifying.as_ward(actor, consent)) as db:
        found = db.get(Person, consent.person_id)
    return "" if found is None else found.nickname


@router.post("/family")
def invite(
    request: Request, form: FormDep, actor: Registrant, platform: PlatformDep, book: BookDep
) -> Response:
    """R18: the link goes to the guardian's address and nowhere else."""
    now, made = platform.clock.now(), list[guardians.Invited]()

    def work(db: Session) -> None:
        invited = guardians.invite(
            db,
            actor=actor,
            contact=form.one("contact"),
            scope=form.one("scope") or "basic",
            months=_months(form),
            now=now,
            book=book,
        )
        made[:] = [invited]

    try:
        answer = act_as_person(request, form, actor, work, "/family")
        for invited in made:
            language = platform.phone.language(request)
            identifying.mail_invitation(platform, invited, language=language)
    except (Invalid, Refused, TooMany, Unavailable) as error:
        page = _family(request, platform, actor, book)
        return again(request, "family.html", error, **page, contact=form.one("contact"))
    if made and rehearsal(platform):
        link = identifying.invitation_link(platform, made[0].token)
        page = _family(request, platform, actor, book)
        return show(request, "family.html", **page, contact="", shown_link=link)
    return answer


def _months(form: Form) -> int:
    """For how long somebody helps; the longest time unless a shorter one was chosen."""
    return next((n for n in guardians.MONTHS if form.one("months") == str(n)), guardians.MONTHS[-1])


@router.post("/family/children")
def add_child(
    request: Request, form: FormDep, actor: Registrant, platform: PlatformDep, book: BookDep
) -> Response:
    """R18: a guardian registers a young child with a nickname and a year of birth."""
    now, child = platform.clock.now(), replace(actor, behalf_of=new_id())
    try:
        keeper = keeper_with_room(platform, actor, book)
        _check_consent(form)

        def work(db: Session) -> Guardianship:
            return families.add_child(
                db,
                actor=child,
                keeper=keeper,
                nickname=form.one("nickname"),
                birth_year=form.year("birth_year") if form.one("birth_year") else None,
                now=now,
                book=book,
            )

        return act(request, form, as_person(child), child, work, lambda row: f"/family/{row.id}")
    except (Invalid, Refused, Conflict) as error:
        page = _family(request, platform, actor, book)
        page["child"] = {name: form.one(name) for name in ("nickname", "birth_year")}
        return again(request, "family.html", error, **page, contact="")


@router.post("/family/helpers/{guardianship_id}/end")
def end_help(
    request: Request,
    guardianship_id: UUID,
    form: FormDep,
    actor: Registrant,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """R18: one tap by the person helped; an invitation nobody answered is taken back."""
    now = platform.clock.now()

    def work(db: Session) -> None:
        row = db.get(Guardianship, guardianship_id)
        if row is None or row.scope != Tie.HELPER:
            raise NotFound(code="not_found")
        guardians.withdraw(
            db,
            actor=actor,
            guardianship_id=guardianship_id,
            reason="by_person",
            now=now,
            book=book,
        )

    return act_as_person(request, form, actor, work, "/family")


@router.post("/family/emergency-contact")
def name_contact(
    request: Request, form: FormDep, actor: Registrant, platform: PlatformDep, book: BookDep
) -> Response:
    """R18: whom hosts call for a minor, on the day only; every town's own copy follows."""
    now = platform.clock.now()
    given = {name: form.one(name) or None for name in ("emergency_name", "emergency_phone")}

    def work(db: Session) -> None:
        people.update_profile(db, actor=actor, changes=given, now=now, book=book)

    try:
        return act_as_person(request, form, actor, work, "/family")
    except (Invalid, Refused) as error:
        page = _family(request, platform, actor, book)
        page["called"] = {
            "name": form.one("emergency_name"),
            "phone": form.one("emergency_phone"),
        }
        return again(request, "family.html", error, **page, contact="")


# --- the guardian answers -------------------------------------------------------------------------


@public_router.get("/guardian-invitations/{token}")
def invitation(
    request: Request, token: str, visitor: VisitorDep, platform: PlatformDep, book: BookDep
) -> Response:
    """What is asked; it names nobody before the guardian has signed in with their address."""
    with platform.database.transaction(GATE) as db:
        consent = guardians.by_token(db, token, now=platform.clock.now())
    actor = visitor.actor
    mine = actor.kind is ActorKind.PERSON and consent.guardian_id == actor.id
    return show(
        request,
        "guardian.html",
        token=token,
        adult_age=book.on("minor.age", japan_day(platform.clock.now())).value,
        consent=consent,
        scope=SCOPES[consent.scope],
        state=STATES[consent.state],
        mine=mine,
        signed=actor.kind is ActorKind.PERSON,
        minor_name=_ward_name(platform, actor, consent) if mine else "",
        nickname="" if visitor.person is None else visitor.person.nickname,
    )


@router.post("/guardian-invitations/{token}")
def confirm(
    request: Request,
    token: str,
    form: FormDep,
    actor: PersonActor,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """R18: the guardian, signed in with the invited address, agrees; for premium the card is next."""
    now = platform.clock.now()
    nickname = form.one("nickname") or "保護者"

    page = f"/guardian-invitations/{token}"
    try:
        _check_consent(form)
        with platform.database.transaction(as_person(actor)) as db:
            name = guardians.ensure_person(db, actor=actor, nickname=nickname[:40], now=now)
        families.check_keeper(platform, actor=actor, token=token, now=now, book=book)

        def work(db: Session) -> None:
            guardians.confirm(db, actor=actor, token=token, now=now, name=name)

        return act(request, form, identifying.as_gate(actor), actor, work, page)
    except (Refused, Conflict, Forbidden) as error:
        return show(
            request,
            "refused.html",
            _REFUSED,
            title=N_("保護者の方の同意"),
            town="",
            lg_code="",
            reasons=plain_problems(error),
            back_href=page,
        )


def _check_consent(form: Form) -> None:
    """Refused: `consent_needed`: the box was not ticked."""
    if form.one("consent") != "yes":
        raise Refused(code="consent_needed")


@router.post("/family/{guardianship_id}/withdraw")
def withdraw(
    request: Request,
    guardianship_id: UUID,
    form: FormDep,
    actor: Registrant,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """R18, example 9: premium of the minor ends at once; the basic registration stays."""
    consent = identifying.ward_of(platform, actor, guardianship_id)
    now = platform.clock.now()

    def work(db: Session) -> None:
        families.end_tie(db, actor=actor, row=consent, now=now, book=book)

    return act(request, form, identifying.as_ward(actor, consent), actor, work, "/family")
