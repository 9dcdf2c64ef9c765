"""プレミアム登録: what is still missing, asking for it, what became of it, renewal (R07, R13–R15)."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from fastapi import APIRouter, Request
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from core.access import Actor
from core.clock import japan_day
from core.errors import Conflict, DomainError, NotFound, Refused
from core.texts import N_
from core.web import Platform, PlatformDep
from mobile.pages.occasions import count_needed, town_name
from mobile.pages.shell import FormDep, Registrant, act_as_person, plain_problems, show
from registry import access, choosing, premium, queries, renewal_request
from registry.doors import BookDep, EvidenceDep, LgCode, as_person
from registry.evidence import Evidence
from registry.judging import problem_of
from registry.models import Application, LocalGovernment, Registration, Term
from registry.rules.cap import choose_until
from registry.rules.dormancy import AccessKind
from registry.rules.policy import PolicyBook
from registry.rules.reasons import Reason
from registry.rules.requirement import describe_en, describe_ja

router = APIRouter(include_in_schema=False)

_REFUSED: Final = 409
STATES: Final = {
    "waiting": N_("保護者の方の同意を待っています"),
    "veto": N_("まちの人が見ています。何もなければ、このまま決まります"),
    "review": N_("まちの人が見ています。決まったらお知らせします"),
    "granted": N_("認められました"),
    "refused": N_("今回は、まだそろっていませんでした"),
    "withdrawn": N_("申請を取り下げました"),
    "expired": N_("期限が過ぎて終わりました。もう一度申請できます"),
    "reversed": N_("見直しで取り消されました"),
}


@dataclass(frozen=True, slots=True)
class Standing:
    """Where somebody stands with premium in one town, ready for the page."""

    done: int
    needed: int | None
    sentence: str
    reasons: list[dict[str, object]]
    allowed: bool
    full: bool
    waits_for_guardian: bool
    application: Application | None
    term: Term | None
    held: list[tuple[str, str]]
    day: date


def _standing(
    db: Session,
    *,
    actor: Actor,
    lg_code: str,
    platform: Platform,
    book: PolicyBook,
    evidence: Evidence,
    lang: str,
) -> Standing:
    found = premium.missing(
        db, actor=actor, lg_code=lg_code, now=platform.clock.now(), book=book, evidence=evidence
    )
    codes = found.decision.codes
    return Standing(
        done=found.shown.count,
        needed=count_needed(found.asked),
        sentence=describe_en(found.asked) if lang == "en" else describe_ja(found.asked),
        reasons=[_plain(one, found.names) for one in found.decision.reasons],
        allowed=found.decision.allowed,
        full=codes == ("cap_reached",),
        waits_for_guardian=codes == premium.CONSENT,
        application=found.application,
        term=found.term,
        held=_held(db, actor, lg_code),
        day=found.day,
    )


def _plain(reason: Reason, names: dict[str, str]) -> dict[str, object]:
    return problem_of(reason, names).to_json()


def _held(db: Session, actor: Actor, lg_code: str) -> list[tuple[str, str]]:
    """R13: the premium registrations that one of could be given in exchange."""
    rows = db.scalars(
        select(LocalGovernment)
        .join(Registration, Registration.lg_code == LocalGovernment.code)
        .where(
            Registration.person_id == actor.person_id,
            Registration.status == "active",
            Registration.direct,
            Registration.tier == "premium",
            Registration.lg_code != lg_code,
        )
        .order_by(LocalGovernment.code)
    )
    return [(row.code, town_name(row)) for row in rows]


@router.get("/me/premium/{lg_code}")
def premium_page(
    request: Request,
    lg_code: LgCode,
    actor: Registrant,
    platform: PlatformDep,
    book: BookDep,
    evidence: EvidenceDep,
) -> Response:
    """What is there, what is missing, the next step for each; opening it is an access (R06)."""
    lang = platform.phone.language(request)
    with platform.database.transaction(as_person(actor)) as db:
        government = queries.government(db, lg_code)
        row = queries.registration_of(db, lg_code=lg_code, person_id=actor.person_id)
        if row is None or row.status != "active":
            return RedirectResponse(f"/towns/{lg_code}", status_code=303)
        access.touch(
            db,
            lg_code=lg_code,
            person_id=actor.person_id,
            kind=AccessKind.PAGE,
            today=japan_day(platform.clock.now()),
            book=book,
        )
        standing = _standing(
            db,
            actor=actor,
            lg_code=lg_code,
            platform=platform,
            book=book,
            evidence=evidence,
            lang=lang,
        )
        last = standing.application or _last(db, actor, lg_code)
        checks = [int(days) for days in book.on("renewal.checks", standing.day).value]
        return show(
            request,
            "premium.html",
            name=town_name(government),
            lg_code=lg_code,
            direct=row.direct,
            choose_by=_choose_by(row, book),
            standing=standing,
            last=last,
            states=STATES,
            first_check=max(checks, default=0),
            most=book.on("premium.cap", standing.day).value,
        )


def _choose_by(row: Registration, book: PolicyBook) -> date | None:
    """R13: until when somebody over the limit chooses what to keep."""
    if row.over_cap_since is None:
        return None
    return choose_until(row.over_cap_since, int(book.on("over_cap.days", row.over_cap_since).value))


def _last(db: Session, actor: Actor, lg_code: str) -> Application | None:
    try:
        return premium.latest_application(db, person_id=actor.person_id, lg_code=lg_code)
    except NotFound:
        return None


@router.post("/me/premium/{lg_code}/apply")
def apply(
    request: Request,
    lg_code: LgCode,
    form: FormDep,
    actor: Registrant,
    platform: PlatformDep,
    book: BookDep,
    evidence: EvidenceDep,
) -> Response:
    """R07, R13: ask for premium; a refusal is an answer with its reasons on the same page."""
    now, replaces = platform.clock.now(), form.one("replaces") or None

    def work(db: Session) -> Any:
        return premium.apply(
            db,
            actor=actor,
            lg_code=lg_code,
            now=now,
            book=book,
            evidence=evidence,
            replaces=replaces,
        )

    try:
        return act_as_person(request, form, actor, work, f"/me/premium/{lg_code}")
    except (Refused, Conflict) as error:
        return _refused(request, platform, lg_code, error)


@router.post("/me/premium/{lg_code}/withdraw")
def withdraw(
    request: Request,
    lg_code: LgCode,
    form: FormDep,
    actor: Registrant,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """Take the application back; its place falls free at once (R13)."""
    now = platform.clock.now()

    def work(db: Session) -> Any:
        return premium.withdraw(db, actor=actor, lg_code=lg_code, now=now, book=book)

    return act_as_person(request, form, actor, work, f"/me/premium/{lg_code}")


@router.post("/me/premium/{lg_code}/renew")
def renew(
    request: Request,
    lg_code: LgCode,
    form: FormDep,
    actor: Registrant,
    platform: PlatformDep,
    book: BookDep,
    evidence: EvidenceDep,
) -> Response:
    """R14: whoever has done enough need not wait for the next check."""
    now = platform.clock.now()

    def work(db: Session) -> Any:
        return renewal_request.request_renewal(
            db, actor=actor, lg_code=lg_code, now=now, book=book, evidence=evidence
        )

    try:
        return act_as_person(request, form, actor, work, f"/me/premium/{lg_code}")
    except (Refused, Conflict) as error:
        return _refused(request, platform, lg_code, error)


@router.get("/me/premium/{lg_code}/give-up")
def ask_give_up(
    request: Request, lg_code: LgCode, actor: Registrant, platform: PlatformDep
) -> Response:
    """R13: what ends with premium, before it does."""
    with platform.database.transaction(as_person(actor)) as db:
        name = town_name(queries.government(db, lg_code))
    return show(request, "give_up.html", name=name, lg_code=lg_code)


@router.post("/me/premium/{lg_code}/give-up")
def give_up(
    request: Request,
    lg_code: LgCode,
    form: FormDep,
    actor: Registrant,
    platform: PlatformDep,
    book: BookDep,
) -> Response:
    """R13: back to basic by one's own choice; the place falls free at once."""
    now = platform.clock.now()

    def work(db: Session) -> Any:
        return choosing.give_up(db, actor=actor, lg_code=lg_code, now=now, book=book)

    return act_as_person(request, form, actor, work, f"/me/premium/{lg_code}")


def _refused(request: Request, platform: Platform, lg_code: str, error: DomainError) -> Response:
    with platform.database.transaction(as_person(request.state.actor)) as db:
        name = town_name(queries.government(db, lg_code))
    return show(
        request,
        "refused.html",
        _REFUSED,
        title=name,
        town="",
        lg_code=lg_code,
        reasons=plain_problems(error),
        back_href=f"/me/premium/{lg_code}",
    )
