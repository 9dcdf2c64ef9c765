"""準備: whether the receptions of tomorrow and the next days can work, and what mends them (C18, C31)."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from http import HTTPStatus
from types import MappingProxyType
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Response
from sqlalchemy.orm import Session

from activities import readiness
from activities.api_checkin import presence_of
from activities.api_devices import venue_signer
from activities.hosts import Host
from activities.readiness import Readiness
from activities.rules.readiness import STAFFS, Lack
from admin.desk import ClerkDesk, Desk, Done, Problems, ViewerDesk
from admin.forms import FormDep
from core import audit
from core.clock import japan_day, wall_now
from core.texts import N_

router = APIRouter(include_in_schema=False)
STAFF: Final = "/staff/{lg_code}"
#: Tomorrow and the days after it that are looked ahead.
DAYS: Final = 7
LACKS: Final[Mapping[Lack, str]] = MappingProxyType(
    {
        Lack.KEY: N_("会場のコードを出す鍵がありません"),
        Lack.CONTACT: N_("問い合わせ先がありません"),
        Lack.DEVICE: N_("受付に使う電話が登録されていません"),
        Lack.ARMED: N_("受付に使う電話が、圏外の準備をしていません"),
        Lack.NAMES: N_("受付に使う電話の名簿が、いまの申込と違います"),
        Lack.PAPER: N_("紙の名簿を刷っていません"),
        Lack.OLD_PAPER: N_("紙の名簿を刷ったあとに、申込が変わりました"),
    }
)


def show(desk: Desk, *, errors: Problems = (), status: int = 200, done: str = "") -> Response:
    """Tomorrow's sessions, then those of the days after it."""
    tomorrow = desk.today + timedelta(days=1)
    with desk.transaction() as db:
        rows = readiness.readiness(
            db, lg_code=desk.lg_code, first=tomorrow, days=DAYS, book=desk.book, now=desk.now
        )
        return desk.render(
            db,
            "readiness.html",
            here="today",
            errors=errors,
            status=status,
            done=done,
            by_day=_by_day(rows),
            tomorrow=tomorrow,
            count=len(rows),
            unready=sum(not one.ready for one in rows),
            lacks=LACKS,
            staffs=STAFFS,
        )


def _by_day(rows: Sequence[Readiness]) -> Mapping[date, Sequence[Readiness]]:
    found: dict[date, list[Readiness]] = {}
    for one in rows:
        found.setdefault(japan_day(one.session.starts_at), []).append(one)
    return found


@router.get(STAFF + "/readiness")
def page(desk: ViewerDesk, done: Done = "") -> Response:
    """C18: each session with what is missing and what mends it."""
    return show(desk, done=done)


@router.post(STAFF + "/sessions/{session_id}/ask-host")
def ask_host(desk: ClerkDesk, session_id: UUID, form: FormDep) -> Response:
    """C18: the host is asked to prepare, once a day at most."""

    def work(db: Session) -> str:
        readiness.ask_host(
            db,
            actor=desk.actor,
            lg_code=desk.lg_code,
            session_id=session_id,
            book=desk.book,
            now=desk.now,
        )
        return f"{desk.home}/readiness?done=host_asked"

    return desk.act(form, work, lambda errors, status: show(desk, errors=errors, status=status))


@router.post(STAFF + "/activities/{activity_id}/contact")
def set_contact(desk: ClerkDesk, activity_id: UUID, form: FormDep) -> Response:
    """R09: whom to call, put right."""

    def work(db: Session) -> str:
        readiness.set_contact(
            db,
            host=Host(desk.actor, desk.lg_code, staff=True),
            activity_id=activity_id,
            contact=form.one("contact", most=200),
            now=desk.now,
        )
        return f"{desk.home}/readiness?done=contact_set"

    return desk.act(form, work, lambda errors, status: show(desk, errors=errors, status=status))


@router.post(STAFF + "/readiness/key")
def make_key(desk: ClerkDesk, form: FormDep) -> Response:
    """R22: a body that has just joined gets its venue key now, not at night."""
    desk.prove_fresh()

    def work(db: Session) -> str:
        audit.record(
            db,
            actor=desk.actor,
            action="venue_key.make",
            subject=("local_government", desk.lg_code),
            lg_code=desk.lg_code,
            now=desk.now,
        )
        return f"{desk.home}/readiness?done=key_made"

    answer = desk.act(form, work, lambda errors, status: show(desk, errors=errors, status=status))
    # The form counts: only now is the key made, in a transaction of its own. Safe to repeat.
    if answer.status_code == HTTPStatus.SEE_OTHER:
        presence = presence_of(desk.request)
        with desk.transaction() as db:
            presence.keys.refresh(db, wall=wall_now())
        venue_signer(desk.platform, presence, desk.lg_code, desk.now)
    return answer
