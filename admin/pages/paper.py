"""紙: posters, lists to tick, and cards for people without a phone, as PDF (R19, R22, C31)."""

from collections.abc import Sequence
from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from sqlalchemy.orm import Session

from activities import cards
from activities.api_checkin import presence_of
from activities.card_doors import with_keys
from activities.models import Activity, ActivitySession, Organisation
from activities.queries import session_of
from activities.roster import roster
from admin.desk import Again, ClerkDesk, Desk, ViewerDesk
from admin.forms import FormDep
from admin.pages import members as members_page
from admin.roster_sheet import Roster, roster_pdf
from core.errors import invalid
from core.texts import N_
from qr.pdf import cards_pdf, poster_pdf
from qr.sheets import CardWords, Poster, poster_svg
from qr.store import KeyStore
from registry.models import LocalGovernment

router = APIRouter(include_in_schema=False)
STAFF: Final = "/staff/{lg_code}"
SESSION: Final = STAFF + "/sessions/{session_id}"
TIERS: Final = {"basic": N_("ベーシック登録"), "premium": N_("プレミアム登録")}
#: Cards of one sheet order: a page of the list.
MOST_CARDS: Final = 50
Paper = Annotated[Literal["a4", "a3"], Query()]
Ids = Annotated[list[UUID], Query(alias="id", max_length=MOST_CARDS)]


def _pdf(data: bytes, name: str) -> Response:
    return Response(
        data,
        media_type="application/pdf",
        headers={
            "Cache-Control": "no-store",
            "Content-Disposition": f'inline; filename="{name}.pdf"',
            "X-Content-Type-Options": "nosniff",
        },
    )


# --- a session's ----------------------------------------------------------------------------------


def _drawn(desk: Desk, db: Session, session_id: UUID) -> tuple[ActivitySession, Activity, str]:
    session = session_of(db, desk.lg_code, session_id)
    activity = db.get_one(Activity, (desk.lg_code, session.activity_id))
    organisation = db.get_one(Organisation, (desk.lg_code, activity.organisation_id))
    government = db.get_one(LocalGovernment, desk.lg_code)
    filters = desk.platform.desk.environment("ja").filters
    sheet = poster_svg(
        Poster(
            town=government.name,
            activity=activity.title,
            when=(filters["span"](session.starts_at, session.ends_at),),
            where=session.place,
            host=organisation.name,
            base_url=desk.platform.settings.public_url,
            code=session.poster_code,
        )
    )
    return session, activity, sheet


@router.get(SESSION + "/poster")
def poster(desk: ViewerDesk, session_id: UUID) -> Response:
    """R19: the session's poster as it will look, and its sheets."""
    with desk.transaction() as db:
        session, activity, sheet = _drawn(desk, db, session_id)
        return desk.render(
            db, "poster.html", here="activities", session=session, activity=activity, sheet=sheet
        )


@router.get(SESSION + "/poster.pdf")
def poster_sheet(desk: ViewerDesk, session_id: UUID, paper: Paper = "a4") -> Response:
    """R19: the poster on A4, or on A3 for a notice board."""
    with desk.transaction() as db:
        session, activity, sheet = _drawn(desk, db, session_id)
        data = poster_pdf(sheet, title=activity.title, now=desk.now, paper=paper)
        return _pdf(data, f"poster-{session.poster_code}-{paper}")


@router.get(SESSION + "/roster.pdf")
def roster_sheet(desk: ClerkDesk, session_id: UUID) -> Response:
    """C31: who is expected, with a box to tick at each line; the look is recorded."""
    with desk.transaction() as db:
        session = session_of(db, desk.lg_code, session_id)
        activity = db.get_one(Activity, (desk.lg_code, session.activity_id))
        entries = roster(db, actor=desk.actor, session=session, now=desk.now, action="roster.print")
        data = roster_pdf(
            Roster(activity, session, entries), desk.say, lang=desk.language, now=desk.now
        )
        return _pdf(data, f"roster-{session.poster_code}")


# --- people's -------------------------------------------------------------------------------------


def _have(desk: Desk, form: FormDep, ids: Sequence[UUID], again: Again, *, anew: bool) -> Response:
    def with_these(keys: KeyStore) -> Response:
        def work(db: Session) -> str:
            if len(ids) > MOST_CARDS:
                raise invalid("choose_people", field="id", found=len(ids), needed=MOST_CARDS)
            made = cards.have_cards(
                db,
                ids,
                actor=desk.actor,
                lg_code=desk.lg_code,
                keys=keys,
                now=desk.now,
                book=desk.book,
                anew=anew,
            )
            if anew:
                return f"{desk.home}/members/{made[0]}?done=card_made"
            chosen = "&".join(f"id={one}" for one in made)
            return f"{desk.home}/members/cards.pdf?{chosen}"

        return desk.act(form, work, again)

    return with_keys(desk.platform, presence_of(desk.request).keys, desk.lg_code, with_these)


@router.post(STAFF + "/members/cards")
def have_cards(desk: ClerkDesk, form: FormDep) -> Response:
    """R22: cards for the people chosen in the list, ten a sheet; who has one keeps it."""
    ids = [one for one in map(_id, form.many("id")) if one is not None]
    return _have(
        desk,
        form,
        ids,
        lambda errors, status: members_page.show_all(desk, errors=errors, status=status),
        anew=False,
    )


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


@router.get(STAFF + "/members/cards.pdf")
def card_sheets(desk: ClerkDesk, ids: Ids) -> Response:
    """R22: the living cards of these people, ten a sheet; each person can read that it was printed."""
    _ = desk.say

    def with_these(keys: KeyStore) -> Response:
        with desk.transaction() as db:
            signed = cards.print_for(
                db, ids, actor=desk.actor, lg_code=desk.lg_code, keys=keys, now=desk.now
            )
            facts = [one.facts(_(TIERS[one.registration.tier])) for one in signed]
            words = CardWords(
                heading=_("ふるさと住民登録証"),
                number=_("登録番号"),
                note=_("受付で、お名前とあわせて確認します。"),
                alt=_("ふるさと住民登録証"),
            )
            data = cards_pdf(facts, title=_("ふるさと住民登録証"), now=desk.now, words=words)
            return _pdf(data, f"cards-{desk.lg_code}")

    return with_keys(desk.platform, presence_of(desk.request).keys, desk.lg_code, with_these)


@router.post(STAFF + "/members/{registration_id}/card")
def new_card(desk: ClerkDesk, registration_id: UUID, form: FormDep) -> Response:
    """R22, C45: a new card instead of a lost one, which no reception takes any more."""
    return _have(
        desk,
        form,
        [registration_id],
        lambda errors, status: members_page.show(
            desk, registration_id, errors=errors, status=status
        ),
        anew=True,
    )
